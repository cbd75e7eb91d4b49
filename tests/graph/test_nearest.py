"""Nearest points: exact below 20,000 points, nearly so above."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from labelwise.graph.nearest import NearestPoints


def clusters(n_points, seed=0):
    rng = np.random.default_rng(seed)
    return (4 * rng.standard_normal((30, 6))[rng.integers(30, size=n_points)]) + rng.standard_normal(
        (n_points, 6)
    )


def exact(points, queries, n_neighbors):
    return NearestNeighbors(n_neighbors=n_neighbors, algorithm="kd_tree").fit(points).kneighbors(queries)


def test_few_points_are_looked_through():
    points, queries = clusters(300), clusters(20, seed=1)
    distances, found = NearestPoints(points).query(queries, 7)
    expected = exact(points, queries, 7)
    np.testing.assert_allclose(distances, expected[0])
    assert found.tolist() == expected[1].tolist()


def test_others_leave_the_point_itself_out():
    points = clusters(300)
    distances, found = NearestPoints(points).others(5)
    assert (found != np.arange(300)[:, None]).all()
    np.testing.assert_allclose(distances, exact(points, points, 6)[0][:, 1:], atol=1e-7)


def test_nearly_all_neighbours_are_found_among_many_points():
    points = clusters(21_000)
    distances, found = NearestPoints(points).others(10)
    expected = exact(points, points, 11)[1][:, 1:]
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found[::20], expected[::20], strict=True)]
    assert np.mean(hits) > 9.7
    assert (np.diff(distances, axis=1) >= 0).all()
    # What is said of a neighbour is true, whether or not it is among the nearest.
    np.testing.assert_allclose(
        distances[:, 3], np.linalg.norm(points - points[found[:, 3]], axis=1), atol=1e-6
    )


def test_new_points_find_the_points_that_they_equal():
    points = clusters(21_000)
    distances, found = NearestPoints(points).query(points[:50], 3)
    assert found[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-6)


def test_the_same_points_give_the_same_answers():
    points = clusters(20_500)
    one, other = NearestPoints(points).others(4), NearestPoints(points).others(4)
    assert (one[1] == other[1]).all()
    assert (one[0] == other[0]).all()


def test_cells_with_too_few_points_do_not_matter():
    # All points but three are in one place, closer together than the cells of the rest are apart.
    points = np.concatenate([1e-3 * clusters(20_000), [[100.0] * 6, [200.0] * 6, [300.0] * 6]])
    distances, found = NearestPoints(points).query(np.full((1, 6), 260.0), 5)
    assert found[0, :3].tolist() == [20_002, 20_001, 20_000]
    assert np.isfinite(distances).all()
