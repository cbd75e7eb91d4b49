"""Several data sets as one: shards of a folder, pieces of a large table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.dataset import Dataset
from labelwise.errors import DataError, LabelError
from labelwise.scratch import scratch_joined

__all__ = ["check_alike", "join"]


class _FramesError(Exception):
    """What began as numbers goes on as something else."""


def join(read: Callable[[bool], Iterable[Dataset]], where: str, name: str, *, as_frame: bool) -> Dataset:
    """Put the items of several data sets one after another; many numbers lie in a temporary file.

    Parameters
    ----------
    read : callable
        Gives the data sets, in order, one at a time; tables as frames if it is called with True. That
        happens a second time where some, and not the first, hold more than numbers.
    where : str
        What to call all of it in a message.
    name : str
        What outputs should call the data.
    as_frame : bool
        Whether tables are wanted as frames in any case.

    Raises
    ------
    DataError, LabelError
        If items are not all of one kind, or only some have classes.
    StorageError
        If there is no space for a temporary file.
    """
    parts: list[Dataset] = []  # without their items

    def items(as_frame: bool) -> Iterator[Any]:
        parts.clear()
        first, n_before = None, 0
        for part in read(as_frame):
            first = first or part
            if hasattr(part.X, "iloc") and not as_frame:
                raise _FramesError
            check_alike(first, part, where, n_before)
            n_before += len(part.X)
            parts.append(replace(part, X=None))
            yield part.X

    try:
        X = _end_to_end(items(as_frame))
    except _FramesError:
        X = _end_to_end(items(True))
    y, names = _join_classes([(part.y, part.names) for part in parts], where)
    return Dataset(X, y, names, name, columns=parts[0].columns)


def check_alike(first: Dataset, part: Dataset, where: str, n_before: int) -> None:
    """Refuse items that are not like the first ones; `n_before` items came before them.

    Raises
    ------
    DataError
        If they are of another shape or type, or their columns have other names.
    """
    if (columns := part.columns) != first.columns:
        odd = [name for name in columns or [] if name not in (first.columns or [])]
        said = f"column {odd[0]!r}" if odd else "other columns, or the same ones in another order"
        raise DataError(
            f"{where}: from item {n_before:,} on there is {said}: give all tables the same columns"
        )
    if hasattr(part.X, "iloc"):
        return  # columns are all that frames have to share
    if part.X.shape[1:] != first.X.shape[1:] or part.X.dtype != first.X.dtype:
        raise DataError(
            f"{where}: item {n_before:,} has shape {part.X.shape[1:]} and type {part.X.dtype}, and those "
            f"before it {first.X.shape[1:]} and {first.X.dtype}: bring them to one"
        )


def _end_to_end(parts: Iterator[Any]) -> Any:
    first = next(parts)
    if hasattr(first, "iloc"):
        import pandas

        return pandas.concat([first, *parts], ignore_index=True)
    if first.dtype == object:
        return np.concatenate([first, *parts])
    return scratch_joined(first, parts)


def _join_classes(
    labels: list[tuple[NDArray[Any] | None, list[str] | None]], where: str
) -> tuple[NDArray[Any] | None, list[str] | None]:
    """Class indices of all, and the names of all classes; numbers in their order."""
    n_without = sum(y is None for y, _ in labels)
    if n_without == len(labels):
        return None, None
    if n_without:
        raise LabelError(f"{where}: {n_without:,} of {len(labels):,} files have no classes: give all or none")
    known = [names for _, names in labels if names is not None]
    names = known[0]
    if any(others != names for others in known):
        union = {name for names in known for name in names}
        is_numbered = all(name.removeprefix("-").isdecimal() for name in union)
        names = sorted(union, key=int) if is_numbered else sorted(union)
    index = {name: number for number, name in enumerate(names)}
    places = [np.array([index[name] for name in own], np.int64) for own in known]
    return np.concatenate([places[i][y] for i, (y, _) in enumerate(labels)]), names
