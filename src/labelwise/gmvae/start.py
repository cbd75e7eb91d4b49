"""Where the components start: k-means on the latent means that a plain VAE has learned.

From random means most components die: the few that win early explain everything. See `docs/model.md`.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from labelwise.randomness import numpy_generator
from labelwise.threads import one_thread

# So many rows place centres well enough; more only cost time.
_MIN_ROWS = 20_000
_ROWS_PER_COMPONENT = 50


def start_rows(n_samples: int, n_components: int, seed: int) -> np.ndarray:
    """Rows to run k-means on, sorted: all of them, or a random sample of many."""
    n_rows = max(_MIN_ROWS, _ROWS_PER_COMPONENT * n_components)
    if n_samples <= n_rows:
        return np.arange(n_samples)
    return np.sort(numpy_generator(seed).choice(n_samples, n_rows, replace=False))


def kmeans_start(
    latent_means: np.ndarray, latent_variances: np.ndarray, n_components: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of the aggregate posterior within each k-means cluster of the latent means.

    The variance of a cluster is that of its items' means plus the mean of their posterior variances. Without
    the second part, a latent dimension that the encoder leaves unused (mean 0, variance 1) would get
    components of no width, and the mixture phase would begin with a KL term that wipes out what was learned.

    Parameters
    ----------
    latent_means, latent_variances : ndarray of shape (n, D)
        Of q(z given x).
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
    with one_thread():
        kmeans = KMeans(n_components, n_init=1, random_state=state).fit(latent_means.astype(np.float64))
    means = kmeans.cluster_centers_
    counts = np.bincount(kmeans.labels_, minlength=n_components)[:, None]
    squares = (latent_means - means[kmeans.labels_]) ** 2 + latent_variances
    sums = np.stack([np.bincount(kmeans.labels_, column, n_components) for column in squares.T], axis=1)
    pooled = squares.mean(axis=0)
    variances = np.where(counts > 1, sums / np.maximum(counts, 1), pooled)
    return means.astype(np.float32), variances.astype(np.float32)
