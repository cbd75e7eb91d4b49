"""The trade-off behind the number of components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.diagnostics.components import Candidate
from labelwise.report.figures.style import PALETTE, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_choice(candidates: Sequence[Candidate], title: str) -> Figure:
    """Draw evidence, stability and, where there are labels, accuracy against the number of components."""
    numbers = np.array([row.n_components for row in candidates])
    chosen = next(row.n_components for row in candidates if row.chosen)
    panels: list[tuple[str, list[float], list[float] | None]] = [
        (
            "evidence behind the best, nats",
            [-row.behind for row in candidates],
            [row.behind_error for row in candidates],
        ),
        ("stability between seeds (adjusted Rand)", [row.stability for row in candidates], None),
    ]
    if not np.isnan([row.accuracy for row in candidates]).all():
        panels.append(
            (
                "cross-validated accuracy on the labels",
                [row.accuracy for row in candidates],
                [row.accuracy_error for row in candidates],
            )
        )
    figure = new_figure(4.0 * len(panels), 3.6)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    for axes, (name, values, errors) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.errorbar(numbers, values, errors, color=PALETTE[1], marker="o", capsize=3)
        axes.axvline(chosen, color=PALETTE[2], linestyle="--", linewidth=1.2, label=f"chosen: {chosen}")
        axes.set_xscale("log")
        axes.set_xticks(numbers, [str(n) for n in numbers])
        axes.minorticks_off()
        axes.set_xlabel("components")
        axes.set_ylabel(name, fontsize=9)
        axes.legend(frameon=False, fontsize=9)
        tidy(axes)
    return figure
