"""The user's own numpy files: ``.npz`` with arrays X, y and names, and ``.npy`` with X alone."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.classes import encode_classes
from labelwise.data.dataset import Dataset
from labelwise.data.npy import MAGIC, map_array, read_array
from labelwise.data.room import DEFLATE_LIMIT
from labelwise.data.signatures import contents_of
from labelwise.errors import DataError, LabelError, first_line

__all__ = ["read_npy", "read_npz"]

# What numpy and zipfile raise on damaged input.
_DAMAGE = (ValueError, EOFError, KeyError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


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
        with zipfile.ZipFile(path) as archive:
            members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
            if "X" not in members:
                found = ", ".join(members) or "no arrays"
                raise DataError(f"{path} has no array called X but {found}: save with np.savez(file, X=X)")
            X, labels, names = (_array(archive, members, key, path) for key in ("X", "y", "names"))
    except (DataError, OSError):
        raise
    except _DAMAGE as error:
        raise DataError(
            f"{path} cannot be read as an .npz file ({first_line(error)}): save it again"
        ) from error
    assert X is not None  # noqa: S101 (its name is there)
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
        if stream.read(len(MAGIC)) != MAGIC:
            raise DataError(f"{path} is not an .npy file: it holds {contents_of(path)}")
    X = map_array(path)
    _check_items(X, str(path))
    return Dataset(X, None, None, path.name)


def _array(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], key: str, path: Path
) -> NDArray[Any] | None:
    """Read one array; None where there is none of that name."""
    if key not in members:
        return None
    member, where = members[key], f"{path}: array {key}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where} is packed in a way that numpy does not use: save it again")
    # The archive's directory can promise anything; the file on the disk cannot.
    n_stored = min(member.compress_size, path.stat().st_size)
    n_most = n_stored * (1 if member.compress_type == zipfile.ZIP_STORED else DEFLATE_LIMIT)
    if member.file_size > n_most:
        raise DataError(
            f"{where} is damaged: the archive promises {member.file_size:,} bytes of it, and holds at most "
            f"{n_most:,}; save it again"
        )
    with archive.open(member) as stream:
        return read_array(stream, member.file_size, where)


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
    _check_texts(labels, f"{path}: y")
    if names is None:
        return encode_classes(labels, f"{path}: y")
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise LabelError(
            f"{path}: names has type {names.dtype} and shape {names.shape}: give one text per class"
        )
    _check_texts(names, f"{path}: names")
    texts = names.astype(str) if names.dtype.kind == "U" else np.char.decode(names, "utf-8", "replace")
    return encode_classes(labels, f"{path}: y", texts.tolist())


def _check_texts(values: NDArray[Any], where: str) -> None:
    """Refuse numbers that stand for no character: Python cannot make text of them."""
    if values.dtype.kind != "U":
        return
    codes = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))).view(np.uint32)
    if codes.size and codes.max() > sys.maxunicode:
        raise LabelError(f"{where} holds text with damaged characters: save it again")
