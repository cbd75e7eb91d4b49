"""What jobs of long tests need."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from cli.conftest import TINY, digits, write_labels
from long.jobs import N_ITEMS, N_LABELS, Nursery


@pytest.fixture(scope="module")
def nursery():
    found = Nursery()
    yield found
    found.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory, nursery):
    """Data, a project without labels and one with; not to be changed."""
    folder = tmp_path_factory.mktemp("killed")
    X, truth = digits(N_ITEMS)
    np.savez(folder / "digits.npz", X=X, y=truth)
    np.save(folder / "images.npy", np.kron(X[:120], np.ones((2, 2), dtype=np.uint8)))
    write_labels(folder / "labels.csv", {row: str(truth[row]) for row in range(N_LABELS)})
    train = ["labelwise", "train", folder / "digits.npz", "-o", folder / "plain", "--epochs", 40, *TINY]
    assert nursery.run(train)[0] == 0
    shutil.copytree(folder / "plain", folder / "labelled")
    assert nursery.run(["labelwise", "label", folder / "labelled", folder / "labels.csv"])[0] == 0
    # Rows of numbers, whose student is taught in moments.
    np.savez(folder / "table.npz", X=X.reshape(N_ITEMS, -1), y=truth)
    train = ["labelwise", "train", folder / "table.npz", "-o", folder / "table", "--epochs", 40, *TINY]
    assert nursery.run(train)[0] == 0
    assert nursery.run(["labelwise", "label", folder / "table", folder / "labels.csv"])[0] == 0
    return folder
