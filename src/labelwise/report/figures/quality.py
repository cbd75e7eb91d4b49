"""Where answers are right and wrong: by class, by uncertainty, by stated probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.report.figures.style import GREY, PALETTE, new_figure, tidy
from labelwise.study.analysis import ClassGains, Reliability, UncertaintyGains
from labelwise.study.results import t_half_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_class_gains(gains: ClassGains, names: Sequence[str], title: str) -> Figure:
    """Draw the gain of soft over hard decoding by class: with intervals over draws, and by instability."""
    figure = new_figure(11, 4.2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    means = gains.gains.mean(axis=0)
    bands = np.array([t_half_width(column) for column in gains.gains.T])
    order = np.argsort(-means, kind="stable")
    colors = np.where(means[order] >= 0, PALETTE[1], PALETTE[2])
    left.bar(
        np.arange(len(order)), means[order], yerr=bands[order], color=colors, capsize=2, ecolor="#444444"
    )
    left.set_xticks(np.arange(len(order)), [names[code] for code in order], fontsize=9)
    if max(len(name) for name in names) > 3:
        left.tick_params("x", rotation=40)
    left.axhline(0, color="black", linewidth=0.8)
    left.set_ylabel("accuracy: soft minus hard")
    left.set_xlabel("class; bars: 95% interval over draws")
    tidy(left)
    right.scatter(gains.instability, means, color=PALETTE[1], s=14)
    for code, name in enumerate(names):
        right.annotate(
            name,
            (gains.instability[code], means[code]),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=8,
        )
    right.axhline(0, color="black", linewidth=0.8)
    right.set_xlabel("share of answers that change with the draw")
    right.set_ylabel("accuracy: soft minus hard")
    tidy(right)
    return figure


def plot_uncertainty_gains(parts: Mapping[str, UncertaintyGains], title: str) -> Figure:
    """Draw accuracy of both decoders by uncertainty; `parts` maps names of measures to the data."""
    figure = new_figure(10, 3.8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    panels = np.atleast_1d(figure.subplots(1, len(parts)))
    for axes, (name, data) in zip(panels, parts.items(), strict=True):
        centres = (data.edges[:-1] + data.edges[1:]) / 2
        widths = np.diff(data.edges)
        axes.bar(centres, data.share, widths * 0.95, color="#DDDDDD", label="share of items")
        axes.plot(centres, data.hard, color=PALETTE[2], linestyle="--", marker="s", label="hard")
        axes.plot(centres, data.soft, color=PALETTE[1], marker="o", label="soft")
        axes.set_xlabel(name)
        axes.set_ylabel("accuracy; share of items")
        axes.set_ylim(0, 1)
        axes.legend(frameon=False, fontsize=9)
        tidy(axes)
    return figure


_LOOKS = ((PALETTE[1], "-", "o"), (PALETTE[2], "--", "s"), (PALETTE[3], "-.", "D"))


def plot_risk_coverage(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> Axes:
    """Draw the share of wrong answers against the share of items answered, surest first.

    Parameters
    ----------
    curves : dict of str to (coverage, risk)
        By label of method; see `labelwise.decoding.abstention.risk_coverage`.
    title : str
    """
    axes = new_figure(6.2, 4.4).subplots()
    highest = 0.0
    for (name, (coverage, risk)), (color, dashes, _) in zip(curves.items(), _LOOKS, strict=False):
        # Over the first few items the curve is noise.
        shown = coverage >= min(0.02, coverage[-1])
        axes.plot(coverage[shown], risk[shown], color=color, linestyle=dashes, linewidth=2, label=name)
        highest = max(highest, float(risk[shown].max()))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.1 * highest if highest > 0 else 1)
    axes.set_xlabel("share of items answered, surest first")
    axes.set_ylabel("share of these answers that are wrong")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False, loc="upper left")
    tidy(axes)
    return axes


def plot_reliability(parts: Mapping[str, Reliability], title: str) -> Axes:
    """Draw accuracy against stated probability; `parts` maps labels of methods to the data."""
    figure = new_figure(5.6, 5.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as stated")
    for (name, data), (color, dashes, marker) in zip(parts.items(), _LOOKS, strict=False):
        axes.plot(
            data.confidence,
            data.accuracy,
            color=color,
            linestyle=dashes,
            marker=marker,
            clip_on=False,
            label=f"{name}: calibration error {data.error:.3f}",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("stated probability of the answer")
    axes.set_ylabel("share of right answers")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    tidy(axes)
    return axes


def plot_confusion(
    table: np.ndarray,
    names: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    images: Sequence[np.ndarray],
    title: str,
) -> Figure:
    """Draw the confusion matrix, and images of the worst pairs.

    Parameters
    ----------
    table : ndarray of shape (n_classes, n_classes)
        Shares of each class (rows) that got each answer (columns).
    names : sequence of str
    pairs : sequence of (class, wrong answer)
    images : sequence of ndarray of shape (n_images, height, width[, channels]), 0..1
        Of each pair; empty for data that are not images.
    title : str
    """
    figure = new_figure(12, 6.2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    parts = figure.add_gridspec(1, 2, width_ratios=[1.25, 1])
    axes = figure.add_subplot(parts[0])
    drawn = axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
    ticks = np.arange(len(names))
    axes.set_xticks(ticks, names, fontsize=8, rotation=40 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(ticks, names, fontsize=8)
    axes.set_xlabel("answer")
    axes.set_ylabel("class")
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="share of the class")
    rows = parts[1].subgridspec(max(1, len(pairs)), 1)
    for row, (code, answer) in enumerate(pairs):
        panel = figure.add_subplot(rows[row])
        panel.set_axis_off()
        words = f"{names[code]!r} taken for {names[answer]!r}: {table[code, answer]:.1%} of the class"
        panel.set_title(words, fontsize=9, loc="left")
        if row < len(images) and len(images[row]):
            gap = [(0, 0), (0, 2)] + [(0, 0)] * (images[row][0].ndim - 2)
            strip = np.concatenate([np.pad(image, gap) for image in images[row]], axis=1)
            panel.imshow(strip, cmap="gray_r", vmin=0, vmax=1)
    return figure
