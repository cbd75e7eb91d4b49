"""Posteriors and labels that every test of a decoder can use, and the list of decoders."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from labelwise.decoding import DECODERS, UNLABELED, HardDecoder
from labelwise.encoding import Encoding

UNNAMED = ("nearest", "prior", "abstain", "first")


def decoder_cases():
    """One case for each entry of DECODERS, and one for each choice of the hard one."""
    cases = [pytest.param(HardDecoder(unnamed=choice), id=f"hard-{choice}") for choice in UNNAMED]
    others = {name: kind for name, kind in DECODERS.items() if kind is not HardDecoder}
    return cases + [pytest.param(kind(), id=name) for name, kind in others.items()]


@pytest.fixture(params=decoder_cases())
def decoder(request):
    """A decoder that is not fitted, in turn each there is."""
    return clone(request.param)


def posteriors(n_samples=150, n_components=8, seed=0, dtype=np.float64):
    """Random posteriors; most rows lean to one component."""
    return np.random.default_rng(seed).dirichlet(np.full(n_components, 0.2), n_samples).astype(dtype)


def lying_at(latents, features=None):
    """An encoding of items of one component: all that tells them apart is where they lie."""
    return Encoding(np.ones((len(latents), 1)), latents, features)


def classes_of(Q, n_classes=3):
    """A truth that follows the components."""
    return Q.argmax(axis=1) % n_classes


def some_labels(truth, n_labeled=40, seed=0):
    """Integer labels for some items, -1 for the rest."""
    rows = np.random.default_rng(seed).permutation(len(truth))[:n_labeled]
    y = np.full(len(truth), UNLABELED)
    y[rows] = truth[rows]
    return y


def as_objects(y, name):
    """Labels as an array of objects: name(label) where there is one, -1 where there is none."""
    return np.array([UNLABELED if label == UNLABELED else name(int(label)) for label in y], dtype=object)
