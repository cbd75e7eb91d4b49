"""The lookup of nearest neighbours as operators: exactly what `Neighbourhood.place` does."""

from __future__ import annotations

import math

import numpy as np

from labelwise.export.graph import Graph
from labelwise.graph.neighbours import EQUAL, TINY, Neighbourhood


def placed(graph: Graph, pool: Neighbourhood, points: str, values: np.ndarray) -> tuple[str, str]:
    """Values of the nodes carried over to other points.

    Parameters
    ----------
    graph : Graph
    pool : Neighbourhood
    points : str
        Shape (n, n_features).
    values : ndarray of shape (n_nodes, n_columns)

    Returns
    -------
    carried : str
        Weighted means of `values` at the nearest nodes, shape (n, n_columns).
    trust : str
        Shape (n, 1): 1 up to the horizon, less beyond. `Neighbourhood.place` multiplies with it.
    """
    distances, nodes = _nearest(graph, pool, points)
    first = graph("Slice", distances, np.array([0]), np.array([1]), np.array([1]))
    last = graph("Slice", distances, np.array([-1]), np.array([2**31]), np.array([1]))
    ratio = graph("Div", distances, graph("Max", last, TINY))
    closeness = graph("Exp", graph("Mul", graph("Mul", ratio, ratio), -4.0))
    norms = graph("ReduceSumSquare", points, axes=[1], keepdims=1)
    equal = graph("LessOrEqual", graph("Mul", first, first), graph("Mul", norms, EQUAL))
    nearest = (np.arange(max(1, pool.n_neighbors)) == 0).astype(np.float32)[None]
    shares = graph("Where", equal, nearest, closeness)
    shares = graph("Div", shares, graph("ReduceSum", shares, np.array([1]), keepdims=1))
    of_nodes = graph("Gather", values.astype(np.float32), nodes, axis=0)
    carried = graph("MatMul", graph("Unsqueeze", shares, np.array([1])), of_nodes)
    return graph("Squeeze", carried, np.array([1])), _faded(graph, first, pool.horizon)


def _faded(graph: Graph, distance: str, horizon: float) -> str:
    if math.isinf(horizon):  # a single node: nothing is far
        return graph("Add", graph("Mul", distance, 0.0), 1.0)
    share = graph("Min", graph("Div", horizon, graph("Max", distance, TINY)), 1.0)
    return graph("Mul", share, share)


def _nearest(graph: Graph, pool: Neighbourhood, points: str) -> tuple[str, str]:
    """Distances and numbers of the nearest nodes, nearest first, both (n, n_neighbors).

    Products are in float64, as those of `NearestPoints`: float32 would blur neighbours where clusters lie
    1,000 times farther apart than their points. Constants stay float32 in the file.
    """
    nodes = np.asarray(pool.points, dtype=np.float32)
    points = graph.cast(points, np.float64)
    apart = _apart(graph, points, nodes)
    if (cells := pool.cells) is not None:
        home = graph("ArgMin", _apart(graph, points, cells.centres), axis=1, keepdims=0)
        searched = graph("Gather", graph("Gather", cells.searched, home, axis=0), cells.home, axis=1)
        apart = graph("Where", searched, apart, np.array(np.inf))
    n_neighbors = np.array([max(1, pool.n_neighbors)])
    nearest, found = graph.several(2, "TopK", apart, n_neighbors, axis=1, largest=0)
    squares = graph("Add", nearest, graph("ReduceSumSquare", points, axes=[1], keepdims=1))
    distances = graph("Sqrt", graph("Max", squares, np.array(0.0)))  # rounding can make equal points negative
    return graph.cast(distances, np.float32), found


def _apart(graph: Graph, points: str, others: np.ndarray) -> str:
    """Squared distances but for the squared norms of the points, (n, n_others), float64."""
    products = graph("MatMul", points, graph.cast(-2 * others.T.astype(np.float32), np.float64))
    return graph("Add", products, np.square(others, dtype=np.float64).sum(axis=1))
