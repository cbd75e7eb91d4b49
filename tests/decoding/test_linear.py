"""Logistic regression as a decoder."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from decoding.conftest import lying_at, posteriors
from labelwise.decoding import UNLABELED, LinearDecoder, PoissonDecoder
from labelwise.decoding.shares import class_shares, with_shares
from labelwise.encoding import Encoding


def islands(seed=0, n_islands=100):
    """Small clusters all over a space of five dimensions that is cut in two by a plane."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-10, 10, (n_islands, 5))
    centres = centres[np.abs(centres[:, 0]) > 1]
    points = np.repeat(centres, 12, axis=0)
    return points + 0.02 * rng.standard_normal(points.shape), (points[:, 0] > 0).astype(int)


def labels_at_random(truth, n_labeled, seed=0):
    y = np.full(len(truth), UNLABELED)
    rows = np.random.default_rng(seed).permutation(len(truth))[:n_labeled]
    y[rows] = truth[rows]
    return y


def scaled(points):
    points = points - np.median(points, axis=0)
    return points * np.sqrt(points.shape[1] / np.median((points**2).sum(axis=1)))


def test_it_answers_as_logistic_regression_on_latents_and_features_at_one_scale():
    rng = np.random.default_rng(0)
    latents, features = rng.standard_normal((90, 3)), 50 + 7 * rng.standard_normal((90, 5))
    y = labels_at_random(np.arange(90) % 3, 30)
    encoding = lying_at(latents, features)
    X = np.hstack([scaled(latents), scaled(features)])
    model = LogisticRegression(tol=1e-8, max_iter=1000).fit(X[y >= 0], y[y >= 0])
    found = LinearDecoder().fit(encoding, y).predict_proba(encoding)
    pool = encoding.points().neighbourhood(10)
    trusted = (pool.trust[pool.nodes] == 1) | (y >= 0)
    expected = with_shares(model.predict_proba(X), class_shares(np.bincount(y[y >= 0])))
    np.testing.assert_allclose(found[trusted], expected[trusted], atol=1e-4)
    assert trusted.mean() > 0.9
    alone = LinearDecoder(use_features=False).fit(lying_at(latents), y).predict_proba(lying_at(latents))
    assert np.abs(alone - found).max() > 0.1


def test_a_few_far_items_leave_the_scale_as_it_is():
    latents = np.random.default_rng(0).standard_normal((90, 3))
    far = np.vstack([latents, np.full((4, 3), 1e6)])
    y = labels_at_random(np.arange(90) % 3, 30)
    found, beside = (
        LinearDecoder(use_features=False).fit(lying_at(points), labels).predict_proba(lying_at(points))[:90]
        for points, labels in ((latents, y), (far, np.append(y, [UNLABELED] * 4)))
    )
    np.testing.assert_allclose(beside, found, atol=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_it_goes_on_beyond_what_neighbours_say(seed):
    X, truth = islands(seed)
    y = labels_at_random(truth, 40, seed)
    encoding = lying_at(X)
    straight, graph = (
        (decoder.fit(encoding, y).predict(encoding) == truth).mean()
        for decoder in (LinearDecoder(use_features=False), PoissonDecoder())
    )
    assert straight > 0.85
    assert straight > graph + 0.01


def test_new_items_get_the_mean_of_their_neighbours_and_nothing_is_extrapolated():
    X, truth = islands()
    decoder = LinearDecoder(use_features=False).fit(lying_at(X), labels_at_random(truth, 20))
    assert (decoder.predict(lying_at(X + 0.003)) == decoder.predict(lying_at(X))).mean() > 0.99
    beyond = decoder.predict_proba(lying_at(np.array([[4000.0, 0.0, 0.0, 0.0, 0.0]])))
    np.testing.assert_allclose(beyond, 0.5, atol=0.01)


def test_a_table_of_probabilities_is_looked_at_by_its_roots():
    Q = posteriors(120, 4)
    truth = Q.argmax(axis=1)
    y = labels_at_random(truth, 40)
    found = LinearDecoder().fit(Q, y).predict_proba(Q)
    roots = LinearDecoder(use_features=False).fit(Encoding(Q, np.sqrt(Q)), y)
    np.testing.assert_array_equal(found, roots.predict_proba(Encoding(Q, np.sqrt(Q))))


def test_items_that_are_all_equal():
    X = np.ones((12, 3))
    y = np.array([0, 1] + [UNLABELED] * 10)
    np.testing.assert_allclose(
        LinearDecoder(use_features=False).fit(lying_at(X), y).predict_proba(lying_at(X)), 0.5, atol=1e-6
    )
