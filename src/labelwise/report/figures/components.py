"""Components: samples, purity and size, reconstructions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.report.figures.style import GREY, PALETTE, new_figure, tidy
from labelwise.study.analysis import Components

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3  # blocks of components side by side: 36 of them make a square page


def plot_component_samples(images: np.ndarray, captions: Sequence[str], title: str) -> Figure:
    """Draw samples from each component, one row per component, with its caption on the left.

    Parameters
    ----------
    images : ndarray of shape (n_components, n_samples, height, width) or with channels last, 0..1
    captions : sequence of str
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    n_components = len(images)
    n_rows = math.ceil(n_components / _COLUMNS)
    figure = new_figure(4.0 * _COLUMNS, 0.9 + 0.42 * n_rows, layout=None)
    figure.suptitle(title, x=0.02, ha="left", y=1 - 0.2 / figure.get_figheight(), fontsize=11)
    top = 1 - 0.6 / figure.get_figheight()
    for number, (strip, caption) in enumerate(zip(images, captions, strict=True)):
        block, row = divmod(number, n_rows)
        height = (top - 0.02) / n_rows
        bottom = top - (row + 1) * height
        left = 0.02 + block * 0.98 / _COLUMNS
        figure.text(left, bottom + height / 2, caption, va="center", fontsize=9, family="monospace")
        axes = figure.add_axes((left + 0.115, bottom + 0.04 * height, 0.19, 0.92 * height))
        spaced = np.pad(strip, [(0, 0), (0, 0), (0, 1)] + [(0, 0)] * (strip.ndim - 3), constant_values=0.0)
        axes.imshow(np.concatenate(list(spaced), axis=1), cmap="gray_r", vmin=0, vmax=1, aspect="equal")
        axes.set_axis_off()
    return figure


def plot_purity(components: Components, names: Sequence[str], title: str) -> Axes:
    """Draw purity against share, with one mark per component and its largest class beside it.

    Parameters
    ----------
    components : Components
    names : sequence of str
        Of the classes.
    title : str
    """
    figure = new_figure(8, 4.6)
    axes = figure.subplots()
    full = components.classes >= 0
    axes.scatter(components.shares[full] * 100, components.purity[full], s=16, color=PALETTE[1])
    for number in np.flatnonzero(full):
        axes.annotate(
            names[components.classes[number]],
            (components.shares[number] * 100, components.purity[number]),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize=7,
        )
    axes.axvline(100 / len(components.shares), color=GREY, linewidth=1, linestyle=":")
    axes.set_xlabel("share of the items, % (dotted: all components equal)")
    axes.set_ylabel("purity: share of the largest class")
    axes.set_ylim(0, 1.03)
    axes.set_title(title, loc="left", fontsize=11)
    tidy(axes)
    return axes


def plot_reconstructions(items: np.ndarray, decoded: np.ndarray, title: str) -> Figure:
    """Draw items, and their reconstructions below.

    Parameters
    ----------
    items, decoded : ndarray of shape (n, height, width) or (n, height, width, channels), 0..1
    title : str
    """
    figure = new_figure(0.62 * len(items) + 0.4, 1.9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    for row, images in zip(figure.subplots(2, len(items), squeeze=False), (items, decoded), strict=True):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            axes.set_axis_off()
    return figure
