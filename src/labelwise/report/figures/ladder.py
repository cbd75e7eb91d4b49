"""The ladder: accuracy of each step, at each budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labelwise.report.figures.style import PALETTE, new_figure, tidy
from labelwise.study.ladder import STEPS, Rung

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_ladder(rungs: Sequence[Rung], *, title: str) -> Axes:
    """Draw a group of bars per budget, with one bar per step, its 95% interval and its accuracy.

    Parameters
    ----------
    rungs : sequence of Rung
    title : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    budgets = sorted({rung.n_labeled for rung in rungs})
    steps = [step for step in STEPS if any(rung.step == step for rung in rungs)]
    figure = new_figure(max(6.5, 2.2 * len(budgets) + 2.5), 4.8)
    axes = figure.subplots()
    width = 0.86 / len(steps)
    for number, step in enumerate(steps):
        own = [rung for rung in rungs if rung.step == step]
        places = [budgets.index(rung.n_labeled) + (number - (len(steps) - 1) / 2) * width for rung in own]
        heights = [100 * rung.mean for rung in own]
        bands = [0 if math.isnan(rung.half_width) else 100 * rung.half_width for rung in own]
        tops = [min(band, 100 - height) for band, height in zip(bands, heights, strict=True)]
        axes.bar(
            places,
            heights,
            width,
            yerr=[bands, tops],
            label=step.label,
            color=PALETTE[STEPS.index(step) % len(PALETTE)],
            edgecolor="white",
            hatch="//" if step.has_suggested_labels else None,
            error_kw={"ecolor": "#8A8A8A", "elinewidth": 1},
        )
        for place, height, top in zip(places, heights, tops, strict=True):
            axes.annotate(
                f"{height:.0f}",
                (place, height + top),
                (0, 2),
                textcoords="offset points",
                ha="center",
                size=7,
            )
    axes.set_xticks(range(len(budgets)), [f"{n:,} labels" for n in budgets])
    axes.set_ylim(0, 105)
    axes.set_ylabel("accuracy on items without a label, %")
    axes.set_title(title, loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, frameon=False, fontsize=8)
    tidy(axes)
    return axes
