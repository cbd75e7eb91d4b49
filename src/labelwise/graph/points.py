"""Where items lie, and the graphs that were made of them so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelwise.graph.neighbours import Neighbourhood

if TYPE_CHECKING:
    from scipy import sparse


class Points:
    """Items as points; graphs of neighbours among them are made once and kept.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        Euclidean distances between them should mean something.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self._neighbourhoods: dict[int, Neighbourhood] = {}
        self._places: list[tuple[Neighbourhood, sparse.csr_array]] = []

    def neighbourhood(self, n_neighbors: int) -> Neighbourhood:
        """Graph of nearest neighbours among the points."""
        if n_neighbors not in self._neighbourhoods:
            self._neighbourhoods[n_neighbors] = Neighbourhood(self.values, n_neighbors)
        return self._neighbourhoods[n_neighbors]

    def keep(self, n_neighbors: int, graph: Neighbourhood) -> None:
        """Take a graph of these points that was made before."""
        self._neighbourhoods[n_neighbors] = graph

    def are_those_of(self, pool: Neighbourhood) -> bool:
        """Whether these are the items of `pool`, in their order."""
        if any(graph is pool for graph in self._neighbourhoods.values()):
            return True
        return len(self.values) == len(pool.nodes) and np.array_equal(self.values, pool.points[pool.nodes])

    def placed_in(self, pool: Neighbourhood) -> sparse.csr_array:
        """How values at the items of `pool` carry over to these points: as `Neighbourhood.place`."""
        for known, place in self._places:
            if known is pool:
                return place
        self._places.append((pool, pool.place(self.values)))
        return self._places[-1][1]
