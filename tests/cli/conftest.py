"""The program, run in this process or as its own, and small data for it."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelwise.cli.main import main
from labelwise.errors import StructureWarning

TINY = ["--components", "12", "--latent", "4", "--hidden", "64", "--layers", "1", "--learning-rate", "0.005"]


@dataclass(frozen=True)
class Outcome:
    """What a run of the program left: exit code and texts without colours."""

    code: int
    out: str
    err: str

    def reason(self, *before: str) -> str:
        """The one line that says why the program failed; `before` are the lines above it on stderr."""
        assert self.code == 1, self
        assert self.out == ""
        *others, last = self.err.splitlines()
        assert others == list(before)
        assert last.startswith("labelwise: ")
        return last.removeprefix("labelwise: ")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def labelwise(*arguments: object) -> Outcome:
    """Run the program in this process; the terminal is wide, so that nothing is wrapped."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["labelwise", *map(str, arguments)]),
        mock.patch.object(warnings, "showwarning", warnings.showwarning),
        mock.patch.dict(os.environ, COLUMNS="200"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leave:
            code = int(leave.code or 0)
    return Outcome(code, plain(out.getvalue()), plain(err.getvalue()))


def start_labelwise(*arguments: object, setup: str = "", **options) -> subprocess.Popen:
    """Start the program as its own process, after `setup`, with one thread and pipes."""
    code = f"{setup}\nfrom labelwise.cli.main import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        **options,
    )


def finish(process: subprocess.Popen, timeout: float = 120) -> Outcome:
    """Wait for a process of the program."""
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return Outcome(process.returncode, plain(out), plain(err))


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_labels(path: Path, labels: dict[object, str], key: str = "index") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([(key, "label"), *labels.items()])
    return path


def digits(n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of digits, uint8, and what they show."""
    images, truth = load_digits(return_X_y=True)
    X = np.round(images[:n_samples] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    return X, truth[:n_samples]


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with digits.npz (300 images with classes); not to be changed."""
    folder = tmp_path_factory.mktemp("cli")
    X, truth = digits(300)
    np.savez(folder / "digits.npz", X=X, y=truth)
    return folder


@pytest.fixture(scope="session")
def trained(place):
    """A project of digits.npz that the program made, and what it said; not to be changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)  # so small a model may leave components dead
        outcome = labelwise("train", place / "digits.npz", "-o", place / "p", "--epochs", 60, *TINY)
    assert outcome.code == 0, outcome
    return place / "p", outcome


@pytest.fixture(scope="session")
def labelled_once(trained, place):
    """The project with labels of `LABELED` items, which are names of the classes; not to be changed."""
    project = shutil.copytree(trained[0], place / "labelled")
    labels = write_labels(place / "plain.csv", {i: str(TRUTH[i]) for i in LABELED})
    outcome = labelwise("label", project, labels)
    assert outcome.code == 0, outcome
    return project


@pytest.fixture
def project(trained, tmp_path):
    """The project without labels, to be changed."""
    return shutil.copytree(trained[0], tmp_path / "digits.labelwise")


@pytest.fixture
def labelled(labelled_once, tmp_path):
    """The project with labels, to be changed."""
    return shutil.copytree(labelled_once, tmp_path / "labelled.labelwise")


@pytest.fixture(scope="session")
def labels(place):
    """Labels for some images: names of digits, one of them with a comma and accents."""
    return write_labels(place / "labels.csv", {i: DIGIT_NAMES[TRUTH[i]] for i in LABELED})


@pytest.fixture
def new_data(tmp_path):
    """100 images that no model has seen, with their classes."""
    X, truth = digits(400)
    np.savez(tmp_path / "new.npz", X=X[300:], y=truth[300:])
    return tmp_path / "new.npz"


X, TRUTH = digits(300)
LABELED = range(0, 300, 7)  # the digits come in turn, so every tenth would be the same
DIGIT_NAMES = ["zéro, ou rien", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"]
