"""Pools of which all is known, for what chooses items and sheets."""

from __future__ import annotations

import numpy as np

from labelwise import UNLABELED
from labelwise.encoding import Encoding


def blobs(*sizes, distance=20.0, seed=0):
    """Posteriors and latents of round blobs, each its own component, and which one each item is in."""
    home = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).standard_normal((len(home), len(sizes)))
    corners = np.eye(len(sizes))
    return Encoding(corners[home], latents=distance * corners[home] + noise), home


def cloud(n_samples=120, seed=0):
    """Items of one cloud, half of them most probable in each of two components."""
    rng = np.random.default_rng(seed)
    latents = rng.standard_normal((n_samples, 2))
    share = 1 / (1 + np.exp(-latents[:, 0]))
    return Encoding(np.stack([share, 1 - share], axis=1), latents=latents)


def labels_at(n_samples, given):
    y = np.full(n_samples, UNLABELED, dtype=object)
    for row, label in given.items():
        y[row] = label
    return y
