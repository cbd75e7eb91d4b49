"""Arrays that are filled a batch at a time; large ones lie on disk, where the system may put them aside."""

from __future__ import annotations

import math
import os
import tempfile

import numpy as np

from labelwise.errors import StorageError

_MOST_IN_MEMORY = 2**29  # bytes: posteriors of 1.3 million items over 100 components


def scratch_array(shape: tuple[int, ...]) -> np.ndarray:
    """An array of float32 to fill, as `numpy.empty` gives it.

    Where it would take more than 512 MB of memory, it is a map of a file without a name in the folder for
    temporary files (TMPDIR), which is gone with the array.

    Raises
    ------
    StorageError
        If there is no space for that file.
    """
    n_bytes = 4 * math.prod(shape)
    if n_bytes <= _MOST_IN_MEMORY:
        return np.empty(shape, np.float32)
    try:
        with tempfile.TemporaryFile() as file:
            # A map of a file with holes would end the process where the disk is full.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            return np.asarray(np.memmap(file, np.float32, "r+", shape=shape))
    except OSError as error:
        raise StorageError(
            f"no {n_bytes / 1e9:.1f} GB for an array in {tempfile.gettempdir()} ({error.strerror or error}): "
            "name another folder in TMPDIR"
        ) from error
