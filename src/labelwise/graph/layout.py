"""Two coordinates for each item, to draw a map of all of them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from labelwise.randomness import RandomState, draw_seed, numpy_generator

# t-SNE takes seconds for a few thousand points and many minutes for a hundred thousand. So it lays out some,
# and each of the others goes where its nearest of these are.
_N_LANDMARKS = 2500
_N_NEAREST = 3
_PERPLEXITY = 30.0
_JITTER = 0.6  # of the usual distance between neighbours: items on one spot would hide each other


def lay_out(points: np.ndarray, random_state: RandomState = None) -> np.ndarray:
    """Place items in the plane so that close ones stay close.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_dimensions)
    random_state : int, RandomState, Generator or None

    Returns
    -------
    ndarray of shape (n_samples, 2), float32
        Within -1..1.

    Notes
    -----
    t-SNE (van der Maaten and Hinton, *Journal of Machine Learning Research* 9, 2008) of at most 2,500 random
    items; each other item is placed at the weighted mean of its three nearest ones.
    """
    seed = draw_seed(random_state)
    rng = numpy_generator(seed, 0)
    values = np.asarray(points, dtype=np.float32)
    if len(values) < 4:
        return np.linspace(-0.5, 0.5, 2 * len(values), dtype=np.float32).reshape(-1, 2)
    chosen = np.sort(rng.permutation(len(values))[:_N_LANDMARKS])
    landmarks = values[chosen]
    placed = _embed(landmarks, seed % 2**31)
    positions = placed if len(chosen) == len(values) else _place(values, landmarks, placed, rng)
    positions = positions - (positions.max(axis=0) + positions.min(axis=0)) / 2
    scaled: np.ndarray = positions / max(float(np.abs(positions).max()), 1e-9)
    return scaled.astype(np.float32)


def _embed(landmarks: np.ndarray, seed: int) -> np.ndarray:
    if landmarks.shape[1] < 2:
        landmarks = np.column_stack([landmarks, np.zeros(len(landmarks), dtype=landmarks.dtype)])
    start = PCA(2, random_state=seed).fit_transform(landmarks)
    start = start / max(float(start[:, 0].std()), 1e-9) * 1e-4
    perplexity = min(_PERPLEXITY, (len(landmarks) - 1) / 3)
    found: np.ndarray = TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(landmarks)
    return found


def _place(
    values: np.ndarray, landmarks: np.ndarray, placed: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Where all items go, once some have been placed."""
    spread = float(np.median(cKDTree(placed).query(placed, 2)[0][:, 1]))
    positions = np.empty((len(values), 2))
    squares = (landmarks**2).sum(axis=1)
    for start in range(0, len(values), 4096):
        part = values[start : start + 4096]
        distances = (part**2).sum(axis=1)[:, None] - 2 * part @ landmarks.T + squares
        near = np.argpartition(distances, _N_NEAREST, axis=1)[:, :_N_NEAREST]
        reach = np.sqrt(np.maximum(np.take_along_axis(distances, near, axis=1), 0))
        weights = 1 / (reach + 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        # The mean of places that lie far apart would be on empty ground: then the nearest one counts.
        first = placed[near[np.arange(len(near)), reach.argmin(axis=1)]]
        spots = placed[near]
        far = np.linalg.norm(spots - first[:, None], axis=2) > 10 * spread
        weights = np.where(far, 0, weights)
        weights /= weights.sum(axis=1, keepdims=True)
        positions[start : start + 4096] = (weights[..., None] * spots).sum(axis=1)
    positions += rng.normal(0, _JITTER * spread, positions.shape)
    return positions
