"""Tight groups of items that are worth one decision each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwise.encoding import Encoding
from labelwise.randomness import RandomState


@dataclass(frozen=True)
class Sheet:
    """A few items that cover a group."""

    component: int
    items: np.ndarray
    predictions: np.ndarray | None
    n_items: int
    reason: str


def sheets_from(
    encoding: Encoding, n_sheets: int, *, y: Any = None, size: int = 5, random_state: RandomState = None
) -> list[Sheet]:
    """Propose groups; being written."""
    raise NotImplementedError
