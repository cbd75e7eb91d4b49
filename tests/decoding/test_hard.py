"""Hard decoding against loops that follow its definition word by word."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest

from decoding.conftest import UNNAMED, as_objects, classes_of, posteriors, some_labels
from labelwise.decoding import UNLABELED, HardDecoder
from labelwise.errors import ClassWithoutLabelWarning, LabelwiseWarning, UnnamedComponentWarning

ignore_unnamed = pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning")


def most_probable(row):
    """Number of the first largest value."""
    best = 0
    for c, value in enumerate(row):
        if value > row[best]:
            best = c
    return best


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def votes_by_loop(Q, y, classes):
    """Votes of the labelled items, one list a component."""
    votes = [[0] * len(classes) for _ in range(Q.shape[1])]
    for row, label in zip(Q.tolist(), y.tolist(), strict=True):
        if label != UNLABELED:
            votes[most_probable(row)][classes.index(label)] += 1
    return votes


def names_by_loop(Q, y, unnamed):
    """What each component answers, by definition."""
    classes = sorted({label for label in y.tolist() if label != UNLABELED})
    votes = votes_by_loop(Q, y, classes)
    labels = [label for label in y.tolist() if label != UNLABELED]
    most_frequent = max(classes, key=labels.count)  # max keeps the first of equals
    columns = Q.T.tolist()
    named = [c for c, counts in enumerate(votes) if any(counts)]
    names = []
    for c, counts in enumerate(votes):
        if any(counts):
            names.append(classes[most_probable(counts)])
        elif unnamed == "first":
            names.append(classes[0])
        elif unnamed == "abstain":
            names.append(UNLABELED)
        elif unnamed == "prior":
            names.append(most_frequent)
        else:
            overlaps = [cosine(columns[c], columns[other]) for other in named]
            donor = named[most_probable(overlaps)]
            names.append(classes[most_probable(votes[donor])] if max(overlaps) > 0 else most_frequent)
    return names


@ignore_unnamed
@pytest.mark.parametrize("unnamed", UNNAMED)
@pytest.mark.parametrize("seed", [2, 4, 5, 7, 8])
def test_answers_are_those_of_a_loop(unnamed, seed):
    Q = posteriors(200, 12, seed)
    y = some_labels(classes_of(Q, 4), 14, seed)
    names = names_by_loop(Q, y, unnamed)
    decoder = HardDecoder(unnamed=unnamed).fit(Q, y)
    assert len(decoder.unnamed_components_) > 0  # or the four choices would not differ
    assert decoder.component_names_.tolist() == names
    assert decoder.predict(Q).tolist() == [names[most_probable(row)] for row in Q.tolist()]


def test_the_choices_do_differ():
    Q = posteriors(200, 12, seed=2)
    y = some_labels(classes_of(Q, 4), 14, seed=2)
    answers = {tuple(names_by_loop(Q, y, unnamed)) for unnamed in UNNAMED}
    assert len(answers) == 4


@pytest.mark.parametrize("seed", range(3))
def test_first_is_the_published_table_with_its_empty_columns(seed):
    Q = posteriors(200, 12, seed)
    y = some_labels(classes_of(Q, 4) + 1, 14, seed)  # classes 1..4: the first class is not 0
    table = np.zeros((4, 12))
    for row, label in zip(Q, y, strict=True):
        if label != UNLABELED:
            table[label - 1, np.argmax(row)] += 1
    totals = table.sum(axis=0)
    table[:, totals > 0] /= totals[totals > 0]  # an empty column stays zero, and its argmax is row 0
    assert (totals == 0).any()
    published = table.argmax(axis=0)[Q.argmax(axis=1)] + 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # in silence, as published
        answers = HardDecoder(unnamed="first").fit(Q, y).predict(Q)
    assert answers.tolist() == published.tolist()


def test_first_takes_the_first_class_there_is_even_without_a_label():
    Q = np.eye(3)
    with pytest.warns(ClassWithoutLabelWarning):
        decoder = HardDecoder(unnamed="first", classes=["a", "b"]).fit(Q, np.array(["b", -1, -1], object))
    assert decoder.predict(Q).tolist() == ["b", "a", "a"]


@pytest.mark.parametrize("unnamed", ["nearest", "prior", "first"])
def test_probabilities_are_shares_of_the_labels_in_a_component(unnamed):
    components = np.array([0, 0, 0, 0, 1, 1, 2])
    Q = np.eye(3)[components] * 0.7 + 0.1
    decoder = HardDecoder(unnamed=unnamed).fit(Q, [5, 5, 5, 8, 8, 8, 5])
    expected = [[3 / 4, 1 / 4], [0, 1], [1, 0]]
    np.testing.assert_allclose(decoder.component_probabilities_, expected, atol=1e-15)
    np.testing.assert_allclose(decoder.predict_proba(Q), np.array(expected)[components], atol=1e-15)


def test_nearest_borrows_by_the_cosine_of_columns_not_by_the_product():
    # Component 2 holds no label. Its product with the large component 0 exceeds that with component 1,
    # but its column points the way of component 1's.
    Q = np.array(
        [
            [1.00, 0.00, 0.00],
            [1.00, 0.00, 0.00],
            [1.00, 0.00, 0.00],
            [0.60, 0.00, 0.40],
            [0.00, 0.55, 0.45],
            [0.30, 0.20, 0.50],
        ]
    )
    columns = Q.T
    products = columns @ columns.T
    lengths = np.sqrt(np.diag(products))
    cosines = products / np.outer(lengths, lengths)
    assert products[2, 0] > products[2, 1]
    assert cosines[2, 1] > cosines[2, 0]
    decoder = HardDecoder().fit(Q, [10, 10, -1, -1, 20, -1])
    assert decoder.unnamed_components_.tolist() == [2]
    assert decoder.component_names_.tolist() == [10, 20, 20]
    assert decoder.predict(Q[5:]).tolist() == [20]


def test_nearest_lends_the_probabilities_too():
    Q = posteriors(200, 12, seed=2)
    y = some_labels(classes_of(Q, 4), 14, seed=2)
    decoder = HardDecoder().fit(Q, y)
    votes = np.array(votes_by_loop(Q, y, [0, 1, 2, 3]), float)
    named = np.flatnonzero(votes.sum(axis=1))
    for c in decoder.unnamed_components_:
        overlaps = [cosine(Q[:, c].tolist(), Q[:, other].tolist()) for other in named]
        donor = named[int(np.argmax(overlaps))]
        expected = votes[donor] / votes[donor].sum()
        np.testing.assert_allclose(decoder.component_probabilities_[c], expected, atol=1e-12)


def test_nearest_falls_back_to_the_prior_where_nothing_is_shared():
    components = np.array([0, 0, 1, 2, 3])
    Q = np.eye(5)[components]  # components 2 and 3 share nothing, component 4 has no item at all
    decoder = HardDecoder().fit(Q, [3, 1, 3, -1, -1])
    assert decoder.unnamed_components_.tolist() == [2, 3, 4]
    assert decoder.component_names_.tolist() == [1, 3, 3, 3, 3]
    np.testing.assert_allclose(decoder.predict_proba(Q[3:]), [[1 / 3, 2 / 3]] * 2, atol=1e-15)


@pytest.mark.parametrize("unnamed", ["nearest", "prior"])
def test_ties_go_to_the_first_class(unnamed):
    Q = np.eye(3)[[0, 0, 0, 0, 1]]
    y = np.array(["b", "c", "c", "b", -1], dtype=object)
    decoder = HardDecoder(unnamed=unnamed).fit(Q, y)
    assert decoder.predict(Q).tolist() == ["b"] * 5


def test_equally_probable_components_go_to_the_first():
    decoder = HardDecoder().fit(np.eye(2), [7, 9])
    assert decoder.predict([[0.5, 0.5]]).tolist() == [7]


class TestAbstain:
    def test_integers_answer_minus_one_and_warn_with_the_number(self):
        Q = np.eye(5)[[0, 1, 2, 3, 4]]
        text = "3 of 5 components have no labelled item; their items get no label"
        with pytest.warns(UnnamedComponentWarning, match=f"^{re.escape(text)}$") as caught:
            decoder = HardDecoder(unnamed="abstain").fit(Q, [4, 6, -1, -1, -1])
        assert caught[0].filename == __file__  # the caller's line, not ours
        answers = decoder.predict(Q)
        assert answers.tolist() == [4, 6, -1, -1, -1]
        assert answers.dtype.kind == "i"

    @ignore_unnamed
    def test_texts_answer_the_number_minus_one(self):
        y = as_objects(np.array([0, 1, -1]), ["yes", "no"].__getitem__)
        answers = HardDecoder(unnamed="abstain").fit(np.eye(3), y).predict(np.eye(3))
        assert answers.tolist() == ["yes", "no", -1]

    @ignore_unnamed
    @pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "float32"])
    def test_labels_of_all_types_answer_the_number_minus_one(self, kind):
        classes = np.array([0, 1]).astype(kind)
        y = np.array([*classes.tolist(), -1], dtype=object)
        answers = HardDecoder(unnamed="abstain", classes=classes).fit(np.eye(3), y).predict(np.eye(3))
        assert [(type(answer), answer) for answer in answers.tolist()][:2] == [
            (type(name), name) for name in classes.tolist()
        ]
        assert answers.tolist()[2] == -1

    @ignore_unnamed
    def test_probabilities_are_the_shares_of_the_classes(self):
        Q = np.eye(3)[[0, 0, 0, 1, 2]]
        decoder = HardDecoder(unnamed="abstain").fit(Q, [0, 0, 1, 1, -1])
        np.testing.assert_allclose(decoder.predict_proba(Q[4:]), [[0.5, 0.5]])

    def test_no_warning_where_every_component_is_named(self):
        decoder = HardDecoder(unnamed="abstain")
        with warnings.catch_warnings():
            warnings.simplefilter("error", LabelwiseWarning)
            decoder.fit(np.eye(2), [1, 0])
        assert decoder.predict(np.eye(2)).tolist() == [1, 0]
