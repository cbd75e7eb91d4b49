"""What every decoder must do: each test runs for every entry of DECODERS and every choice of the hard one."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

from decoding.conftest import as_objects, classes_of, posteriors, some_labels
from labelwise.decoding import DECODERS, UNLABELED, Decoder, HardDecoder
from labelwise.encoding import Encoding
from labelwise.errors import ClassWithoutLabelWarning, DataError, LabelError, ParameterError

# Abstaining warns whenever a component has no label, which is what many of these data are about;
# test_hard.py looks at the warning itself.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


def abstains(decoder):
    return isinstance(decoder, HardDecoder) and decoder.unnamed == "abstain"


def check_answers(decoder, Q):
    """Probabilities are probabilities, and the answer is the most probable class (or -1 if it abstains)."""
    P, answers = decoder.predict_proba(Q), decoder.predict(Q)
    assert P.shape == (len(Q), len(decoder.classes_))
    assert answers.shape == (len(Q),)
    assert P.min() >= 0
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=0, atol=1e-6)
    answered = np.array([answer != UNLABELED for answer in answers])
    assert answered.all() or abstains(decoder)
    assert answered.any()
    assert list(answers[answered]) == list(decoder.classes_[P.argmax(axis=1)][answered])
    return answers


def test_the_cases_cover_the_table():
    alone = {"hard", "soft", "related", "bayes", "spreading", "poisson", "linear"}
    assert set(DECODERS) == alone | {"product", "linear-student", "auto"}
    assert all(issubclass(kind, Decoder) for kind in DECODERS.values())


def test_fit_returns_the_decoder_and_learns_what_the_truth_is(decoder):
    Q = posteriors()
    truth = classes_of(Q)
    assert decoder.fit(Q, truth) is decoder
    answers = check_answers(decoder, Q)
    # The truth is a function of the component, so naming all components right is possible.
    assert (answers == truth).mean() > 0.8


def test_integer_labels(decoder):
    Q = posteriors()
    y = some_labels(classes_of(Q)) * 5 + 4  # -1 stays -1; classes 4, 9, 14
    decoder.fit(Q, y)
    assert decoder.classes_.tolist() == [4, 9, 14]
    assert decoder.classes_.dtype.kind == "i"
    assert set(check_answers(decoder, Q).tolist()) <= {-1, 4, 9, 14}


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64, np.float64])
def test_labels_of_any_number_type_when_all_are_labelled(decoder, dtype):
    Q = posteriors()
    decoder.fit(Q, classes_of(Q).astype(dtype))
    assert decoder.n_labeled_ == len(Q)
    assert decoder.classes_.tolist() == [0, 1, 2]
    check_answers(decoder, Q)


def test_text_labels_answer_as_integers_do(decoder):
    Q = posteriors()
    y = some_labels(classes_of(Q))
    numbers = clone(decoder).fit(Q, y).predict(Q)
    texts = decoder.fit(Q, as_objects(y, "abc".__getitem__))
    assert decoder.classes_.tolist() == ["a", "b", "c"]
    assert list(check_answers(texts, Q)) == [-1 if number == -1 else "abc"[number] for number in numbers]


def test_text_labels_of_all_items_need_no_object_array(decoder):
    Q = posteriors()
    decoder.fit(Q, np.array(["low", "middle", "high"])[classes_of(Q)])
    assert decoder.classes_.tolist() == ["high", "low", "middle"]
    check_answers(decoder, Q)


@pytest.mark.parametrize("spelling", [str, np.str_], ids=["str", "numpy str"])
def test_text_labels_of_numpy_are_text_like_any_other(decoder, spelling):
    Q = posteriors()
    y = as_objects(some_labels(classes_of(Q)), "abc".__getitem__)
    first = next(row for row, label in enumerate(y) if label != UNLABELED)
    y[first] = spelling(y[first])
    assert decoder.fit(Q, y).classes_.tolist() == ["a", "b", "c"]


def test_boolean_labels(decoder):
    Q = posteriors()
    truth = classes_of(Q, 2).astype(bool)
    decoder.fit(Q, truth)
    assert decoder.classes_.tolist() == [False, True]
    assert (check_answers(decoder, Q) == truth).mean() > 0.8


def test_boolean_labels_among_unlabelled_ones(decoder):
    Q = posteriors()
    y = as_objects(some_labels(classes_of(Q, 2)), bool)
    decoder.fit(Q, y)
    assert decoder.classes_.tolist() == [False, True]
    assert decoder.n_labeled_ == 40


def test_one_label_in_all(decoder):
    Q = posteriors()
    y = np.full(len(Q), UNLABELED)
    y[17] = 6
    decoder.fit(Q, y)
    assert decoder.n_labeled_ == 1
    assert decoder.unnamed_components_.tolist() == [c for c in range(8) if c != Q[17].argmax()]
    assert set(check_answers(decoder, Q).tolist()) <= {6, -1}


def test_one_class_in_all(decoder):
    Q = posteriors()
    y = np.where(some_labels(classes_of(Q)) == UNLABELED, UNLABELED, 3)
    decoder.fit(Q, y)
    assert decoder.class_prior_.tolist() == [1.0]
    np.testing.assert_array_equal(decoder.predict_proba(Q), np.ones((len(Q), 1)))
    assert set(check_answers(decoder, Q).tolist()) <= {3, -1}


def test_a_component_without_a_label(decoder):
    Q = posteriors()
    y = some_labels(classes_of(Q), 60)
    y[Q.argmax(axis=1) == 5] = UNLABELED
    decoder.fit(Q, y)
    assert decoder.unnamed_components_.tolist() == [5]
    check_answers(decoder, Q[Q.argmax(axis=1) != 5])
    P = decoder.predict_proba(Q[Q.argmax(axis=1) == 5])
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-6)


def test_what_is_counted(decoder):
    Q = posteriors(seed=3)
    y = some_labels(classes_of(Q), 12, seed=3)
    decoder.fit(Q, y)
    labels = [int(label) for label in y if label != UNLABELED]
    homes = {max(range(8), key=lambda c: Q[row, c]) for row in range(len(Q)) if y[row] != UNLABELED}
    assert decoder.n_labeled_ == 12
    assert decoder.n_features_in_ == 8
    assert decoder.unnamed_components_.tolist() == sorted(set(range(8)) - homes)
    assert len(decoder.unnamed_components_) > 0
    expected = [labels.count(c) / 12 for c in sorted(set(labels))]
    assert decoder.class_prior_.tolist() == pytest.approx(expected)
    assert decoder.missing_classes_.tolist() == []


def test_order_of_rows_plays_no_part(decoder):
    Q = posteriors()
    y = some_labels(classes_of(Q))
    order = np.random.default_rng(1).permutation(len(Q))
    other = clone(decoder).fit(Q[order], y[order])
    decoder.fit(Q, y)
    # Graphs are summed in float32.
    tolerance = 1e-5 if decoder.needs else 1e-9
    np.testing.assert_allclose(other.predict_proba(Q), decoder.predict_proba(Q), atol=tolerance)
    assert other.predict(Q).tolist() == decoder.predict(Q).tolist()
    assert decoder.predict(Q[order]).tolist() == decoder.predict(Q)[order].tolist()
    # The matrix product behind may round otherwise for other places of a row.
    np.testing.assert_allclose(decoder.predict_proba(Q[order]), decoder.predict_proba(Q)[order], atol=1e-12)


def test_single_precision_answers_as_double_does(decoder):
    Q = posteriors()
    y = some_labels(classes_of(Q))
    P = clone(decoder).fit(Q, y).predict_proba(Q)
    Q32 = Q.astype(np.float32)
    decoder.fit(Q32, y)
    check_answers(decoder, Q32)
    np.testing.assert_allclose(decoder.predict_proba(Q32), P, atol=1e-5)


def test_lists_do_as_well_as_arrays(decoder):
    Q = posteriors(40)
    y = some_labels(classes_of(Q), 20)
    P = clone(decoder).fit(Q, y).predict_proba(Q)
    decoder.fit(Q.tolist(), y.tolist())
    np.testing.assert_array_equal(decoder.predict_proba(Q.tolist()), P)


def test_posteriors_of_whole_numbers(decoder):
    components = np.arange(30) % 5
    Q = np.eye(5, dtype=int)[components]
    decoder.fit(Q, components % 2)
    assert check_answers(decoder, Q).tolist() == (components % 2).tolist()


def test_posteriors_of_a_gaussian_mixture(decoder):
    rng = np.random.default_rng(0)
    truth = np.arange(90) % 3
    X = 8 * np.eye(3)[truth] + rng.standard_normal((90, 3))
    Q = GaussianMixture(3, random_state=0).fit(X).predict_proba(X)
    y = np.full(90, UNLABELED)
    y[:9] = truth[:9]
    assert (check_answers(decoder.fit(Q, y), Q) == truth).mean() > 0.95


def test_inputs_are_left_as_they_were(decoder):
    Q = posteriors()
    y = as_objects(some_labels(classes_of(Q)), "abc".__getitem__)
    Q_before, y_before = Q.copy(), y.copy()
    Q.flags.writeable = y.flags.writeable = False
    decoder.fit(Q, y)
    decoder.predict(Q)
    decoder.predict_proba(Q)
    np.testing.assert_array_equal(Q, Q_before)
    assert y.tolist() == y_before.tolist()


def test_fitting_again_forgets(decoder):
    Q, other = posteriors(), posteriors(n_components=5, seed=7)
    fresh = clone(decoder).fit(other, some_labels(classes_of(other), seed=7) * 2 + 1)
    decoder.fit(Q, some_labels(classes_of(Q)))
    decoder.fit(other, some_labels(classes_of(other), seed=7) * 2 + 1)
    assert decoder.classes_.tolist() == [1, 3, 5]
    np.testing.assert_array_equal(decoder.predict_proba(other), fresh.predict_proba(other))


class TestClasses:
    def test_a_class_without_a_label_is_told_and_never_answered(self, decoder):
        Q = posteriors()
        decoder.set_params(classes=[2, 0, 7, 1])  # in no order; 7 has no label
        text = "no item is labelled 7: what has no label is never answered"
        with pytest.warns(ClassWithoutLabelWarning, match=f"^{re.escape(text)}$"):
            decoder.fit(Q, some_labels(classes_of(Q)))
        assert decoder.classes_.tolist() == [0, 1, 2, 7]
        assert decoder.missing_classes_.tolist() == [7]
        assert decoder.class_prior_[3] == 0
        np.testing.assert_array_equal(decoder.predict_proba(Q)[:, 3], 0)
        assert 7 not in check_answers(decoder, Q)

    def test_the_others_are_answered_as_without_it(self, decoder):
        Q = posteriors()
        y = some_labels(classes_of(Q))
        P = clone(decoder).fit(Q, y).predict_proba(Q)
        decoder.set_params(classes=[0, 1, 2, 7, 9])
        with pytest.warns(ClassWithoutLabelWarning, match=r"^no item is labelled 7, 9: "):
            decoder.fit(Q, y)
        np.testing.assert_allclose(decoder.predict_proba(Q)[:, :3], P, atol=1e-12)

    def test_texts(self, decoder):
        Q = posteriors()
        decoder.set_params(classes=["a", "b", "c", "zebra"])
        with pytest.warns(ClassWithoutLabelWarning, match="zebra"):
            decoder.fit(Q, as_objects(some_labels(classes_of(Q)), "abc".__getitem__))
        assert decoder.missing_classes_.tolist() == ["zebra"]
        assert "zebra" not in check_answers(decoder, Q).tolist()

    def test_a_label_that_is_no_class(self, decoder):
        Q = posteriors()
        decoder.set_params(classes=["a", "b"])
        with pytest.raises(LabelError) as caught:
            decoder.fit(Q, as_objects(some_labels(classes_of(Q)), "abc".__getitem__))
        expected = "label 'c' is not among the classes a, b: correct the label or add the class"
        assert str(caught.value) == expected

    def test_numbers_are_no_texts(self, decoder):
        decoder.set_params(classes=["0", "1", "2"])
        with pytest.raises(LabelError, match=r"^label 0 is not among the classes 0, 1, 2: "):
            decoder.fit(GOOD, [0, 1, 2])


class TestScikitLearnConventions:
    def test_parameters_are_listed_copied_and_set(self, decoder):
        parameters = decoder.get_params()
        assert parameters["classes"] is None
        copy = clone(decoder)
        assert type(copy) is type(decoder)
        assert copy.get_params() == parameters
        assert copy.set_params(classes=[1, 2]) is copy
        assert copy.get_params() == parameters | {"classes": [1, 2]}
        assert decoder.get_params() == parameters

    def test_a_copy_is_not_fitted(self, decoder):
        Q = posteriors()
        decoder.fit(Q, classes_of(Q))
        with pytest.raises(NotFittedError):
            clone(decoder).predict(Q)

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_not_fitted(self, decoder, method):
        with pytest.raises(NotFittedError):
            getattr(decoder, method)(posteriors())

    def test_pickling_keeps_the_answers(self, decoder):
        Q = posteriors()
        decoder.fit(Q, as_objects(some_labels(classes_of(Q)), "abc".__getitem__))
        copy = pickle.loads(pickle.dumps(decoder))
        assert copy.predict(Q).tolist() == decoder.predict(Q).tolist()
        np.testing.assert_array_equal(copy.predict_proba(Q), decoder.predict_proba(Q))


GOOD = np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]])
BAD_POSTERIORS = {
    "sum": (
        [[0.5, 0.5], [0.5, 0.75], [1, 0]],
        "posteriors must be at least 0 and sum to 1 in each row, but row 1 has minimum 0.5 and sum 1.25: "
        "pass what predict_proba returns",
    ),
    "negative": (
        [[0.5, 0.5], [0.5, 0.5], [1.25, -0.25]],
        "posteriors must be at least 0 and sum to 1 in each row, but row 2 has minimum -0.25 and sum 1: "
        "pass what predict_proba returns",
    ),
    "NaN": (
        [[np.nan, 0.5], [0.5, 0.5], [0.5, 0.5]],
        "posteriors must be at least 0 and sum to 1 in each row, but row 0 has minimum nan and sum nan: "
        "pass what predict_proba returns",
    ),
    "infinite": (
        [[0.5, 0.5], [np.inf, 0.5], [0.5, 0.5]],
        "posteriors must be at least 0 and sum to 1 in each row, but row 1 has minimum 0.5 and sum inf: "
        "pass what predict_proba returns",
    ),
    "one dimension": (
        [0.5, 0.25, 0.25],
        "posteriors must be a table of numbers of shape (n_samples, n_components), "
        "but have shape (3,) and type float64",
    ),
    "no rows": (
        np.empty((0, 2)),
        "posteriors must be a table of numbers of shape (n_samples, n_components), "
        "but have shape (0, 2) and type float64",
    ),
    "no columns": (
        np.empty((3, 0)),
        "posteriors must be a table of numbers of shape (n_samples, n_components), "
        "but have shape (3, 0) and type float64",
    ),
    "text": (
        [["a", "b"], ["c", "d"], ["e", "f"]],
        "posteriors must be a table of numbers of shape (n_samples, n_components), "
        "but have shape (3, 2) and type <U1",
    ),
}


class TestWrongInput:
    @pytest.mark.parametrize("case", BAD_POSTERIORS)
    @pytest.mark.parametrize("method", ["fit", "predict", "predict_proba"])
    def test_posteriors(self, decoder, case, method):
        Q, message = BAD_POSTERIORS[case]
        if method == "fit":
            arguments = (Q, [0, 1, 0])
        else:
            decoder.fit(GOOD, [0, 1, 0])
            arguments = (Q,)
        with pytest.raises(DataError) as caught:
            getattr(decoder, method)(*arguments)
        assert str(caught.value) == message

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_another_number_of_components(self, decoder, method):
        decoder.fit(GOOD, [0, 1, 0])
        with pytest.raises(DataError) as caught:
            getattr(decoder, method)(posteriors(n_components=5))
        assert str(caught.value) == (
            "posteriors have 5 components, but the decoder was fitted with 2: use the same model for both"
        )

    @pytest.mark.parametrize(("y", "shape"), [([0, 1], "(2,)"), ([[0, 1, 0]], "(1, 3)"), (1, "()")])
    def test_labels_of_another_length(self, decoder, y, shape):
        with pytest.raises(LabelError) as caught:
            decoder.fit(GOOD, y)
        assert str(caught.value) == (
            f"y has shape {shape}, but there are 3 items: give one label each, or -1"
        )

    @pytest.mark.parametrize("dtype", [int, float, object])
    def test_no_label(self, decoder, dtype):
        with pytest.raises(LabelError) as caught:
            decoder.fit(GOOD, np.full(3, UNLABELED, dtype=dtype))
        assert str(caught.value) == "none of the 3 items has a label: give at least one"

    def test_minus_one_turned_into_text(self, decoder):
        with pytest.raises(LabelError) as caught:
            decoder.fit(GOOD, np.array(["a", "-1", "b"]))
        assert str(caught.value) == (
            'y holds the text "-1": text labels with -1 for "no label" need an array of dtype object, '
            "as in np.full(n, labelwise.UNLABELED, dtype=object)"
        )

    def test_minus_one_among_texts_in_a_list(self, decoder):
        # numpy makes texts of all of it, so this is how the mistake above comes about.
        with pytest.raises(LabelError, match=r'^y holds the text "-1": '):
            decoder.fit(GOOD, ["a", -1, "b"])

    def test_labels_of_two_types(self, decoder):
        with pytest.raises(LabelError) as caught:
            decoder.fit(GOOD, np.array(["a", 2, -1], dtype=object))
        assert str(caught.value) == "labels mix types (int, str): make them all text, or all numbers"

    @pytest.mark.parametrize("dtype", [float, object])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_a_finite_number_is_no_label(self, decoder, value, dtype):
        with pytest.raises(LabelError) as caught:
            decoder.fit(GOOD, np.array([1.0, -1.0, value], dtype=dtype))
        assert str(caught.value) == (
            f"y holds {value} in row 2: write -1 (labelwise.UNLABELED) where there is no label"
        )

    @pytest.mark.parametrize("value", [None, np.nan, pd.NA], ids=str)
    @pytest.mark.parametrize("others", [["a", "b"], [1, 2], [-1, 3]], ids=str)
    def test_what_is_missing_is_no_label(self, decoder, others, value):
        with pytest.raises(LabelError) as caught:
            decoder.fit(GOOD, np.array([others[0], value, others[1]], dtype=object))
        assert str(caught.value) == (
            f"y holds {value} in row 1: write -1 (labelwise.UNLABELED) where there is no label"
        )

    def test_a_failed_fit_leaves_no_answer(self, decoder):
        with pytest.raises(LabelError):
            decoder.fit(GOOD, [-1, -1, -1])
        with pytest.raises(NotFittedError):
            decoder.predict(GOOD)


@pytest.mark.parametrize("value", ["farthest", None, 1, ["nearest"]])
def test_a_parameter_with_a_wrong_value_is_found_by_fit(value):
    decoder = HardDecoder(unnamed=value)  # construction never complains
    with pytest.raises(ParameterError) as caught:
        decoder.fit(GOOD, [0, 1, 0])
    assert str(caught.value) == f"unnamed={value!r} must be 'nearest', 'prior', 'abstain' or 'first'"


def test_posteriors_that_were_checked_once_serve_as_well(decoder):
    Q = posteriors()
    y = some_labels(classes_of(Q))
    checked = Encoding.of_table(Q)
    answers = clone(decoder).fit(Q, y)
    again = clone(decoder).fit(checked, y)
    np.testing.assert_array_equal(again.predict(checked), answers.predict(Q))
    np.testing.assert_array_equal(again.predict_proba(checked), answers.predict_proba(Q))
    with pytest.raises(DataError, match="3 components, but the decoder was fitted with 8"):
        again.predict(Encoding.of_table(posteriors(n_components=3)))
