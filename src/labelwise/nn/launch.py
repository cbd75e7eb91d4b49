"""What torchrun says about the processes that it started; without torch, for programs that start fast."""

from __future__ import annotations

import os
from typing import NamedTuple


class Started(NamedTuple):
    """Number of this process, from 0, and how many there are."""

    rank: int
    size: int


def started() -> Started:
    """As torchrun has it in the environment; a process that it did not start is alone."""
    rank, size = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    return Started(int(rank), int(size)) if rank.isdecimal() and size.isdecimal() else Started(0, 1)
