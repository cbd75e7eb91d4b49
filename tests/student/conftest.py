"""Small data, a teacher that is often wrong, and students that learn in a moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from labelwise.labels import UNLABELED
from labelwise.student import Student

QUICK = {"max_rounds": 2, "n_steps": 20, "batch_size": 64, "device": "cpu", "random_state": 0}


class Lesson(NamedTuple):
    """Items, what they are, labels for some, and what a teacher says of all."""

    X: np.ndarray
    truth: np.ndarray
    y: np.ndarray
    answers: np.ndarray


def quick(augment=None, **parameters):
    """A student that learns in a moment."""
    return Student(augment, **QUICK | parameters)


def teacher_of(truth, n_classes, *, wrong=0.25, sure=0.8, seed=0):
    """Probabilities of a teacher that takes a share of the items, drawn at random, for another class."""
    rng = np.random.default_rng(seed)
    shift = np.where(rng.random(len(truth)) < wrong, rng.integers(1, n_classes, len(truth)), 0)
    said = (truth + shift) % n_classes
    return (
        (1 - sure) / (n_classes - 1) + (sure - (1 - sure) / (n_classes - 1)) * np.eye(n_classes)[said]
    ).astype(np.float32)


def labels_for(truth, n_labeled):
    """Labels of the first items, -1 for the rest."""
    y = np.full(len(truth), UNLABELED)
    y[:n_labeled] = truth[:n_labeled]
    return y


def bars(n_samples, *, seed=0, channels=()):
    """Grey noise of 10x10 with a white bar, lying (class 0) or standing (class 1)."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n_samples) % 2
    X = rng.integers(0, 120, (n_samples, 10, 10, *channels)).astype(np.uint8)
    for image, stands in zip(X, truth, strict=True):
        place = rng.integers(2, 8)
        if stands:
            image[:, place] = 255
        else:
            image[place] = 255
    return X, truth


def correct(answers, truth):
    """Share of rows whose largest entry is that of the truth."""
    return (answers.argmax(axis=1) == truth).mean()


@pytest.fixture(scope="session")
def blobs():
    """A table of three blobs in ten columns; every twelfth item has a label. Not to be changed."""
    X, truth = make_blobs(240, n_features=10, centers=3, cluster_std=2.0, random_state=0)
    return Lesson(X.astype(np.float32), truth, labels_for(truth, 20), teacher_of(truth, 3))


@pytest.fixture(scope="session")
def images():
    """Images of bars; every tenth has a label. Not to be changed."""
    X, truth = bars(200)
    return Lesson(X, truth, labels_for(truth, 20), teacher_of(truth, 2))


@pytest.fixture(scope="session")
def taught(blobs):
    """A student of the blobs; not to be changed."""
    return quick().fit(blobs.X, blobs.y, blobs.answers)


@pytest.fixture(scope="session")
def taught_images(images):
    """A student of the bars; not to be changed."""
    return quick().fit(images.X, images.y, images.answers)
