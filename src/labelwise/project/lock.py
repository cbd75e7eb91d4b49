"""One writer at a time: a lock that the operating system takes back from a process that ends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from filelock import FileLock, Timeout

from labelwise.errors import StorageError


class Lock:
    """The right to write to a project.

    Parameters
    ----------
    path : Path
        A file in the project's folder; it stays there. Beside it, `NAME.pid` holds the number of the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder = path.with_name(f"{path.name}.pid")
        # Neither shared by objects of one process nor tied to the thread that takes it.
        self._lock = FileLock(path, blocking=False, thread_local=False)

    @property
    def is_held(self) -> bool:
        """Whether this object has the lock."""
        return self._lock.is_locked

    def acquire(self) -> bool:
        """Take the lock, and say whether it was taken now: False if this object has it already.

        Raises
        ------
        StorageError
            If another process, or another object of this one, holds it.
        """
        if self._lock.is_locked:
            return False
        try:
            # filelock would make missing folders.
            self._path.parent.stat()
            self._lock.acquire()
        except Timeout:
            raise StorageError(
                f"{self._path.parent} is being changed{self._by_whom()}: wait until that is done, or stop it"
            ) from None
        except OSError as error:
            raise StorageError(
                f"cannot write {self._path.parent}: {(error.strerror or '').lower()}"
            ) from error
        with contextlib.suppress(OSError):  # a full disk: others are told without the number
            self._holder.write_text(str(os.getpid()), encoding="ascii")
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def _by_whom(self) -> str:
        try:
            return f" by process {int(self._holder.read_text(encoding='ascii'))}"
        except (OSError, ValueError):  # not written yet, or the disk was full
            return ""
