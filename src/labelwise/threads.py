"""Work of one thread: sums come out the same for any number of processors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and OpenMP use one thread, for the same bits whatever the number of threads."""
    with _controller().limit(limits=1):
        yield


@cache
def _controller() -> ThreadpoolController:
    """What limits the libraries: to look for them takes milliseconds, and so is done once."""
    import sklearn.cluster  # noqa: F401 (only libraries that are loaded can be found)

    return ThreadpoolController()
