"""One protocol for progress and cancelling: training, encoding, refining and studies all report through it.

Long work calls a listener with an `Event` between two steps. The command line and the page draw events as a
bar, a notebook as lines, a test as a list. A listener that raises `Cancelled` ends the work there; what was
kept so far stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labelwise.errors import LabelwiseError

__all__ = ["Cancelled", "Event", "Listener", "ignore"]


@dataclass(frozen=True)
class Event:
    """How far long work has come.

    Attributes
    ----------
    stage : str
        What is being done: "training", "encoding", "refining", "study", …
    fraction : float
        How much of the stage is done, 0..1.
    message : str
        What a person may want to read; empty between messages.
    numbers : mapping of str to float or None
        What came out so far: losses in nats, shares, counts.
    """

    stage: str
    fraction: float
    message: str = ""
    numbers: Mapping[str, float | None] = field(default_factory=dict)


Listener = Callable[[Event], None]


class Cancelled(LabelwiseError):
    """Raised by a listener to end the work that it listens to."""


def ignore(event: Event) -> None:
    """Listen to nothing."""
