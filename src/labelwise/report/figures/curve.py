"""Accuracy against the number of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.report.figures.style import line_of, new_figure, tidy
from labelwise.study.methods import label_of
from labelwise.study.results import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def plot_accuracy_curve(
    summaries: Sequence[Summary],
    *,
    target: float,
    n_components: int,
    n_covering: int,
    title: str,
    note: str = "",
) -> Axes:
    """Draw mean accuracy with 95% bands against the number of labels, with one line per method.

    Parameters
    ----------
    summaries : sequence of Summary
    target : float
        Accuracy of the horizontal line.
    n_components, n_covering : int
        Labels of the two vertical marks: one per component, and random labels that reach every component with
        a probability of 95%.
    title, note : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    figure = new_figure(11, 6.2)
    axes = figure.subplots()
    n_pool = round(summaries[0].n_labeled / summaries[0].fraction)
    most = max(row.n_labeled for row in summaries)
    curves = _plot_methods(axes, summaries)
    axes.set_xscale("log")
    axes.set_ylim(0, 1)
    axes.set_xlim(min(row.n_labeled for row in summaries) / 1.15, most * 1.15)
    _mark_target(axes, target)
    if n_components < most:
        _mark_labels(axes, n_components, f"{n_components:,}: one label\nper component")
    if n_covering < most:
        _mark_labels(axes, n_covering, f"{n_covering:,}: random labels\nreach all (95%)")
    budgets = _apart(sorted({row.n_labeled for row in summaries}))
    axes.set_xticks(budgets, [f"{n:,}\n{100 * n / n_pool:.2g}%" for n in budgets], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel(f"labels (and their share of the {n_pool:,} items)")
    axes.set_ylabel("accuracy on items without a label")
    axes.set_title(title, loc="left")
    tidy(axes)
    axes.legend(
        handles=curves,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=9,
        title="best at the largest budget first",
        title_fontsize=8,
        alignment="left",
    )
    if note:
        figure.supxlabel(note, fontsize=8, color="#333333", x=0.01, ha="left")
    return axes


def _plot_methods(axes: Axes, summaries: Sequence[Summary]) -> list[Line2D]:
    """Draw a line per method; return them, the best at its largest budget first."""
    drawn: list[tuple[float, Line2D]] = []
    for number, method in enumerate(dict.fromkeys(row.method for row in summaries)):
        rows = [row for row in summaries if row.method == method and row.n_cells]
        if not rows:
            continue
        labels = np.array([row.n_labeled for row in rows])
        means, bands = np.array([row.mean for row in rows]), np.array([row.half_width for row in rows])
        line = line_of(method, number)
        (curve,) = axes.plot(
            labels,
            means,
            color=line.color,
            linestyle=line.dashes,
            marker=line.marker,
            linewidth=line.width,
            markersize=5,
            label=label_of(method),
            zorder=2 + line.width,
        )
        drawn.append((float(means[labels.argmax()]), curve))
        low, high = np.clip(means - bands, 0, 1), np.clip(means + bands, 0, 1)
        axes.fill_between(labels, low, high, color=line.color, alpha=0.05 * line.width, linewidth=0)
    return [curve for _, curve in sorted(drawn, key=lambda pair: -pair[0])]


def _mark_target(axes: Axes, target: float) -> None:
    axes.axhline(target, color="#555555", linewidth=1, linestyle=(0, (5, 3)))
    axes.annotate(
        f"{target:.0%}",
        (0, target),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
    )


def _mark_labels(axes: Axes, n_labels: int, words: str) -> None:
    axes.axvline(n_labels, color="#555555", linewidth=1, linestyle=":")
    axes.annotate(
        words,
        (n_labels, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=8,
        color="#333333",
    )


def _apart(budgets: list[int]) -> list[int]:
    """Those whose tick labels do not overlap on a logarithmic axis: a label takes up to 5.5% of its width."""
    least = 0.055 * math.log(budgets[-1] / budgets[0]) if len(budgets) > 1 else 0
    shown = budgets[:1]
    for n_labeled in budgets[1:]:
        if math.log(n_labeled / shown[-1]) >= least:
            shown.append(n_labeled)
    return shown
