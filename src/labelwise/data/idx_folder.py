"""A folder of IDX files as one data set: which files, which release, which way up, which labels."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelwise.data.catalogue import CATALOGUE, CatalogueEntry
from labelwise.data.dataset import Dataset
from labelwise.data.idx import idx_header, read_idx
from labelwise.data.releases import release_name
from labelwise.errors import DataError, ParameterError

__all__ = ["find_file", "holds_idx", "read_emnist", "read_entry", "read_idx_folder"]

_FILE = re.compile(r"(?P<prefix>emnist-[a-z]+-)?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_BLOCK = 4096


class Part(NamedTuple):
    """The two files of the training or of the test part."""

    images: Path
    labels: Path


def find_file(folder: Path, stem: str) -> Path | None:
    """Find an IDX file in a folder by its usual spellings, gzipped or not."""
    for spelling in (stem, stem.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            path = folder / f"{spelling}{suffix}"
            if path.is_file():
                return path
    return None


def holds_idx(folder: Path) -> bool:
    """Whether a folder holds IDX files with the names of MNIST or EMNIST."""
    return any(_FILE.fullmatch(name) for name in os.listdir(folder))


def read_entry(folder: Path, entry: CatalogueEntry, *, exact: bool = True) -> Dataset:
    """Read what a folder holds of a data set of the catalogue.

    Parameters
    ----------
    folder : Path
        Holds the files of the training part, of the test part, or of both.
    entry : CatalogueEntry
        The data set.
    exact : bool, default=True
        Whether to refuse any number of images that no release has.

    Raises
    ------
    DataError
        If a file is missing or damaged, or the numbers of images or the labels are not the published ones.
    """
    parts = _find_parts(folder, entry)
    counts = [0 if part is None else idx_header(part.images)[0][0] for part in parts]
    if exact or tuple(counts) in entry.releases:
        name = release_name(entry, *counts)
    else:
        name = f"{entry.name}, {sum(counts):,} images"
    X, y, split = _pool(parts, entry)
    return Dataset(X, y, list(entry.names), name, split)


def read_idx_folder(folder: Path) -> Dataset:
    """Read a folder of IDX files that the user named by its path; one part alone will do.

    Files named as EMNIST's must hold a known release. Files named as MNIST's, which many data sets share,
    may hold any number of images; the name of the folder says which classes they have, and where it says
    nothing the labels themselves are the names.

    Raises
    ------
    DataError
        If files are missing, damaged, or of several data sets.
    """
    prefixes = {match["prefix"] or "" for match in map(_FILE.fullmatch, os.listdir(folder)) if match}
    if len(prefixes) > 1:
        sets = ", ".join(sorted(prefix.rstrip("-") or "mnist" for prefix in prefixes))
        raise DataError(
            f"{folder} holds several data sets ({sets}): "
            f"say which with load_dataset(name, data_home={str(folder)!r})"
        )
    prefix = prefixes.pop()
    if prefix:
        name = prefix.rstrip("-")
        if name not in CATALOGUE:
            known = ", ".join(known for known in CATALOGUE if known.startswith("emnist-"))
            raise DataError(f"{folder} holds {name}, which is not supported: use one of {known}")
        return read_entry(folder, CATALOGUE[name])
    called = folder.resolve()
    called = called.parent if called.name == "raw" else called
    for entry in CATALOGUE.values():
        if not entry.prefix and called.name in entry.folders:
            return read_entry(folder, entry, exact=False)
    X, y, split = _pool(_find_parts(folder, CATALOGUE["mnist"]), None)
    labels, y = np.unique(y, return_inverse=True)
    return Dataset(X, y.astype(np.int64), [str(label) for label in labels], called.name, split)


def read_emnist(
    images: str | os.PathLike[str], labels: str | os.PathLike[str], *, subset: str = "letters"
) -> Dataset:
    """Read one pair of EMNIST files of any size, upright and with labels from 0.

    :func:`load_dataset` accepts only the published releases; this reads an excerpt of one.

    Parameters
    ----------
    images, labels : path-like
        The two IDX files, gzipped or not.
    subset : {"letters", "balanced", "digits"}, default="letters"
        Which subset the files belong to, which decides the classes.

    Returns
    -------
    dataset : Dataset
        X of shape (n_samples, height, width), uint8.

    Raises
    ------
    DataError
        If a file is damaged, the two do not fit, or a label is out of the range of the subset.
    ParameterError
        If `subset` is unknown.
    """
    name = f"emnist-{subset}"
    if name not in CATALOGUE:
        raise ParameterError(f"subset must be 'letters', 'balanced' or 'digits', got {subset!r}")
    entry = CATALOGUE[name]
    X, y, _ = _pool((Part(Path(images), Path(labels)),), entry)
    return Dataset(X, y, list(entry.names), f"{name}, excerpt of {len(X):,} images")


def _find_parts(folder: Path, entry: CatalogueEntry) -> tuple[Part | None, Part | None]:
    stems = entry.stems()
    parts = (_find_part(folder, stems[0], stems[1]), _find_part(folder, stems[2], stems[3]))
    if parts == (None, None):
        raise DataError(
            f"{folder} holds IDX files, but none is called {stems[0]} or {stems[2]}: rename them so"
        )
    return parts


def _find_part(folder: Path, images_stem: str, labels_stem: str) -> Part | None:
    images, labels = find_file(folder, images_stem), find_file(folder, labels_stem)
    if images is not None and labels is not None:
        return Part(images, labels)
    for there, stem in ((images, labels_stem), (labels, images_stem)):
        if there is not None:
            raise DataError(f"{there} has no companion: put {stem} or {stem}.gz beside it")
    return None


def _pool(
    parts: Sequence[Part | None], entry: CatalogueEntry | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Read parts into one array, in order; True in the third array marks rows after the first part."""
    present = [part for part in parts if part is not None]
    shapes = [_image_shape(part) for part in present]
    if len({shape[1:] for shape in shapes}) > 1:
        sizes = " and ".join(f"{shape[1]}x{shape[2]}" for shape in shapes)
        raise DataError(f"{present[0].images.parent}: training and test images differ in size, {sizes}")
    labels = [_read_labels(part, shape[0], entry) for part, shape in zip(present, shapes, strict=True)]
    X = np.empty((sum(shape[0] for shape in shapes), *shapes[0][1:]), np.uint8)
    start = 0
    for part, shape in zip(present, shapes, strict=True):
        read_idx(part.images, out=X[start : start + shape[0]])
        start += shape[0]
    if entry is not None and entry.transposed:
        X = _transpose(X)
    # A lone part has nothing to be held out from.
    split = np.arange(len(X)) >= shapes[0][0] if len(present) == 2 else None
    return X, np.concatenate(labels), split


def _image_shape(part: Part) -> tuple[int, ...]:
    shape, dtype = idx_header(part.images)
    if len(shape) != 3 or dtype != np.uint8:
        raise DataError(
            f"{part.images} holds {dtype} values of {len(shape)} axes, not uint8 images (n, height, width)"
        )
    if 0 in shape:
        raise DataError(f"{part.images} holds no images: its shape is {shape}")
    return shape


def _read_labels(part: Part, n_images: int, entry: CatalogueEntry | None) -> NDArray[Any]:
    labels = read_idx(part.labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"{part.labels} holds {labels.dtype} values of {labels.ndim} axes, not one label per image"
        )
    if len(labels) != n_images:
        raise DataError(
            f"{part.labels} holds {len(labels):,} labels for {n_images:,} images in {part.images}"
        )
    low, high = int(labels.min()), int(labels.max())
    if entry is not None:
        first, last = entry.first_label, entry.first_label + len(entry.names) - 1
        if first == 1 and low == 0:
            raise DataError(
                f"{part.labels} has labels {low} to {high} where {entry.name} has {first} to {last}: "
                "it looks like a copy numbered from 0, get the published files"
            )
        if low < first or high > last:
            raise DataError(
                f"{part.labels} has labels {low} to {high} where {entry.name} has {first} to {last}"
            )
        return labels.astype(np.int64) - first
    return labels.astype(np.int64)


def _transpose(images: NDArray[Any]) -> NDArray[Any]:
    """Exchange rows and columns of each image, in place where they are square, without a second full copy."""
    if images.shape[1] != images.shape[2]:
        return np.ascontiguousarray(images.transpose(0, 2, 1))
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        block[...] = block.transpose(0, 2, 1).copy()
    return images
