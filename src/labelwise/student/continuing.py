"""A student that continues from an earlier one after a few more labels, instead of from nothing.

The earlier network is the beginning, and the first round teaches what the decoder answers now. Beginning with
the earlier student's own answers was worse: they repeat its mistakes, and ten labels cannot undo them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from labelwise.errors import DataError, LabelError

if TYPE_CHECKING:
    from labelwise.student.network import StudentNetwork

# A fifth of the time from nothing, and .001 less accuracy: benchmarks/results/refining.md.
CONTINUED_ROUNDS = 2
CONTINUED_STEPS = 0.5  # of the steps of a round


class Fitted(Protocol):
    """What is needed of the earlier student."""

    network_: StudentNetwork
    classes_: np.ndarray
    item_shape_: tuple[int, ...]
    likelihood_: str


def check_start(start: Fitted, item_shape: tuple[int, ...], likelihood: str, classes: np.ndarray) -> None:
    """Refuse an earlier student of other items, or of other classes altogether.

    Raises
    ------
    DataError
        If its items have another shape or scale.
    LabelError
        If it has no class in common with the labels.
    """
    if start.item_shape_ != item_shape or start.likelihood_ != likelihood:
        raise DataError(
            f"start learned items of shape {start.item_shape_} ({start.likelihood_}), but these have shape "
            f"{item_shape} ({likelihood}): pass a student of the same items, or start=None"
        )
    if not np.isin(start.classes_, classes).any():
        raise LabelError(
            f"start knows the classes {', '.join(map(str, start.classes_))}, none of which has a label here: "
            "pass a student of the same classes, or start=None"
        )


@torch.no_grad()
def grow(network: StudentNetwork, classes: np.ndarray, start: Fitted) -> None:
    """Give `network`, which answers `classes`, the weights of `start`.

    A class that is new to `start` keeps the fresh weights that `network` has; one that is gone is left out.
    """
    _, own, theirs = np.intersect1d(classes, start.classes_, return_indices=True)
    weights = network.state_dict()
    for name, earlier in start.network_.state_dict().items():
        if name.startswith("head."):
            weights[name][torch.from_numpy(own)] = earlier.to(weights[name].device)[torch.from_numpy(theirs)]
        else:
            weights[name] = earlier
    network.load_state_dict(weights)


def steps_to_continue(n_steps: int) -> int:
    """Steps of a round that continues, of `n_steps` from nothing."""
    return math.ceil(CONTINUED_STEPS * n_steps)
