"""Figures. A function takes data and returns the figure: nothing is computed or written while drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 3  # blocks of components side by side


def plot_component_samples(images: np.ndarray, captions: Sequence[str], title: str) -> Figure:
    """Samples from each component, one row a component, its caption on the left.

    Parameters
    ----------
    images : ndarray of shape (n_components, n_samples, height, width), 0..1
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
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing figures", "matplotlib", "study") from None

    n_components = len(images)
    n_rows = math.ceil(n_components / _COLUMNS)
    figure = Figure(figsize=(4.0 * _COLUMNS, 0.9 + 0.42 * n_rows), dpi=120)
    figure.suptitle(title, x=0.02, ha="left", y=1 - 0.2 / figure.get_figheight(), fontsize=11)
    top = 1 - 0.6 / figure.get_figheight()
    for number, (strip, caption) in enumerate(zip(images, captions, strict=True)):
        block, row = divmod(number, n_rows)
        height = (top - 0.02) / n_rows
        bottom = top - (row + 1) * height
        left = 0.02 + block * 0.98 / _COLUMNS
        figure.text(left, bottom + height / 2, caption, va="center", fontsize=9, family="monospace")
        axes = figure.add_axes((left + 0.115, bottom + 0.04 * height, 0.19, 0.92 * height))
        spaced = np.pad(strip, ((0, 0), (0, 0), (0, 1)), constant_values=0.0)
        axes.imshow(np.concatenate(list(spaced), axis=1), cmap="gray_r", vmin=0, vmax=1, aspect="equal")
        axes.set_axis_off()
    return figure
