"""Labels spread over a graph of neighbours in principal components: the strongest simple peer.

The iteration is that of `SpreadingDecoder`; the graph has equal weights, like that of
scikit-learn's `LabelSpreading`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from labelwise.decoding.spreading import balanced, normalised, spread_labels

_N_NEIGHBORS = 10  # as many as the graph on the model's latents has, so that only the points differ


@dataclass(frozen=True, eq=False)
class Graph:
    """Neighbours among the items of the pool, and of the held-out items in the pool.

    Attributes
    ----------
    weights : sparse array of shape (n_pool, n_pool)
        D^-1/2 W D^-1/2 of the symmetric graph of nearest neighbours W.
    held_out : ndarray of shape (n_held_out, n_neighbors), int
        Nearest items of the pool.
    """

    weights: sparse.csr_array
    held_out: np.ndarray


def neighbour_graph(pool: np.ndarray, held_out: np.ndarray, n_neighbors: int = _N_NEIGHBORS) -> Graph:
    """Connect each item to its nearest ones by Euclidean distance.

    Parameters
    ----------
    pool : ndarray of shape (n_pool, n_features)
    held_out : ndarray of shape (n_held_out, n_features), may be empty
    n_neighbors : int
    """
    n_neighbors = min(n_neighbors, len(pool) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(pool)
    directed = sparse.csr_array(search.kneighbors_graph(mode="connectivity"), dtype=np.float32)
    joined = directed.maximum(directed.T).tocsr()
    near = search.kneighbors(held_out, return_distance=False) if len(held_out) else None
    return Graph(
        weights=normalised(joined, joined.sum(axis=1)),
        held_out=np.empty((0, n_neighbors), dtype=np.int64) if near is None else near,
    )


def spread_codes(graph: Graph, codes: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Pass labels from items to their neighbours, step by step, and balance the classes.

    Parameters
    ----------
    graph : Graph
    codes : ndarray of shape (n_pool,), int
        Class 0..n_classes-1, or -1.
    n_classes : int

    Returns
    -------
    pool : ndarray of shape (n_pool, n_classes)
    held_out : ndarray of shape (n_held_out, n_classes)
        Scores; rows of 0 where no label arrives.
    """
    labeled = np.flatnonzero(codes >= 0)
    given = np.zeros((len(codes), n_classes), dtype=np.float32)
    given[labeled, codes[labeled]] = 1
    scores = balanced(spread_labels(graph.weights, given))
    return scores, scores[graph.held_out].sum(axis=1)
