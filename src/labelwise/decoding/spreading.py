"""Label spreading: labelled items tell their neighbours, and those theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from labelwise.decoding.base import GraphDecoder
from labelwise.decoding.neighbours import Neighbourhood
from labelwise.parameters import Fraction, Integer, Option


class SpreadingDecoder(GraphDecoder):
    """Spread labels over the graph of nearest neighbours.

    F <- alpha S F + (1 - alpha) Y with S = D^-1/2 W D^-1/2: Zhou et al., *Learning with Local and Global
    Consistency*, NIPS 2003.

    Parameters
    ----------
    alpha : float, default=0.95
        How much of its value an item takes from its neighbours, 0..1.
    balance : bool, default=True
        Divide each class's scores by their sum over all items. With few labels, a class that has more of them
        would otherwise win for that alone; with many labels of unequal classes, False does better.
    n_neighbors : int, default=10
    classes : array-like, default=None
        All classes there are; None takes those among the labels.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "alpha": Fraction(),
        "balance": Option(True, False),
        "n_neighbors": Integer(1),
    }

    def __init__(
        self, alpha: float = 0.95, balance: bool = True, n_neighbors: int = 10, classes: Any = None
    ) -> None:
        self.alpha = alpha
        self.balance = balance
        self.n_neighbors = n_neighbors
        self.classes = classes

    def node_scores(self, pool: Neighbourhood, given: np.ndarray) -> np.ndarray:
        """Scores of all nodes; see `GraphDecoder.node_scores`."""
        scores = spread_labels(pool, given, alpha=self.alpha)
        if self.balance:
            totals = scores.sum(axis=0, dtype=np.float64)
            scores = scores / np.where(totals > 0, totals, 1)
        return scores


def spread_labels(
    pool: Neighbourhood, given: np.ndarray, *, alpha: float = 0.95, n_steps: int = 60
) -> np.ndarray:
    """Zhou's iteration.

    Parameters
    ----------
    pool : Neighbourhood
    given : ndarray of shape (n_nodes, n_classes), float32
        Labels of each class at each node.

    Returns
    -------
    ndarray of shape (n_nodes, n_classes), float32
        Scores of at least 0; rows that no label reached are 0.
    """
    scale = sparse.diags_array(pool.degrees**-0.5)
    weights = sparse.csr_array(scale @ pool.weights @ scale, dtype=np.float32)
    scores = given
    for _ in range(n_steps):
        scores = alpha * (weights @ scores) + (1 - alpha) * given
    return np.asarray(scores)
