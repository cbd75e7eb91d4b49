"""One writer at a time: the operating system's lock on a file, which goes with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from labelwise.errors import StorageError


class Lock:
    """The right to write to a project.

    Parameters
    ----------
    path : Path
        A file in the project's folder; it stays there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object has the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock, and say whether it was taken now: False if this object has it already.

        Raises
        ------
        StorageError
            If another process, or another object of this one, holds it.
        """
        if self._descriptor is not None:
            return False
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(
                f"cannot write {self._path.parent}: {(error.strerror or '').lower()}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f" by process {holder}" if holder else ""
            raise StorageError(
                f"{self._path.parent} is being changed{who}: wait until that is done, or stop it"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: others are told without the number
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
