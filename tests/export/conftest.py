"""Small answers of all kinds, and what an exported file says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelwise import GMVAE, UNLABELED
from labelwise.errors import LabelwiseWarning
from labelwise.export.writing import open_session

N_POOL, N_NEW = 300, 80
DIGITS = np.array(["zéro, ou rien", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"])


def digits():
    """Images of 8x8, uint8, and what they show."""
    X, truth = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8) * 15, truth


X, TRUTH = digits()
POOL, NEW = X[:N_POOL], X[N_POOL : N_POOL + N_NEW]
# Items of the pool, new ones, and some that are like nothing else.
NOISE = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
ASKED = np.concatenate([POOL[:50], NEW, NOISE])


def labels_of(truth, names=DIGITS, every=5):
    """Labels of some items, as names say."""
    y = np.full(len(truth), UNLABELED, dtype=object)
    y[::every] = names[truth[::every]].tolist()
    return y


def small(items=POOL, n_components=12, **parameters):
    """A model that learns in a moment."""
    tiny = {"n_latent": 4, "n_hidden": 32, "n_layers": 1, "max_epochs": 10, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)  # so small a model leaves components dead
        return GMVAE(n_components, device="cpu", **tiny | parameters).fit(items)


@pytest.fixture(scope="session")
def gmvae():
    """Of the pool; not to be changed."""
    return small()


@pytest.fixture(scope="session")
def encoding(gmvae):
    return gmvae.encode(POOL)


def ask(file, **inputs):
    """Labels and probabilities that a file gives."""
    labels, probabilities = open_session(file).run(["label", "probabilities"], inputs)
    return labels, probabilities
