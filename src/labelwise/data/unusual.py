"""What is unusual in the rows of a table: values far from most of their column, and rare categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Usual"]

# Twice what box plots call an outlier: one value in some thousands, if they are normal.
_FAR = 3.0  # interquartile ranges beyond a quartile
_RARE = 0.02  # share of the rows below which a category is rare
_MOST_CATEGORIES = 100  # text that differs more says what a row is, not what is rare


class Usual:
    """What the columns of a table usually hold.

    Parameters
    ----------
    table : DataFrame, or ndarray of shape (n_samples, n_features)

    Attributes
    ----------
    columns : list of str
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        is_frame = hasattr(table, "iloc")
        width = table.shape[1]
        self.columns = (
            [str(each) for each in table.columns] if is_frame else [f"column {i}" for i in range(width)]
        )
        self._limits: list[tuple[float, float] | None] = []
        self._rare: list[frozenset[str]] = []
        for place in range(width):
            limits, rare = _habits(self._column(place))
            self._limits.append(limits)
            self._rare.append(rare)

    def rows(self, rows: Sequence[int]) -> list[list[str]]:
        """Values of some rows as text, one list a row."""
        return [[_text(self._value(row, place)) for place in range(len(self.columns))] for row in rows]

    def marks(self, rows: Sequence[int]) -> list[list[str]]:
        """What is unusual: "high", "low", "rare" or "missing"; empty where nothing is."""
        return [[self._mark(row, place) for place in range(len(self.columns))] for row in rows]

    def _mark(self, row: int, place: int) -> str:
        value = self._value(row, place)
        limits = self._limits[place]
        if limits is None:
            return "rare" if _text(value) in self._rare[place] else ""
        number = float(value) if value is not None else np.nan
        if np.isnan(number):
            return "missing"
        return "low" if number < limits[0] else "high" if number > limits[1] else ""

    def _column(self, place: int) -> Any:
        table = self._table
        return table.iloc[:, place].to_numpy() if hasattr(table, "iloc") else table[:, place]

    def _value(self, row: int, place: int) -> Any:
        table = self._table
        return table.iat[row, place] if hasattr(table, "iloc") else table[row, place]


def _habits(values: np.ndarray) -> tuple[tuple[float, float] | None, frozenset[str]]:
    """Limits of what is usual among numbers, or the rare ones among categories."""
    if values.dtype.kind in "iuf":
        known = values[np.isfinite(values.astype(float))].astype(float)
        if not len(known):
            return (-np.inf, np.inf), frozenset()
        low, high = np.quantile(known, [0.25, 0.75])
        if low == high:  # most rows are the same: what differs is unusual if few do
            if (known != low).mean() > _RARE:
                low, high = np.quantile(known, [_RARE / 2, 1 - _RARE / 2])
            return (low, high), frozenset()
        reach = _FAR * (high - low)
        return (low - reach, high + reach), frozenset()
    names, counts = np.unique([_text(each) for each in values], return_counts=True)
    if len(names) > _MOST_CATEGORIES:
        return None, frozenset()
    return None, frozenset(names[counts < _RARE * len(values)].tolist())


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.6g}"
    return "" if value is None else str(value)
