"""Poisson learning: labels as sources and sinks on a graph, for very few of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import softmax

from labelwise.decoding.base import GraphDecoder
from labelwise.encoding import PARTS
from labelwise.graph.neighbours import Neighbourhood
from labelwise.graph.walks import walk
from labelwise.parameters import Integer, Option, Positive


class PoissonDecoder(GraphDecoder):
    """Solve Poisson's equation on the graph of nearest neighbours, with labels as sources.

    L u = sum over labelled items of (y_i - mean of y) at i, by `n_steps` steps of a random walk: Calder et
    al., *Poisson Learning: Graph Based Semi-Supervised Learning at Very Low Label Rates*, ICML 2020,
    algorithm 1. Solutions of Laplace's equation, which label propagation finds, are nearly constant far from
    few labels; these are not.

    Parameters
    ----------
    n_steps : int, default=60
        Steps of the walk. The published algorithm walks until it has mixed, about as long.
    sharpness : float, default=2.0
        Probabilities are a softmax of `sharpness` times the solution over its standard deviation in each
        connected part of the graph; the paper assumes a connected one, and takes the largest value.
    n_neighbors : int, default=10
    on : {"latents", "features"}, default="latents"
        Where neighbours are looked for: in the model's latents, or in features, without the model.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "n_steps": Integer(1),
        "sharpness": Positive(),
        "n_neighbors": Integer(1),
        "on": Option(*PARTS),
    }

    def __init__(
        self,
        n_steps: int = 60,
        sharpness: float = 2.0,
        n_neighbors: int = 10,
        on: str = "latents",
        classes: Any = None,
    ) -> None:
        self.n_steps = n_steps
        self.sharpness = sharpness
        self.n_neighbors = n_neighbors
        self.on = on
        self.classes = classes

    def node_scores(self, pool: Neighbourhood, given: np.ndarray) -> np.ndarray:
        """Scores of all nodes; see `GraphDecoder.node_scores`."""
        seen = given.any(axis=0)
        potentials = poisson_potentials(pool, given[:, seen], n_steps=self.n_steps)
        spread = _spread_of_parts(potentials, pool.parts)
        scores = np.zeros(given.shape, dtype=np.float32)
        scores[:, seen] = softmax(self.sharpness * potentials / np.where(spread > 0, spread, 1), axis=1)
        # Parts of the graph without a label hold no source: nothing is known there.
        scores[~np.isin(pool.parts, pool.parts[given.any(axis=1)])] = 0
        return scores


def _spread_of_parts(potentials: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Standard deviation within the part of each node, shape (n_nodes, 1)."""
    n_values = np.bincount(parts) * potentials.shape[1]
    mean = np.bincount(parts, potentials.sum(axis=1)) / n_values
    squares = np.square(potentials - mean[parts, None]).sum(axis=1)
    return np.asarray(np.sqrt(np.bincount(parts, squares) / n_values)[parts, None], dtype=np.float32)


def poisson_potentials(pool: Neighbourhood, given: np.ndarray, *, n_steps: int) -> np.ndarray:
    """Random walks from all labels, less what a label of average class would give.

    Parameters
    ----------
    pool : Neighbourhood
    given : ndarray of shape (n_nodes, n_classes), float32
        Labels of each class at each node.
    n_steps : int

    Returns
    -------
    ndarray of shape (n_nodes, n_classes), float32
    """
    counts = given.sum(axis=1, keepdims=True)
    inverse = 1 / pool.degrees
    sources = (given - counts * (given.sum(axis=0) / counts.sum())) * inverse[:, None]
    matrix = sparse.csr_array(sparse.diags_array(inverse) @ pool.weights, dtype=np.float32)
    return walk(matrix, sources, sources, n_steps - 1, pool.order)
