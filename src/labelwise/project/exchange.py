"""Labels in and out of a project: CSV, and tasks of Label Studio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from labelwise.data.label_studio import make_tasks, read_annotations
from labelwise.data.labels import LabelRow, read_label_rows
from labelwise.project.answers import Answers
from labelwise.project.journal import Decision
from labelwise.project.pool import Pool
from labelwise.storage import write_csv, write_json


def read_file(path: Path, pool: Pool) -> list[LabelRow]:
    """Read labels from a .csv, or from a .json of Label Studio.

    Raises
    ------
    LabelError, StorageError
    """
    read = read_annotations if path.suffix.lower() == ".json" else read_label_rows
    return read(path, n_samples=len(pool), paths=pool.paths)


def write_file(
    path: Path,
    pool: Pool,
    labeled: Mapping[int, tuple[str, Decision]],
    answers: Answers | None,
    texts: np.ndarray | None = None,
) -> None:
    """Write labels to a .csv, or tasks with labels and predictions to a .json for Label Studio.

    Parameters
    ----------
    path : Path
    pool : Pool
    labeled : mapping of int to (str, Decision)
        Rows with their labels.
    answers : Answers or None
        Predictions, for Label Studio.
    texts : ndarray of shape (n_samples,), dtype object, or None
        Items that are texts, for Label Studio.

    Raises
    ------
    StorageError
    """
    if path.suffix.lower() == ".json":
        labels = {row: (label, decision.by) for row, (label, decision) in labeled.items()}
        predictions = None if answers is None else (answers.labels, answers.confidence)
        write_json(path, make_tasks(len(pool), pool.paths, labels, predictions, texts))
        return
    key = "index" if pool.paths is None else "path"
    rows = [
        {key: pool.identity(row), "label": label, "how": d.how, "by": d.by, "time": d.time}
        for row, (label, d) in sorted(labeled.items())
    ]
    write_csv(path, [key, "label", "how", "by", "time"], rows)
