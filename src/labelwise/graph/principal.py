"""Principal components of the items themselves: where they lie without a model."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from labelwise.errors import DataError

N_PRINCIPAL = 50
_MAX_EXACT = 1000  # features


class PrincipalComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """At most 50 principal components of images or rows of numbers, with an overall scale of 1.

    Columns of tables are brought to unit variance first, pixels are not.

    Parameters
    ----------
    random_state : int, default=0
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the directions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or images of shape (n_samples, ...)
        y : ignored
        """
        X = np.asarray(X)
        self.scaler_ = StandardScaler().fit(_rows(X)) if X.ndim == 2 else None
        rows = self._scaled(X)
        if len(rows) < 2:
            raise DataError("one item has no principal components: give at least two")
        n_components = min(N_PRINCIPAL, *rows.shape)
        # The exact solver takes memory with the square of the features and time with the cube.
        solver = "covariance_eigh" if rows.shape[1] <= _MAX_EXACT else "randomized"
        with np.errstate(invalid="ignore"):  # items that are all equal have no variance to explain
            self.pca_ = PCA(n_components, svd_solver=solver, random_state=self.random_state).fit(rows)
        # Overall scale 1, so that nothing depends on units.
        self.scale_ = np.sqrt(self.pca_.explained_variance_.sum()) or 1.0
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Project items.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
        """
        check_is_fitted(self)
        X = np.asarray(X)
        if not len(X):
            return np.empty((0, self.pca_.n_components_), dtype=np.float32)
        return np.asarray(self.pca_.transform(self._scaled(X)) / self.scale_, dtype=np.float32)

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        rows = _rows(X)
        return rows if self.scaler_ is None else np.asarray(self.scaler_.transform(rows))


def _rows(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1).astype(np.float32)
