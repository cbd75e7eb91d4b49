"""The user's own numpy files: ``.npz`` with arrays X, y and names, and ``.npy`` with X alone."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.classes import encode_classes
from labelwise.data.dataset import Dataset
from labelwise.data.signatures import contents_of
from labelwise.errors import DataError, LabelError, first_line

__all__ = ["read_npy", "read_npz"]

# What numpy and zipfile raise on damaged input; pickled content is a ValueError.
_DAMAGE = (
    ValueError,
    EOFError,
    SyntaxError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(path: Path) -> Dataset:
    """Read an ``.npz`` file: array ``X``, and ``y`` and ``names`` if they are there.

    ``y`` holds a class index or a text for each item; without ``names``, its sorted distinct values are the
    names. Other arrays are left alone.

    Raises
    ------
    DataError
        If the file is not an ``.npz`` file, is damaged, or `X` is missing or not numeric.
    LabelError
        If `y` or `names` do not fit `X`.
    """
    if not zipfile.is_zipfile(path):
        held = contents_of(path)
        if held == "a zip archive":  # begins as one, but its directory, which is the end, is not there
            raise DataError(f"{path} is cut short: its end is missing; copy or save it again")
        raise DataError(f"{path} is not an .npz file: it holds {held}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys = list(arrays)
            if "X" not in keys:
                found = ", ".join(keys) or "no arrays"
                raise DataError(f"{path} has no array called X but {found}: save with np.savez(file, X=X)")
            X = _array(arrays, "X", path)
            labels = _array(arrays, "y", path) if "y" in keys else None
            names = _array(arrays, "names", path) if "names" in keys else None
    except (DataError, OSError):
        raise
    except _DAMAGE as error:
        raise DataError(
            f"{path} cannot be read as an .npz file ({first_line(error)}): save it again"
        ) from error
    _check_items(X, str(path))
    if labels is None:
        return Dataset(X, None, None, path.name)
    y, known = _classes(labels, names, len(X), path)
    return Dataset(X, y, known, path.name)


def read_npy(path: Path) -> Dataset:
    """Read an ``.npy`` file as the items themselves, mapped from the disk and not copied into memory.

    Raises
    ------
    DataError
        If the file is not an ``.npy`` file, is damaged, or does not hold numbers.
    """
    with path.open("rb") as stream:
        if stream.read(6) != b"\x93NUMPY":
            raise DataError(f"{path} is not an .npy file: it holds {contents_of(path)}")
    try:
        X = np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGE as error:
        raise DataError(
            f"{path} cannot be read as an .npy file ({first_line(error)}): save it again"
        ) from error
    _check_items(X, str(path))
    return Dataset(X, None, None, path.name)


def _array(arrays: Any, key: str, path: Path) -> NDArray[Any]:
    try:
        value = arrays[key]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{path}: array {key} holds Python objects, which are not loaded because they could run code: "
            "save numbers or text"
        ) from error
    if not isinstance(value, np.ndarray):
        raise DataError(f"{path}: {key} is not a numpy array: save with np.savez(file, X=X)")
    return value


def _check_items(X: NDArray[Any], where: str) -> None:
    if X.dtype.kind not in "iuf":
        raise DataError(f"{where}: X has type {X.dtype}: give uint8, other whole numbers or floats")
    if X.ndim not in (2, 3, 4):
        raise DataError(
            f"{where}: X has shape {X.shape}: give (n_samples, n_features), (n_samples, height, width) "
            "or (n_samples, height, width, channels)"
        )
    if 0 in X.shape:
        raise DataError(f"{where}: X is empty, with shape {X.shape}: give at least one item")


def _classes(
    labels: NDArray[Any], names: NDArray[Any] | None, n_samples: int, path: Path
) -> tuple[NDArray[Any], list[str]]:
    if labels.shape != (n_samples,):
        raise LabelError(
            f"{path}: y has shape {labels.shape} where X has {n_samples:,} items: give one label per item"
        )
    if labels.dtype.kind not in "iufUSb":
        raise LabelError(f"{path}: y has type {labels.dtype}: give whole numbers or text")
    if names is None:
        return encode_classes(labels, f"{path}: y")
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise LabelError(
            f"{path}: names has type {names.dtype} and shape {names.shape}: give one text per class"
        )
    texts = names.astype(str) if names.dtype.kind == "U" else np.char.decode(names, "utf-8")
    return encode_classes(labels, f"{path}: y", texts.tolist())
