"""Soft decoding against a loop that follows its definition."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from decoding.conftest import classes_of, posteriors, some_labels
from labelwise.decoding import UNLABELED, HardDecoder, SoftDecoder
from labelwise.errors import ClassWithoutLabelWarning


def profiles_by_loop(Q, y):
    """Mean posterior of the labelled items of each class, as {class: list of numbers}."""
    profiles = {}
    for label in sorted(set(y.tolist()) - {UNLABELED}):
        rows = [row for row, given in zip(Q.tolist(), y.tolist(), strict=True) if given == label]
        profiles[label] = [sum(values) / len(rows) for values in zip(*rows, strict=True)]
    return profiles


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_equal_to_a_loop(seed, dtype, tolerance):
    Q = posteriors(120, 10, seed, dtype)
    y = some_labels(classes_of(Q, 4), 20, seed)
    profiles = profiles_by_loop(Q, y)
    scores = [
        [sum(q * m for q, m in zip(row, profile, strict=True)) for profile in profiles.values()]
        for row in Q.tolist()
    ]
    expected = [[score / sum(row) for score in row] for row in scores]
    decoder = SoftDecoder().fit(Q, y)
    assert decoder.classes_.tolist() == list(profiles)
    np.testing.assert_allclose(decoder.class_profiles_, list(profiles.values()), atol=tolerance)
    np.testing.assert_allclose(decoder.predict_proba(Q), expected, atol=tolerance)
    answers = [list(profiles)[int(np.argmax(row))] for row in expected]
    assert decoder.predict(Q).tolist() == answers


def test_an_item_that_no_profile_explains_gets_the_shares_of_the_classes():
    Q = np.eye(4)
    decoder = SoftDecoder().fit(Q[[0, 0, 0, 1]], [9, 9, 9, 2])
    P = decoder.predict_proba(Q)
    np.testing.assert_array_equal(P, [[0, 1], [1, 0], [0.25, 0.75], [0.25, 0.75]])
    assert decoder.predict(Q).tolist() == [9, 2, 9, 9]


def test_the_number_of_labels_of_a_class_plays_no_part():
    # Class 1 has 9 times the labels, each as far from the item as the one of class 0.
    Q = np.array([[0.8, 0.2]] + [[0.2, 0.8]] * 9)
    decoder = SoftDecoder().fit(Q, [0] + [1] * 9)
    np.testing.assert_allclose(decoder.predict_proba([[0.5, 0.5]]), [[0.5, 0.5]], atol=1e-15)


def test_it_uses_more_than_the_most_probable_component():
    # Both labelled items lie in component 0; only their second components tell them apart.
    labelled = [[0.6, 0.4, 0.0], [0.6, 0.0, 0.4]]
    items = [[0.9, 0.1, 0.0], [0.9, 0.0, 0.1]]
    assert SoftDecoder().fit(labelled, ["x", "y"]).predict(items).tolist() == ["x", "y"]
    assert HardDecoder().fit(labelled, ["x", "y"]).predict(items).tolist() == ["x", "x"]


def test_ties_go_to_the_first_class():
    decoder = SoftDecoder().fit([[0.5, 0.5], [0.5, 0.5]], ["b", "a"])
    assert decoder.predict([[0.3, 0.7]]).tolist() == ["a"]


def test_the_profile_of_a_class_without_a_label_is_zero():
    with pytest.warns(ClassWithoutLabelWarning, match="^no item is labelled 1: "):
        decoder = SoftDecoder(classes=[0, 1, 2]).fit([[0.5, 0.5], [0.1, 0.9]], [0, 2])
    np.testing.assert_array_equal(decoder.class_profiles_, [[0.5, 0.5], [0, 0], [0.1, 0.9]])


@pytest.mark.parametrize("concentration", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shortcuts_answer_as_the_probabilities_do(concentration, dtype):
    rng = np.random.default_rng(0)
    Q = rng.dirichlet(np.full(12, concentration), 3000).astype(dtype)
    Q[:100] = np.eye(12)[rng.integers(12, size=100)]
    Q[100:200] *= dtype(1.0009)  # within what is taken for a sum of 1
    Q = np.nan_to_num(Q)
    Q = Q[np.abs(Q.sum(axis=1) - 1) < 1e-3]
    for n_labeled in (1, 5, 40, 400):
        y = np.full(len(Q), -1)
        y[:n_labeled] = Q[:n_labeled].argmax(axis=1) % 5
        for classes in (None, range(7)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ClassWithoutLabelWarning)
                decoder = SoftDecoder(classes=classes).fit(Q, y)
            expected = decoder.classes_[decoder.predict_proba(Q).argmax(axis=1)]
            np.testing.assert_array_equal(decoder.predict(Q), expected)
