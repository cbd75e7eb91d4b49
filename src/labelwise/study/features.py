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
from sklearn.mixture import GaussianMixture

from labelwise.encoding import Encoding
from labelwise.graph.principal import PrincipalComponents
from labelwise.study.spreading import Graph, neighbour_graph


@dataclass(frozen=True, eq=False)
class View:
    """The items of one part, pool or held out, as methods see them; rows belong together.

    Attributes
    ----------
    items : ndarray of shape (n, n_features)
        As they came.
    images : ndarray of shape (n, ...), or None
        The items in their own shape.
    encoding : Encoding, or None
        What the model says.
    suggested : ndarray of shape (n_draws, n_labels), int, or None
        Rows that `labelwise.suggest` names, the most useful first.
    principal, kmeans, mixture : ndarray or None
        Principal components; posteriors of k-means and of a Gaussian mixture on them.
    """

    items: np.ndarray
    images: np.ndarray | None = None
    encoding: Encoding | None = None
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
    augment : {None, "affine", "elastic"}
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
        principal = PrincipalComponents(random_state=seed).fit(pool)
        features["principal"] = [principal.transform(part) for part in (pool, held_out)]
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
