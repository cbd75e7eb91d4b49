"""What a person sees at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Sheet:
    """Items of a group that are named together: one decision, and one more for each that differs.

    Attributes
    ----------
    component : int
        Most probable component of the centre.
    items : ndarray of shape (n_shown,), int
        Rows of the items: the centre of the group first, then those that add most.
    predictions : ndarray of shape (n_shown,) or None
        What the labels so far say of these items, by Poisson learning; None if they say nothing.
    n_items : int
        Items without a label that the group holds, those that are shown included.
    reason : str
        Why this group, in words.
    """

    component: int
    items: np.ndarray
    predictions: np.ndarray | None
    n_items: int
    reason: str
