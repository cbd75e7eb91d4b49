"""Work of one thread: sums come out the same for any number of processors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

# Threads of BLAS are those of the whole process: of two limits that overlap, one would end with the other.
_TURN = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and OpenMP use one thread, for the same bits whatever the number of threads; one at a time."""
    with _TURN, _controller().limit(limits=1):
        yield


@cache
def _controller() -> ThreadpoolController:
    """What limits the libraries: to look for them takes milliseconds, and so is done once."""
    import sklearn.cluster  # noqa: F401 (only libraries that are loaded can be found)

    return ThreadpoolController()
