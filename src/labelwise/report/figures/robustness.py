"""Accuracy on changed images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labelwise.diagnostics.robustness import Robust
from labelwise.report.figures.style import line_of, new_figure, tidy
from labelwise.study.methods import label_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_robustness(rows: Sequence[Robust], title: str) -> Figure:
    """Draw accuracy against the strength of changes: one panel per change, one line per method."""
    changes = list(dict.fromkeys(row.change for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    figure = new_figure(2.6 * len(changes) + 1.6, 3.4)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    panels = figure.subplots(1, len(changes), sharey=True, squeeze=False)[0]
    for axes, change in zip(panels, changes, strict=True):
        for number, method in enumerate(methods):
            mine = [row for row in rows if row.change == change and row.method == method]
            line = line_of(method, number)
            axes.plot(
                [row.strength for row in mine],
                [row.accuracy for row in mine],
                color=line.color,
                linestyle=line.dashes,
                marker=line.marker,
                linewidth=line.width,
                markersize=4,
                label=label_of(method),
            )
        axes.set_xlabel(change, fontsize=9)
        axes.set_ylim(0, 1)
        tidy(axes)
    panels[0].set_ylabel("accuracy")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9
    )
    return figure
