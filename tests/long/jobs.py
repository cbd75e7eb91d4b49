"""Jobs whose files must be whole, whatever happens to them, and who runs them."""

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

import pandas as pd

from cli.conftest import TINY, digits
from labelwise import GMVAE, Project

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

    def run(self, job, kill_after=None, errors=os.devnull):
        """The exit code and the seconds of a job that is killed after so many seconds, or not at all.

        What it says on stderr goes to the file `errors`.
        """
        self._process.stdin.write(json.dumps([str(part) for part in (errors, *job)]) + "\n")
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
