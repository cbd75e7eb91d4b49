"""``labels.csv``: what a person says about a few of the items."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelwise.errors import LabelError, StorageError
from labelwise.labels import UNLABELED
from labelwise.storage import of_cell

__all__ = ["LabelRow", "find_item", "read_label_rows", "read_labels"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


class _Row(NamedTuple):
    line: int
    key: str
    label: str
    reason: str


class LabelRow(NamedTuple):
    """A label in a file.

    Attributes
    ----------
    row : int
        Of the item.
    label : str
    was_suggested : bool
        Whether the file says why the item was suggested.
    by : str
        Who gave it, if the file says so.
    """

    row: int
    label: str
    was_suggested: bool = False
    by: str = ""


def read_labels(
    path: str | os.PathLike[str], *, n_samples: int, paths: Sequence[str] | None = None
) -> NDArray[Any]:
    """Read labels for some rows of a data set from a ``.csv`` file.

    The first line names the columns: ``index,label``, or ``path,label`` for a folder of images; other
    columns are left alone. A label is any text, kept as it is but for white space around it. A row without a
    label, or one that says the same as an earlier row, changes nothing.

    Parameters
    ----------
    path : path-like
        The file, in UTF-8.
    n_samples : int
        Number of items in the data set.
    paths : sequence of str or None, default=None
        Relative path of each item, where the data set is a folder of images.

    Returns
    -------
    y : ndarray of shape (n_samples,), dtype object
        A str where the item has a label, the integer -1 (`UNLABELED`) where it has none.

    Raises
    ------
    LabelError
        If a column is missing, a row names no item, two rows contradict each other, or nothing is labelled.
    StorageError
        If the file cannot be opened.
    """
    y = np.full(n_samples, UNLABELED, object)
    for found in read_label_rows(Path(path), n_samples=n_samples, paths=paths):
        y[found.row] = found.label
    return y


def read_label_rows(path: Path, *, n_samples: int, paths: Sequence[str] | None = None) -> list[LabelRow]:
    """Read as `read_labels` does, with what else the file says; rows in the order of the file."""
    seen: dict[int, _Row] = {}
    known = {} if paths is None else {name: i for i, name in enumerate(paths)}
    key_column, rows = _read_rows(path, by_path=paths is not None)
    for row in rows:
        where = f"{path}, line {row.line}"
        item = find_item(key_column, row.key, n_samples, known, where)
        before = seen.setdefault(item, row)
        if before.label != row.label:
            raise LabelError(
                f"{where}: {key_column} {row.key} is labelled {row.label!r}, "
                f"but {before.label!r} in line {before.line}: keep one of the two"
            )
    if not seen:
        raise LabelError(f"{path} has no labels: fill in the column 'label' of at least one row")
    return [LabelRow(item, row.label, bool(row.reason)) for item, row in seen.items()]


def find_item(column: str, key: str, n_samples: int, known: Mapping[str, int], where: str) -> int:
    """Row of the item that the cell `key` of a column, "path" or "index", names.

    Raises
    ------
    LabelError
        If there is no such item; it says `where` it was named.
    """
    return _find_path(key, known, where) if column == "path" else _find_index(key, n_samples, where)


def _read_rows(path: Path, *, by_path: bool) -> tuple[str, list[_Row]]:
    """Read the rows that have a label, and say which column names the item."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next((cells for cells in reader if cells), None)
            if header is None:
                raise LabelError(
                    f"{path} is empty: its first line must be {'path' if by_path else 'index'},label"
                )
            columns = [cell.strip() for cell in header]
            key_column = "path" if by_path and "path" in columns else "index"
            places = _find_columns(columns, key_column, path, by_path=by_path)
            return key_column, list(_labelled(reader, len(columns), places, path))
    except UnicodeDecodeError as error:
        raise LabelError(f"{path} is not text in UTF-8: save it as a UTF-8 .csv file") from error
    except csv.Error as error:
        raise LabelError(f"{path}, line {reader.line_num}: {error}: check the quotation marks") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def _find_columns(
    columns: list[str], key_column: str, path: Path, *, by_path: bool
) -> tuple[int, int, int | None]:
    for wanted in (key_column, "label"):
        if columns.count(wanted) != 1:
            found = ", ".join(repr(column) for column in columns[:5])
            needed = "'path' (or 'index')" if by_path and wanted == key_column else repr(wanted)
            problem = "no column" if wanted not in columns else "more than one column"
            raise LabelError(f"{path} has {problem} {needed}: its first line names {found}")
    reason = columns.index("reason") if "reason" in columns else None
    return columns.index(key_column), columns.index("label"), reason


def _labelled(reader: Any, n_columns: int, places: tuple[int, int, int | None], path: Path) -> Iterator[_Row]:
    for cells in reader:
        if any(cell.strip() for cell in cells[n_columns:]):
            raise LabelError(
                f"{path}, line {reader.line_num}: {len(cells)} cells where the first line has {n_columns}: "
                "put quotation marks around a label that holds a comma"
            )
        cells += [""] * (n_columns - len(cells))
        key, label, reason = ("" if place is None else of_cell(cells[place].strip()) for place in places)
        if label:
            yield _Row(reader.line_num, key, label, reason)


def _find_index(text: str, n_samples: int, where: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise LabelError(f"{where}: index {text!r} is not a whole number: use 0 to {n_samples - 1}")
    index = int(text)
    if not 0 <= index < n_samples:
        raise LabelError(f"{where}: there is no item {index}: use 0 to {n_samples - 1}")
    return index


def _find_path(text: str, known: Mapping[str, int], where: str) -> int:
    for spelling in (text, text.replace("\\", "/").removeprefix("./")):
        if spelling in known:
            return known[spelling]
    raise LabelError(
        f"{where}: there is no image {text!r}: "
        f"use paths relative to the folder, such as {next(iter(known), '')!r}"
    )
