"""The latent space in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.report.figures.style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_latent(
    points: np.ndarray, classes: np.ndarray, components: np.ndarray, names: Sequence[str], title: str
) -> Figure:
    """Draw the same points twice, by class and by component, with names at the centres.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    classes, components : ndarray of shape (n,), int
    names : sequence of str
        Of the classes.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(11, 5.4)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    by_class, by_component = figure.subplots(1, 2)
    for axes, groups, label in ((by_class, classes, "by class"), (by_component, components, "by component")):
        # Neighbouring numbers get distant colours.
        colors = (groups * 0.618034) % 1.0
        axes.scatter(
            points[:, 0], points[:, 1], c=colors, cmap="turbo", vmin=0, vmax=1, s=5, alpha=0.55, linewidths=0
        )
        axes.set_title(label, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
        written = names if groups is classes else [str(c) for c in range(int(components.max()) + 1)]
        for group in np.unique(groups):
            centre = np.median(points[groups == group], axis=0)
            axes.text(
                *centre,
                written[group],
                ha="center",
                va="center",
                fontsize=11 if groups is classes else 6,
                weight="bold",
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            )
    return figure
