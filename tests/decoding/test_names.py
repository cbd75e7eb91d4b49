"""Names of whole components, in every decoder: what they mean, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from labelwise.decoding import UNLABELED, AutoDecoder
from labelwise.encoding import Encoding
from labelwise.errors import ClassWithoutLabelWarning, LabelError

# Abstaining warns of components without a name, which is what some of these data are about.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning")

N_COMPONENTS, SIZE = 4, 12
HOME = np.repeat(np.arange(N_COMPONENTS), SIZE)
NONE = np.full(len(HOME), UNLABELED)
NAMES = {0: "a", 1: "b", 2: "a", 3: "b"}
TRUTH = np.array([NAMES[int(home)] for home in HOME])
N_TYPICAL = 5  # items that a name labels


def make_encoding():
    """Each component is a blob of its own; its last items are the nearest to its mean."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((len(HOME), N_COMPONENTS))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spread = np.tile(np.linspace(2.0, 0.2, SIZE), N_COMPONENTS)[:, None]
    points = 20 * np.eye(N_COMPONENTS)[HOME] + spread * directions
    return Encoding(0.04 / N_COMPONENTS + 0.96 * np.eye(N_COMPONENTS)[HOME], points, points)


@pytest.fixture
def encoding():
    return make_encoding()


def typical_rows(encoding, component):
    """Items of a component from the nearest to its mean to the farthest."""
    rows = np.flatnonzero(component == HOME)
    points = encoding.latents[rows]
    return rows[np.argsort(((points - points.mean(axis=0)) ** 2).sum(axis=1), kind="stable")]


def labels(**given):
    """Labels by row: labels(r3="a")."""
    y = NONE.astype(object)
    for name, label in given.items():
        y[int(name[1:])] = label
    return y


class TestMeaning:
    def test_names_alone_are_enough(self, decoder, encoding):
        decoder.fit(encoding, NONE, names=NAMES)
        assert decoder.classes_.tolist() == ["a", "b"]
        assert decoder.predict(encoding).tolist() == TRUTH.tolist()
        assert decoder.unnamed_components_.tolist() == []
        assert decoder.n_labeled_ == 0  # nobody labelled an item

    def test_there_need_be_no_y_then(self, decoder, encoding):
        expected = clone(decoder).fit(encoding, NONE, names=NAMES).predict_proba(encoding)
        found = decoder.fit(encoding, None, names=NAMES).predict_proba(encoding)
        np.testing.assert_array_equal(found, expected)

    def test_a_name_labels_the_most_typical_items(self, decoder, encoding):
        y = NONE.astype(object)
        for component, name in NAMES.items():
            y[typical_rows(encoding, component)[:N_TYPICAL]] = name
        expected = clone(decoder).fit(encoding, y).predict_proba(encoding)
        found = decoder.fit(encoding, NONE, names=NAMES).predict_proba(encoding)
        np.testing.assert_array_equal(found, expected)

    def test_an_item_keeps_its_own_label(self, decoder, encoding):
        nearest = int(typical_rows(encoding, 1)[0])
        y = labels(**{f"r{nearest}": "odd"})
        decoder.fit(encoding, y, names=NAMES)
        assert decoder.classes_.tolist() == ["a", "b", "odd"]
        assert decoder.n_labeled_ == 1
        expected = y.copy()
        for component, name in NAMES.items():
            rows = [row for row in typical_rows(encoding, component) if row != nearest][:N_TYPICAL]
            expected[rows] = name
        by_hand = type(decoder)(**decoder.get_params()).fit(encoding, expected)
        np.testing.assert_array_equal(decoder.predict_proba(encoding), by_hand.predict_proba(encoding))

    def test_labels_and_names_together(self, decoder, encoding):
        y = labels(r24="a", r36="b")
        decoder.fit(encoding, y, names={0: "a", 1: "b"})
        assert decoder.predict(encoding).tolist() == TRUTH.tolist()

    def test_a_component_of_few_items_takes_what_it_has(self, decoder):
        points = np.concatenate([np.zeros((2, 1)), np.full((9, 1), 9.0)]) + np.arange(11.0)[:, None] / 100
        home = np.repeat([0, 1], [2, 9])
        encoding = Encoding(np.eye(2)[home], points, points)
        decoder.fit(encoding, np.full(11, UNLABELED), names={0: 1, 1: 0})
        assert decoder.predict(encoding).tolist() == (1 - home).tolist()
        np.testing.assert_allclose(decoder.class_prior_, [5 / 7, 2 / 7])

    def test_all_items_of_a_component_may_have_labels_of_their_own(self, decoder, encoding):
        y = np.where(HOME == 2, "c", TRUTH).astype(object)
        expected = clone(decoder).fit(encoding, y).predict_proba(encoding)
        found = decoder.fit(encoding, y, names={2: "a"}).predict_proba(encoding)
        np.testing.assert_array_equal(found, expected)

    def test_a_table_of_probabilities_will_do(self, decoder, encoding):
        table = encoding.posteriors
        assert decoder.fit(table, NONE, names=NAMES).predict(table).tolist() == TRUTH.tolist()

    def test_no_names_are_as_none(self, decoder, encoding):
        y = labels(r0="a", r12="b")
        expected = clone(decoder).fit(encoding, y).predict_proba(encoding)
        np.testing.assert_array_equal(decoder.fit(encoding, y, names={}).predict_proba(encoding), expected)

    @pytest.mark.parametrize("number", [np.int64, np.uint8])
    def test_components_numbered_by_numpy(self, decoder, encoding, number):
        names = {number(component): name for component, name in NAMES.items()}
        assert decoder.fit(encoding, NONE, names=names).predict(encoding).tolist() == TRUTH.tolist()

    def test_classes_may_be_more_than_names(self, decoder, encoding):
        decoder.set_params(classes=["a", "b", "c"])
        with pytest.warns(ClassWithoutLabelWarning, match=r"\bc\b"):
            decoder.fit(encoding, NONE, names=NAMES)
        assert decoder.missing_classes_.tolist() == ["c"]

    def test_inputs_are_left_as_they_were(self, decoder, encoding):
        y, names = labels(r0="a"), dict(NAMES)
        before = y.copy()
        decoder.fit(encoding, y, names=names)
        assert y.tolist() == before.tolist()
        assert names == NAMES


class TestRefusal:
    @pytest.mark.parametrize("component", [4, -1, 1.0, "1", True, None])
    def test_a_component_that_does_not_exist(self, decoder, encoding, component):
        with pytest.raises(LabelError, match=rf"component {component!r} .*'z'.* 0 to 3$"):
            decoder.fit(encoding, NONE, names={component: "z"})

    def test_a_component_that_holds_no_items(self, decoder, encoding):
        part = encoding[np.flatnonzero(HOME != 2)]
        with pytest.raises(LabelError, match=r"component 2 .*'z'"):
            decoder.fit(part, NONE[: len(part)], names={0: "a", 2: "z"})

    @pytest.mark.parametrize("names", [{0: "a", 1: 2}, {0: 1, 1: "b"}])
    def test_names_of_two_types(self, decoder, encoding, names):
        with pytest.raises(LabelError, match=r"labels mix types \(int, str\)"):
            decoder.fit(encoding, NONE, names=names)

    def test_names_and_labels_of_two_types(self, decoder, encoding):
        with pytest.raises(LabelError, match=r"labels mix types \(int, str\)"):
            decoder.fit(encoding, labels(r0=3), names={1: "b"})

    @pytest.mark.parametrize("name", [None, float("nan"), -1])
    def test_a_name_that_is_none(self, decoder, encoding, name):
        with pytest.raises(LabelError, match=r"component 1\b"):
            decoder.fit(encoding, labels(r0="a"), names={1: name})

    def test_a_name_that_is_no_class(self, decoder, encoding):
        decoder.set_params(classes=["a"])
        with pytest.raises(LabelError, match=r"'b' is not among the classes a"):
            decoder.fit(encoding, NONE, names=NAMES)

    @pytest.mark.parametrize("names", [None, {}])
    def test_neither_labels_nor_names(self, decoder, encoding, names):
        with pytest.raises(LabelError, match=r"^none of the 48 items has a label"):
            decoder.fit(encoding, NONE, names=names)

    @pytest.mark.parametrize("names", [None, {}])
    def test_no_y_and_no_names(self, decoder, encoding, names):
        with pytest.raises(LabelError, match=r"requires y to be passed"):
            decoder.fit(encoding, None, names=names)


def test_the_chooser_compares_by_names_too():
    encoding = make_encoding()
    decoder = AutoDecoder().fit(encoding, NONE, names=NAMES)  # twenty labels in all
    assert decoder.scores_
    assert set(decoder.scores_.values()) == {1.0}
