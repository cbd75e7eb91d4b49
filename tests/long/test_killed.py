"""Work that is killed at any moment: files are old or new, it can go on, and it ends with the same bits.

`make test-long` kills each job 50 times; LABELWISE_KILLS sets another number.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.conftest import TINY, digits, write_labels
from labelwise import GMVAE, Project

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")]

N_KILLS = int(os.environ.get("LABELWISE_KILLS", "50"))
N_ITEMS, N_LABELS = 300, 60
TRUTH = digits(N_ITEMS)[1]


class Nursery:
    """Starts jobs, and kills them."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", Path(__file__).parent / "nursery.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert self._process.stdout.readline() == "ready\n"

    def run(self, job, kill_after=None):
        """The exit code and the seconds of a job that is killed after so many seconds, or not at all."""
        self._process.stdin.write(json.dumps([str(part) for part in job]) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        start = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            # Where it has ended already, the process number is free, but nobody else's within moments.
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline()), time.monotonic() - start

    def close(self):
        self._process.kill()
        self._process.communicate()


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


def content(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class Training:
    """A project from data."""

    def prepare(self, place, here):
        pass

    def job(self, place, here):
        train = ["labelwise", "train", place / "digits.npz", "-o", here / "p", "--epochs", 40, *TINY]
        return [*train, "--resume"] if (here / "p.checkpoint").exists() else train

    def result(self, here):
        if not (here / "p").exists():
            return None
        Project.open(here / "p")
        return content(here / "p")


class Contrast:
    """Features from images, and a model."""

    def prepare(self, place, here):
        shutil.copy(place / "images.npy", here)

    def job(self, place, here):
        return ["contrast", here]

    def result(self, here):
        if not (here / "model").exists():
            return None
        GMVAE.load(here / "model")
        return content(here / "model")


class Labelling:
    """Labels into the journal: those that are there are the first of the file, each in one piece."""

    def prepare(self, place, here):
        shutil.copytree(place / "plain", here / "p")

    def job(self, place, here):
        return ["labelwise", "label", here / "p", place / "labels.csv"]

    def result(self, here):
        labels = [str(label) for label in Project.open(here / "p").labels()]
        n_known = labels.index("-1")
        assert set(labels[n_known:]) == {"-1"}
        assert labels[:n_known] == TRUTH[:n_known].astype(str).tolist()
        return labels if n_known == N_LABELS else None


class Answering:
    """Predictions into a file."""

    def prepare(self, place, here):
        shutil.copytree(place / "labelled", here / "p")

    def job(self, place, here):
        return ["labelwise", "decode", here / "p", "-o", here / "predictions.csv"]

    def result(self, here):
        found = Project.open(here / "p").answers()  # whole, whatever was kept of the answers
        if not (here / "predictions.csv").exists():
            return None
        assert len(pd.read_csv(here / "predictions.csv")) == N_ITEMS
        return (here / "predictions.csv").read_bytes(), found.probabilities.tobytes()


class Refining:
    """A student, which answers or does not."""

    def prepare(self, place, here):
        shutil.copytree(place / "table", here / "p")

    def job(self, place, here):
        return ["labelwise", "refine", here / "p"]

    def result(self, here):
        project = Project.open(here / "p")
        answers = project.answers()
        if answers.about.get("answerer") != "student":
            return None
        return answers.probabilities.tobytes(), project.answerer.predict_proba(
            digits(20)[0].reshape(20, -1)
        ).tobytes()


class Studying:
    """A study of two models."""

    def prepare(self, place, here):
        (here / "study.toml").write_text(
            f'dataset = "{place / "digits.npz"}"\nmodel_seeds = [0, 1]\ndraws = 3\nbudgets = [10, 30]\n'
            'methods = ["soft", "poisson"]\n[model]\nn_components = 12\nn_latent = 4\nn_hidden = 64\n'
            "n_layers = 1\nmax_epochs = 20\n"
        )

    def job(self, place, here):
        return ["labelwise", "study", here / "study.toml", "-o", here / "run"]

    def result(self, here):
        if not (here / "run" / "report.html").exists():
            return None
        table = pd.read_csv(here / "run" / "results.csv").drop(columns="seconds")
        return table.sort_values(list(table.columns[:6])).to_csv(index=False)


JOBS = [Training, Contrast, Labelling, Answering, Refining, Studying]


@pytest.mark.parametrize("kind", JOBS, ids=[kind.__name__ for kind in JOBS])
def test_work_that_is_killed_goes_on_and_ends_with_the_same_bits(tmp_path, place, nursery, kind):
    work = kind()

    def start(name):
        here = tmp_path / name
        here.mkdir()
        work.prepare(place, here)
        return here

    whole = start("whole")
    code, seconds = nursery.run(work.job(place, whole))
    assert code == 0
    expected = work.result(whole)
    assert expected is not None
    moments = np.random.default_rng(0).uniform(0, seconds, N_KILLS)
    n_killed = 0
    for number, moment in enumerate(moments):
        here = start(str(number))
        code, _ = nursery.run(work.job(place, here), kill_after=moment)
        assert code in (0, -signal.SIGKILL)
        n_killed += code != 0
        # Readable, whatever there is. To look may mend what it looks at, hence the copy.
        found = work.result(shutil.copytree(here, tmp_path / "looked at"))
        shutil.rmtree(tmp_path / "looked at")
        assert found in (None, expected)
        if found is None:
            assert nursery.run(work.job(place, here))[0] == 0, f"killed after {moment:.3f} s of {seconds:.3f}"
            assert work.result(here) == expected
        shutil.rmtree(here)
    assert n_killed >= N_KILLS // 2  # else the moments say little
