"""One item that soft decoding gets right and hard decoding gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelwise.report.figures.style import PALETTE, new_figure, tidy
from labelwise.study.analysis import LEAST_MASS, Vote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")


def plot_vote(item: np.ndarray | None, vote: Vote, names: Sequence[str], title: str) -> Figure:
    """Draw the item, its posterior coloured by component name, and the vote in numbers.

    Parameters
    ----------
    item : ndarray of shape (height, width) or (height, width, channels), 0..1, or None for a row of a table
    vote : Vote
    names : sequence of str
        Of the classes.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(10.5, 3.6)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 2.2, 2.4])
    left.set_axis_off()
    if item is not None:
        left.imshow(item, cmap="gray_r", vmin=0, vmax=1)
    left.set_title(f"item {vote.row:,}: {names[vote.truth]!r}", fontsize=10)

    codes = list(dict.fromkeys(vote.names.tolist()))
    positions = np.arange(len(vote.components))
    for number, code in enumerate(codes):
        mine = vote.names == code
        middle.bar(
            positions[mine],
            vote.posteriors[mine],
            color=PALETTE[1 + number % 6],
            hatch=_HATCHES[number % len(_HATCHES)],
            edgecolor="white",
            label=f"named {names[code]!r}",
        )
    for position, value in zip(positions, vote.posteriors, strict=True):
        middle.text(position, value, f"{value:.2f}", ha="center", va="bottom", fontsize=8)
    middle.set_xticks(positions, [str(c) for c in vote.components])
    middle.set_xlabel("component")
    middle.set_ylabel("q(c | x)")
    middle.set_ylim(0, max(vote.posteriors) * 1.12)
    middle.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    tidy(middle)
    right.set_axis_off()
    right.text(
        0,
        1,
        "\n".join(_words(vote, names)),
        va="top",
        fontsize=9.5,
        linespacing=1.5,
        transform=right.transAxes,
    )
    return figure


def _words(vote: Vote, names: Sequence[str]) -> list[str]:
    top = vote.components[0]
    lines = [
        "Hard: the most probable component decides.",
        f"   component {top} ({vote.posteriors[0]:.2f}) is named {names[vote.hard]!r}: wrong",
        "Soft: all components vote.",
    ]
    for code in (vote.truth, vote.hard):
        parts = [
            f"{value:.2f}"
            for value, name in zip(vote.posteriors, vote.names, strict=True)
            if name == code and value >= LEAST_MASS
        ]
        lines.append(
            f"   named {names[code]!r}: {' + '.join(parts) or '0'} … = {vote.by_name.get(code, 0.0):.2f}"
        )
    scores = ", ".join(f"p({names[code]!r}) = {value:.2f}" for code, value in vote.scores.items())
    lines += ["Soft decoding weighs each component by how often it", f"holds the label: {scores}"]
    return lines
