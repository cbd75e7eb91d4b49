"""Label spreading against the solution of its equation."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.conftest import lying_at, posteriors
from labelwise.decoding import UNLABELED, SpreadingDecoder
from labelwise.decoding.spreading import normalised, spread_labels
from labelwise.graph.neighbours import Neighbourhood


def clusters(sizes=(30, 30, 30), distance=30.0, seed=0):
    """Round clusters so far apart that no neighbour is in another one, and which one each item is in."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return distance * np.eye(len(sizes))[truth] + rng.standard_normal((len(truth), len(sizes))), truth


def solution(pool, given, alpha):
    """(1 - alpha) (I - alpha S)^-1 Y in dense float64."""
    weights = pool.weights.toarray().astype(np.float64)
    degrees = weights.sum(axis=1)
    related = weights / np.sqrt(np.outer(degrees, degrees))
    return (1 - alpha) * np.linalg.solve(np.eye(len(weights)) - alpha * related, given)


def some_given(pool, n_classes=3, n_labels=9, seed=0):
    rng = np.random.default_rng(seed)
    given = np.zeros((len(pool.points), n_classes), dtype=np.float32)
    given[rng.permutation(len(given))[:n_labels], np.arange(n_labels) % n_classes] = 1
    return given


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.9, 0.99])
def test_many_steps_reach_the_solution(alpha):
    pool = Neighbourhood(np.random.default_rng(0).standard_normal((80, 3)), 6)
    given = some_given(pool)
    found = spread_labels(normalised(pool.weights, pool.degrees), given, alpha=alpha, n_steps=3000)
    np.testing.assert_allclose(found, solution(pool, given, alpha), rtol=1e-3, atol=1e-6)


def test_sixty_steps_leave_the_error_that_they_must():
    pool = Neighbourhood(np.random.default_rng(0).standard_normal((80, 3)), 6)
    given = some_given(pool)
    weights = pool.weights.toarray().astype(np.float64)
    degrees = weights.sum(axis=1)
    limit = solution(pool, given, 0.95)
    # Each step multiplies what is missing by alpha S.
    shrink = np.linalg.matrix_power(0.95 * weights / np.sqrt(np.outer(degrees, degrees)), 60)
    missing = shrink @ (given - limit)
    found = spread_labels(normalised(pool.weights, pool.degrees), given)
    np.testing.assert_allclose(found - limit, missing, atol=1e-6)
    assert 1e-4 < np.linalg.norm(missing) < 0.05 * np.linalg.norm(given)


@pytest.mark.parametrize("balance", [True, False])
def test_the_decoder_normalises_the_solution_times_a_low_power_of_nearness(balance):
    Q = posteriors(90, 6)
    y = np.full(90, UNLABELED)
    rows = np.random.default_rng(1).permutation(90)[:12]
    y[rows] = [0] * 7 + [1] * 3 + [2] * 2
    decoder = SpreadingDecoder(alpha=0.6, balance=balance, n_neighbors=5).fit(Q, y)
    pool = Neighbourhood(np.sqrt(Q), 5)
    given = np.zeros((90, 3))
    given[pool.nodes[rows], y[rows]] = 1
    scores = solution(pool, given, 0.6)
    if balance:
        scores /= scores.sum(axis=0)
    scores *= pool.nearness(given) ** 0.1
    expected = (scores / scores.sum(axis=1, keepdims=True))[pool.nodes]
    np.testing.assert_allclose(decoder.predict_proba(Q), expected, atol=1e-4)


def test_balance_keeps_a_class_with_many_labels_from_winning_for_that_alone():
    # A row of items on a line; class 0 has four labels at one end, class 1 one label at the other.
    Q = lying_at(np.arange(40.0)[:, None])
    y = np.full(40, UNLABELED)
    y[:4], y[39] = 0, 1
    shares = {
        balance: (SpreadingDecoder(balance=balance, n_neighbors=2).fit(Q, y).predict(Q) == 0).mean()
        for balance in (True, False)
    }
    assert abs(shares[True] - 0.5) < abs(shares[False] - 0.5)
    assert shares[False] > 0.5


@pytest.mark.parametrize("balance", [True, False])
def test_a_part_without_a_label_is_answered_by_the_nearest_one_and_the_others_have_their_label(balance):
    X, truth = clusters()
    y = np.full(90, UNLABELED)
    X[truth == 2] = X[truth == 2] / 6 + X[30] + [6, 0, 6]  # beside cluster 1, which has the rarer label
    y[[0, 1, 2]], y[30] = 8, 9
    Q = lying_at(X)
    decoder = SpreadingDecoder(balance=balance).fit(Q, y)
    P = decoder.predict_proba(Q)
    assert set(decoder.predict(Q)[truth == 2].tolist()) == {9}
    assert (P[truth == 2].max(axis=1) < 0.6).all()
    np.testing.assert_allclose(P[truth == 0], [[1, 0]] * 30, atol=1e-6)
    np.testing.assert_allclose(P[truth == 1], [[0, 1]] * 30, atol=1e-6)


def test_new_items_get_the_label_of_the_cluster_that_they_are_near():
    X, _ = clusters()
    y = np.full(90, UNLABELED)
    y[[5, 35, 65]] = [2, 0, 1]
    decoder = SpreadingDecoder().fit(lying_at(X), y)
    new, origin = clusters((7, 8, 9), seed=1)
    answers = decoder.predict(lying_at(new))
    assert answers.tolist() == np.array([2, 0, 1])[origin].tolist()


def test_an_item_of_the_pool_asked_alone_gets_the_answer_that_it_had_there():
    X = np.random.default_rng(0).standard_normal((60, 2))
    y = np.full(60, UNLABELED)
    y[:6] = np.arange(6) % 3
    decoder = SpreadingDecoder().fit(lying_at(X), y)
    together = decoder.predict_proba(lying_at(X))
    alone = decoder.predict_proba(lying_at(X[10:15]))
    np.testing.assert_allclose(alone, together[10:15], rtol=1e-5)
    assert together[10:15].std(axis=0).max() > 0.01
