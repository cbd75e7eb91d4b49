"""Writes folders of each kind, and what they answer, to be read by all later versions.

`python tests/formats/make.py` makes tests/formats/VERSION, once for each release; `tests/test_formats.py`
reads those of all releases.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from labelwise import GMVAE, LinearStudent, Project, Student
from labelwise.answerer import DecoderAnswerer
from labelwise.decoding import AutoDecoder
from labelwise.features.learned import LearnedFeaturizer

N, N_LABELED = 60, 24
SMALL = {"n_components": 5, "n_latent": 3, "n_hidden": 8, "n_layers": 1, "max_epochs": 3}
SMALL |= {"random_state": 0, "device": "cpu", "precision": "fp32"}


def images() -> np.ndarray:
    """Digits of 8x8 pixels."""
    return np.asarray(load_digits().images[:N] * 15).astype(np.uint8)


def table() -> pd.DataFrame:
    """Numbers, categories, yes or no, dates, and gaps."""
    rows = np.arange(N)
    return pd.DataFrame(
        {
            "size": np.where(rows % 9, rows * 0.5, np.nan),
            "colour": np.array(["red", "green", "blue"])[rows % 3],
            "is_new": rows % 2 == 0,
            "bought": pd.Timestamp("2026-01-01") + pd.to_timedelta(rows, unit="D"),
        }
    )


def labels() -> np.ndarray:
    """Two classes; the last items have none."""
    return np.where(np.arange(N) < N_LABELED, load_digits().target[:N] % 2, -1)


def make(folder: Path) -> None:
    """Write one of each kind, and `expected.npz`."""
    expected = {}
    kinds = {
        "pixels": (images(), {"features": "pixels"}),
        "exact": (images(), {"features": "pixels", "objective": "exact"}),
        "learned": (images(), {"features": LearnedFeaturizer("affine", n_steps=4, random_state=0)}),
        "table": (table(), {"features": "table"}),
    }
    for name, (X, settings) in kinds.items():
        gmvae = GMVAE(**SMALL, **settings).fit(X)
        encoding = gmvae.encode(X)
        if name != "learned":  # 2 MB, and it is in the answerer as well
            gmvae.save(folder / f"gmvae-{name}")
            expected[f"gmvae-{name}"] = encoding.posteriors
        decoder = AutoDecoder().fit(encoding, labels())
        answerer = DecoderAnswerer(gmvae, decoder)
        answerer.save(folder / f"answerer-{name}")
        expected[f"answerer-{name}"] = answerer.predict_proba(X)
    answers = np.full((N, 2), 0.5, dtype=np.float32)
    student = Student(n_steps=4, max_rounds=2, random_state=0, device="cpu").fit(images(), labels(), answers)
    student.save(folder / "student")
    expected["student"] = student.predict_proba(images())
    rows = images().reshape(N, -1).astype(np.float32)
    linear = LinearStudent(random_state=0).fit(rows, labels(), answers)
    linear.save(folder / "linear-student")
    expected["linear-student"] = linear.predict_proba(rows)
    np.save(folder / "images.npy", images())
    with Project.create(folder / "project", images(), **SMALL, features="pixels") as project:
        for row in range(N_LABELED):
            project.label(row, f"class {labels()[row]}")
        project.undo()
        expected["project"] = project.answers().probabilities
    for name in ("lock", "lock.pid"):
        (folder / "project" / name).unlink(missing_ok=True)
    np.savez(folder / "expected.npz", **expected)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    place = Path(__file__).parent / version("labelwise")
    place.mkdir()
    make(place)
