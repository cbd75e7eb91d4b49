"""Labels in and out of a project: CSV, and tasks of Label Studio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.data.label_studio import make_tasks, read_annotations
from labelwise.data.labels import LabelRow, read_label_rows
from labelwise.errors import MissingExtraError
from labelwise.project.answers import Answers
from labelwise.project.journal import Decision
from labelwise.project.pool import Pool
from labelwise.storage import write_beside, write_csv, write_json


def read_file(path: Path, pool: Pool) -> list[LabelRow]:
    """Read labels from a .csv, or from a .json of Label Studio.

    Raises
    ------
    LabelError, StorageError
    """
    if path.suffix.lower() == ".json":
        return read_annotations(path, n_samples=len(pool), paths=pool.paths)
    return read_label_rows(path, n_samples=len(pool), paths=pool.paths)


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


def write_predictions(
    path: Path,
    answers: Answers,
    paths: Sequence[str] | None,
    texts: np.ndarray | None,
    *,
    start: int = 0,
) -> None:
    """Write a line for each item: index, label, probability, and its path or text if it has one.

    Parameters
    ----------
    path : Path
        A .csv, or a .parquet.
    answers : Answers
    paths : sequence of str, or None
    texts : ndarray of shape (n_samples,), dtype object, or None
    start : int, default=0
        Index of the first item.

    Raises
    ------
    StorageError
    """
    is_csv = path.suffix.lower() != ".parquet"
    labels = ["" if label is None else str(label) for label in answers.labels]
    confidence = answers.confidence
    columns: dict[str, Any] = {"index": range(start, start + len(labels)), "label": labels}
    columns["probability"] = [f"{each:.4f}" for each in confidence] if is_csv else confidence
    if paths is not None:
        columns["path"] = paths
    if texts is not None:
        columns["text"] = [str(text) for text in texts]
    if is_csv:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        write_csv(path, list(columns), rows)
        return
    write_beside(path, lambda place: as_frame(columns).to_parquet(place, engine="pyarrow", index=False))


def check_parquet() -> None:
    """Refuse to write Parquet files where nothing is installed that can.

    Raises
    ------
    MissingExtraError
    """
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401 (pandas writes with it)
    except ImportError as error:
        raise MissingExtraError("a .parquet file", "pyarrow", "data") from error


def as_frame(columns: Mapping[str, Any]) -> Any:
    """A pandas frame of these columns.

    Raises
    ------
    MissingExtraError
    """
    check_parquet()
    import pandas as pd

    return pd.DataFrame(dict(columns))
