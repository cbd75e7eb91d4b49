"""Arrays in numpy's .npy format: what a header promises is compared with the file before memory is taken."""

from __future__ import annotations

import math
import struct
import sys
import tokenize
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from labelwise.data.room import check_room
from labelwise.errors import DataError, first_line

__all__ = ["MAGIC", "map_array", "read_array"]

MAGIC = b"\x93NUMPY"

# Versions that numpy writes for anything but records with names beyond Latin-1, which are no data here: how
# long the length of the header is, and what reads the rest.
_VERSIONS = {1: ("<H", npy.read_array_header_1_0), 2: ("<I", npy.read_array_header_2_0)}
_LONGEST = 10_000  # bytes of a header; numpy parses no longer ones either

# What numpy raises where a header is not what it expects: it is read as Python, names and sizes included.
_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
)


def read_array(stream: IO[bytes], n_held: int, where: str) -> NDArray[Any]:
    """Read an array of a stream that holds `n_held` bytes.

    Raises
    ------
    DataError
        If it is none, is cut short, or holds Python objects.
    """
    shape, dtype, fortran = _header(stream, n_held, where)
    check_room(math.prod(shape) * dtype.itemsize, where)
    values = np.empty(math.prod(shape), dtype)
    buffer = values.view(np.uint8).data
    n_read = 0
    while n_read < len(buffer):
        piece = stream.read(min(len(buffer) - n_read, 1 << 20))
        if not piece:
            raise DataError(f"{where} is cut short: save it again")
        buffer[n_read : n_read + len(piece)] = piece
        n_read += len(piece)
    return values.reshape(shape, order="F" if fortran else "C")


def map_array(path: Path) -> NDArray[Any]:
    """Map the array of a file from the disk; it is read when it is looked at.

    Raises
    ------
    DataError
        As `read_array`.
    """
    with path.open("rb") as stream:
        shape, dtype, fortran = _header(stream, path.stat().st_size, str(path))
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(stream, dtype, "r", stream.tell(), shape, "F" if fortran else "C")


def _header(stream: IO[bytes], n_held: int, where: str) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    try:
        start = stream.read(len(MAGIC) + 2)
        if start[: len(MAGIC)] != MAGIC:
            raise DataError(f"{where} is no numpy array: save with np.savez(file, X=X)")
        shape, fortran, dtype = _parsed(stream, start[-2])
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(f"{where} has a damaged header ({first_line(error)}): save it again") from error
    if dtype.hasobject:
        raise DataError(
            f"{where} holds Python objects, which are not loaded because they could run code: "
            "save numbers or text"
        )
    if dtype.kind == "V":
        raise DataError(f"{where} holds records: save numbers or text")
    if not dtype.itemsize:  # any number of them would take no bytes
        raise DataError(f"{where} holds text of no length: save numbers or text")
    if math.prod(size or 1 for size in shape) * dtype.itemsize > sys.maxsize:  # also of no items
        raise DataError(f"{where} has a damaged header (shape {shape}): save it again")
    n_promised, n_left = math.prod(shape) * dtype.itemsize, n_held - stream.tell()
    if min(shape, default=0) < 0 or n_promised > n_left:
        raise DataError(
            f"{where} is cut short: its header promises {n_promised:,} bytes of values, as shape {shape}, "
            f"and it holds {n_left:,}; save it again"
        )
    return shape, dtype, fortran


def _parsed(stream: IO[bytes], version: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if version not in _VERSIONS:
        raise ValueError(f"version {version}")
    length_format, read = _VERSIONS[version]
    place = stream.tell()
    (length,) = struct.unpack(length_format, stream.read(struct.calcsize(length_format)))
    if length > _LONGEST:
        raise ValueError(f"it has {length:,} bytes")
    stream.seek(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about files of Python 2, which can be read
        shape, fortran, dtype = read(stream, max_header_size=_LONGEST)
    return shape, fortran, dtype
