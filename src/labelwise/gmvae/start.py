"""Where the components start: k-means on the latent means that a plain VAE has learned.

From random means most components die: the few that win early explain everything. See `docs/model.md`.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from labelwise.randomness import numpy_generator

# Enough rows for K=100 centres; more only cost time.
MAX_START_ROWS = 20_000

_MIN_VARIANCE = 1e-3


def kmeans_start(latents: np.ndarray, n_components: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and diagonal variances of the k-means clusters of `latents`.

    Parameters
    ----------
    latents : ndarray of shape (n, D)
    n_components : int
    seed : int

    Returns
    -------
    means, variances : ndarray of shape (n_components, D), float32
        A cluster of one item gets the mean variance of all clusters.
    """
    state = int(numpy_generator(seed).integers(2**31))
    # One thread: with several, scikit-learn adds up partial sums in the order in which threads finish,
    # and the same seed would not give the same bits.
    with threadpool_limits(limits=1, user_api="openmp"):
        kmeans = KMeans(n_components, n_init=1, random_state=state).fit(latents.astype(np.float64))
    means = kmeans.cluster_centers_
    counts = np.bincount(kmeans.labels_, minlength=n_components)[:, None]
    squares = (latents - means[kmeans.labels_]) ** 2
    sums = np.stack([np.bincount(kmeans.labels_, column, n_components) for column in squares.T], axis=1)
    pooled = squares.mean(axis=0)
    variances = np.where(counts > 1, sums / np.maximum(counts, 1), pooled)
    return means.astype(np.float32), np.maximum(variances, _MIN_VARIANCE).astype(np.float32)
