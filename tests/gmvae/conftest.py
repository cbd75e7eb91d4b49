"""Small data and fitted models."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs

from labelwise import GMVAE
from labelwise.errors import StructureWarning


@pytest.fixture(scope="session")
def digits():
    """Images of shape (1797, 8, 8), uint8, and their classes."""
    images, y = load_digits(return_X_y=True)
    return np.minimum(images * 16, 255).astype(np.uint8).reshape(-1, 8, 8), y


@pytest.fixture(scope="session")
def blobs():
    """Four blobs in 20 columns of different location and scale, and where each row came from."""
    X, y = make_blobs(400, n_features=20, centers=4, cluster_std=2.0, random_state=0)
    return X * np.linspace(0.1, 50, 20) + np.linspace(-100, 100, 20), y


@pytest.fixture(scope="session")
def fit():
    """Fit a tiny model in two epochs; that few epochs may leave components dead, and the model says so."""

    def fit(X, *, fit_options=None, **parameters):
        settings = {"n_components": 3, "n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 2}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            return GMVAE(**({"random_state": 0} | settings | parameters)).fit(X, **(fit_options or {}))

    return fit


@pytest.fixture(scope="session")
def digits_model(digits):
    """A model of digits that has learned something; not to be changed."""
    settings = {"n_latent": 8, "n_hidden": 128, "n_layers": 2, "max_epochs": 40, "batch_size": 64}
    return GMVAE(20, **settings, learning_rate=3e-3, random_state=0).fit(digits[0])


@pytest.fixture(scope="session")
def blobs_model(blobs):
    """A model of the blobs; not to be changed."""
    settings = {"n_latent": 4, "n_hidden": 32, "n_layers": 1, "max_epochs": 40, "batch_size": 32}
    return GMVAE(4, **settings, learning_rate=2e-3, random_state=0).fit(blobs[0])
