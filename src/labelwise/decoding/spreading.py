"""Label spreading: labelled items tell their neighbours, and those theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from labelwise.decoding.base import GraphDecoder
from labelwise.encoding import PARTS
from labelwise.graph.neighbours import Neighbourhood
from labelwise.graph.walks import walk
from labelwise.parameters import Fraction, Integer, Option


class SpreadingDecoder(GraphDecoder):
    """Spread labels over the graph of nearest neighbours.

    60 steps of F <- alpha S F + (1 - alpha) Y with S = D^-1/2 W D^-1/2: Zhou et al., *Learning with Local and
    Global Consistency*, NIPS 2003. Much closer to 1 than 0.95, alpha would take more steps to its limit.

    Parameters
    ----------
    alpha : float, default=0.95
        How much of its value an item takes from its neighbours, 0..1.
    balance : bool, default=True
        Divide each class's scores by their sum over all items. With few labels, a class that has more of them
        would otherwise win for that alone; with many labels of unequal classes, False does better.
    n_neighbors : int, default=10
    on : {"latents", "features"}, default="latents"
        Where neighbours are looked for: in the model's latents, or in features, without the model.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "alpha": Fraction(),
        "balance": Option(True, False),
        "n_neighbors": Integer(1),
        "on": Option(*PARTS),
    }

    def __init__(
        self,
        alpha: float = 0.95,
        balance: bool = True,
        n_neighbors: int = 10,
        on: str = "latents",
        classes: Any = None,
    ) -> None:
        self.alpha = alpha
        self.balance = balance
        self.n_neighbors = n_neighbors
        self.on = on
        self.classes = classes

    def node_scores(self, pool: Neighbourhood, given: np.ndarray) -> np.ndarray:
        """Scores of all nodes; see `GraphDecoder.node_scores`."""
        weights = normalised(pool.weights, pool.degrees)
        scores = spread_labels(weights, given, alpha=self.alpha, order=pool.order)
        return balanced(scores) if self.balance else scores


def normalised(weights: sparse.csr_array, degrees: np.ndarray) -> sparse.csr_array:
    """D^-1/2 W D^-1/2, float32, of weights (n, n) and their row sums (n,), none of which is 0."""
    scale = sparse.diags_array(degrees**-0.5)
    return sparse.csr_array(scale @ weights @ scale, dtype=np.float32)


def spread_labels(
    weights: sparse.csr_array,
    given: np.ndarray,
    *,
    alpha: float = 0.95,
    n_steps: int = 60,
    order: np.ndarray | None = None,
) -> np.ndarray:
    """Zhou's iteration.

    Parameters
    ----------
    weights : sparse array of shape (n, n)
        As `normalised` gives them.
    given : ndarray of shape (n, n_classes), float32
        Labels of each class at each node.
    alpha : float
    n_steps : int
    order : ndarray of shape (n,), int, default=None
        As for `walk`; None takes the nodes as they are.

    Returns
    -------
    ndarray of shape (n, n_classes), float32
        Scores of at least 0; rows that no label reached are 0.
    """
    order = np.arange(len(given)) if order is None else order
    return walk(alpha * weights, given, (1 - alpha) * given, n_steps, order)


def balanced(scores: np.ndarray) -> np.ndarray:
    """Each class's scores, (n, n_classes), over their sum; classes without any stay 0."""
    totals = scores.sum(axis=0, dtype=np.float64)
    return np.asarray(scores / np.where(totals > 0, totals, 1))
