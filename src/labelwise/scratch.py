"""Arrays that are filled a batch at a time; large ones lie on disk, where the system may put them aside."""

from __future__ import annotations

import itertools
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

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
        return np.asarray(np.memmap(file, dtype, "r+", shape=shape))


def scratch_joined(first: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """Arrays of one type and shape one after another, as `numpy.concatenate` gives them.

    Beyond 512 MB, they are moved to a file as in `scratch_array`, and never held together in memory.

    Raises
    ------
    StorageError
        If there is no space for that file.
    """
    n_rows, waiting = 0, []
    with ExitStack() as stack:
        file = None
        for array in itertools.chain([first], others):
            n_rows += len(array)
            waiting.append(array)
            n_bytes = sum(each.nbytes for each in waiting)
            if file is None and n_bytes <= _MOST_IN_MEMORY:
                continue
            with _no_space(n_bytes):
                file = file or stack.enter_context(tempfile.TemporaryFile())
                while waiting:
                    file.write(np.ascontiguousarray(waiting.pop(0)).data)
        if file is None:
            return np.concatenate(waiting) if len(waiting) > 1 else first
        with _no_space(0):
            file.flush()
            return np.asarray(np.memmap(file, first.dtype, "r+", shape=(n_rows, *first.shape[1:])))


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
