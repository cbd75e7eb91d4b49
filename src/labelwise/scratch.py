"""Arrays that are filled a batch at a time; large ones lie on disk, where the system may put them aside."""

from __future__ import annotations

import itertools
import math
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import numpy as np

from labelwise.errors import StorageError

_MOST_IN_MEMORY = 2**29  # bytes: posteriors of 1.3 million items over 100 components


def scratch_array(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """An array to fill, as `numpy.empty` gives it.

    Where it would take more than 512 MB of memory, it is a map of a file without a name in the folder for
    temporary files (TMPDIR), which is gone with the array.

    Raises
    ------
    StorageError
        If there is no space for that file.
    """
    n_bytes = np.dtype(dtype).itemsize * math.prod(shape)
    if n_bytes <= _MOST_IN_MEMORY:
        return np.empty(shape, dtype)
    with _no_space(n_bytes), tempfile.TemporaryFile() as file:
        # A map of a file with holes would end the process where the disk is full.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        return _mapped(file, shape, dtype)


def scratch_joined(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Arrays of one type and shape one after another, as `numpy.concatenate` gives them.

    Beyond 256 MB they are moved to a file as in `scratch_array`, and never held together in memory. A single
    one is given back.

    Raises
    ------
    StorageError
        If there is no space for that file.
    """
    arrays = iter(arrays)
    waiting = [*itertools.islice(arrays, 2)]
    if len(waiting) == 1:
        return waiting[0]
    n_rows, dtype, shape = sum(map(len, waiting)), waiting[0].dtype, waiting[0].shape[1:]
    with ExitStack() as stack:
        file = None
        while waiting:
            n_bytes = sum(each.nbytes for each in waiting)
            # Half of what may be held: parts and the whole are, for a moment.
            if file is not None or n_bytes > _MOST_IN_MEMORY // 2:
                with _no_space(n_bytes):
                    file = file or stack.enter_context(tempfile.TemporaryFile())
                    for array in waiting:
                        file.write(np.ascontiguousarray(array).data)
                waiting.clear()
            following = next(arrays, None)
            if following is None:
                break
            n_rows += len(following)
            waiting.append(following)
        if file is None:
            return np.concatenate(waiting)
        with _no_space(0):
            file.flush()
            return _mapped(file, (n_rows, *shape), dtype)


def _mapped(file: IO[bytes], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The array in a file, which may be closed.

    No `numpy.memmap`: joblib would tell other processes the name of its file, and it has none.
    """
    return np.frombuffer(memoryview(mmap.mmap(file.fileno(), 0)), dtype).reshape(shape)


@contextmanager
def _no_space(n_bytes: int) -> Iterator[None]:
    """Say so where so many bytes have no place on the disk."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"no {n_bytes / 1e9:.1f} GB for an array in {tempfile.gettempdir()} ({error.strerror or error}): "
            "name another folder in TMPDIR"
        ) from error
