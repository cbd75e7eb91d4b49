"""Posteriors that were checked once, with what decoders ask of them again and again."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from labelwise.errors import DataError

_ROW_SUM_TOLERANCE = 1e-3


class Posteriors:
    """q(c given x) of many items, checked.

    Decoders take plain arrays as well. Where many of them are fitted to the same posteriors, as in a sweep
    over draws of labels, this saves checking and ranking the same numbers each time.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_components)
        Rows sum to 1.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_components)

    Raises
    ------
    DataError
        If `Q` is no table of numbers of at least 0 whose rows sum to 1.
    """

    def __init__(self, Q: Any) -> None:
        self.values = _checked(Q)

    @classmethod
    def of_checked(cls, Q: np.ndarray) -> Posteriors:
        """Rows of posteriors that were checked already."""
        self = cls.__new__(cls)
        self.values = Q
        return self

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_components(self) -> int:
        """Columns."""
        return int(self.values.shape[1])

    @cached_property
    def top(self) -> np.ndarray:
        """Most probable component of each item, shape (n_samples,)."""
        return np.asarray(self.values.argmax(axis=1))

    @cached_property
    def peak(self) -> np.ndarray:
        """Probability of that component, shape (n_samples,)."""
        return np.asarray(np.take_along_axis(self.values, self.top[:, None], axis=1)[:, 0])

    @cached_property
    def overlap(self) -> np.ndarray:
        """How much components share items: Q'Q, shape (n_components, n_components), float64."""
        return np.asarray((self.values.T @ self.values).astype(np.float64))


def as_posteriors(Q: Any, n_components: int | None = None) -> Posteriors:
    """`Q` itself if it is `Posteriors`, or `Posteriors` of an array.

    Raises
    ------
    DataError
        If `Q` does not hold probabilities, or has not `n_components` columns.
    """
    if not isinstance(Q, Posteriors):
        Q = np.asarray(Q)
        if n_components is not None and Q.ndim == 2 and 0 not in Q.shape:
            _check_columns(Q.shape[1], n_components)
        return Posteriors(Q)
    if n_components is not None:
        _check_columns(Q.n_components, n_components)
    return Q


def _check_columns(found: int, expected: int) -> None:
    if found != expected:
        raise DataError(
            f"posteriors have {found} components, but the decoder was fitted with {expected}: "
            "use the same model for both"
        )


def _checked(Q: Any) -> np.ndarray:
    Q = np.asarray(Q)
    if Q.ndim != 2 or 0 in Q.shape or Q.dtype.kind not in "fiub":
        raise DataError(
            f"posteriors must be a table of numbers of shape (n_samples, n_components), "
            f"but have shape {Q.shape} and type {Q.dtype}"
        )
    Q = Q if Q.dtype.kind == "f" else Q.astype(np.float64)
    wrong = ~(np.abs(Q.sum(axis=1) - 1) < _ROW_SUM_TOLERANCE) | ~(Q >= 0).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"posteriors must be at least 0 and sum to 1 in each row, but row {row} has minimum "
            f"{Q[row].min():g} and sum {Q[row].sum():g}: pass what predict_proba returns"
        )
    return np.asarray(Q)
