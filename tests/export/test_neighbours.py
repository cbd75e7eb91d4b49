"""Looking up nearest neighbours in a graph of operators gives what `Neighbourhood.place` gives."""

from __future__ import annotations

import numpy as np
import pytest

from export.conftest import open_session
from labelwise.export.graph import Graph
from labelwise.export.neighbours import placed
from labelwise.graph import nearest
from labelwise.graph.neighbours import Neighbourhood


def carried(pool, points, values, file):
    """Values at the nodes, carried over to points by an ONNX file."""
    graph = Graph()
    found, trust = placed(graph, pool, graph.input("points", np.float32, points.shape[1:]), values)
    graph.output("found", graph("Mul", found, trust), np.float32, values.shape[1:])
    file.write_bytes(graph.build("test", {}).SerializeToString())
    return open_session(file).run(["found"], {"points": points})[0]


def check(points, n_neighbors, file, n_new=200):
    rng = np.random.default_rng(1)
    pool = Neighbourhood(points, n_neighbors)
    values = rng.random((len(pool.points), 3)).astype(np.float32)
    near = points[rng.integers(0, len(points), n_new)] + rng.normal(0, 0.3, (n_new, points.shape[1]))
    asked = np.concatenate([points[:50], near, near[:20] * 40]).astype(np.float32)
    found = carried(pool, asked, values, file)
    np.testing.assert_allclose(found, pool.place(asked) @ values, atol=1e-5, rtol=0)
    return pool


@pytest.mark.parametrize("n_neighbors", [1, 10])
@pytest.mark.parametrize("offset", [0, 1000])
def test_few_points(tmp_path, n_neighbors, offset):
    points = np.random.default_rng(0).normal(size=(400, 5)) + offset
    assert check(points.astype(np.float32), n_neighbors, tmp_path / "a.onnx").cells is None


@pytest.mark.parametrize("half_distance", [300, 1000, 30_000])
def test_two_clusters_far_apart(tmp_path, half_distance):
    points = np.random.default_rng(0).normal(size=(400, 8))
    points[::2] += half_distance
    points[1::2] -= half_distance
    check(points.astype(np.float32), 10, tmp_path / "a.onnx")


@pytest.mark.parametrize("n_points", [1, 2, 5])
def test_fewer_points_than_neighbours(tmp_path, n_points):
    points = np.random.default_rng(0).normal(size=(n_points, 3)).astype(np.float32)
    check(points, 10, tmp_path / "a.onnx")


def test_many_points_are_looked_for_in_the_same_cells(tmp_path, monkeypatch):
    for name, value in (("_MANY", 500), ("_CELL_SIZE", 40), ("_N_SEARCHED", 3)):
        monkeypatch.setattr(nearest, name, value)
    points = np.random.default_rng(0).normal(size=(1000, 6)).astype(np.float32)
    pool = check(points, 5, tmp_path / "a.onnx")
    assert pool.cells is not None
    assert pool.cells.searched.sum(axis=1).tolist() == [3] * 25


def test_copies_of_an_item_are_one_node(tmp_path):
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    check(np.concatenate([points, points[:30]]), 5, tmp_path / "a.onnx")
