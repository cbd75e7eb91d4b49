"""Items of many files in one .npy, which is mapped and not read: training then needs no memory for them."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np

from labelwise.data.joining import Looks
from labelwise.data.parts import read_parts
from labelwise.errors import DataError
from labelwise.events import Event, Listener, ignore
from labelwise.places import check_outside
from labelwise.storage import write_beside

__all__ = ["pack"]

_PART_SIZE = 10_000


def pack(source: str | Path, path: Path, *, listen: Listener = ignore, **reading: Any) -> np.ndarray:
    """Write the items of a source into one ``.npy`` file, and map it.

    Parameters
    ----------
    source : path
        Images, or rows of numbers, that `read_parts` reads.
    path : Path
        The file to write, which ends in ``.npy``.
    listen : callable, optional
        Gets events of the stage "packing".
    **reading
        Options of `load_dataset`.

    Returns
    -------
    items : ndarray of shape (n_samples, ...), a read-only map of the file

    Raises
    ------
    DataError
        If items are no numbers, or not all of one shape and type.
    StorageError
        If the file cannot be written, or would lie among the items.
    """
    check_outside(path, Path(source))

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            _append_all(file, source, reading, listen)

    write_beside(path, write)
    return np.asarray(np.load(path, mmap_mode="r"))


def _append_all(file: IO[bytes], source: str | Path, reading: dict[str, Any], listen: Listener) -> None:
    first: Looks | None = None
    n_items = 0
    listen(Event("packing", 0.0))
    for part in read_parts(source, _PART_SIZE, **reading):
        dataset = part.read()
        items = dataset.X
        if not isinstance(items, np.ndarray) or items.dtype.kind not in "iuf":
            raise DataError(
                f"{source} holds more than numbers: only images and rows of numbers can be packed"
            )
        looks = Looks.of(dataset)
        if first is None:
            first, sample = looks, items[:0].copy()
            _write_header(file, items, 0)  # numpy leaves room for more digits, which are filled in at the end
        first.check(looks, str(source), n_items)
        file.write(np.ascontiguousarray(items).data)
        n_items += len(items)
        listen(Event("packing", part.share, f"{n_items:,} items"))
    assert first is not None  # noqa: S101 (a source without items is refused)
    file.seek(0)
    _write_header(file, sample, n_items)


def _write_header(file: IO[bytes], items: np.ndarray, n_items: int) -> None:
    np.lib.format.write_array_header_2_0(
        file,
        {
            "descr": np.lib.format.dtype_to_descr(items.dtype),
            "fortran_order": False,
            "shape": (n_items, *items.shape[1:]),
        },
    )
