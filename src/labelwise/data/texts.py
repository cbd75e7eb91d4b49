"""Texts: lists of them, files with one a line, and columns of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.damage import parse_json
from labelwise.data.classes import encode_classes
from labelwise.data.dataset import Dataset
from labelwise.data.signatures import contents_of, looks_like_text
from labelwise.data.tables import read_columns
from labelwise.errors import DataError, LabelError

__all__ = ["as_texts", "is_texts", "read_lines", "read_text_column"]


def is_texts(items: Any) -> bool:
    """Whether these are texts: a list of str, a series of them, or an array of one axis."""
    if isinstance(items, (list, tuple)):
        return bool(items) and isinstance(items[0], str)
    if hasattr(items, "columns") or getattr(items, "ndim", 1) != 1 or isinstance(items, (str, bytes)):
        return False
    if isinstance(items, np.ndarray):
        return items.dtype.kind == "U" or (
            items.dtype.kind == "O" and bool(len(items)) and isinstance(items[0], str)
        )
    # A series of pandas or of polars.
    return hasattr(items, "to_numpy") and hasattr(items, "dtype") and is_texts(_values(items))


def as_texts(items: Any) -> NDArray[Any]:
    """Texts as an array of shape (n_samples,), dtype object, each a str.

    Raises
    ------
    DataError
        If one of them is no text.
    """
    texts = _values(items)
    odd = next((row for row, text in enumerate(texts) if not isinstance(text, str)), None)
    if odd is not None:
        raise DataError(f"row {odd} holds {texts[odd]!r}, which is no text: give a str for each item")
    return texts


def read_lines(path: Path) -> Dataset:
    """Read a ``.txt`` file, one item a line.

    Raises
    ------
    DataError
        If it is no text in UTF-8, is empty, or has an empty line before the end.
    """
    lines = _read(path).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return Dataset(_filled(lines, path, "line", first=1), None, None, path.name)


def read_text_column(path: Path, text_column: str, label_column: str | None = None) -> Dataset:
    """Read the texts in a column of a table or ``.jsonl`` file, and classes in another.

    Parameters
    ----------
    path : Path
        In UTF-8. The first line of a ``.csv`` names the columns; each line of a ``.jsonl`` is an object.
    text_column : str
    label_column : str, default=None

    Raises
    ------
    DataError
        If the file is no such file, or a text is missing.
    LabelError
        If the label column is missing or has gaps.
    MissingExtraError
        If a package that reads it is not installed.
    """
    columns = read_objects(path) if path.suffix.lower() == ".jsonl" else read_columns(path)
    if text_column not in columns:
        raise DataError(f"{path} has no column {text_column!r}: it has {_listed(columns)}")
    if label_column is not None and label_column not in columns:
        raise LabelError(f"{path} has no column {label_column!r}: it has {_listed(columns)}")
    if label_column == text_column:
        raise LabelError(f"column {text_column!r} holds the texts, so that it cannot hold their classes too")
    texts = _filled(columns[text_column], path, f"column {text_column!r}, row", first=0)
    if label_column is None:
        return Dataset(texts, None, None, path.name)
    labels = columns[label_column]
    gaps = [row for row, label in enumerate(labels) if label in (None, "") or label != label]
    if gaps:
        raise LabelError(
            f"{path}: column {label_column!r} is empty in {len(gaps):,} rows, first in row {gaps[0]}: fill it"
        )
    y, names = encode_classes(
        np.array([str(label) for label in labels], dtype=object), f"{path}: column {label_column!r}"
    )
    return Dataset(texts, y, names, path.name)


def read_objects(path: Path) -> dict[str, list[Any]]:
    """Read a ``.jsonl`` file as columns; what a line lacks is None.

    Raises
    ------
    DataError
        If a line is no JSON object.
    """
    rows = []
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number} is no JSON object: write one a line")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read(path: Path) -> str:
    if not looks_like_text(path):
        raise DataError(f"{path} is not a {path.suffix} file: it holds {contents_of(path)}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error.reason}): save it as UTF-8") from error


def _filled(values: Sequence[Any], path: Path, where: str, *, first: int) -> NDArray[Any]:
    """Texts of a file, none of them empty; rows count from `first`."""
    if not len(values):
        raise DataError(f"{path} holds no texts: give at least 1")
    gaps = [row for row, text in enumerate(values) if not isinstance(text, str) or not text.strip()]
    if gaps:
        more = f" ({len(gaps):,} such in all)" if len(gaps) > 1 else ""
        raise DataError(f"{path}: {where} {gaps[0] + first} holds no text{more}: fill it, or remove the row")
    return _values(values)


def _values(items: Any) -> NDArray[Any]:
    if not isinstance(items, (list, tuple)):
        items = items.to_numpy() if hasattr(items, "to_numpy") else items
        return np.asarray(items, dtype=object)
    texts = np.empty(len(items), dtype=object)
    texts[:] = items
    return texts


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in columns)
