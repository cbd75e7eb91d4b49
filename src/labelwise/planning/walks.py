"""Random walks on the graph of neighbours: how well one item reaches another."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from labelwise.graph.neighbours import Neighbourhood

_N_STEPS = 20  # a third of those of the decoder, so that reach means closeness


def reach(graph: Neighbourhood, sources: np.ndarray) -> np.ndarray:
    """Where random walks from `sources` are after 20 steps, per unit of degree.

    Returns
    -------
    ndarray of shape (n_nodes, n_sources), float32
        Symmetric in where it starts and ends.
    """
    walk = sparse.csr_array(sparse.diags_array(1 / graph.degrees) @ graph.weights, dtype=np.float32)
    arrivals = np.zeros((len(graph.points), len(sources)), dtype=np.float32)
    arrivals[sources, np.arange(len(sources))] = 1
    for _ in range(_N_STEPS):
        arrivals = walk @ arrivals
    return np.asarray(arrivals / graph.degrees[sources])
