"""Names that spread between components, against the equation that they solve."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.conftest import classes_of, posteriors, some_labels
from labelwise.decoding import UNLABELED, RelatedDecoder
from labelwise.errors import ParameterError


def labels_in_components(Q, y):
    """Weight of the labels of each class in each component, one label after another."""
    classes = sorted(set(y.tolist()) - {UNLABELED})
    counts = np.zeros((Q.shape[1], len(classes)))
    for row, label in zip(Q.astype(np.float64), y.tolist(), strict=True):
        if label != UNLABELED:
            counts[:, classes.index(label)] += row
    return counts


def shares(spread):
    """Each class over its total, then each component over its sum."""
    spread = spread / spread.sum(axis=0)
    return spread / spread.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_the_dense_solution(alpha, seed):
    Q = posteriors(100, 9, seed)
    y = some_labels(classes_of(Q, 4), 15, seed)
    shared = sum(np.outer(row, row) for row in Q)
    degrees = np.diag(shared.sum(axis=1))
    # D^-1/2 (1 - alpha S)^-1 is (D - alpha A)^-1 D^1/2.
    expected = shares(np.linalg.inv(degrees - alpha * shared) @ np.sqrt(degrees) @ labels_in_components(Q, y))
    decoder = RelatedDecoder(alpha=alpha).fit(Q, y)
    np.testing.assert_allclose(decoder.component_probabilities_, expected, rtol=1e-8)
    np.testing.assert_allclose(decoder.predict_proba(Q), Q @ expected, rtol=1e-8)


def test_equal_to_the_sum_over_all_paths():
    Q = posteriors(60, 6)
    y = some_labels(classes_of(Q), 10)
    shared = Q.T @ Q
    scale = np.diag(shared.sum(axis=1) ** -0.5)
    step = labels_in_components(Q, y)
    total = step.copy()
    for _ in range(400):
        step = 0.7 * scale @ shared @ scale @ step
        total += step
    found = RelatedDecoder(alpha=0.7).fit(Q, y).component_probabilities_
    np.testing.assert_allclose(found, shares(scale @ total), rtol=1e-8)


def pairs():
    """Components 0 and 1 share items, and so do 2 and 3; 4 shares none. Labels in 0 (twice) and 2 only."""
    rows = [[1, 0, 0, 0, 0]] * 4 + [[0.5, 0.5, 0, 0, 0]] * 4 + [[0, 1, 0, 0, 0]] * 4
    rows += [[0, 0, 1, 0, 0]] * 4 + [[0, 0, 0.5, 0.5, 0]] * 4 + [[0, 0, 0, 1, 0]] * 4 + [[0, 0, 0, 0, 1]] * 4
    y = np.full(28, UNLABELED)
    y[[0, 1]], y[12] = 3, 1
    return np.array(rows, dtype=float), y


def test_a_component_without_a_label_gets_the_name_of_the_one_that_it_shares_items_with():
    Q, y = pairs()
    decoder = RelatedDecoder().fit(Q, y)
    assert decoder.unnamed_components_.tolist() == [1, 3, 4]
    np.testing.assert_allclose(decoder.predict_proba(np.eye(5)[:4]), [[0, 1], [0, 1], [1, 0], [1, 0]])
    assert decoder.predict(np.eye(5)[:4]).tolist() == [3, 3, 1, 1]


def test_a_component_that_shares_no_item_with_a_named_one_gets_the_shares_of_the_classes():
    Q, y = pairs()
    np.testing.assert_allclose(RelatedDecoder().fit(Q, y).predict_proba(np.eye(5)[4:]), [[1 / 3, 2 / 3]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_component_that_is_nobodys_gets_them_too(dtype):
    Q, y = pairs()
    dead = np.concatenate([Q, np.zeros((len(Q), 1))], axis=1).astype(dtype)
    decoder = RelatedDecoder().fit(dead, y)
    np.testing.assert_allclose(decoder.component_probabilities_[5], [1 / 3, 2 / 3])
    np.testing.assert_allclose(
        decoder.component_probabilities_[:5],
        RelatedDecoder().fit(Q, y).component_probabilities_,
        atol=1e-6,
    )


def test_names_spread_farther_with_a_larger_alpha():
    # A chain of components; labels at its ends, two against one link away from component 1.
    Q = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1.0]])
    y = np.array([0, UNLABELED, UNLABELED, UNLABELED, 1])
    far = [RelatedDecoder(alpha=alpha).fit(Q, y).component_probabilities_[0, 1] for alpha in (0.1, 0.5, 0.9)]
    assert 0 < far[0] < far[1] < far[2] < 0.5


def test_the_number_of_labels_of_a_class_plays_no_part():
    Q = np.array([[0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.2, 0.8]])
    once = RelatedDecoder().fit(Q, [0, 1, UNLABELED, UNLABELED])
    often = RelatedDecoder().fit(Q, [0, 1, 1, 1])
    np.testing.assert_allclose(often.predict_proba(Q), once.predict_proba(Q), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0, 1, 1.5, -0.1, True, "0.5"])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ParameterError) as caught:
        RelatedDecoder(alpha=alpha).fit([[1.0]], [0])
    assert str(caught.value) == f"alpha={alpha!r} must be a number between 0 and 1"
