"""What methods look at: posteriors of the model, and what is made of the items without it.

Everything here is computed once for many cells, without labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from labelwise.decoding.posteriors import Posteriors
from labelwise.study.spreading import Graph, neighbour_graph

_N_PRINCIPAL = 50


@dataclass(frozen=True, eq=False)
class View:
    """The items of one part, pool or held out, as methods see them; rows belong together.

    Attributes
    ----------
    items : ndarray of shape (n, n_features)
        As they came.
    images : ndarray of shape (n, ...), or None
        The items in their own shape.
    posteriors : Posteriors, or None
        q(c given x) and latents of the model.
    suggested : ndarray of shape (n_draws, n_labels), int, or None
        Rows that `labelwise.suggest` names, the most useful first.
    principal, kmeans, mixture : ndarray or None
        Principal components; posteriors of k-means and of a Gaussian mixture on them.
    """

    items: np.ndarray
    images: np.ndarray | None = None
    posteriors: Posteriors | None = None
    suggested: np.ndarray | None = None
    principal: np.ndarray | None = None
    kmeans: np.ndarray | None = None
    mixture: np.ndarray | None = None

    def get(self, name: str) -> Any:
        """The feature called `name`.

        Raises
        ------
        LookupError
            If it was not prepared.
        """
        values = getattr(self, name)
        if values is None:
            raise LookupError(f"{name} were not prepared")
        return values


@dataclass(frozen=True, eq=False)
class Task:
    """One model's pool: labels are drawn from it, answers are given for it and for the held-out items.

    Attributes
    ----------
    pool, held_out : View
    graph : Graph or None
        Of principal components.
    augment : {None, "affine"}
        What may change in an item, as the model was told.
    """

    pool: View
    held_out: View | None = None
    graph: Graph | None = None
    augment: str | None = None


def prepare(
    needs: set[str], pool: np.ndarray, held_out: np.ndarray, n_components: int, seed: int = 0
) -> tuple[Task, dict[str, float]]:
    """Compute the features in `needs` that take no model, and how long each took.

    Parameters
    ----------
    needs : set of str
        Among "principal", "kmeans", "mixture" and "graph"; others are ignored.
    pool, held_out : ndarray of shape (n, ...)
        Items; `held_out` may be empty.
    n_components : int
        Clusters of k-means and of the Gaussian mixture: as many as the model has.
    seed : int

    Returns
    -------
    task : Task
    seconds : dict of str to float
    """
    seconds: dict[str, float] = {}
    items = [part.reshape(len(part), math.prod(part.shape[1:])) for part in (pool, held_out)]
    features: dict[str, list[np.ndarray]] = {}
    if needs & {"principal", "kmeans", "mixture", "graph"}:
        start = time.perf_counter()
        features["principal"] = _principal_components(items, is_table=pool.ndim == 2, seed=seed)
        seconds["principal"] = time.perf_counter() - start
    clusterings: Mapping[str, Callable[..., list[np.ndarray]]] = {
        "kmeans": _kmeans_posteriors,
        "mixture": _mixture_posteriors,
    }
    for name, cluster in clusterings.items():
        if name in needs:
            start = time.perf_counter()
            features[name] = cluster(features["principal"], min(n_components, len(pool)), seed)
            seconds[name] = time.perf_counter() - start
    graph = None
    if "graph" in needs:
        start = time.perf_counter()
        graph = neighbour_graph(features["principal"][0], features["principal"][1])
        seconds["graph"] = time.perf_counter() - start
    views = []
    for part in (0, 1):
        found: dict[str, Any] = {name: values[part] for name, values in features.items()}
        views.append(View(items[part], **found))
    return Task(views[0], views[1] if len(held_out) else None, graph), seconds


def _principal_components(items: list[np.ndarray], *, is_table: bool, seed: int) -> list[np.ndarray]:
    """Float32; columns of tables are brought to unit variance first, pixels are not."""
    parts = [part.astype(np.float32) for part in items]
    if is_table:
        scaler = StandardScaler().fit(parts[0])
        parts = [scaler.transform(part) if len(part) else part for part in parts]
    n_principal = min(_N_PRINCIPAL, *parts[0].shape)
    pca = PCA(n_principal, svd_solver="covariance_eigh", random_state=seed).fit(parts[0])
    # Overall scale 1, so that no method depends on units.
    scale = np.sqrt(pca.explained_variance_.sum())
    empty = np.empty((0, n_principal), dtype=np.float32)
    return [(pca.transform(part) / scale).astype(np.float32) if len(part) else empty for part in parts]


def _kmeans_posteriors(principal: list[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    """k-means as the mixture that it stands for: equal round components of the mean variance within."""
    kmeans = KMeans(n_components, n_init=1, random_state=seed).fit(principal[0])
    variance = max(kmeans.inertia_ / principal[0].size, 1e-12)
    return [
        softmax(-(kmeans.transform(part) ** 2) / (2 * variance), axis=1).astype(np.float32)
        if len(part)
        else np.empty((0, n_components), np.float32)
        for part in principal
    ]


def _mixture_posteriors(principal: list[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    mixture = GaussianMixture(
        n_components, covariance_type="diag", reg_covar=1e-5, max_iter=50, tol=1e-2, random_state=seed
    ).fit(principal[0])
    return [
        mixture.predict_proba(part).astype(np.float32)
        if len(part)
        else np.empty((0, n_components), np.float32)
        for part in principal
    ]
