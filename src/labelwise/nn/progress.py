"""Progress of training: a bar on a terminal, one plain line now and then elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from labelwise.nn.callbacks import Callback, EpochRecord

_SECONDS_BETWEEN_LINES = 5.0


def describe(record: EpochRecord) -> str:
    """The loss of one epoch, term by term, in nats."""
    words = (
        f"loss {record['loss']:.2f} = reconstruction {record['reconstruction']:.2f} "
        f"+ KL z {record['kl_z']:.2f} + KL c {record['kl_c']:.2f} nats"
    )
    active = record["n_active_components"]
    return words + (" (plain VAE)" if active is None else f", {active} components active")


class Progress(Callback):
    """Write progress to standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar: Bar | None = None

    def on_train_begin(self, *, n_epochs: int, n_batches: int, first_epoch: int) -> None:
        """Draw the bar."""
        self._n_epochs, self._last_line = n_epochs, 0.0
        if first_epoch:
            self._console.print(f"resuming after epoch {first_epoch} of {n_epochs}")
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("epoch"),
                MofNCompleteColumn(),
                BarColumn(bar_width=20),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=self._console,
            )
            self._task = self._bar.add_task("", total=n_epochs, completed=first_epoch)
            self._part = 1 / n_batches
            self._bar.start()

    def on_batch_end(self, *, epoch: int) -> None:
        """Move the bar by one batch."""
        if self._bar is not None:
            self._bar.advance(self._task, self._part)

    def on_epoch_end(self, *, record: EpochRecord) -> None:
        """Show the loss terms."""
        done = record["epoch"]
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=describe(record))
        elif done == self._n_epochs or time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._console.print(f"epoch {done}/{self._n_epochs}: {describe(record)}", soft_wrap=True)
            self._last_line = time.monotonic()

    def on_train_end(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
