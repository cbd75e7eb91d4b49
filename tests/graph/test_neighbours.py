"""The graph of neighbours against distances computed one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labelwise.graph import neighbours as module
from labelwise.graph.neighbours import Neighbourhood


def scattered(n_points=40, n_features=3, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal((n_points, n_features)).astype(dtype)


def nearest_by_loop(points, place, n_neighbors, leave_out=None):
    """(distance, index) of the nearest points, the nearest first."""
    found = [(math.dist(place, other), j) for j, other in enumerate(points) if j != leave_out]
    return sorted(found)[:n_neighbors]


def weights_by_loop(points, n_neighbors):
    """Closeness both ways, the larger of the two."""
    weights = np.zeros((len(points), len(points)))
    for i, point in enumerate(points):
        near = nearest_by_loop(points, point, n_neighbors, leave_out=i)
        for distance, j in near:
            closeness = math.exp(-4 * (distance / near[-1][0]) ** 2)
            weights[i, j] = max(weights[i, j], closeness)
            weights[j, i] = max(weights[j, i], closeness)
    return weights


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_neighbors", [1, 4, 39])
def test_weights_equal_those_of_a_loop_over_all_pairs(n_neighbors, dtype):
    pool = Neighbourhood(scattered(dtype=dtype), n_neighbors)
    expected = weights_by_loop(pool.points.tolist(), n_neighbors)
    np.testing.assert_allclose(pool.weights.toarray(), expected, atol=1e-5)
    np.testing.assert_allclose(pool.degrees, expected.sum(axis=1), rtol=1e-5)


def test_weights_are_symmetric_and_no_node_is_its_own_neighbour():
    weights = Neighbourhood(scattered(), 3).weights.toarray()
    np.testing.assert_array_equal(weights, weights.T)
    np.testing.assert_array_equal(np.diag(weights), 0)
    # One side calls the other a neighbour and not the reverse: some have more than three.
    assert (weights > 0).sum(axis=1).max() > 3


def test_equal_items_are_one_node_with_the_neighbours_of_one():
    points = scattered(12)
    copies = np.array([5, 5, 5, 0, *range(12)])
    pool = Neighbourhood(points[copies], 3)
    alone = Neighbourhood(points, 3)
    assert len(pool.points) == 12
    np.testing.assert_array_equal(pool.points[pool.nodes], points[copies])
    assert len({int(node) for node in pool.nodes[[0, 1, 2, 9]]}) == 1
    np.testing.assert_array_equal(pool.weights.toarray(), alone.weights.toarray())


def test_gather_sums_over_the_copies_of_an_item():
    points = np.array([[0.0], [1.0], [0.0], [2.0], [0.0]])
    pool = Neighbourhood(points, 2)
    sums = pool.gather(np.array([[1, 0], [5, 5], [2, 0], [0, 7], [0, 4]]))
    assert sums[pool.nodes].tolist() == [[3, 4], [5, 5], [3, 4], [0, 7], [3, 4]]


def test_parts_are_what_no_neighbour_connects():
    points = np.concatenate([scattered(8), scattered(9, seed=1) + 100, scattered(7, seed=2) - 100])
    pool = Neighbourhood(points, 3)
    parts = pool.parts[pool.nodes]
    assert [len(set(parts[rows].tolist())) for rows in (slice(0, 8), slice(8, 17), slice(17, 24))] == [1] * 3
    assert len(set(parts.tolist())) == 3


class TestPlace:
    def test_a_known_point_gets_the_value_of_its_node(self):
        points = scattered()
        pool = Neighbourhood(points[[*range(40), 3, 3]], 5)
        values = np.arange(40, dtype=np.float32)[:, None]
        placed = pool.place(points[[3, 17, 0]]) @ values
        np.testing.assert_array_equal(placed, values[pool.nodes[[3, 17, 0]]])

    def test_a_known_point_far_from_the_origin_is_known_for_all_the_rounding(self):
        points = scattered(dtype=np.float32) + np.float32(50)
        pool = Neighbourhood(points, 5)
        np.testing.assert_array_equal(pool.place(points).toarray(), np.eye(40)[pool.nodes])

    def test_other_points_get_the_mean_of_their_nearest_nodes_weighted_by_closeness(self):
        pool = Neighbourhood(scattered(), 4)
        new = scattered(6, seed=1)
        expected = np.zeros((6, 40))
        for row, place in zip(expected, new.tolist(), strict=True):
            near = nearest_by_loop(pool.points.tolist(), place, 4)
            shares = [math.exp(-4 * (distance / near[-1][0]) ** 2) for distance, _ in near]
            for (_, j), share in zip(near, shares, strict=True):
                row[j] = share / sum(shares)
        np.testing.assert_allclose(pool.place(new).toarray(), expected, atol=1e-5)

    def test_rows_sum_to_one_near_the_pool(self):
        places = Neighbourhood(scattered(), 7).place(scattered() + 0.01)
        assert places.shape == (40, 40)
        np.testing.assert_allclose(places.sum(axis=1), 1, rtol=1e-5)

    def test_values_fade_with_the_square_of_the_distance_beyond_the_horizon(self):
        pool = Neighbourhood(np.array([[0.0], [1.0], [2.0], [3.0]]), 2)
        assert pool.horizon == pytest.approx(2)  # twice the distance of nearest neighbours
        sums = pool.place(np.array([[3.0], [4.0], [5.0], [7.0], [23.0]])).sum(axis=1)
        np.testing.assert_allclose(sums, [1, 1, 1, 1 / 4, 1 / 100], rtol=1e-5)


class TestFewPoints:
    def test_fewer_points_than_neighbours_are_all_neighbours(self):
        pool = Neighbourhood(scattered(4), 10)
        assert pool.n_neighbors == 3
        np.testing.assert_allclose(
            pool.weights.toarray(), weights_by_loop(pool.points.tolist(), 3), atol=1e-6
        )
        assert (pool.weights.toarray() > 0).sum() == 12

    def test_copies_do_not_count_as_points(self):
        pool = Neighbourhood(np.array([[0.0]] * 20 + [[1.0]] * 20), 10)
        assert pool.n_neighbors == 1
        np.testing.assert_allclose(pool.weights.toarray(), [[0, math.exp(-4)], [math.exp(-4), 0]], rtol=1e-6)

    def test_a_single_point_has_no_neighbour_and_gives_its_value_to_all(self):
        pool = Neighbourhood(np.array([[2.0, 3.0]] * 3), 10)
        assert pool.weights.toarray().tolist() == [[0]]
        assert (pool.degrees.tolist(), pool.parts.tolist(), pool.nodes.tolist()) == ([1], [0], [0, 0, 0])
        assert pool.place(np.array([[2.0, 3.0], [90.0, -7.0]])).toarray().tolist() == [[1], [1]]


class TestNearness:
    def test_it_is_that_of_a_loop_over_all_labels(self):
        points = scattered()
        pool = Neighbourhood(points, 4)
        given = np.zeros((40, 4))
        given[[3, 9, 20], 0], given[[7, 9], 2], given[31, 3] = 1, 2, 1  # one node has two, class 1 has none
        expected = np.zeros((40, 4))
        for row, place in zip(expected, pool.points.tolist(), strict=True):
            reach = nearest_by_loop(pool.points.tolist(), place, 5)[-1][0]  # the first of them is itself
            for code in (0, 2, 3):
                labelled = pool.points[given[:, code] > 0].tolist()
                row[code] = 1 / (nearest_by_loop(labelled, place, 1)[0][0] + reach)
        expected /= expected.max(axis=1, keepdims=True)
        np.testing.assert_allclose(pool.nearness(given), expected, rtol=1e-6)

    def test_of_many_labels_some_are_looked_at(self, monkeypatch):
        monkeypatch.setattr(module, "_CLOSE_LABELS", 2)
        pool = Neighbourhood(np.arange(12.0)[:, None], 2)
        given = np.zeros((12, 2))
        given[:4, 0], given[8:, 1] = 1, 1
        alone = np.zeros((12, 2))
        alone[0, 0], alone[8, 1] = 1, 1
        np.testing.assert_array_equal(pool.nearness(given), pool.nearness(alone))

    def test_items_that_differ_by_rounding_only_have_some(self):
        points = np.array([[1.0], [1.0 + 1e-12], [1.0 - 1e-12]])
        found = Neighbourhood(points, 2).nearness(np.array([[1, 0], [0, 1], [0, 0]]))
        assert np.isfinite(found).all()

    def test_a_single_node_has_its_own_classes(self):
        assert Neighbourhood(np.zeros((3, 2)), 5).nearness(np.array([[2, 0, 1]])).tolist() == [[1, 0, 1]]
