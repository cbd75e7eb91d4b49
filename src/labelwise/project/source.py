"""Where the items of a project come from, and whether the files there were touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from labelwise.data import Dataset, dataset_names, load_dataset
from labelwise.data.photos import Photos
from labelwise.errors import DataError
from labelwise.features import is_frame

_KINDS: dict[str, Any] = {"str": str, "bool": bool, "str | None": (str, type(None))}  # of the fields below


@dataclass(frozen=True)
class Source:
    """A data set by name, or files.

    Attributes
    ----------
    place : str or None
        A name of the catalogue or an absolute path; None for items that came as arrays.
    name : str
        What to call the data.
    label_column : str or None
        For a table: the column of classes.
    skip_unreadable : bool
        For a folder of images: whether to leave out what cannot be read.
    as_frame : bool
        For a table: whether it was read as a frame.
    as_photos : bool
        For a folder of images: whether it was read as photos of any size.
    text_column : str or None
        For a table or a .jsonl file: the column of texts, which are the items.
    stamp : str or None
        Names, sizes and times of the files when they were read; None where there are no files to watch.
    """

    place: str | None
    name: str
    label_column: str | None = None
    skip_unreadable: bool = False
    as_frame: bool = False
    stamp: str | None = None
    as_photos: bool = False
    text_column: str | None = None

    @classmethod
    def of(cls, data: str | os.PathLike[str], *, label_column: str | None, skip_unreadable: bool) -> Self:
        """Say where `data` are; a name of the catalogue goes before a path."""
        text = os.fspath(data)
        path = Path(os.path.expanduser(text))
        # What is not there stays as it was written: the error says what it may have meant.
        place = text if text in dataset_names() or not os.path.exists(path) else str(path.absolute())
        return cls(place, Path(text).name or text, label_column, skip_unreadable)

    def at(self, data: str | os.PathLike[str]) -> Self:
        """Say where other data are that are read in the same way."""
        other = type(self).of(data, label_column=None, skip_unreadable=False)
        return replace(self, place=other.place, name=other.name, stamp=None)

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """Take back what `as_json` gave.

        Raises
        ------
        TypeError
            If it is nothing that `as_json` gives.
        """
        self = cls(**values)
        for field in fields(cls):
            value, kinds = getattr(self, field.name), _KINDS[str(field.type)]
            if not isinstance(value, kinds):
                raise TypeError(f"{field.name} is {value!r}")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """How `load_dataset` reads the items."""
        return {
            "label_column": self.label_column,
            "on_unreadable": "skip" if self.skip_unreadable else "raise",
            "as_frame": self.as_frame,
            "as_photos": self.as_photos,
            "text_column": self.text_column,
        }

    def load(self) -> tuple[Dataset, Source]:
        """Read the items, and note the state that the files were in.

        Raises
        ------
        DataError
            If the items came as arrays, or cannot be read.
        """
        if self.place is None:
            raise DataError(
                f"the items of {self.name} came as arrays, which a project does not keep: pass them"
            )
        stamp = self.stamp_now()  # before reading: a change in between must not go unnoticed
        dataset = load_dataset(self.place, **self.options)
        as_frame, as_photos = is_frame(dataset.X), isinstance(dataset.X, Photos)
        return dataset, replace(self, name=dataset.name, as_frame=as_frame, as_photos=as_photos, stamp=stamp)

    def stamp_now(self) -> str | None:
        """Names, sizes and times of the files as they are, hashed; None where there are none."""
        if self.place is None or self.place in dataset_names():
            return None
        digest = hashlib.blake2b(digest_size=16)
        for path in _files(self.place):
            try:
                state = os.stat(path)
            except (OSError, ValueError):  # what is no path at all is a ValueError
                continue
            digest.update(
                f"{path}\0{state.st_size}\0{state.st_mtime_ns}\0".encode("utf-8", "surrogateescape")
            )
        return digest.hexdigest()

    @property
    def is_there(self) -> bool:
        """Whether the items could be read again."""
        return self.place is not None and (self.place in dataset_names() or os.path.exists(self.place))

    def as_json(self) -> dict[str, Any]:
        """JSON values, for the manifest."""
        return asdict(self)


def _files(place: str) -> list[str]:
    if not os.path.isdir(place):
        return [place]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names)
