"""One protocol for progress and cancelling: training, encoding, refining and studies all report through it.

Long work calls a listener with an `Event` between two steps. The command line and the page draw events as a
bar, a notebook shows them as lines, a test collects them in a list (`listen=events.append`). A listener that
raises `Cancelled` ends the work there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from labelwise.errors import LabelwiseError, ParameterError

__all__ = ["Cancellable", "Cancelled", "Event", "Listener", "check_listener", "ignore", "part_of", "tell_all"]


@dataclass(frozen=True, slots=True)
class Event:
    """How far a piece of long work has come.

    Attributes
    ----------
    stage : str
        What is being done: "training", "encoding", "refining", "study", …
    fraction : float
        How much of the stage is done, 0..1. It never falls within a stage, and only the last event of a stage
        has 1.
    message : str
        One line for a person to read; empty between messages.
    numbers : mapping of str to float or None
        Results so far: losses in nats, shares, counts.
    """

    stage: str
    fraction: float
    message: str = ""
    numbers: Mapping[str, float | None] = field(default_factory=dict)


Listener = Callable[[Event], object]
"""Anything that takes an `Event`; what it returns is ignored."""


class Cancelled(LabelwiseError):
    """Raised by a listener to end the work that it listens to."""


class Cancellable:
    """A listener through which another thread can cancel the work.

    Parameters
    ----------
    listen : callable, default=None
        The listener that gets the events; None drops them.

    Examples
    --------
    >>> from labelwise.events import Cancellable, Cancelled, Event
    >>> events = []
    >>> listen = Cancellable(events.append)
    >>> listen(Event("training", 0.5))
    >>> listen.cancel()  # from any thread
    >>> try:
    ...     listen(Event("training", 0.6))
    ... except Cancelled as reason:
    ...     print(reason)
    training was cancelled
    >>> len(events)
    1
    """

    def __init__(self, listen: Listener | None = None) -> None:
        self._listen = ignore if listen is None else listen
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End the work at its next event."""
        self._cancelled.set()

    def __call__(self, event: Event) -> None:
        """Pass the event on.

        Raises
        ------
        Cancelled
            After `cancel`.
        """
        if self.cancelled:
            raise Cancelled(f"{event.stage} was cancelled")
        self._listen(event)


def ignore(event: Event) -> None:
    """Listen to nothing."""


def tell_all(*listeners: Listener) -> Listener:
    """One listener that passes each event to all of `listeners`, in that order."""

    def tell(event: Event) -> None:
        for listen in listeners:
            listen(event)

    return tell


def part_of(listen: Listener, stage: str, start: float, stop: float) -> Listener:
    """A listener for one part of the work, which is reported to `listen` as `start` to `stop` of the whole.

    Parameters
    ----------
    listen : callable
    stage : str
        Replaces the stage of the part's own events.
    start, stop : float
        0 <= start <= stop <= 1.
    """

    def tell(event: Event) -> None:
        # Rounding must not carry a part beyond its end: fractions would fall when the next part begins.
        fraction = min(stop, start + (stop - start) * event.fraction) if event.fraction < 1 else stop
        listen(replace(event, stage=stage, fraction=fraction))

    return tell


def check_listener(listen: Listener | None) -> None:
    """Refuse what cannot be called, before the work begins.

    Raises
    ------
    ParameterError
    """
    if listen is not None and not callable(listen):
        raise ParameterError(
            f"listen={listen!r} must be a function of one event, such as events.append of a list, or None"
        )
