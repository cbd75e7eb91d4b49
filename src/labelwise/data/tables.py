"""The user's own tables: ``.csv``, ``.parquet``, ``.arrow`` and ``.feather``."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.classes import encode_classes
from labelwise.data.dataset import Dataset
from labelwise.data.joining import join
from labelwise.data.signatures import contents_of, looks_like_text
from labelwise.errors import DataError, LabelError, MissingExtraError, first_line

__all__ = [
    "COLUMNAR",
    "TABLES",
    "holds_rows",
    "read_columnar",
    "read_columnar_parts",
    "read_columns",
    "read_csv",
]

COLUMNAR = (".parquet", ".arrow", ".feather")
"""Files that hold tables column by column, in pieces."""

TABLES = (".csv", ".jsonl", *COLUMNAR)
"""Files with named columns."""

_MOST_NAMED = 5
_PIECE = 100_000  # rows of a table that are held at a time


def read_csv(path: Path, label_column: str | None = None, *, as_frame: bool = False) -> Dataset:
    """Read a comma-separated table, one row an item.

    The first line names the columns. Where it is a row, as every cell of it is a number, or some are and a
    text comes again in its column, columns are called by their position from 0.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.
    label_column : str or None, default=None
        A column, of any text, that holds the class of each row and is no feature.
    as_frame : bool, default=False
        Whether X is a frame even where all columns are numbers.

    Returns
    -------
    dataset : Dataset
        X of shape (n_samples, n_features), float32; a pandas frame where something is no number, or missing.

    Raises
    ------
    DataError
        If the file is no such table, or is empty.
    LabelError
        If the label column is missing or has gaps.
    MissingExtraError
        If pandas is not installed.
    """
    pandas = _pandas("reading a .csv file")
    # Types are settled over the whole file, or one column could change its type half-way.
    headed, frame = _csv(path, pandas, partial(_with_header, partial(pandas.read_csv, low_memory=False)))
    if headed and any(str(column).startswith("Unnamed: ") for column in frame.columns):
        raise DataError(
            f"{path} has a column without a name, as row numbers saved by pandas have: "
            "name it, or save with index=False"
        )
    return _read_frame(frame, path, label_column, pandas, as_frame=as_frame)


def read_columnar(path: Path, label_column: str | None = None, *, as_frame: bool = False) -> Dataset:
    """Read a Parquet or Arrow table, one row an item.

    Parameters and results are those of :func:`read_csv`.

    Raises
    ------
    DataError
        If the file is no such table, or is empty.
    LabelError
        If the label column is missing or has gaps.
    MissingExtraError
        If pandas or pyarrow is not installed.
    """
    pandas = _pandas(f"reading a {path.suffix.lower()} file")
    if as_frame:
        return _read_frame(_columnar(path), path, label_column, pandas, as_frame=True)
    y, names = None, None
    if label_column is not None and label_column in (there := _columnar(path, label_column)):
        # Of all rows: pieces do not know of each other.
        y, names = _classes(there[label_column], path, label_column)

    def read(as_frame: bool) -> Iterator[Dataset]:
        if as_frame:
            yield _read_frame(_columnar(path), path, label_column, pandas, as_frame=True)
        else:
            yield from (piece for piece, _ in read_columnar_parts(path, _PIECE, label_column))

    return replace(join(read, str(path), path.name, as_frame=False), y=y, names=names)


def read_columnar_parts(
    path: Path, part_size: int, label_column: str | None = None, *, as_frame: bool = False
) -> Iterator[tuple[Dataset, float]]:
    """Read a Parquet or Arrow table a part at a time, with the share of it that has been read with each.

    Parameters
    ----------
    path : Path
    part_size : int
        Most rows of a part.
    label_column, as_frame
        As for :func:`read_csv`.

    Raises
    ------
    DataError, LabelError, MissingExtraError
        As for :func:`read_columnar`.
    """
    pandas = _pandas(f"reading a {path.suffix.lower()} file")
    pieces = _parquet_pieces if path.suffix.lower() == ".parquet" else _arrow_pieces
    is_empty = True
    with _columnar_faults(path):
        for frame, share in pieces(path, part_size):
            is_empty = False
            yield _read_frame(frame, path, label_column, pandas, as_frame=as_frame), share
    if is_empty:  # which is refused, like any table without rows
        yield _read_frame(_columnar(path), path, label_column, pandas, as_frame=as_frame), 1.0


def read_columns(path: Path) -> dict[str, list[Any]]:
    """Read a file with named columns as it is; cells of a ``.csv`` stay text.

    Raises
    ------
    DataError
        If the file is no such table.
    MissingExtraError
        If pandas or pyarrow is not installed.
    """
    pandas = _pandas(f"reading a {path.suffix.lower()} file")
    if path.suffix.lower() in COLUMNAR:
        frame = _columnar(path)
    else:
        # "NA" and "null" are words here, and 1.50 is not 1.5.
        frame = _csv(path, pandas, partial(pandas.read_csv, dtype=str, keep_default_na=False))
    return {str(name): frame.iloc[:, place].tolist() for place, name in enumerate(frame.columns)}


def _columnar(path: Path, column: str | None = None) -> Any:
    """All of a table, or one column of it, as a frame; without columns where it has not that one."""
    with _columnar_faults(path):
        if path.suffix.lower() == ".parquet":
            from pyarrow.parquet import ParquetFile

            with ParquetFile(path) as file:  # unlike read_table, it takes no columns from names of folders
                return file.read(None if column is None else [column]).to_pandas()
        with _arrow_batches(path) as (batches, schema):
            from pyarrow import Table

            table = Table.from_batches((batch for batch, _ in batches), schema)
            chosen = schema.names if column is None else [name for name in schema.names if name == column]
            return table.select(chosen).to_pandas()


def holds_rows(path: Path) -> bool:
    """Whether a table has rows; also true of one that cannot be read, which reading it will tell."""
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(itertools.islice(filter(None, csv.reader(stream)), 2))
            return len(rows) != 1 or all(map(_is_number, rows[0]))
        if kind in COLUMNAR:
            with _columnar_faults(path):
                return _has_rows(path)
    except (DataError, OSError, UnicodeDecodeError, csv.Error):
        pass
    return True


def _has_rows(path: Path) -> bool:
    if path.suffix.lower() == ".parquet":
        from pyarrow.parquet import read_metadata

        return bool(read_metadata(path).num_rows)
    with _arrow_batches(path) as (batches, _):
        return any(len(batch) for batch, _ in batches)


def _parquet_pieces(path: Path, n_rows: int) -> Iterator[tuple[Any, float]]:
    from pyarrow.parquet import ParquetFile

    n_read = 0
    with ParquetFile(path) as file:
        for batch in file.iter_batches(n_rows):
            n_read += len(batch)
            yield batch.to_pandas(), n_read / file.metadata.num_rows


def _arrow_pieces(path: Path, n_rows: int) -> Iterator[tuple[Any, float]]:
    """Frames of `n_rows` rows, whatever the sizes of record batches."""
    from pyarrow import Table

    with _arrow_batches(path) as (batches, schema):
        waiting = Table.from_batches([], schema)
        for batch, share in batches:
            waiting = Table.from_batches([*waiting.to_batches(), batch], schema)
            while len(waiting) > n_rows:
                yield waiting[:n_rows].to_pandas(), share
                waiting = waiting[n_rows:]
        if len(waiting):
            yield waiting.to_pandas(), 1.0


@contextmanager
def _arrow_batches(path: Path) -> Iterator[tuple[Iterator[tuple[Any, float]], Any]]:
    """Record batches of a mapped file or stream, with the share of it that ends there; and the schema."""
    from pyarrow import ipc, memory_map

    with memory_map(str(path)) as mapped:
        if _holds(path, b"ARROW1"):
            file = ipc.open_file(mapped)
            n = file.num_record_batches
            yield ((file.get_batch(number), (number + 1) / n) for number in range(n)), file.schema
        else:
            stream = ipc.open_stream(mapped)
            yield ((batch, mapped.tell() / mapped.size()) for batch in stream), stream.schema


@contextmanager
def _columnar_faults(path: Path) -> Iterator[None]:
    """Say what is wrong with a file, or that pyarrow is missing."""
    kind = path.suffix.lower()
    try:
        from pyarrow import ArrowException
    except ImportError as error:
        raise MissingExtraError(f"reading a {kind} file", "pyarrow", "data") from error
    if kind == ".parquet" and not _holds(path, b"PAR1"):
        raise DataError(f"{path} is not a .parquet file: it holds {contents_of(path)}")
    try:
        yield
    except DataError:
        raise
    except (ArrowException, ValueError, OSError) as error:
        name = "a Parquet" if kind == ".parquet" else "an Arrow"
        raise DataError(
            f"{path} cannot be read as {name} table ({first_line(error)}): save it again"
        ) from error


def _holds(path: Path, signature: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(signature)) == signature


def _csv(path: Path, pandas: Any, read: Callable[..., Any]) -> Any:
    """What `read` makes of a text file."""
    if not looks_like_text(path):
        raise DataError(f"{path} is not a .csv file: it holds {contents_of(path)}")
    try:
        return read(path, encoding="utf-8-sig")
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError, csv.Error) as error:
        reason = "it is empty" if isinstance(error, pandas.errors.EmptyDataError) else first_line(error)
        raise DataError(f"{path} cannot be read as comma-separated text in UTF-8: {reason}") from error


def _pandas(what: str) -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError(what, "pandas", "data") from error
    return pandas


def _with_header(read: Callable[..., Any], path: Path, encoding: str) -> tuple[bool, Any]:
    """Read a table; also whether its first line names the columns."""
    headed = _has_header(path)
    frame = read(path, encoding=encoding, header=0 if headed else None)
    if headed and _is_data(frame):
        return False, read(path, encoding=encoding, header=None)
    return headed, frame


def _has_header(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first = next((row for row in csv.reader(stream) if row), [])
    return not all(_is_number(cell) for cell in first)


def _is_data(frame: Any) -> bool:
    """Whether the first line is a row, not names: it holds numbers, and a text that comes again below."""
    names = [str(name) for name in frame.columns]
    if not any(map(_is_number, names)):
        return False
    texts = [place for place, name in enumerate(names) if not _is_number(name)]
    return any((frame.iloc[:, place] == names[place]).any() for place in texts)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_frame(frame: Any, path: Path, label_column: str | None, pandas: Any, *, as_frame: bool) -> Dataset:
    frame = frame.rename(columns=str)
    y, names = None, None
    if label_column is not None:
        if label_column not in frame.columns:
            raise LabelError(f"{path} has no column {label_column!r}: it has {_listed(frame.columns)}")
        y, names = _classes(frame.pop(label_column), path, label_column)
    if 0 in frame.shape:
        raise DataError(
            f"{path} holds {frame.shape[0]} rows and {frame.shape[1]} columns of features: give at least 1"
        )
    numeric, columns = pandas.api.types.is_numeric_dtype, list(frame.columns)
    if as_frame or frame.isna().to_numpy().any() or not all(map(numeric, frame.dtypes)):
        return Dataset(frame, y, names, path.name, columns=columns)
    # Values beyond float32 become infinite here, which the model refuses with the row's number.
    with np.errstate(over="ignore"):
        X = np.ascontiguousarray(frame.to_numpy(dtype=np.float32, na_value=np.nan))
    return Dataset(X, y, names, path.name, columns=columns)


def _classes(column: Any, path: Path, name: str) -> tuple[NDArray[Any], list[str]]:
    gaps = np.flatnonzero(column.isna().to_numpy())
    if gaps.size:
        raise LabelError(
            f"{path}: column {name!r} is empty in {gaps.size:,} rows, first in row {gaps[0]}: fill it"
        )
    labels = column.to_numpy()
    if labels.dtype.kind not in "iufb":
        # Not an array of text, in which all would be as long as the longest.
        labels = np.array([str(label) for label in labels], dtype=object)
    return encode_classes(labels, f"{path}: column {name!r}")


def _listed(columns: Any) -> str:
    columns = list(columns)
    more = f" and {len(columns) - _MOST_NAMED} more" if len(columns) > _MOST_NAMED else ""
    return ", ".join(repr(column) for column in columns[:_MOST_NAMED]) + more
