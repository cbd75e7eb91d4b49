"""Which items are near which: the graph that labels spread on, and where new items stand in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labelwise.graph.nearest import Cells, NearestPoints
from labelwise.threads import one_thread

if TYPE_CHECKING:
    from scipy import sparse

# Squared distances below this share of the squared norms are rounding: the points are equal.
EQUAL = 1e-9
TINY = np.finfo(np.float32).tiny
_HORIZON_NODES = 1000
_CHUNK_NODES = 8192  # whose distances to labels are held at a time
_CLOSE_LABELS = 1000  # so that the search takes no longer than that for neighbours


class Neighbourhood:
    """Items of a pool as points, the graph of their nearest neighbours, and values at other points.

    Items that are equal are one node of the graph: copies would else be all the neighbours they have, and cut
    off from the rest.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_features)
        Euclidean distances between them should mean something.
    n_neighbors : int

    Attributes
    ----------
    points : ndarray of shape (n_nodes, n_features)
        Distinct ones.
    nodes : ndarray of shape (n_samples,), int
        Node of each item.
    """

    def __init__(self, points: np.ndarray, n_neighbors: int) -> None:
        self.points, nodes = np.unique(points, axis=0, return_inverse=True)
        self.nodes = nodes.ravel()
        self.n_neighbors = min(n_neighbors, len(self.points) - 1)

    @classmethod
    def of_nodes(cls, points: np.ndarray, n_neighbors: int, **known: Any) -> Neighbourhood:
        """Take distinct points as nodes, and properties such as `horizon` or `others` as they were found."""
        self = cls.__new__(cls)
        self.points, self.n_neighbors = points, min(n_neighbors, len(points) - 1)
        self.nodes = known.pop("nodes", np.arange(len(points)))
        vars(self).update(known)
        return self

    @cached_property
    def _search(self) -> NearestPoints:
        return NearestPoints(self.points)

    @property
    def cells(self) -> Cells | None:
        """The cells of many nodes in which neighbours are looked for; None where all nodes are looked at."""
        return self._search.cells

    @cached_property
    def others(self) -> tuple[np.ndarray, np.ndarray]:
        """Distances and numbers of the neighbours of each node, both (n_nodes, n_neighbors)."""
        return self._search.others(self.n_neighbors)

    @cached_property
    def weights(self) -> sparse.csr_array:
        """Closeness of neighbours, shape (n_nodes, n_nodes), float32, symmetric.

        exp(-4 (d / d_k)^2) with the distance d_k of the k-th neighbour, as in Calder et al., ICML 2020; the
        larger one of both sides, where their code takes the mean.
        """
        from scipy import sparse  # late, like scikit-learn: opening a project needs neither

        n_nodes = len(self.points)
        if self.n_neighbors < 1:
            return sparse.csr_array((n_nodes, n_nodes), dtype=np.float32)
        distances, near = self.others
        directed = _rows_of(near, _closeness(distances), n_nodes)
        return sparse.csr_array(directed.maximum(directed.T))

    @cached_property
    def trust(self) -> np.ndarray:
        """1 for nodes that have another one within `horizon`, less beyond, as in `place`; (n_nodes,)."""
        if self.n_neighbors < 1:
            return np.ones(len(self.points))
        return self._fade(self.others[0][:, 0])

    @cached_property
    def degrees(self) -> np.ndarray:
        """Row sums of `weights`, shape (n_nodes,), float32; 1 for a node without neighbours."""
        sums = np.asarray(self.weights.sum(axis=1), dtype=np.float32)
        return np.where(sums > 0, sums, np.float32(1))

    @cached_property
    def parts(self) -> np.ndarray:
        """Which connected part of the graph each node is in, shape (n_nodes,), int."""
        from scipy.sparse.csgraph import connected_components

        return np.asarray(connected_components(self.weights, directed=False)[1])

    @cached_property
    def order(self) -> np.ndarray:
        """All nodes, neighbours close to each other, shape (n_nodes,), int: for `walk`.

        Cuthill and McKee, *Reducing the Bandwidth of Sparse Symmetric Matrices*, 1969, in reverse.
        """
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import reverse_cuthill_mckee

        return np.asarray(reverse_cuthill_mckee(csr_matrix(self.weights), symmetric_mode=True))

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Sum values of items, (n_samples, n_columns), over the items of each node."""
        from scipy import sparse

        items = np.arange(len(self.nodes))
        ones = np.ones(len(items), dtype=np.float32)
        of_node = sparse.csr_array((ones, (self.nodes, items)), shape=(len(self.points), len(items)))
        return np.asarray(of_node @ values.astype(np.float32))

    def nearness(self, given: np.ndarray) -> np.ndarray:
        """How near each node is to labels of each class, in the graph or not.

        1 / (d + d_k) with the distance d to the nearest node that has a label of the class, and d_k as in
        `weights`, so that no label counts for more than a neighbour would. Only ratios within a row matter.

        Parameters
        ----------
        given : ndarray of shape (n_nodes, n_classes)
            Number of labels of each class at each node. Of more than 1,000 labelled nodes only some are
            looked at: the graph knows better then.

        Returns
        -------
        ndarray of shape (n_nodes, n_classes)
            The nearest class of each node has 1; classes without a label have 0.
        """
        seen = np.flatnonzero(given.any(axis=0))
        rows = [np.flatnonzero(given[:, code]) for code in seen]
        rows = [each[:: math.ceil(len(each) * len(seen) / _CLOSE_LABELS)] for each in rows]
        nearest = np.full(given.shape, np.inf)
        nearest[:, seen] = self._distances(rows)
        reach = self.others[0][:, -1:] if self.n_neighbors else 0
        nearest = np.maximum(nearest + reach, TINY)
        return np.asarray(nearest.min(axis=1, keepdims=True) / nearest)

    def _distances(self, groups: Sequence[np.ndarray]) -> np.ndarray:
        """Distance of each node to the nearest one of each group of nodes, shape (n_nodes, n_groups)."""
        from sklearn.metrics import euclidean_distances

        asked = self.points[np.concatenate(groups)]
        starts = np.cumsum([0, *map(len, groups[:-1])])
        found = np.empty((len(self.points), len(groups)))
        with one_thread():
            for start in range(0, len(self.points), _CHUNK_NODES):
                part = slice(start, start + _CHUNK_NODES)
                squares = euclidean_distances(self.points[part], asked, squared=True)
                found[part] = np.sqrt(np.minimum.reduceat(squares, starts, axis=1))
        return found

    def place(self, points: np.ndarray) -> sparse.csr_array:
        """How values at the nodes carry over to other points.

        A point that equals a node gets the node's value, any other one the mean of its nearest nodes,
        weighted by closeness. Values fade for points that are far from all nodes.

        Parameters
        ----------
        points : ndarray of shape (m, n_features)

        Returns
        -------
        sparse array of shape (m, n_nodes), float32
            To multiply with values of shape (n_nodes, ...). Rows sum to 1 up to a distance of `horizon` from
            the nearest node, and to the square of horizon / distance beyond.
        """
        n_neighbors = max(1, self.n_neighbors)
        distances, near = self._search.query(points, n_neighbors)
        norms = np.square(points, dtype=np.float64).sum(axis=1, keepdims=True)
        equal = distances[:, :1] ** 2 <= EQUAL * norms
        nearest = np.arange(n_neighbors) == 0
        shares = np.where(equal, nearest, _closeness(distances))
        trust = self._fade(distances[:, :1])
        return _rows_of(near, trust * shares / shares.sum(axis=1, keepdims=True), len(self.points))

    def _fade(self, distances: np.ndarray) -> np.ndarray:
        return np.asarray(np.minimum(1, self.horizon / np.maximum(distances, TINY)) ** 2)

    @cached_property
    def horizon(self) -> float:
        """Distance beyond which a point is far from all nodes.

        Twice the distance to the nearest other node that 99 % of the nodes stay below, judged by at most
        1,000 of them; infinity for a single node.
        """
        if self.n_neighbors < 1:
            return math.inf
        sample = self.points[:: math.ceil(len(self.points) / _HORIZON_NODES)]
        return float(2 * np.quantile(self._search.query(sample, 2)[0][:, 1], 0.99))


def _closeness(distances: np.ndarray) -> np.ndarray:
    """1 for equal points, exp(-4) for the farthest of each row."""
    farthest = np.maximum(distances[:, -1:], TINY)
    return np.asarray(np.exp(-4 * (distances / farthest) ** 2))


def _rows_of(columns: np.ndarray, values: np.ndarray, n_columns: int) -> sparse.csr_array:
    """Row i holds values[i] in columns[i]."""
    from scipy import sparse

    n_rows, width = columns.shape
    ends = np.arange(0, n_rows * width + 1, width)
    return sparse.csr_array(
        (values.astype(np.float32).ravel(), columns.ravel(), ends), shape=(n_rows, n_columns)
    )
