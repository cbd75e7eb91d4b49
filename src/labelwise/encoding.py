"""`Encoding`: all that a model says of some items, and all that decoders look at."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from labelwise.errors import DataError
from labelwise.graph.points import Points

_ROW_SUM_TOLERANCE = 1e-3  # float32 posteriors of 2,000 components stay well within it

PARTS = {
    "latents": "what transform returns",
    "features": "principal components of the items",
}
"""What an encoding may hold beside posteriors, and what that is, in words."""


class Encoding:
    """Posteriors, latents and features of items, checked once.

    `GMVAE.encode` makes one in a single pass. Decoders take plain tables of probabilities as well, but where
    many of them learn from the same items, an `Encoding` saves checking, ranking and searching for
    neighbours each time.

    Parameters
    ----------
    posteriors : array-like of shape (n_samples, n_components)
        q(c given x); rows sum to 1.
    latents : array-like of shape (n_samples, n_latent), default=None
        Means of q(z given x): where the items lie in the model.
    features : array-like of shape (n_samples, n_features), default=None
        Where the items lie without the model: principal components of what it was fitted to.

    Attributes
    ----------
    posteriors : ndarray of shape (n_samples, n_components)
    latents, features : ndarray or None
    is_learned : bool
        Whether the features were learned from the items.

    Raises
    ------
    DataError
        If `posteriors` is not a table of numbers of at least 0 whose rows sum to 1, or another part is not a
        table of finite numbers with as many rows.

    Examples
    --------
    >>> encoding = Encoding([[0.9, 0.1], [0.2, 0.8]], latents=[[0.0], [1.0]])
    >>> len(encoding), encoding.top.tolist()
    (2, [0, 1])
    """

    def __init__(self, posteriors: Any, latents: Any = None, features: Any = None) -> None:
        values = _checked_posteriors(posteriors)
        self._set(
            values,
            None if latents is None else _checked_points(latents, len(values), "latents"),
            None if features is None else _checked_points(features, len(values), "features"),
        )

    @classmethod
    def of_checked(
        cls,
        posteriors: np.ndarray,
        latents: np.ndarray | None = None,
        features: np.ndarray | None = None,
        *,
        is_learned: bool = False,
    ) -> Encoding:
        """Take arrays that are known to be right: they are not looked at again."""
        self = cls.__new__(cls)
        self._set(posteriors, latents, features)
        self.is_learned = is_learned
        return self

    @classmethod
    def of_table(cls, posteriors: Any) -> Encoding:
        """Take a table of probabilities whose rows are all that is known of the items.

        Their square roots serve as latents: Euclidean distances between those are Hellinger distances.
        """
        self = cls(posteriors)
        self.latents = np.sqrt(self.posteriors)
        self.is_table = True
        return self

    def _set(self, posteriors: np.ndarray, latents: np.ndarray | None, features: np.ndarray | None) -> None:
        self.posteriors = posteriors
        self.latents = latents
        self.features = features
        self.is_table = False
        self.is_learned = False
        self._points: dict[str, Points] = {}

    def __len__(self) -> int:
        return len(self.posteriors)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the posteriors: scikit-learn cuts what has a shape, and indexes it, as it does arrays."""
        return len(self.posteriors), self.n_components

    def __getitem__(self, rows: np.ndarray | slice | tuple[Any, ...]) -> Encoding:
        """Encode only some of the items: an `Encoding` of `rows`, without the graphs made so far.

        `encoding[rows, ...]`, which is how scikit-learn writes it, means the same.
        """
        if isinstance(rows, tuple):
            (rows,) = (part for part in rows if part is not Ellipsis)
        latents, features = (None if part is None else part[rows] for part in (self.latents, self.features))
        found = self.of_checked(self.posteriors[rows], latents, features, is_learned=self.is_learned)
        found.is_table = self.is_table
        return found

    @property
    def n_components(self) -> int:
        """Columns of the posteriors."""
        return int(self.posteriors.shape[1])

    @cached_property
    def top(self) -> np.ndarray:
        """Most probable component of each item, shape (n_samples,)."""
        return np.asarray(self.posteriors.argmax(axis=1))

    @cached_property
    def overlap(self) -> np.ndarray:
        """How much components share items: Q'Q, shape (n_components, n_components), float64."""
        return np.asarray((self.posteriors.T @ self.posteriors).astype(np.float64))

    def precompute(self, n_neighbors: int) -> None:
        """Compute now what decoders would compute at first use: ranks, overlap, and a graph of each part.

        Worth it where copies of the encoding go to several processes.
        """
        _ = self.top, self.overlap
        for part in PARTS:
            if self.has(part):
                graph = self.points(part).neighbourhood(n_neighbors)
                _ = graph.degrees, graph.parts

    def has(self, part: str) -> bool:
        """Whether the "latents" or the "features" are there."""
        return getattr(self, part) is not None

    def points(self, part: str = "latents") -> Points:
        """Where the items lie, by latents or by features, with the graphs made so far.

        "both" lays features beside latents, each scaled to a mean squared distance of 1 from their mean. It
        is the latents alone where there are no features, and where features were learned from the items: such
        latents hold the same with less noise.

        Raises
        ------
        DataError
            If that part is not there.
        """
        if part == "both":
            if self.is_learned or not self.has("features") or not self.has("latents"):
                return self.points("latents")
            if part not in self._points:
                self._points[part] = Points(np.hstack([_scaled(self.latents), _scaled(self.features)]))
        if part not in self._points:
            values = getattr(self, part)
            if values is None:
                raise DataError(
                    f"the encoding has no {part} ({PARTS[part]}): pass what GMVAE.encode returns, or "
                    f"Encoding(posteriors, {part}={part})"
                )
            self._points[part] = Points(values)
        return self._points[part]


def _scaled(values: Any) -> np.ndarray:
    """Points of mean 0, at a root mean squared distance of 1 from it."""
    centred = values - values.mean(axis=0)
    size = math.sqrt(np.einsum("nd,nd->n", centred, centred).mean())
    return np.asarray(centred / (size or 1.0))


def as_encoding(Q: Any, n_components: int | None = None) -> Encoding:
    """`Q` itself if it is an `Encoding`, or that of a table of probabilities.

    Raises
    ------
    DataError
        If `Q` does not hold probabilities, or does not have `n_components` columns.
    """
    if not isinstance(Q, Encoding):
        Q = np.asarray(Q)
        if n_components is not None and Q.ndim == 2 and 0 not in Q.shape:
            _check_columns(Q.shape[1], n_components)
        return Encoding.of_table(Q)
    if n_components is not None:
        _check_columns(Q.n_components, n_components)
    return Q


def check_rows(P: np.ndarray, name: str) -> None:
    """Refuse rows that are not probabilities; errors call them `name`.

    Raises
    ------
    DataError
    """
    with np.errstate(over="ignore"):  # an infinite sum is not 1
        sums = P.sum(axis=1)
    wrong = ~(np.abs(sums - 1) < _ROW_SUM_TOLERANCE) | ~(P >= 0).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{name} must be at least 0 and sum to 1 in each row, but row {row} has minimum "
            f"{P[row].min():g} and sum {sums[row]:g}: pass what predict_proba returns"
        )


def _check_columns(found: int, expected: int) -> None:
    if found != expected:
        raise DataError(
            f"posteriors have {found} components, but the decoder was fitted with {expected}: "
            "use the same model for both"
        )


def _checked_posteriors(posteriors: Any) -> np.ndarray:
    Q = np.asarray(posteriors)
    if Q.ndim != 2 or 0 in Q.shape or Q.dtype.kind not in "fiub":
        raise DataError(
            f"posteriors must be a table of numbers of shape (n_samples, n_components), "
            f"but have shape {Q.shape} and type {Q.dtype}"
        )
    Q = Q if Q.dtype.kind == "f" else Q.astype(np.float64)
    check_rows(Q, "posteriors")
    return np.asarray(Q)


def _checked_points(values: Any, n_samples: int, part: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "fiub" or len(values) != n_samples:
        raise DataError(
            f"{part} must be a table of numbers with {n_samples} rows, but have shape {values.shape} "
            f"and type {values.dtype}: pass {PARTS[part]} for the same items"
        )
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        raise DataError(f"{part} hold NaN or infinity in row {wrong.argmax()}: leave such items out")
    return np.asarray(values, dtype=np.float32 if values.dtype.itemsize < 8 else np.float64)
