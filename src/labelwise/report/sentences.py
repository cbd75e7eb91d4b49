"""What came out of a study, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from labelwise.report.findings import LabelsNeeded, best_peers, exchanges, labels_needed, paired_gains
from labelwise.study.methods import (
    HARD,
    HARD_PUBLISHED,
    LABEL_SPREADING,
    SOFT,
    XGBOOST,
    XGBOOST_TUNED,
    phrase_of,
)
from labelwise.study.protocol import Study
from labelwise.study.results import Cell, Summary


def answers(study: Study, summaries: Sequence[Summary], cells: Sequence[Cell]) -> list[str]:
    """Say what came out, whatever it is, the answer to the study's question first."""
    needed = {row.method: row for row in labels_needed(summaries, study.target)}
    n_pool = round(summaries[0].n_labeled / summaries[0].fraction)
    lines = _fewest(needed, summaries, study.target, n_pool)
    lines += [
        _reached(needed[method.id], study.target, n_pool) for method in (SOFT, HARD) if method.id in needed
    ]
    lines += [
        _compared(needed.get(SOFT.id), needed[peer.id], study.target)
        for peer in (XGBOOST, XGBOOST_TUNED, LABEL_SPREADING)
        if peer.id in needed
    ]
    for peer in (XGBOOST, LABEL_SPREADING):
        traded = [row for row in exchanges(summaries, SOFT.id, peer.id) if row.ratio > 1]
        if traded:
            best = max(traded, key=lambda row: row.ratio)
            lines.append(
                f"To match the {best.accuracy:.1%} of {SOFT.phrase} with {best.n_labeled:,} labels, "
                f"{peer.phrase} needs {best.n_peer:,.0f}: {best.ratio:.1f} times as many, the largest ratio "
                "of all budgets."
            )
    for mine, other in best_peers(summaries):
        winner, loser = (mine, other) if mine.mean >= other.mean else (other, mine)
        others = "of the other methods" if winner is mine else "on our model"
        lines.append(
            f"With {mine.n_labeled:,} labels, {phrase_of(winner.method)} is the most accurate "
            f"({_percent(winner)}); the best {others} is {phrase_of(loser.method)} ({_percent(loser)})."
        )
    return [*lines, *_gain_lines(cells)]


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _labels(found: LabelsNeeded) -> str:
    return f"{'at most' if found.is_bound else 'about'} {found.n_labels:,.0f} labels"


def _reached(found: LabelsNeeded, target: float, n_pool: int) -> str:
    method = _begin(phrase_of(found.method))
    if math.isinf(found.n_labels):
        return f"{method} does not reach {target:.0%} accuracy at any budget studied."
    share = found.n_labels / n_pool
    return f"{method} reaches {target:.0%} accuracy with {_labels(found)}, {share:.2%} of the items."


def _fewest(
    needed: Mapping[str, LabelsNeeded], summaries: Sequence[Summary], target: float, n_pool: int
) -> list[str]:
    """Which method reaches the target first; of several that start above it, the most accurate one there."""
    means = {(row.method, row.n_labeled): row.mean for row in summaries}
    reached = [row for row in needed.values() if not math.isinf(row.n_labels)]
    if not reached:
        return []
    first = min(reached, key=lambda row: (row.n_labels, -means.get((row.method, round(row.n_labels)), 0)))
    if first.method == SOFT.id:
        return []  # the next sentence says it
    sentence = _reached(first, target, n_pool)
    return [sentence if first.is_bound else f"{sentence[:-1]}, the fewest of all methods studied."]


def _compared(mine: LabelsNeeded | None, other: LabelsNeeded, target: float) -> str:
    method = _begin(phrase_of(other.method))
    if math.isinf(other.n_labels):
        return f"{method} does not reach {target:.0%} at any budget studied."
    if mine is None or math.isinf(mine.n_labels):
        return f"{method} reaches {target:.0%} with {_labels(other)}."
    if mine.is_bound or other.is_bound:
        return f"{method} needs {_labels(other)}."
    return f"{method} needs {_labels(other)}, {_ratio(other.n_labels / mine.n_labels)} {SOFT.phrase}."


def _ratio(ratio: float) -> str:
    """A ratio in words, to stand before what it is compared with."""
    if round(ratio, 1) == 1:
        return "about as many as"
    return f"{ratio:.1f} times as many as" if ratio > 1 else f"{1 - ratio:.0%} fewer than"


def _gain_lines(cells: Sequence[Cell]) -> list[str]:
    """How much of the published gain of soft over hard remains once unnamed components get a fair name."""
    published = {gain.n_labeled: gain for gain in paired_gains(cells, SOFT.id, HARD_PUBLISHED.id)}
    fair = {gain.n_labeled: gain for gain in paired_gains(cells, SOFT.id, HARD.id)}
    shared = sorted(set(published) & set(fair))
    if not shared:
        return []
    largest = max(shared, key=lambda n: published[n].mean)
    gain, left = published[largest].mean, fair[largest].mean
    soft = _begin(SOFT.phrase)
    if gain <= 0:
        return [f"{soft} does not beat {HARD_PUBLISHED.phrase} at any budget."]
    nearest = f"{HARD.phrase} that borrows the nearest name"
    if left <= 0:
        share, rest = "All", f"{nearest} does as well"
    else:
        share, rest = f"{1 - left / gain:.0%}", f"against {nearest}, {100 * left:.1f} points remain"
    return [
        f"{soft} beats {HARD_PUBLISHED.phrase} by up to {100 * gain:.1f} points, with {largest:,} labels. "
        f"{share} of that gain comes from what the latter answers for components without a label: {rest}."
    ]


def _percent(row: Summary) -> str:
    band = "" if math.isnan(row.half_width) else f" ± {100 * row.half_width:.1f}"
    return f"{100 * row.mean:.1f}{band}%"


def interval_words(study: Study) -> str:
    """What the means are over, and what ± stands for."""
    if len(study.model_seeds) > 1:
        return (
            f"Means over {study.draws} label draws and {len(study.model_seeds)} model seeds. ± is half the "
            "95% interval: Student's t, with model seeds and draws as crossed random effects for methods on "
            "the model, and over draws for the others."
        )
    return (
        f"Means over {study.draws} label draws on one model. ± is half the 95% interval, Student's t over "
        "the draws; it does not cover what another model seed would change."
    )
