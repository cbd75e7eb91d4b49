"""What methods look at: posteriors of the model, and what is made of the items without it.

Everything here is computed once for many cells, without labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from labelwise.decoding import PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.events import Listener
from labelwise.features import Featurizer
from labelwise.gmvae import GMVAE
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
    """A pool that labels are drawn from, and the held-out items; methods answer both.

    Attributes
    ----------
    pool, held_out : View
    graph : Graph or None
        Of principal components.
    augment : {None, "affine", "elastic", "strokes", "photo"}
        How the model's training varied the items.
    featurizer : Featurizer or None
        What made features of them.
    """

    pool: View
    held_out: View | None = None
    graph: Graph | None = None
    augment: str | None = None
    featurizer: Featurizer | None = None


def plain_task(pool: np.ndarray, held_out: np.ndarray) -> Task:
    """A task whose views hold the items alone, each as one row; `held_out` may be empty."""
    return Task(View(_rows(pool)), View(_rows(held_out)) if len(held_out) else None)


def model_task(
    gmvae: GMVAE, pool: np.ndarray, held_out: np.ndarray, *, listen: Listener | None = None
) -> Task:
    """A task whose views hold the items and what a model says of them, ready for many cells.

    Parameters
    ----------
    gmvae : GMVAE
        Fitted.
    pool, held_out : ndarray of shape (n, ...)
        Items; `held_out` may be empty.
    listen : callable, default=None
        Gets an `Event` for each batch encoded.
    """
    task = plain_task(pool, held_out)
    encoding = gmvae.encode(pool, listen=listen)
    # The decoders of `methods` all leave the number of neighbours at its default.
    encoding.precompute(PoissonDecoder().n_neighbors)
    return Task(
        replace(task.pool, images=pool, encoding=encoding),
        None
        if task.held_out is None
        else replace(task.held_out, images=held_out, encoding=gmvae.encode(held_out, listen=listen)),
        augment=gmvae.augment_,
        featurizer=gmvae.featurizer_,
    )


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
    task = plain_task(pool, held_out)
    of_pool, of_held_out = (
        dict[str, Any]({name: values[part] for name, values in features.items()}) for part in (0, 1)
    )
    return Task(
        replace(task.pool, **of_pool),
        None if task.held_out is None else replace(task.held_out, **of_held_out),
        graph,
    ), seconds


def _rows(items: np.ndarray) -> np.ndarray:
    return items.reshape(len(items), math.prod(items.shape[1:]))


def _kmeans_posteriors(principal: list[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    """k-means as a mixture: round components of equal size, whose variance is the mean within clusters."""
    kmeans = KMeans(n_components, n_init=1, random_state=seed).fit(principal[0])
    variance = max(kmeans.inertia_ / principal[0].size, 1e-12)
    return [
        softmax(-(kmeans.transform(part) ** 2) / (2 * variance), axis=1).astype(np.float32)
        if len(part)
        else np.empty((0, n_components), np.float32)
        for part in principal
    ]


def _mixture_posteriors(principal: list[np.ndarray], n_components: int, seed: int) -> list[np.ndarray]:
    # Principal components do not correlate over all items, so that diagonal covariances suffice; few
    # iterations and a coarse tolerance bound the cost.
    mixture = GaussianMixture(
        n_components, covariance_type="diag", reg_covar=1e-5, max_iter=50, tol=1e-2, random_state=seed
    ).fit(principal[0])
    return [
        mixture.predict_proba(part).astype(np.float32)
        if len(part)
        else np.empty((0, n_components), np.float32)
        for part in principal
    ]
