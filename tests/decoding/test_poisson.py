"""Poisson learning against the solution of Poisson's equation."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.conftest import lying_at, posteriors
from labelwise.decoding import UNLABELED, PoissonDecoder
from labelwise.decoding.poisson import poisson_potentials
from labelwise.graph.neighbours import Neighbourhood


def pool_of(n_points=70, n_neighbors=8, seed=0):
    """A graph in one part with triangles, so that walks on it mix."""
    pool = Neighbourhood(np.random.default_rng(seed).standard_normal((n_points, 2)), n_neighbors)
    assert set(pool.parts.tolist()) == {0}
    return pool


def given_at(pool, rows, codes, n_classes):
    given = np.zeros((len(pool.points), n_classes), dtype=np.float32)
    np.add.at(given, (rows, codes), 1)
    return given


def solution(pool, given):
    """L u = sources in dense float64, with the constant for which sum of degree x u is 0."""
    weights = pool.weights.toarray().astype(np.float64)
    degrees = weights.sum(axis=1)
    laplacian = np.diag(degrees) - weights
    given = given.astype(np.float64)
    sources = given - np.outer(given.sum(axis=1), given.sum(axis=0) / given.sum())
    u = np.linalg.lstsq(laplacian, sources, rcond=None)[0]
    np.testing.assert_allclose(laplacian @ u, sources, atol=1e-9)  # there is a solution
    return u - degrees @ u / degrees.sum()


def clusters(sizes, distance=30.0, seed=0):
    """Round clusters so far apart that no neighbour is in another one, and which one each item is in."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return distance * np.eye(len(sizes))[truth] + rng.standard_normal((len(truth), len(sizes))), truth


def answers(X, y, **parameters):
    """Probabilities and answers for all items of a pool, from where they lie alone."""
    Q = lying_at(X)
    decoder = PoissonDecoder(**parameters).fit(Q, y)
    return decoder.predict_proba(Q), decoder.predict(Q)


class TestPotentials:
    @pytest.mark.parametrize("codes", [[0, 1, 2], [0, 0, 0, 0, 1, 2, 2]])
    def test_many_steps_reach_the_solution(self, codes):
        pool = pool_of()
        given = given_at(pool, np.arange(len(codes)) * 9, codes, 3)
        found = poisson_potentials(pool, given, n_steps=4000)
        expected = solution(pool, given)
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())

    def test_several_labels_at_one_node_count_as_often(self):
        pool = pool_of()
        given = given_at(pool, [4, 4, 4, 50, 61], [0, 0, 1, 1, 1], 2)
        assert given[4].tolist() == [2, 1]
        expected = solution(pool, given)
        found = poisson_potentials(pool, given, n_steps=4000)
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())

    def test_they_cancel_over_classes_and_over_nodes(self):
        pool = pool_of()
        given = given_at(pool, [3, 20, 40, 60], [0, 0, 1, 2], 3)
        found = poisson_potentials(pool, given, n_steps=60).astype(np.float64)
        np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(pool.degrees @ found, 0, atol=1e-3)
        assert np.abs(found).max() > 0.1

    def test_one_step_is_the_sources_alone(self):
        pool = pool_of()
        given = given_at(pool, [3, 20], [0, 1], 2)
        found = poisson_potentials(pool, given, n_steps=1)
        expected = np.zeros((70, 2))
        expected[3] = np.array([0.5, -0.5]) / pool.degrees[3]
        expected[20] = np.array([-0.5, 0.5]) / pool.degrees[20]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_probabilities_are_a_softmax_of_the_solution_over_its_deviation_times_a_low_power_of_nearness():
    Q = posteriors(80, 6)
    y = np.full(80, UNLABELED)
    rows = np.arange(0, 80, 8)
    y[rows] = np.arange(10) % 3
    decoder = PoissonDecoder(n_steps=20, sharpness=3.0, n_neighbors=6).fit(Q, y)
    pool = Neighbourhood(np.sqrt(Q), 6)
    weights = pool.weights.toarray().astype(np.float64)
    degrees = weights.sum(axis=1, keepdims=True)
    given = given_at(pool, pool.nodes[rows], y[rows], 3)
    sources = (given - np.outer(given.sum(axis=1), given.mean(axis=0) / given.mean(axis=0).sum())) / degrees
    steps = [sources]
    for _ in range(19):
        steps.append(weights / degrees @ steps[-1])
    u = sum(steps)
    powers = np.exp(3 * u / u.std()) * pool.nearness(given) ** 0.1
    expected = (powers / powers.sum(axis=1, keepdims=True))[pool.nodes]
    np.testing.assert_allclose(decoder.predict_proba(Q), expected, atol=1e-4)


class TestUnequalClasses:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_cluster_of_a_fiftieth_of_the_other_keeps_its_name_and_so_does_the_other(self, seed):
        X, truth = clusters((250, 5), distance=8.0, seed=seed)
        y = np.full(255, UNLABELED)
        y[0], y[254] = 0, 1
        _, found = answers(X, y, n_neighbors=4)
        assert found.tolist() == truth.tolist()

    def test_where_the_two_touch_the_small_one_keeps_its_name_and_labels_of_the_large_one_win_it_back(self):
        X, truth = clusters((250, 5), distance=8.0)
        right = {}
        for n_labels in (1, 50):
            y = np.full(255, UNLABELED)
            y[:n_labels], y[254] = 0, 1
            _, found = answers(X, y, n_neighbors=10)  # more than the small one has items
            assert set(found[truth == 1].tolist()) == {1}
            right[n_labels] = (found == truth)[truth == 0].mean()
        assert right[50] > 0.75
        assert right[50] > right[1]

    def test_fifty_labels_of_one_class_do_not_drown_one_of_the_other(self):
        X, truth = clusters((100, 100), distance=8.0)
        y = np.full(200, UNLABELED)
        y[:50], y[199] = 0, 1
        _, found = answers(X, y)
        assert (found == truth).mean() > 0.99


class TestFewLabels:
    def test_one_labelled_item_names_all(self):
        X, _ = clusters((40,))
        y = np.full(40, UNLABELED)
        y[11] = 5
        P, found = answers(X, y)
        assert P.tolist() == [[1.0]] * 40
        assert set(found.tolist()) == {5}

    def test_all_labels_of_one_class(self):
        X, _ = clusters((30, 30))
        y = np.full(60, UNLABELED)
        y[::4] = 7
        P, found = answers(X, y)
        assert P.tolist() == [[1.0]] * 60
        assert set(found.tolist()) == {7}

    def test_a_pool_of_one_item(self):
        P, found = answers(np.zeros((1, 2)), [3])
        assert (P.tolist(), found.tolist()) == ([[1.0]], [3])


class TestContradictions:
    def test_two_labels_of_equal_items_are_equally_probable_everywhere(self):
        X, _ = clusters((30,))
        X = np.concatenate([X, X[:1]])
        y = np.full(31, UNLABELED)
        y[0], y[30] = 4, 6
        P, _ = answers(X, y)
        np.testing.assert_allclose(P, [[0.5, 0.5]] * 31, atol=1e-6)

    def test_they_change_next_to_nothing_about_what_other_labels_say(self):
        X, truth = clusters((30, 30), distance=8.0)
        X = np.concatenate([X, X[:1]])
        truth = np.append(truth, 0)
        y = np.full(61, UNLABELED)
        y[0], y[60] = 0, 1
        y[10], y[40] = 0, 1
        P, found = answers(X, y)
        assert (found == truth).all()
        alone = y.copy()
        alone[[0, 60]] = UNLABELED
        np.testing.assert_allclose(P, answers(X, alone)[0], atol=0.02)  # both are near, so nearness changes


class TestParts:
    def test_a_part_without_a_label_is_answered_by_the_nearest_one_and_unsure(self):
        X, truth = clusters((30, 30, 30))
        X[truth == 2] = X[truth == 2] / 6 + X[30] + [6, 0, 6]  # beside cluster 1, which has the rarer label
        y = np.full(90, UNLABELED)
        y[[0, 1, 2]], y[30] = 8, 9
        P, found = answers(X, y)
        assert set(found[truth == 2].tolist()) == {9}
        assert (P[truth == 2].max(axis=1) < 0.6).all()
        assert set(found[truth == 0].tolist()) == {8}
        assert set(found[truth == 1].tolist()) == {9}

    def test_so_are_new_items_near_it_and_others_get_the_label_of_their_cluster(self):
        X, _ = clusters((30, 30, 30))
        y = np.full(90, UNLABELED)
        y[[0, 1, 2]], y[30] = 8, 9
        decoder = PoissonDecoder().fit(lying_at(X), y)
        new, origin = clusters((4, 5, 6), seed=1)
        P = decoder.predict_proba(lying_at(new))
        assert (P[origin == 2].max(axis=1) < 0.6).all()
        assert (P[origin == 0, 0] > 0.9).all()
        assert (P[origin == 1, 1] > 0.9).all()

    def test_each_part_has_its_own_scale(self):
        X, _ = clusters((30, 30), distance=4.0)
        y = np.full(60, UNLABELED)
        y[[0, 59]] = 8, 9
        alone, _ = answers(X, y)
        both, _ = answers(np.vstack([X, X + 500]), np.concatenate([y, y]))
        np.testing.assert_allclose(both, np.vstack([alone, alone]), atol=1e-5)
        # Potentials differ most between clusters that hardly touch.
        beside, _ = answers(np.vstack([X, clusters((30, 30), distance=7.0)[0] + 500]), np.concatenate([y, y]))
        np.testing.assert_allclose(beside[:60], alone, atol=1e-5)


def test_in_a_large_part_the_nearest_label_decides_beyond_the_reach_of_all_walks():
    # A row of items with a label at each end: 60 steps reach no farther than 120 of them.
    X = np.arange(1000.0)[:, None]
    y = np.full(1000, UNLABELED)
    y[0], y[900] = 0, 1
    P, found = answers(X, y, n_neighbors=2)
    assert found.tolist() == [0] * 451 + [1] * 549  # of two that are equally near the first
    assert (P[200:700].max(axis=1) < 0.6).all()


def test_sharpness_makes_probabilities_surer_and_leaves_the_answers():
    X, _ = clusters((40, 40), distance=5.0)
    y = np.full(80, UNLABELED)
    y[[0, 79]] = [0, 1]
    flat, found = answers(X, y, sharpness=0.5)
    sharp, same = answers(X, y, sharpness=8.0)
    assert found.tolist() == same.tolist()
    assert (sharp.max(axis=1) >= flat.max(axis=1)).all()
    assert sharp.max(axis=1).mean() > flat.max(axis=1).mean() + 0.1
