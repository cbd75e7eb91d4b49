"""The value that means "no label", shared by every part that reads or writes labels."""

from __future__ import annotations

from typing import Final

__all__ = ["UNLABELED"]

UNLABELED: Final = -1
"""Marks an item without a label in an array of labels, as in :mod:`sklearn.semi_supervised`."""
