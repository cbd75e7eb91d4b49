"""Tidy results: one row a cell, and their means with intervals."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from scipy import stats

from labelwise.storage import write_beside


@dataclass(frozen=True)
class Cell:
    """The accuracy of one method with one draw of labels on one model, on the items without a label."""

    dataset: str
    model_seed: int
    draw: int
    n_labeled: int
    fraction: float
    method: str
    accuracy: float
    n_classes_seen: int
    n_components_named: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """Mean accuracy of one method at one budget, with the half width of its 95 % interval."""

    dataset: str
    n_labeled: int
    method: str
    mean: float
    half_width: float
    n_cells: int


def summarise(cells: Sequence[Cell]) -> list[Summary]:
    """Means over draws and model seeds, in the order in which methods first appear.

    With one model seed the interval is Student's t over draws. With several, draws on one model are not
    independent of each other: the interval is Student's t over the means of the model seeds.
    """
    groups: dict[tuple[str, int, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.dataset, cell.n_labeled, cell.method), []).append(cell)
    summaries = []
    for (dataset, n_labeled, method), members in groups.items():
        values = np.array([cell.accuracy for cell in members])
        seeds = np.array([cell.model_seed for cell in members])
        units = values
        if len(np.unique(seeds)) > 1:
            units = np.array([values[seeds == seed].mean() for seed in np.unique(seeds)])
        summaries.append(
            Summary(dataset, n_labeled, method, float(units.mean()), t_half_width(units), len(values))
        )
    return summaries


def t_half_width(values: np.ndarray, confidence: float = 0.95) -> float:
    """Half the width of Student's t interval of a mean; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan
    quantile = stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return float(quantile * values.std(ddof=1) / math.sqrt(len(values)))


def write_rows(path: Path, rows: Sequence[Cell] | Sequence[Summary]) -> None:
    """Write dataclass rows as a CSV file, in one step.

    Raises
    ------
    StorageError
    """
    names = [field.name for field in fields(rows[0])]
    write_csv(path, names, [asdict(row) for row in rows])


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as a CSV file, in one step.

    Raises
    ------
    StorageError
    """

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_beside(path, write)
