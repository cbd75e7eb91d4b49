"""The ladder from published decoding to the student: what each step adds, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labelwise.study.methods import (
    AUTO,
    AUTO_SUGGESTED,
    HARD_PUBLISHED,
    LABEL_SPREADING,
    POISSON,
    POISSON_SUGGESTED,
    SOFT,
    STUDENT,
    STUDENT_SUGGESTED,
    SUGGESTED,
    MethodSpec,
)
from labelwise.study.results import Summary


@dataclass(frozen=True)
class Step:
    """A step of the ladder.

    Attributes
    ----------
    id : str
    label : str
        What tables and figures call it.
    methods : tuple of MethodSpec
        Methods that stand for it; the first that a study ran is taken.
    base : Step or None
        What its gain is measured against.
    is_published : bool
        Whether the published study had it.
    """

    id: str
    label: str
    methods: tuple[MethodSpec, ...]
    base: Step | None = None
    is_published: bool = False

    @property
    def has_suggested_labels(self) -> bool:
        """Whether the labelled items are suggested instead of random."""
        return all(method.selection == SUGGESTED for method in self.methods)


_HARD = Step("hard", "hard, as published", (HARD_PUBLISHED,), is_published=True)
_SOFT = Step("soft", "soft", (SOFT,), _HARD, is_published=True)
_DECODER = Step("decoder", "better decoder", (AUTO, POISSON), _SOFT)
_STUDENT = Step("student", "student", (STUDENT,), _DECODER)
_DECODER_SUGGESTED = Step(
    "decoder-suggested", "better decoder, suggested labels", (AUTO_SUGGESTED, POISSON_SUGGESTED), _DECODER
)
_STUDENT_SUGGESTED = Step(
    "student-suggested", "student, suggested labels", (STUDENT_SUGGESTED,), _DECODER_SUGGESTED
)

# From the bottom up.
STEPS = (_HARD, _SOFT, _DECODER, _STUDENT, _DECODER_SUGGESTED, _STUDENT_SUGGESTED)

PEER = LABEL_SPREADING  # the best peer at all but the largest budget of benchmarks/results/mnist.md


@dataclass(frozen=True)
class Rung:
    """A step at one budget.

    Attributes
    ----------
    step : Step
    method : str
        Id of the method that stands for the step.
    mean, half_width : float
        Accuracy on items without a label.
    base : Step or None
        What `gain` is measured against; None if the study did not run it.
    gain : float
        Accuracy minus that of `base`; NaN without one.
    over_peer : float
        Accuracy minus that of `PEER` with random labels; NaN if the study left it out.
    seconds : float
        Mean cost of a cell: learning from the labels and answering all items.
    """

    n_labeled: int
    step: Step
    method: str
    mean: float
    half_width: float
    base: Step | None
    gain: float
    over_peer: float
    seconds: float


def climb(summaries: Sequence[Summary]) -> list[Rung]:
    """Find the rungs of each budget, from the bottom up.

    Budgets with a single step, or with published steps alone, are left out.
    """
    found = {(row.n_labeled, row.method): row for row in summaries if row.n_cells}
    rungs: list[Rung] = []
    for n_labeled in sorted({row.n_labeled for row in summaries}):
        peer = found.get((n_labeled, PEER.id))
        here: dict[Step, Rung] = {}
        for step in STEPS:
            rows = (found.get((n_labeled, method.id)) for method in step.methods)
            row = next((row for row in rows if row is not None), None)
            if row is None:
                continue
            below = here.get(step.base) if step.base is not None else None
            here[step] = Rung(
                n_labeled=n_labeled,
                step=step,
                method=row.method,
                mean=row.mean,
                half_width=row.half_width,
                base=None if below is None else below.step,
                gain=math.nan if below is None else row.mean - below.mean,
                over_peer=math.nan if peer is None else row.mean - peer.mean,
                seconds=row.seconds,
            )
        if len(here) > 1 and not all(step.is_published for step in here):
            rungs += here.values()
    return rungs
