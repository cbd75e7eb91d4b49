"""The IDX format: a magic number, the sizes of the axes, then the values, first axis slowest.

The format was published with MNIST. A file may be gzipped; its first bytes say so, not its name.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.room import DEFLATE_LIMIT, check_room
from labelwise.errors import DataError

__all__ = ["idx_header", "read_idx"]

_DTYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_Stream = gzip.GzipFile | io.BufferedReader
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_AXES, _MOST_VALUES = 32, 2**59  # of an array in every numpy
_CHUNK = 1 << 20


def idx_header(path: str | os.PathLike[str]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the shape and type of an IDX file without reading its values.

    Parameters
    ----------
    path : path-like
        The file, gzipped or not.

    Returns
    -------
    shape : tuple of int
        Sizes of the axes.
    dtype : dtype
        Type of the values, in native byte order.

    Raises
    ------
    DataError
        If the file is not an IDX file, or is too short for what its header promises.
    """
    with _open(Path(path)) as stream:
        return _read_header(stream, Path(path))


def read_idx(path: str | os.PathLike[str], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Read an IDX file.

    Parameters
    ----------
    path : path-like
        The file, gzipped or not.
    out : ndarray or None, default=None
        A C-contiguous array of the file's shape and type to read into, so that several files can fill one
        array without a second copy.

    Returns
    -------
    values : ndarray
        A writable array in native byte order; `out` where it was given.

    Raises
    ------
    DataError
        If the file is not an IDX file, is damaged, or is shorter or longer than its header says.
    """
    path = Path(path)
    with _open(path) as stream:
        shape, dtype = _read_header(stream, path)
        values = np.empty(shape, dtype) if out is None else out
        if values.shape != shape or values.dtype != dtype:
            raise DataError(f"{path} holds {dtype} {shape}, not {values.dtype} {values.shape} as expected")
        buffer = values.reshape(-1).view(np.uint8).data
        n_read = 0
        while n_read < len(buffer):
            n_new = stream.readinto(buffer[n_read : n_read + _CHUNK])
            if not n_new:
                raise _truncated(path, len(buffer), n_read)
            n_read += n_new
        if stream.read(1):
            raise DataError(
                f"{path} has more than the {len(buffer):,} bytes of values "
                "that its header promises: get it again"
            )
    if sys.byteorder == "little" and dtype.itemsize > 1:
        values.byteswap(inplace=True)
    return values


@contextmanager
def _open(path: Path) -> Iterator[_Stream]:
    with path.open("rb") as raw:
        gzipped = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        try:
            if gzipped:
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream
            else:
                yield raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path} is a damaged gzip file ({error}): get it again") from error


def _read_header(stream: _Stream, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or magic[3] == 0:
        raise DataError(f"{path} is not an IDX file: it starts with {magic.hex(' ') or 'nothing'}")
    dtype = np.dtype(_DTYPES[magic[2]])
    n_axes = magic[3]
    sizes = stream.read(4 * n_axes)
    if len(sizes) < 4 * n_axes:
        raise DataError(f"{path} ends inside its header: get it again")
    shape = struct.unpack(f">{n_axes}I", sizes)
    # A damaged header can promise terabytes; compare with the file before memory is asked for.
    n_bytes, n_stored = math.prod(shape) * dtype.itemsize, path.stat().st_size
    if not isinstance(stream, gzip.GzipFile):
        n_held = n_stored - 4 - 4 * n_axes
        if n_held < n_bytes:
            raise _truncated(path, n_bytes, n_held)
    elif n_bytes > n_stored * DEFLATE_LIMIT:
        raise _truncated(path, n_bytes, n_stored * DEFLATE_LIMIT, at_most=True)
    else:
        check_room(n_bytes, str(path))
    # An axis of no length hides what the others promise, but not from numpy.
    if n_axes > _MOST_AXES or math.prod(size or 1 for size in shape) > _MOST_VALUES:
        raise DataError(f"{path} is damaged: its header promises the shape {shape}; get it again")
    return shape, dtype


def _truncated(path: Path, expected: int, found: int, *, at_most: bool = False) -> DataError:
    held = f"at most {found:,}" if at_most else f"{found:,}"
    return DataError(
        f"{path} is cut short: its header promises {expected:,} bytes of values and it holds {held}"
    )
