"""Names that spread between components that share items."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding.base import Decoder
from labelwise.encoding import Encoding
from labelwise.parameters import Fraction


class RelatedDecoder(Decoder):
    """Name each component by its own labels and by those of related components.

    Components are related as far as they share items: A = Q'Q, scaled to unit degrees, S = D^-1/2 A D^-1/2.
    The labels' weights spread by (1 - alpha S)^-1, so that a component that no label reached gets the name of
    its surroundings.

    Parameters
    ----------
    alpha : float, default=0.9
        How far names spread, 0..1.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    component_probabilities_ : ndarray of shape (n_components, n_classes)
        p(label given c); rows sum to 1.
    """

    _constraints = {"alpha": Fraction()}  # noqa: RUF012 (never changed)

    def __init__(self, alpha: float = 0.9, classes: Any = None) -> None:
        self.alpha = alpha
        self.classes = classes

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        counts = component_counts(Q, labeled, codes, len(self.classes_))
        names = spread_names(Q.overlap, counts, self.alpha)
        unreached = names.sum(axis=1) == 0
        names[unreached] = self.class_prior_
        self.component_probabilities_ = names

    def _scores(self, Q: Encoding) -> np.ndarray:
        return np.asarray(Q.posteriors @ self.component_probabilities_)


def component_counts(Q: Encoding, labeled: np.ndarray, codes: np.ndarray, n_classes: int) -> np.ndarray:
    """How many labels of each class each component holds, shape (n_components, n_classes), float64."""
    members = np.zeros((len(codes), n_classes))
    members[np.arange(len(codes)), codes] = 1
    return np.asarray(Q.posteriors[labeled].T.astype(np.float64) @ members)


def spread_names(overlap: np.ndarray, counts: np.ndarray, alpha: float) -> np.ndarray:
    """Shares of classes in each component once labels have spread to related ones.

    Each class is divided by its total over all components: with few labels, a class that has more of them
    would otherwise win for that alone.

    Parameters
    ----------
    overlap : ndarray of shape (n_components, n_components)
        Q'Q.
    counts : ndarray of shape (n_components, n_classes)
    alpha : float

    Returns
    -------
    ndarray of shape (n_components, n_classes)
        Rows sum to 1, or are 0 where nothing came.
    """
    degrees = np.maximum(overlap.sum(axis=1), np.finfo(np.float64).tiny)
    scale = degrees**-0.5
    related = scale[:, None] * overlap * scale
    spread = np.linalg.solve(np.eye(len(overlap)) - alpha * related, counts) * scale[:, None]
    spread = np.maximum(spread, 0)  # rounding
    totals = spread.sum(axis=0)
    spread = spread / np.where(totals > 0, totals, 1)
    sums = spread.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(spread, sums, out=np.zeros_like(spread), where=sums > 0))
