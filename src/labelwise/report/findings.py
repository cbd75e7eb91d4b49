"""What the results of a study say: labels needed, gains, and where each gain comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelwise.study.methods import HARD, HARD_PUBLISHED, LABEL_SPREADING, METHODS, XGBOOST
from labelwise.study.results import NO_MODEL, Cell, Summary, interval_half_width

# What tables of differences compare soft decoding with: both kinds of hard decoding, the best simple peer,
# and trees as published.
COMPARED = (HARD_PUBLISHED, HARD, LABEL_SPREADING, XGBOOST)


@dataclass(frozen=True)
class LabelsNeeded:
    """Labels at which a method's mean accuracy reaches a target.

    Attributes
    ----------
    method : str
        Its id.
    n_labels : float
        Interpolated on the logarithm of the number of labels; infinity if no budget reaches the target.
    is_bound : bool
        Whether the smallest budget already reaches it, so that fewer labels may be enough.
    """

    method: str
    n_labels: float
    is_bound: bool


def labels_needed(summaries: Sequence[Summary], target: float) -> list[LabelsNeeded]:
    """For each method, the labels after which its mean accuracy stays at or above the target."""
    found = []
    for method in dict.fromkeys(row.method for row in summaries):
        rows = sorted(
            (row for row in summaries if row.method == method and not math.isnan(row.mean)),
            key=lambda row: row.n_labeled,
        )
        below = [number for number, row in enumerate(rows) if row.mean < target]
        last = below[-1] if below else -1
        if last == len(rows) - 1:
            found.append(LabelsNeeded(method, math.inf, False))
        elif last == -1:
            found.append(LabelsNeeded(method, float(rows[0].n_labeled), True))
        else:
            before, after = rows[last], rows[last + 1]
            share = (target - before.mean) / (after.mean - before.mean)
            logs = math.log(before.n_labeled), math.log(after.n_labeled)
            found.append(LabelsNeeded(method, math.exp(logs[0] + share * (logs[1] - logs[0])), False))
    return found


@dataclass(frozen=True)
class Exchange:
    """Labels that a peer needs for the accuracy that a method has with `n_labeled`."""

    n_labeled: int
    accuracy: float
    peer: str
    n_peer: float

    @property
    def ratio(self) -> float:
        """How many times as many."""
        return self.n_peer / self.n_labeled


def exchanges(summaries: Sequence[Summary], method: str, peer: str) -> list[Exchange]:
    """Find what `peer` needs to match `method` (both ids) at each budget where the peer's curve tells."""
    theirs = [row for row in summaries if row.method == peer]
    found = []
    for row in summaries:
        if row.method != method or math.isnan(row.mean) or not theirs:
            continue
        (needed,) = labels_needed(theirs, row.mean)
        if math.isfinite(needed.n_labels) and not needed.is_bound:
            found.append(Exchange(row.n_labeled, row.mean, peer, needed.n_labels))
    return found


@dataclass(frozen=True)
class Gain:
    """How much better one method is than another on the same models and draws.

    Attributes
    ----------
    better, worse : str
        Their ids.
    mean, half_width : float
        Difference of accuracy and half its 95 % interval over paired cells.
    """

    n_labeled: int
    better: str
    worse: str
    mean: float
    half_width: float


def paired_gains(cells: Sequence[Cell], better: str, worse: str) -> list[Gain]:
    """Compare two methods, given by id, at each budget, cell by cell.

    A method without a model is paired with every model seed of the other.
    """
    tables = {
        name: {
            (cell.n_labeled, cell.model_seed, cell.draw): cell.accuracy
            for cell in cells
            if cell.method == name and not cell.error
        }
        for name in (better, worse)
    }
    gains = []
    for n_labeled in sorted({cell.n_labeled for cell in cells}):
        seeds = sorted(
            {seed for table in tables.values() for n, seed, _ in table if n == n_labeled and seed != NO_MODEL}
        )
        draws = sorted({draw for table in tables.values() for n, _, draw in table if n == n_labeled})
        seeds = seeds or [NO_MODEL]

        def value(name: str, seed: int, draw: int, n_labeled: int = n_labeled) -> float:
            table = tables[name]
            return table.get((n_labeled, seed, draw), table.get((n_labeled, NO_MODEL, draw), math.nan))

        table = np.array([[value(better, s, d) - value(worse, s, d) for d in draws] for s in seeds])
        if table.size == 0:
            continue
        whole = table[:, ~np.isnan(table).any(axis=0)]
        if whole.shape[1]:
            gains.append(Gain(n_labeled, better, worse, float(whole.mean()), interval_half_width(whole)))
    return gains


def best_peers(summaries: Sequence[Summary]) -> list[tuple[Summary, Summary]]:
    """Find, at each budget, the best method on our model and the best of the others."""
    ours = {method.id for method in METHODS.values() if method.uses_model}
    pairs = []
    for n_labeled in sorted({row.n_labeled for row in summaries}):
        rows = [row for row in summaries if row.n_labeled == n_labeled and not math.isnan(row.mean)]
        mine = [row for row in rows if row.method in ours]
        theirs = [row for row in rows if row.method not in ours]
        if mine and theirs:
            pairs.append((max(mine, key=lambda row: row.mean), max(theirs, key=lambda row: row.mean)))
    return pairs
