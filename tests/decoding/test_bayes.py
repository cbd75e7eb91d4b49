"""Bayesian naming against the posterior mean of a Dirichlet distribution, counted label by label."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.conftest import classes_of, posteriors, some_labels
from labelwise.decoding import UNLABELED, BayesDecoder, RelatedDecoder, SoftDecoder
from labelwise.errors import ParameterError


def posterior_mean(Q, y, prior, strength):
    """(labels of the class in the component + strength x prior) / (labels in it + strength), by loops."""
    classes = sorted(set(y.tolist()) - {UNLABELED})
    found = np.empty((Q.shape[1], len(classes)))
    for component in range(Q.shape[1]):
        for code, label in enumerate(classes):
            own = sum(float(Q[i, component]) for i in range(len(y)) if y[i] == label)
            every = sum(float(Q[i, component]) for i in range(len(y)) if y[i] != UNLABELED)
            found[component, code] = (own + strength * prior[component][code]) / (every + strength)
    return found


@pytest.mark.parametrize("strength", [0.1, 1.0, 25.0])
@pytest.mark.parametrize("prior", ["related", "classes"])
@pytest.mark.parametrize("seed", range(2))
def test_equal_to_a_loop(prior, strength, seed):
    Q = posteriors(80, 6, seed)
    y = some_labels(classes_of(Q), 14, seed)
    expected_prior = (
        RelatedDecoder(alpha=0.9).fit(Q, y).component_probabilities_
        if prior == "related"
        else [[np.mean([label == c for label in y if label != UNLABELED]) for c in range(3)]] * 6
    )
    expected = posterior_mean(Q, y, expected_prior, strength)
    decoder = BayesDecoder(prior=prior, strength=strength).fit(Q, y)
    np.testing.assert_allclose(decoder.component_probabilities_, expected, rtol=1e-9)
    np.testing.assert_allclose(decoder.component_probabilities_.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(decoder.predict_proba(Q), Q @ expected, rtol=1e-9)


def in_components(*numbers):
    """Items that lie in one component each, and their labels: numbers[c] are the labels in component c."""
    Q = np.repeat(np.eye(len(numbers)), [len(labels) for labels in numbers], axis=0)
    return Q, np.array([label for labels in numbers for label in labels])


@pytest.mark.parametrize("prior", ["related", "classes"])
def test_with_many_labels_a_component_is_called_by_the_shares_of_its_labels(prior):
    errors = []
    for times in (1, 10, 50):
        Q, y = in_components([0, 0, 0, 0, 1] * times, [1] * times)
        found = BayesDecoder(prior=prior).fit(Q, y).component_probabilities_
        errors.append(np.abs(found - [[0.8, 0.2], [0, 1]]).max())
    # The prior weighs as much as one label.
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] <= 1 / 50


def test_with_few_labels_a_component_stays_near_the_prior():
    # One label 1 in component 1, where the classes are 9 to 1.
    Q, y = in_components([0] * 9, [1])
    found = {
        strength: BayesDecoder(prior="classes", strength=strength).fit(Q, y).component_probabilities_[1]
        for strength in (1.0, 9.0, 1e6)
    }
    np.testing.assert_allclose(found[1.0], [0.45, 0.55])
    np.testing.assert_allclose(found[9.0], [0.81, 0.19])
    np.testing.assert_allclose(found[1e6], [0.9, 0.1], atol=1e-5)


def test_a_component_without_a_label_is_called_by_its_prior():
    Q = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]], dtype=float)
    y = np.array([0, 0, 1, UNLABELED, UNLABELED])
    related = BayesDecoder().fit(Q, y).component_probabilities_[2]
    np.testing.assert_allclose(related, [0, 1], atol=1e-12)  # it shares an item with component 1
    classes = BayesDecoder(prior="classes").fit(Q, y).component_probabilities_[2]
    np.testing.assert_allclose(classes, [2 / 3, 1 / 3])


def test_a_component_that_shares_no_item_has_the_shares_of_the_classes_for_a_prior():
    Q = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    found = BayesDecoder().fit(Q, np.array([0, 0, 1, UNLABELED])).component_probabilities_[2]
    np.testing.assert_allclose(found, [2 / 3, 1 / 3])


def test_frequent_classes_stay_frequent_unlike_in_soft_decoding():
    Q, y = in_components([0] * 90 + [1] * 10)
    np.testing.assert_allclose(BayesDecoder().fit(Q, y).predict_proba([[1.0]]), [[0.9, 0.1]], atol=0.01)
    np.testing.assert_allclose(SoftDecoder().fit(Q, y).predict_proba([[1.0]]), [[0.5, 0.5]])


def test_fewer_components_than_classes():
    Q, y = in_components([0] * 30 + [1] * 20 + [2] * 10, [3] * 40 + [4] * 20)
    decoder = BayesDecoder(prior="classes", strength=1e-6).fit(Q, y)
    expected = [[1 / 2, 1 / 3, 1 / 6, 0, 0], [0, 0, 0, 2 / 3, 1 / 3]]
    np.testing.assert_allclose(decoder.component_probabilities_, expected, atol=1e-6)
    assert decoder.predict(np.eye(2)).tolist() == [0, 3]
    # Between the two, the sums decide, not the names of the components.
    np.testing.assert_allclose(
        decoder.predict_proba([[0.3, 0.7]]), [np.array([0.3, 0.7]) @ expected], atol=1e-6
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"prior": "flat"}, "prior='flat' must be 'related' or 'classes'"),
        ({"strength": 0}, "strength=0 must be a finite number above 0"),
        ({"strength": float("inf")}, "strength=inf must be a finite number above 0"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(ParameterError) as caught:
        BayesDecoder(**parameters).fit([[1.0]], [0])
    assert str(caught.value) == message
