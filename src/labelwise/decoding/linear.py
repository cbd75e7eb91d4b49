"""A straight boundary between classes: for pools whose classes are not clusters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from labelwise.decoding.base import GraphDecoder
from labelwise.decoding.shares import class_shares, with_shares
from labelwise.encoding import Encoding
from labelwise.parameters import Integer, Option
from labelwise.threads import one_thread

_MAX_STEPS = 300  # of the solver; it stops by itself before that, nearly always


class LinearDecoder(GraphDecoder):
    """Logistic regression on the latents, and on the features beside them.

    Its probabilities are scaled so that classes have the sizes in the pool that their labels suggest: with
    few labels, a class that happens to have more of them, or to be wide, would get too many items.

    The graph of neighbours of the latents is only asked how far an item is from everything, and what new
    items are near: they get the mean of their nearest neighbours' probabilities, so that nothing is
    extrapolated.

    Parameters
    ----------
    use_features : bool, default=True
        Whether to look at the features too. An `Encoding` must then hold them.
    n_neighbors : int, default=10
    classes : array-like, default=None
        All classes there are; None takes those among the labels.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "use_features": Option(True, False),
        "n_neighbors": Integer(1),
    }

    on = "latents"

    def __init__(self, use_features: bool = True, n_neighbors: int = 10, classes: Any = None) -> None:
        self.use_features = use_features
        self.n_neighbors = n_neighbors
        self.classes = classes

    @property
    def needs(self) -> tuple[str, ...]:
        """Latents, and features if it is to look at them."""
        return ("latents", "features") if self.use_features else ("latents",)

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        self.pool_ = Q.points(self.on).neighbourhood(self.n_neighbors)
        found = np.zeros((len(Q), len(self.classes_)))
        found[:, np.unique(codes)] = regression(columns_of(Q, self.needs), labeled, codes)
        found = with_shares(found, class_shares(np.bincount(codes, minlength=found.shape[1])))
        given = np.zeros(found.shape)
        given[labeled, codes] = 1
        self.node_scores_ = self._trusted(self.pool_.gather(found), self.pool_.gather(given))


def columns_of(Q: Encoding, parts: Sequence[str]) -> np.ndarray:
    """Those parts of an encoding that it has, each at one overall scale, side by side."""
    return np.hstack([_scaled(getattr(Q, part)) for part in parts if Q.has(part)])


def _scaled(points: np.ndarray) -> np.ndarray:
    """Points with a median of 0 and an overall scale of about 1 a column, whatever a few far ones do."""
    points = points - np.median(points, axis=0).astype(np.float64)
    squares = np.square(points).sum(axis=1)
    # Where most items are equal, the others set the scale.
    typical = np.median(squares) or squares.mean() or 1.0
    return np.asarray(points * np.sqrt(points.shape[1] / typical))


def regression(
    X: np.ndarray,
    rows: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    tol: float = 1e-6,
) -> np.ndarray:
    """Probabilities, for all rows of `X`, of the classes that have labels.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    rows, codes : ndarray of shape (n_labeled,), int
        What to learn from, and its classes.
    weights : ndarray of shape (n_labeled,), default=None
        None weighs all alike.
    tol : float, default=1e-6
        Gradient at which the solver stops.
    """
    if len(np.unique(codes)) < 2:
        return np.ones((len(X), 1))
    # Sums over the labels, in an order of their own, are the same for whatever order they come in.
    order = np.lexsort((*X[rows].T[::-1], codes))
    ordered = None if weights is None else weights[order]
    model = fitted_regression(X[rows[order]], codes[order], ordered, tol=tol)
    with one_thread():
        return np.asarray(model.predict_proba(X))


def fitted_regression(
    X: np.ndarray, codes: np.ndarray, weights: np.ndarray | None = None, *, C: float = 1.0, tol: float = 1e-6
) -> LogisticRegression:
    """Logistic regression that has learned the classes of all rows of `X`, weighted.

    Parameters are those of `regression`, and the inverse strength of the penalty, as scikit-learn has it.
    """
    model = LogisticRegression(C=C, max_iter=_MAX_STEPS, tol=tol)
    with one_thread(), warnings.catch_warnings():
        # With one or two labels a class, it is asked whether they are quantities.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        return model.fit(X, codes, weights)
