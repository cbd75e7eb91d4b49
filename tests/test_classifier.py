"""`GMVAEClassifier`: scikit-learn's checks, and what it adds to a model and a decoder."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwise import GMVAE, UNLABELED, GMVAEClassifier, HardDecoder, SoftDecoder
from labelwise.decoding import DECODERS
from labelwise.errors import (
    ClassWithoutLabelWarning,
    DataError,
    LabelError,
    ParameterError,
    UnnamedComponentWarning,
)

# Models this small, trained this briefly, often leave components dead, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

TINY = {"n_latent": 2, "n_hidden": 16, "n_layers": 1, "random_state": 0, "device": "cpu"}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that share a busy core wait for each other longer than such small models take."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


# Checks of scikit-learn that this classifier cannot pass, each with its reason.
EXPECTED_FAILURES: dict[str, str] = {}


@parametrize_with_checks(
    [GMVAEClassifier(GMVAE(8, max_epochs=15, learning_rate=5e-3, batch_size=16, **TINY))],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
