"""Steps on a graph, in whatever order its nodes lie."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from labelwise.graph.neighbours import Neighbourhood
from labelwise.graph.walks import walk


def ring(n_nodes=300, seed=0):
    """Points on a circle; nodes are sorted by the first column, which says nothing of where they are."""
    angles = 2 * np.pi * np.arange(n_nodes) / n_nodes
    nothing = 1e-6 * np.random.default_rng(seed).normal(size=n_nodes)
    return Neighbourhood(np.column_stack([nothing, np.cos(angles), np.sin(angles)]), 4)


@pytest.mark.parametrize("n_steps", [0, 1, 7])
def test_steps_are_those_of_a_dense_product(n_steps):
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((20, 20), density=0.3, rng=rng).tocsr()
    start, added = rng.normal(size=(2, 20, 3))
    expected = start
    for _ in range(n_steps):
        expected = matrix.toarray() @ expected + added
    found = walk(matrix, start, added, n_steps, rng.permutation(20))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_the_order_changes_no_bit():
    pool = ring()
    start = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    found = [walk(pool.weights, start, start, 30, order) for order in (np.arange(300), pool.order)]
    assert found[0].tobytes() == found[1].tobytes()


def test_the_order_holds_all_nodes_and_lays_neighbours_close():
    pool = ring()
    assert sorted(pool.order) == list(range(300))
    rows, columns = pool.weights.nonzero()
    place = np.argsort(pool.order)
    assert np.abs(place[rows] - place[columns]).max() <= 12
    assert np.abs(rows - columns).max() > 100


def test_parts_that_nothing_connects_and_a_single_node_have_an_order():
    pool = Neighbourhood(np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]]), 2)
    assert sorted(pool.order) == list(range(6))
    assert Neighbourhood(np.zeros((3, 2)), 5).order.tolist() == [0]
