"""Events drawn on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from labelwise.events import Event, Listener, check_listener, ignore, tell_all

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

_SECONDS_BETWEEN_LINES = 5.0  # quick stages and epochs share a line; a log of an hour stays readable
_SECONDS_OF_SILENCE = 15.0  # after which a line gives the fraction alone: longer than messages usually take
_SECONDS_BETWEEN_DRAWINGS = 0.1  # as often as an eye follows; drawing more often would slow down short steps


class Progress:
    """A listener that draws events of any stages, one stage after the other.

    Use it as a context manager, so that an error or Ctrl-C leaves the terminal in order.

    Parameters
    ----------
    console : rich.console.Console, default=None
        Where to draw; None takes standard error.

    Examples
    --------
    >>> from labelwise import GMVAE, load_dataset
    >>> from labelwise.progress import Progress
    >>> X, y, names = load_dataset("digits")
    >>> gmvae = GMVAE(n_components=10, n_latent=4, n_hidden=32, max_epochs=2, random_state=0)
    >>> with Progress() as listen:
    ...     encoding = gmvae.fit(X, listen=listen).encode(X, listen=listen)
    """

    def __init__(self, console: Console | None = None) -> None:
        if console is None:
            from rich.console import Console  # late: `import labelwise` stays light

            console = Console(stderr=True)
        self._console = console
        self._stage: str | None = None
        self._bar: Bar | None = None
        self._last_line = self._last_drawing = -math.inf
        self._lines_of_stage = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Draw one event."""
        if event.stage != self._stage:
            self.close()
            self._begin(event)
        elif self._console.is_terminal:
            self._draw(event)
        else:
            self._write(event)
        if event.fraction >= 1:
            self.close()

    def close(self) -> None:
        """End the current stage, finished or not."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._stage = None

    def _begin(self, event: Event) -> None:
        """Say what the stage begins with, if anything, and put up its bar."""
        self._stage, self._lines_of_stage = event.stage, 0
        self._last_line = time.monotonic()
        if event.message:
            self._print(event.message)
        if self._console.is_terminal and event.fraction < 1:
            self._bar = _bar(self._console)
            self._message = ""
            self._task = self._bar.add_task(event.stage, total=1.0, message="")
            self._bar.update(self._task, completed=event.fraction)
            self._bar.start()

    def _draw(self, event: Event) -> None:
        if self._bar is None:
            return
        now = time.monotonic()
        due = event.fraction >= 1 or now - self._last_drawing > _SECONDS_BETWEEN_DRAWINGS
        self._message = event.message or self._message
        self._bar.update(self._task, completed=event.fraction, refresh=due, message=self._message)
        if due:
            self._last_drawing = now

    def _write(self, event: Event) -> None:
        silence = time.monotonic() - self._last_line
        finished = event.fraction >= 1
        if event.message:
            if finished or silence > _SECONDS_BETWEEN_LINES:
                self._print(event.message)
        elif silence > _SECONDS_OF_SILENCE or (finished and self._lines_of_stage):
            self._print(f"{event.stage}: {event.fraction:.0%}")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)
        self._lines_of_stage += 1
        self._last_line = time.monotonic()


@contextlib.contextmanager
def shown(listen: Listener | None, verbose: int) -> Iterator[Listener]:
    """Give the listener that long work reports to: `listen`, with a `Progress` beside it if `verbose`.

    Raises
    ------
    ParameterError
        If `listen` cannot be called.
    """
    check_listener(listen)
    listen = ignore if listen is None else listen
    if not verbose:
        yield listen
        return
    with Progress() as progress:
        yield tell_all(progress, listen)


def _bar(console: Console) -> Bar:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[message]}", markup=False),
        console=console,
        auto_refresh=False,  # no thread of its own: events draw it
        redirect_stdout=False,  # what is printed meanwhile goes where it would go without a bar
        redirect_stderr=False,
    )
