"""Tidy results: one row a cell, and their means with intervals.

In memory a method is its id; files hold its name, which does not change (see `methods`).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from labelwise.errors import StorageError
from labelwise.storage import write_csv
from labelwise.study.methods import id_of, name_of

NO_MODEL = -1  # model seed of a method that uses no model


@dataclass(frozen=True)
class Cell:
    """One method with one draw of labels on one model.

    Attributes
    ----------
    model_seed : int
        `NO_MODEL` for a method that uses no model.
    method : str
        Its id.
    accuracy : float
        On the items of the pool without a label; NaN if the method failed.
    n_classes_seen : int
        Classes among the labels.
    n_components_named : int
        Components that are the most probable one of at least one labelled item; 0 without a model.
    seconds : float
        To learn from the labels and answer all items, without what all draws share.
    accuracy_held_out : float
        On items that took no part in training; NaN if there are none.
    macro_f1 : float
        Mean F1 over the classes, on the items of the pool without a label.
    error : str
        Why the method failed; empty if it did not.
    """

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
    accuracy_held_out: float = math.nan
    macro_f1: float = math.nan
    error: str = ""

    @property
    def key(self) -> CellKey:
        """What identifies the cell within its study."""
        return CellKey(self.method, self.model_seed, self.n_labeled, self.draw)


class CellKey(NamedTuple):
    """What identifies a cell within its study; `method` is an id."""

    method: str
    model_seed: int
    n_labeled: int
    draw: int


@dataclass(frozen=True)
class Summary:
    """Mean accuracy of one method at one budget, with the half width of its 95 % interval.

    Attributes
    ----------
    method : str
        Its id.
    half_width : float
        See `interval_half_width`; NaN for a single cell.
    mean_held_out, half_width_held_out : float
        The same on held-out items; NaN if there are none.
    n_cells, n_model_seeds, n_draws, n_failed : int
        Cells, model seeds and draws behind the mean, and cells that failed.
    seconds : float
        Mean cost of a cell.
    macro_f1 : float
        Its mean.
    """

    dataset: str
    n_labeled: int
    method: str
    mean: float
    half_width: float
    n_cells: int
    fraction: float = math.nan
    mean_held_out: float = math.nan
    half_width_held_out: float = math.nan
    n_model_seeds: int = 0
    n_draws: int = 0
    n_failed: int = 0
    seconds: float = math.nan
    macro_f1: float = math.nan


def summarise(cells: Sequence[Cell]) -> list[Summary]:
    """Average over draws and model seeds, in order of first appearance; failed cells are left out."""
    groups: dict[tuple[str, int, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.dataset, cell.n_labeled, cell.method), []).append(cell)
    summaries = []
    for (dataset, n_labeled, method), members in groups.items():
        done = [cell for cell in members if not cell.error]
        mean, half_width = _mean_and_half_width(done, "accuracy")
        mean_held_out, half_width_held_out = _mean_and_half_width(done, "accuracy_held_out")
        summaries.append(
            Summary(
                dataset=dataset,
                n_labeled=n_labeled,
                method=method,
                mean=mean,
                half_width=half_width,
                n_cells=len(done),
                fraction=members[0].fraction,
                mean_held_out=mean_held_out,
                half_width_held_out=half_width_held_out,
                n_model_seeds=len({cell.model_seed for cell in done}),
                n_draws=len({cell.draw for cell in done}),
                n_failed=len(members) - len(done),
                seconds=float(np.mean([cell.seconds for cell in done])) if done else math.nan,
                macro_f1=_mean_and_half_width(done, "macro_f1")[0],
            )
        )
    return summaries


def _mean_and_half_width(cells: Sequence[Cell], column: str) -> tuple[float, float]:
    if not cells:
        return math.nan, math.nan
    seeds = sorted({cell.model_seed for cell in cells})
    draws = sorted({cell.draw for cell in cells})
    table = np.full((len(seeds), len(draws)), math.nan)
    for cell in cells:
        table[seeds.index(cell.model_seed), draws.index(cell.draw)] = getattr(cell, column)
    if np.isnan(table).any():
        # Some cells failed or are missing: without a full table, take Student's t over the means of draws.
        values = np.array([getattr(cell, column) for cell in cells])
        by_draw = np.array([values[[cell.draw == draw for cell in cells]].mean() for draw in draws])
        return float(values.mean()), t_half_width(by_draw)
    return float(table.mean()), interval_half_width(table)


def interval_half_width(table: np.ndarray, confidence: float = 0.95) -> float:
    """Half the width of the confidence interval of a mean over model seeds x label draws.

    With one model this is Student's t over draws, with one draw over models. With several of both they are
    crossed random effects, since every model gets the same draws: the variance of the mean is
    (MS_models + MS_draws - MS_rest) / (S D), with Satterthwaite's degrees of freedom (Biometrics Bulletin 2,
    1946), and at least MS_rest / (S D).

    Parameters
    ----------
    table : ndarray of shape (n_model_seeds, n_draws)
    confidence : float

    Returns
    -------
    float
        NaN for a single value.
    """
    n_models, n_draws = table.shape
    if n_models == 1 or n_draws == 1:
        return t_half_width(table.ravel(), confidence)
    mean = table.mean()
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    rest = table - rows[:, None] - columns[None, :] + mean
    freedom = np.array([n_models - 1, n_draws - 1, (n_models - 1) * (n_draws - 1)])
    squares = np.array(
        [n_draws * ((rows - mean) ** 2).sum(), n_models * ((columns - mean) ** 2).sum(), (rest**2).sum()]
    )
    of_models, of_draws, of_rest = squares / freedom
    variance = max(of_models + of_draws - of_rest, of_rest)
    if variance == 0:
        return 0.0
    effective = variance**2 / (np.array([of_models, of_draws, of_rest]) ** 2 / freedom).sum()
    quantile = stats.t.ppf((1 + confidence) / 2, max(effective, 1.0))
    return float(quantile * math.sqrt(variance / table.size))


def t_half_width(values: np.ndarray, confidence: float = 0.95) -> float:
    """Half the width of Student's t interval of a mean; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan
    quantile = stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return float(quantile * values.std(ddof=1) / math.sqrt(len(values)))


def as_record(row: Any) -> dict[str, Any]:
    """Turn a row (`Cell`, `Summary`, …) into what files hold: its fields, with the method by its name."""
    return {**asdict(row), "method": name_of(row.method)}


def write_rows(path: Path, rows: Sequence[Any], kind: type | None = None) -> None:
    """Write dataclass rows that have a `method` as a CSV file, in one step.

    Parameters
    ----------
    path : Path
    rows : sequence
        Of one dataclass.
    kind : type, default=None
        That class; needed where there may be no rows.

    Raises
    ------
    StorageError
    """
    write_csv(path, _names(kind or type(rows[0])), [as_record(row) for row in rows])


class CellLog:
    """`results.csv` while a study runs: one line a cell, written as soon as the cell is finished.

    Parameters
    ----------
    path : Path
        An existing file is continued; a truncated last line is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cells = read_cells(path) if path.exists() else []
        write_rows(path, self.cells, Cell)

    def drop_failed(self) -> int:
        """Forget failed cells, since their cause may be gone (a missing package); return how many."""
        kept = [cell for cell in self.cells if not cell.error]
        n_failed = len(self.cells) - len(kept)
        if n_failed:
            write_rows(self.path, kept, Cell)
            self.cells = kept
        return n_failed

    def add(self, cell: Cell) -> None:
        """Record a finished cell.

        Raises
        ------
        StorageError
        """
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, _names(Cell), lineterminator="\n").writerow(as_record(cell))
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path}: {error.strerror}; the cells so far are kept"
            ) from error
        self.cells.append(cell)


def read_cells(path: Path) -> list[Cell]:
    """Read a table of cells, without a truncated last line.

    Raises
    ------
    StorageError
        If it is not a table of cells.
    """
    try:
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        rows = list(csv.DictReader(whole.splitlines()))
        kinds = {field.name: _KINDS[str(field.type)] for field in fields(Cell)}
        kinds["method"] = lambda name: id_of(name) or name
        if rows and "macro_f1" not in rows[0]:  # tables of labelwise 0.1
            del kinds["macro_f1"]
        return [Cell(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{path} is not a table of results: {error}; restore it or write to another folder"
        ) from error


_KINDS: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float}


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]
