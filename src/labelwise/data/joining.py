"""Several data sets as one: shards of a folder, pieces of a large table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from labelwise.data.dataset import Dataset
from labelwise.errors import DataError, LabelError
from labelwise.scratch import scratch_joined

__all__ = ["Looks", "join"]


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
            if hasattr(part.X, "iloc") and not as_frame:
                raise _FramesError
            looks = Looks.of(part)
            first = first or looks
            first.check(looks, where, n_before)
            n_before += len(part.X)
            parts.append(replace(part, X=None))
            yield part.X

    try:
        X = _end_to_end(items(as_frame))
    except _FramesError:
        X = _end_to_end(items(True))
    y, names = _join_classes([(part.y, part.names) for part in parts], where)
    return Dataset(X, y, names, name, columns=parts[0].columns)


@dataclass(frozen=True)
class Looks:
    """What items of several data sets must share to be put one after another."""

    columns: list[str] | None
    item: tuple[Any, ...]
    kinds: dict[str, str]

    @classmethod
    def of(cls, part: Dataset) -> Self:
        """Note the columns, the shape and type of an item, and what columns of a frame hold."""
        if not hasattr(part.X, "iloc"):
            return cls(part.columns, (part.X.shape[1:], part.X.dtype), {})
        kinds = {str(name): _kind(values) for name, values in part.X.items()}
        return cls(part.columns, (), {name: kind for name, kind in kinds.items() if kind})

    def check(self, other: Looks, where: str, n_before: int) -> None:
        """Refuse items that are not like these; `n_before` items came before them.

        Raises
        ------
        DataError
            If they are of another shape or type, or their columns have other names or hold something else.
        """
        if other.columns != self.columns:
            odd = [name for name in other.columns or [] if name not in (self.columns or [])]
            said = f"there is a column {odd[0]!r}" if odd else "columns are others, or in another order"
            raise DataError(f"{where}: from item {n_before:,} on {said}: give all tables the same columns")
        if other.item != self.item:
            raise DataError(
                f"{where}: item {n_before:,} has shape {other.item[0]} and type {other.item[1]}, and those "
                f"before it {self.item[0]} and {self.item[1]}: bring them to one"
            )
        for name, kind in other.kinds.items():
            known = self.kinds.setdefault(name, kind)  # a column that was empty before
            if kind != known:
                raise DataError(
                    f"{where}: column {name!r} holds {kind} from item {n_before:,} on, and {known} before: "
                    "write it in one way, or put the tables into one file"
                )


def _kind(values: Any) -> str:
    """What a column of a frame holds; empty where it is."""
    from pandas.api import types

    known = values.dropna()
    if not len(known):
        return ""
    if types.is_bool_dtype(known.dtype) or (known.dtype == object and known.map(type).eq(bool).all()):
        return "booleans"
    return "numbers" if types.is_numeric_dtype(known.dtype) else "text"


def _end_to_end(parts: Iterator[Any]) -> Any:
    first = next(parts)
    if hasattr(first, "iloc"):
        import pandas

        return pandas.concat([first, *parts], ignore_index=True)
    if first.dtype == object:
        return np.concatenate([first, *parts])
    return scratch_joined(itertools.chain([first], parts))


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
        names = _all_of(known, where)
    index = {name: number for number, name in enumerate(names)}
    places = [np.array([index[name] for name in own], np.int64) for own in known]
    return np.concatenate([places[i][y] for i, (y, _) in enumerate(labels)]), names


def _all_of(known: list[list[str]], where: str) -> list[str]:
    """All names; those of numbers in their order."""
    union = {name for names in known for name in names}
    numbers = {name for name in union if name.removeprefix("-").isdecimal()}
    padded = sorted(name for name in numbers if name != str(int(name)))
    if padded and any(numbers.issuperset(names) and not {*padded} & {*names} for names in known):
        raise LabelError(
            f"{where}: class {padded[0]!r} is text in one file, and classes of another are numbers, which "
            "have no leading zeros: put the tables into one file"
        )
    return sorted(union, key=int) if numbers == union and not padded else sorted(union)
