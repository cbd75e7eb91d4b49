"""Items that need not fit into memory: a part at a time, from files that can be read in pieces."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from labelwise.data.catalogue import dataset_names
from labelwise.data.dataset import Dataset
from labelwise.data.idx_folder import holds_idx
from labelwise.data.images import find_images, read_images
from labelwise.data.loading import check_options, load_dataset
from labelwise.data.photos import read_photos
from labelwise.data.shards import files_of
from labelwise.data.tables import COLUMNAR, read_columnar_parts
from labelwise.errors import ParameterError

__all__ = ["Part", "read_parts"]


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the items of a source.

    Attributes
    ----------
    read : callable
        Gives the items, as a `Dataset`.
    share : float
        How much of the source has been given with this part, 0..1.
    n_items : int
        Items in it, with those that cannot be read.
    """

    read: Callable[[], Dataset]
    share: float
    n_items: int


def read_parts(source: str | Path, part_size: int, **reading: Any) -> Iterator[Part]:
    """Read items a part at a time.

    Parameters
    ----------
    source : path
        The name of a data set; an ``.npy`` file, which is mapped; a ``.parquet``, ``.arrow`` or ``.feather``
        file, which is read in pieces; a folder of images; or a folder of shards, which has neither images nor
        folders in it but files of one kind: those above, ``.npz``, ``.csv``, ``.jsonl`` or ``.txt``, which
        are read as a whole, then divided. They are taken in the order of their names.
    part_size : int
        Items in a part; the last one of each file may have fewer.
    **reading
        Options of `load_dataset`.

    Yields
    ------
    part : Part

    Raises
    ------
    DataError, LabelError, StorageError, MissingExtraError
        As for `load_dataset`; also if a folder has shards of several kinds.
    ParameterError
        If `part_size` is not at least 1.
    """
    if isinstance(part_size, bool) or not isinstance(part_size, int) or part_size < 1:
        raise ParameterError(f"part_size={part_size!r} must be a whole number of items, at least 1")
    if source in dataset_names():
        yield from _pieces(source, part_size, reading)
        return
    path = Path(source).expanduser()
    files = files_of(path)
    if files == [path] and os.path.isdir(path) and not holds_idx(path):
        yield from _images(path, part_size, reading)
        return
    for number, file in enumerate(files):
        for part in _pieces(file, part_size, reading):
            yield replace(part, share=(number + part.share) / len(files))


def _pieces(source: str | Path, part_size: int, reading: Mapping[str, Any]) -> Iterator[Part]:
    """Parts of one file, or of a data set that has a name."""
    file = Path(source)
    if file.suffix.lower() in COLUMNAR and not reading.get("text_column"):
        options = {name: reading[name] for name in ("label_column", "as_frame") if name in reading}
        for dataset, share in read_columnar_parts(file, part_size, **options):
            yield Part(partial(_given, dataset), share, len(dataset.X))
        return
    whole = load_dataset(source, **reading)
    n_items = len(whole.X)
    for start in range(0, n_items, part_size):
        stop = min(n_items, start + part_size)
        yield Part(partial(_some, whole, slice(start, stop)), stop / n_items, stop - start)


def _given(dataset: Dataset) -> Dataset:
    return dataset


def _some(whole: Dataset, rows: slice) -> Dataset:
    X = whole.X.iloc[rows] if hasattr(whole.X, "iloc") else whole.X[rows]
    return replace(whole, X=X, y=None if whole.y is None else whole.y[rows])


def _images(folder: Path, part_size: int, reading: Mapping[str, Any]) -> Iterator[Part]:
    on_unreadable = reading.get("on_unreadable", "raise")
    check_options(folder, reading.get("label_column"), reading.get("text_column"), on_unreadable)
    found = find_images(folder)
    read = read_photos if reading.get("as_photos") else read_images
    skip = on_unreadable == "skip"
    for start in range(0, len(found), part_size):
        stop = min(len(found), start + part_size)
        some = partial(read, folder, found[start:stop], skip_unreadable=skip)
        yield Part(some, stop / len(found), stop - start)
