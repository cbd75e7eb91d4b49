"""Principal components of the items themselves: where they lie without a model."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from labelwise.columns import never_vary
from labelwise.errors import DataError
from labelwise.randomness import numpy_generator
from labelwise.scratch import scratch_array
from labelwise.threads import one_thread

N_PRINCIPAL = 50
_MAX_EXACT = 1000  # features; the exact solver takes memory with their square and time with their cube
_MAX_ROWS = 20_000  # random items that settle the directions: more would only take memory
_CHUNK_ROWS = 8192


class PrincipalComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """At most 50 principal components of images or rows of numbers, with an overall scale of 1.

    Columns of tables are brought to unit variance first, pixels are not.

    Parameters
    ----------
    random_state : int, default=0

    Attributes
    ----------
    location_ : ndarray of shape (n_features,), float32
    axes_ : ndarray of shape (n_features, n_components), float32
        Items less `location_`, times `axes_`, are the components.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, is_table: bool | None = None) -> Self:
        """Find the directions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or images of shape (n_samples, ...)
        y : ignored
        is_table : bool, default=None
            Whether columns are quantities of their own; None takes two dimensions as a table.
        """
        X = np.asarray(X)
        is_table = X.ndim == 2 if is_table is None else is_table
        if len(X) < 2:
            raise DataError("one item has no principal components: give at least two")
        if len(X) > _MAX_ROWS:
            X = X[np.sort(numpy_generator(self.random_state).permutation(len(X))[:_MAX_ROWS])]
        rows = _rows(X)
        self.location_ = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = np.ones(rows.shape[1])
        if is_table:
            spread = rows.std(axis=0, dtype=np.float64)
            spread[never_vary(self.location_, spread)] = (
                np.inf
            )  # such columns say nothing of new items either
        rows = (rows - self.location_) / spread.astype(np.float32)
        solver = "covariance_eigh" if rows.shape[1] <= _MAX_EXACT else "randomized"
        with np.errstate(invalid="ignore"):  # items that are all equal have no variance to explain
            pca = PCA(min(N_PRINCIPAL, *rows.shape), svd_solver=solver, random_state=self.random_state)
            with one_thread():
                pca.fit(rows)
        # Overall scale 1, so that nothing depends on units.
        scale = np.sqrt(pca.explained_variance_.sum()) or 1.0
        self.axes_ = np.ascontiguousarray((pca.components_ / spread / scale).T, dtype=np.float32)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Project items.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
        """
        check_is_fitted(self)
        X = np.asarray(X)
        points = scratch_array((len(X), self.axes_.shape[1]))
        with one_thread():
            for start in range(0, len(X), _CHUNK_ROWS):
                part = slice(start, start + _CHUNK_ROWS)
                np.matmul(_rows(X[part]) - self.location_, self.axes_, out=points[part])
        return points


def _rows(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1).astype(np.float32)
