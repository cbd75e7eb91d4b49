"""Posteriors that were checked once, with what decoders ask of them again and again."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from labelwise.errors import DataError
from labelwise.graph.neighbours import Neighbourhood

_ROW_SUM_TOLERANCE = 1e-3


class Posteriors:
    """q(c given x) of many items, checked.

    Decoders take plain arrays as well. Where many of them are fitted to the same posteriors, as in a sweep
    over draws of labels, this saves checking, ranking and looking for neighbours each time.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_components)
        Rows sum to 1.
    latents : array-like of shape (n_samples, n_latent), default=None
        Where the same items lie; None takes the square roots of the posteriors, whose Euclidean distances are
        Hellinger distances.
    items : array-like of shape (n_samples, n_features), default=None
        The same items without a model, such as their principal components, so that `AutoDecoder` can tell
        whether the model helps.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_components)
    of_items : Posteriors or None
        The same posteriors with `items` for latents.

    Raises
    ------
    DataError
        If `Q` is no table of numbers of at least 0 whose rows sum to 1, or `latents` or `items` no table of
        finite numbers with as many rows.
    """

    of_items: Posteriors | None

    def __init__(self, Q: Any, latents: Any = None, *, items: Any = None) -> None:
        values = _checked(Q)
        self._set(values, None if latents is None else _checked_latents(latents, len(values)))
        if items is not None:
            of_items = Posteriors.of_checked(values)
            of_items._latents = _checked_latents(items, len(values))
            self.of_items = of_items

    @classmethod
    def of_checked(cls, Q: np.ndarray) -> Posteriors:
        """Rows of posteriors that were checked already."""
        self = cls.__new__(cls)
        self._set(Q, None)
        return self

    def _set(self, Q: np.ndarray, latents: np.ndarray | None) -> None:
        self.values = Q
        self._latents = latents
        self.of_items = None
        self._neighbourhoods: dict[int, Neighbourhood] = {}
        self._places: list[tuple[Neighbourhood, sparse.csr_array]] = []

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_components(self) -> int:
        """Columns."""
        return int(self.values.shape[1])

    @property
    def has_latents(self) -> bool:
        """Whether latents were given."""
        return self._latents is not None

    @cached_property
    def top(self) -> np.ndarray:
        """Most probable component of each item, shape (n_samples,)."""
        return np.asarray(self.values.argmax(axis=1))

    @cached_property
    def peak(self) -> np.ndarray:
        """Probability of that component, shape (n_samples,)."""
        return np.asarray(np.take_along_axis(self.values, self.top[:, None], axis=1)[:, 0])

    @cached_property
    def points(self) -> np.ndarray:
        """Where the items lie: the latents, or the square roots of the posteriors."""
        return np.sqrt(self.values) if self._latents is None else self._latents

    def neighbourhood(self, n_neighbors: int) -> Neighbourhood:
        """The graph of nearest neighbours among the items; kept for the next time."""
        if n_neighbors not in self._neighbourhoods:
            self._neighbourhoods[n_neighbors] = Neighbourhood(self.points, n_neighbors)
        return self._neighbourhoods[n_neighbors]

    def neighbourhood_is(self, pool: Neighbourhood) -> bool:
        """Whether these are the items of `pool`, in their order."""
        if pool in self._neighbourhoods.values():
            return True
        return len(self) == len(pool.nodes) and np.array_equal(self.points, pool.points[pool.nodes])

    def placed_in(self, pool: Neighbourhood) -> sparse.csr_array:
        """How values at the items of `pool` carry over to these; kept for the next time."""
        for known, place in self._places:
            if known is pool:
                return place
        self._places.append((pool, pool.place(self.points)))
        return self._places[-1][1]

    @cached_property
    def overlap(self) -> np.ndarray:
        """How much components share items: Q'Q, shape (n_components, n_components), float64."""
        return np.asarray((self.values.T @ self.values).astype(np.float64))


def as_posteriors(Q: Any, n_components: int | None = None, *, latents: Any = None) -> Posteriors:
    """`Q` itself if it is `Posteriors`, or `Posteriors` of an array and its latents.

    Raises
    ------
    DataError
        If `Q` does not hold probabilities, or has not `n_components` columns.
    """
    if not isinstance(Q, Posteriors):
        Q = np.asarray(Q)
        if n_components is not None and Q.ndim == 2 and 0 not in Q.shape:
            _check_columns(Q.shape[1], n_components)
        return Posteriors(Q, latents)
    if latents is not None:
        raise DataError("Posteriors hold their latents: pass latents to Posteriors(Q, latents) instead")
    if n_components is not None:
        _check_columns(Q.n_components, n_components)
    return Q


def check_rows(P: np.ndarray, name: str) -> None:
    """Refuse rows that are no probabilities; errors call them `name`.

    Raises
    ------
    DataError
    """
    wrong = ~(np.abs(P.sum(axis=1) - 1) < _ROW_SUM_TOLERANCE) | ~(P >= 0).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{name} must be at least 0 and sum to 1 in each row, but row {row} has minimum "
            f"{P[row].min():g} and sum {P[row].sum():g}: pass what predict_proba returns"
        )


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
    check_rows(Q, "posteriors")
    return np.asarray(Q)


def _checked_latents(latents: Any, n_samples: int) -> np.ndarray:
    latents = np.asarray(latents)
    if latents.ndim != 2 or latents.dtype.kind not in "fiub" or len(latents) != n_samples:
        raise DataError(
            f"latents must be a table of numbers with {n_samples} rows, but have shape {latents.shape} "
            f"and type {latents.dtype}: pass what transform returns for the same items"
        )
    wrong = ~np.isfinite(latents).all(axis=1)
    if wrong.any():
        raise DataError(f"latents hold NaN or infinity in row {wrong.argmax()}: leave such items out")
    return np.asarray(latents, dtype=np.float32 if latents.dtype.itemsize < 8 else np.float64)
