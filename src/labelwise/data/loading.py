"""One door for all data: a name from the catalogue, or a path."""

from __future__ import annotations

import difflib
import os
import string
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from labelwise.data.arrays import read_npy, read_npz
from labelwise.data.catalogue import CATALOGUE, CatalogueEntry, dataset_names
from labelwise.data.dataset import Dataset
from labelwise.data.idx_folder import find_file, holds_idx, read_entry, read_idx_folder
from labelwise.data.images import read_images
from labelwise.data.joining import join
from labelwise.data.photos import read_photos
from labelwise.data.shards import has_columns, shards_of
from labelwise.data.tables import COLUMNAR, TABLES, read_columnar, read_csv
from labelwise.data.texts import read_lines, read_objects, read_text_column
from labelwise.errors import DataError, LabelwiseError, ParameterError, StorageError

__all__ = ["check_options", "load_dataset"]

_HOME_VARIABLE = "LABELWISE_DATA"
_PATHS = (
    "an .npz, .npy, .csv, .parquet, .arrow, .feather, .txt or .jsonl file, or a folder of such files, "
    "images or IDX files"
)
# Where the published archives and other libraries put the files inside a data set's folder.
_INNER_FOLDERS = ("", "raw", "gzip")


def load_dataset(
    source: str | os.PathLike[str],
    *,
    data_home: str | os.PathLike[str] | None = None,
    label_column: str | None = None,
    on_unreadable: str = "raise",
    as_frame: bool = False,
    as_photos: bool = False,
    text_column: str | None = None,
) -> Dataset:
    """Load a data set by name, or read the user's own files.

    Parameters
    ----------
    source : str or path-like
        A name: ``"digits"`` (embedded), ``"mnist"``, ``"fashion-mnist"``, ``"kmnist"``,
        ``"emnist-letters"``, ``"emnist-balanced"`` or ``"emnist-digits"``; or a path: an ``.npz`` file
        (arrays `X`, and optionally `y` and `names`), an ``.npy`` file, a ``.csv``, ``.parquet``, ``.arrow``
        or ``.feather`` table, a ``.txt`` file of one text a line, a ``.jsonl`` file of texts; a folder of
        such files of one kind, which are put one after another in the order of their names; a folder of
        images; or a folder of IDX files. A name goes before a path; write ``"./mnist"`` for a folder of that
        name.
    data_home : path-like or None, default=None
        A folder to look in for a named data set before it is downloaded: in its subfolder of that name and
        in the folder itself. None means the environment variable ``LABELWISE_DATA``, if set.
    label_column : str or None, default=None
        For a table: the column that holds the class of each row.
    on_unreadable : {"raise", "skip"}, default="raise"
        For a folder of images: whether an image that cannot be read is an error, or is left out and listed
        in `skipped`.
    as_frame : bool, default=False
        For a table: whether `X` is a pandas frame even where all columns are numbers. Where something is no
        number, or missing, it always is.
    as_photos : bool, default=False
        For a folder of images: whether `X` is a sequence of photos of any size and colour mode, which a
        pre-trained model can read, instead of one array.
    text_column : str or None, default=None
        For a table or a ``.jsonl`` file: the column that holds the text of each item, and is all of `X`.

    Returns
    -------
    dataset : Dataset
        Unpacks as ``X, y, names``: items, class indices of shape (n_samples,) or None, names of the classes
        or None. A named data set has its training part first, then its test part. Images, items of
        several files and rows of a large table lie in a temporary file where they would take much memory.

    Raises
    ------
    DataError, LabelError, StorageError
        If the data cannot be found, read, or used as they are.
    DownloadError, MissingExtraError
        If no address gives the data set, or a package that reads this kind of file is not installed.
    ParameterError
        If an option has a wrong value or does not apply to `source`.

    Examples
    --------
    >>> from labelwise import load_dataset
    >>> X, y, names = load_dataset("digits")
    >>> X.shape, str(X.dtype), names[0]
    ((1797, 8, 8), 'uint8', '0')
    """
    try:
        check_options(source, label_column, text_column, on_unreadable)
        if source == "digits":
            return _load_digits()
        if isinstance(source, str) and source in CATALOGUE:
            return _load_entry(CATALOGUE[source], data_home)
        path, skip = Path(os.path.expanduser(source)), on_unreadable == "skip"
        if not os.path.isdir(path):
            return _load_file(path, label_column, text_column, as_frame=as_frame)
        if holds_idx(path):
            return read_idx_folder(path)
        if shards := shards_of(path):
            read = partial(_load_shards, shards, label_column, text_column)
            return join(read, str(path), path.resolve().name, as_frame=as_frame)
        return (read_photos if as_photos else read_images)(path, skip_unreadable=skip)
    except LabelwiseError:
        raise
    except OSError as error:
        raise StorageError(f"{error.filename or source} cannot be read: {error.strerror or error}") from error


def check_options(
    source: str | os.PathLike[str], label_column: str | None, text_column: str | None, on_unreadable: str
) -> None:
    """Refuse options that are wrong, or mean nothing for this source.

    Raises
    ------
    ParameterError
    """
    if not isinstance(source, str | os.PathLike):
        raise ParameterError(f"source must be a name or a path, got {source!r}")
    if on_unreadable not in ("raise", "skip"):
        raise ParameterError(f"on_unreadable must be 'raise' or 'skip', got {on_unreadable!r}")
    for name, column in (("label_column", label_column), ("text_column", text_column)):
        if column is not None and not has_columns(source):
            raise ParameterError(
                f"{name}={column!r} is for {', '.join(TABLES)} files and folders of them, not for {source}"
            )


def _load_digits() -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Ink is stored as 0..16.
    X = np.round(digits.images * (255 / 16)).astype(np.uint8)
    return Dataset(X, digits.target.astype(np.int64), list(string.digits), "digits")


def _load_entry(entry: CatalogueEntry, data_home: str | os.PathLike[str] | None) -> Dataset:
    folder = _find_local(entry, data_home)
    if folder is None:
        # Late, so that what is already here needs no downloader.
        from labelwise.data.download import cache_folder, fetch

        folder = cache_folder(entry)
        fetch(entry, folder)
    return read_entry(folder, entry)


def _find_local(entry: CatalogueEntry, data_home: str | os.PathLike[str] | None) -> Path | None:
    """Find the folder that holds the four files of a data set; None where nothing of it is there."""
    home_text = os.environ.get(_HOME_VARIABLE) if data_home is None else os.fspath(data_home)
    if not home_text:
        return None
    home = Path(os.path.expanduser(home_text))
    if not os.path.isdir(home):
        said = _HOME_VARIABLE if data_home is None else "data_home"
        raise DataError(
            f"{said} is {str(home)!r}, which is not a folder: name one that holds {entry.folders[0]}/"
        )
    places = [home / name / inner for name in entry.folders for inner in _INNER_FOLDERS]
    # MNIST and its successors share their file names: a folder with another one's name is not ours.
    others = {name for other in CATALOGUE.values() for name in other.folders} - set(entry.folders)
    if home.resolve().name not in others:
        places.append(home)
    for place in places:
        missing = [stem for stem in entry.stems() if find_file(place, stem) is None]
        if not missing:
            return place
        if len(missing) < len(entry.stems()):
            raise DataError(
                f"{place} lacks {', '.join(missing)} of {entry.name} (gzipped or not): put it there, "
                "or take the other files away to download them all"
            )
    return None


def _load_shards(
    shards: list[Path], label_column: str | None, text_column: str | None, as_frame: bool
) -> Iterator[Dataset]:
    return (_load_file(path, label_column, text_column, as_frame=as_frame) for path in shards)


def _load_file(path: Path, label_column: str | None, text_column: str | None, *, as_frame: bool) -> Dataset:
    if not os.path.exists(path):
        raise DataError(_unknown(str(path)))
    kind = path.suffix.lower()
    if text_column is not None:
        return read_text_column(path, text_column, label_column)
    match kind:
        case ".npz":
            return read_npz(path)
        case ".npy":
            return read_npy(path)
        case ".csv":
            return read_csv(path, label_column, as_frame=as_frame)
        case kind if kind in COLUMNAR:
            return read_columnar(path, label_column, as_frame=as_frame)
        case ".txt":
            return read_lines(path)
        case ".jsonl":
            names = ", ".join(map(repr, read_objects(path)))
            raise DataError(f"{path} has columns {names}: name one with text_column (--text-column)")
        case _:
            raise DataError(f"{path} is not a kind of file that can be read: give {_PATHS}")


def _unknown(source: str) -> str:
    close = difflib.get_close_matches(source.lower(), dataset_names(), n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    names = ", ".join(dataset_names())
    return f"{source!r} is neither a known data set nor an existing path{hint}: give {names}, or {_PATHS}"
