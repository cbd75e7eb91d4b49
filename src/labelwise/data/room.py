"""How much memory a file may ask for: no more than it can hold, and no more than there is."""

from __future__ import annotations

import os
import sys

from labelwise.errors import DataError

__all__ = ["DEFLATE_LIMIT", "check_room"]

DEFLATE_LIMIT = 1040
"""Deflate cannot pack better than about 1 to 1032, so a packed file bounds what it can hold."""


def check_room(n_bytes: int, where: str) -> None:
    """Refuse what is larger than the memory of this machine, before any of it is taken.

    Raises
    ------
    DataError
    """
    n_there = _memory()
    if n_bytes > n_there:
        raise DataError(
            f"{where} needs {n_bytes / 2**30:,.1f} GiB of memory, and this machine has "
            f"{n_there / 2**30:,.1f}: bring fewer items, or an .npy file, whose items stay on the disk"
        )


def _memory() -> int:
    """Bytes of memory; more than anything needs where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize
