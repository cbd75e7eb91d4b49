"""The ladder from the published decoding to the student: what each rung adds, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labelwise.study.results import Summary

# Rungs from below: the methods that stand on each, of which the first that a study ran is taken, and the
# rung that it is compared with.
RUNGS = {
    "hard, as published": (("hard (as published)",), None),
    "soft": (("soft",), "hard, as published"),
    "better decoder": (("auto", "poisson"), "soft"),
    "student": (("student",), "better decoder"),
    "better decoder, suggested labels": (("auto, suggested", "poisson, suggested"), "better decoder"),
    "student, suggested labels": (("student, suggested",), "better decoder, suggested labels"),
}
_PUBLISHED = {"hard, as published", "soft"}
PEER = "label spreading"


@dataclass(frozen=True)
class Rung:
    """A rung at one budget.

    Attributes
    ----------
    name, method : str
    mean, half_width : float
        Accuracy on items without a label.
    base : str or None
        Rung that it is compared with; None if the study did not run it.
    gain : float
        Over that one; NaN without it.
    over_peer : float
        Over tuned label spreading with random labels; NaN if the study left it out.
    seconds : float
        Mean cost of a cell: learning from the labels and answering all items.
    """

    n_labeled: int
    name: str
    method: str
    mean: float
    half_width: float
    base: str | None
    gain: float
    over_peer: float
    seconds: float


def climb(summaries: Sequence[Summary]) -> list[Rung]:
    """The rungs of each budget, from below; budgets with nothing to compare above soft are left out."""
    found = {(row.n_labeled, row.method): row for row in summaries if row.n_cells}
    rungs: list[Rung] = []
    for n_labeled in sorted({row.n_labeled for row in summaries}):
        peer = found.get((n_labeled, PEER))
        here: dict[str, Rung] = {}
        for name, (methods, base) in RUNGS.items():
            row = next((found[n_labeled, method] for method in methods if (n_labeled, method) in found), None)
            if row is None:
                continue
            below = here.get(base) if base is not None else None
            here[name] = Rung(
                n_labeled=n_labeled,
                name=name,
                method=row.method,
                mean=row.mean,
                half_width=row.half_width,
                base=None if below is None else below.name,
                gain=math.nan if below is None else row.mean - below.mean,
                over_peer=math.nan if peer is None else row.mean - peer.mean,
                seconds=row.seconds,
            )
        rungs += here.values() if len(here) > 1 and not here.keys() <= _PUBLISHED else []
    return rungs
