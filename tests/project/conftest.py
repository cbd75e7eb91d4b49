"""A small project whose model is trained once, and made anew for each test."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelwise import GMVAE, Project, Student
from labelwise.decoding import Decoder
from labelwise.errors import StructureWarning

N_ITEMS = 300
TINY = {"n_latent": 4, "n_hidden": 64, "n_layers": 1, "learning_rate": 0.005, "device": "cpu"}


def digits():
    """Images, uint8, and what they show."""
    images, truth = load_digits(return_X_y=True)
    return np.round(images * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8), truth


X, TRUTH = digits()
NEW = X[N_ITEMS : N_ITEMS + 50]
X, TRUTH = X[:N_ITEMS], TRUTH[:N_ITEMS]
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NAMES = np.array(DIGITS, dtype=object)[TRUTH]


def trained(n_components=12, random_state=0, max_epochs=40):
    """A model of the images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)  # so small a model may leave components dead
        return GMVAE(n_components, max_epochs=max_epochs, random_state=random_state, **TINY).fit(X)


@pytest.fixture(scope="session")
def gmvae():
    """Fitted; not to be changed."""
    return trained()


@pytest.fixture(scope="session")
def other_gmvae():
    """Another model of the same images."""
    return trained(random_state=1)


def write_images(path: Path, images=X, truth=TRUTH) -> Path:
    np.savez(path, X=images, y=truth)
    return path


@pytest.fixture
def data(tmp_path):
    """A file of images with their classes."""
    return write_images(tmp_path / "digits.npz")


@pytest.fixture
def project(tmp_path, data, gmvae):
    """A project without labels."""
    with Project.create(tmp_path / "digits.labelwise", data, gmvae=gmvae) as project:
        yield project


def label(project, rows, **options):
    """Say what is true of some items."""
    for row in rows:
        project.label(int(row), NAMES[row], **options)


@pytest.fixture
def labelled(project):
    """The same with 40 labels of random items."""
    label(project, RANDOM[:40], how="random")
    return project


def quick(project):
    """A student that learns in a moment."""
    gmvae = project.gmvae
    return Student(
        gmvae.augment_,
        likelihood=gmvae.likelihood_,
        max_rounds=2,
        n_steps=5,
        batch_size=32,
        device="cpu",
        random_state=0,
    )


def n_lines(act):
    """Lines of labelwise that run: what something costs, without a clock."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if "labelwise" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


RANDOM = np.random.default_rng(0).permutation(N_ITEMS)


def snapshot(folder):
    """All files of a folder, with what they hold."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def accuracy(answers):
    return (answers.labels == NAMES).mean()


@pytest.fixture
def fits(monkeypatch):
    """How often decoders were fitted."""
    calls = []
    fit = Decoder.fit

    def counted(self, *arguments, **options):
        calls.append(type(self).__name__)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(Decoder, "fit", counted)
    return calls
