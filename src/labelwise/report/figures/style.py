"""Colours, lines and marks that can be told apart in greyscale and by colour-blind readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labelwise.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, *Color Universal Design*, 2008, darkest first.
PALETTE = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442")
GREY = "#8A8A8A"


@dataclass(frozen=True)
class Line:
    """How a method is drawn."""

    color: str
    dashes: str = "-"
    marker: str = "o"
    width: float = 1.3


# By id of method: what belongs together has a colour, and a heavy line is a result that the report speaks of.
_LINES = {
    "student": Line("#000000", "-", "*", 2.6),
    "student-suggested": Line("#000000", "--", "*", 2.6),
    "auto": Line("#000000", "-.", "o"),
    "auto-suggested": Line("#000000", ":", "o"),
    "poisson": Line("#7A3E9D", "-", "p", 2.0),
    "poisson-suggested": Line("#7A3E9D", "--", "p", 2.0),
    "poisson-kmeans": Line("#7A3E9D", ":", "<"),
    "poisson-typiclust": Line("#7A3E9D", ":", "^"),
    "poisson-probcover": Line("#7A3E9D", ":", "v"),
    "spreading": Line("#7A3E9D", "-.", "D"),
    "bayes": Line("#0072B2", "-.", "h"),
    "related": Line("#0072B2", ":", "8"),
    "soft": Line("#0072B2", "-", "o", 2.6),
    "soft-suggested": Line("#0072B2", "--", "o", 2.0),
    "hard": Line("#56B4E9", "-", "s", 1.8),
    "hard-published": Line("#56B4E9", ":", "s", 1.8),
    "label-spreading": Line("#009E73", "-", "D", 2.0),
    "xgboost": Line("#D55E00", "--", "^", 2.0),
    "xgboost-tuned": Line("#D55E00", "-.", "v"),
    "logistic": Line("#E69F00", "--", "P"),
    "logistic-tuned": Line("#E69F00", "-.", "X"),
    "mlp": Line("#CC79A7", "--", "*"),
    "self-training": Line("#CC79A7", "-.", "h"),
    "kmeans": Line(GREY, "--", "<"),
    "gaussian-mixture": Line(GREY, "-.", ">"),
    "mixture-classifier": Line(GREY, ":", "d"),
}
_OTHERS = ("p", "8", "H", "1", "2")


def line_of(method: str, number: int = 0) -> Line:
    """How to draw the method with this id; without a line of its own, in black with a mark by `number`."""
    return _LINES.get(method, Line("#000000", "-", _OTHERS[number % len(_OTHERS)]))


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of the given size in inches that belongs to no window.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing figures", "matplotlib", "study") from None
    return Figure(figsize=(width, height), dpi=120, layout=layout)


def tidy(axes: Axes) -> None:
    """No frame above and to the right, and a faint grid behind."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#E5E5E5", linewidth=0.7)
    axes.set_axisbelow(True)
