"""What can listen to training. A callback does nothing by default and gets keyword arguments only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelwise.errors import MissingExtraError

EpochRecord = dict[str, Any]


class Callback:
    """Override what you need; new events will break nobody."""

    def on_train_begin(self, *, n_epochs: int, n_batches: int, first_epoch: int) -> None:
        """Training starts, or goes on, at `first_epoch` (0-based) of `n_epochs`."""

    def on_batch_end(self, *, epoch: int) -> None:
        """One optimiser step is done."""

    def on_epoch_end(self, *, record: EpochRecord) -> None:
        """One pass over the data is done; `record` is the new entry of `history_`."""

    def on_train_end(self) -> None:
        """Training is over, also when an error or Ctrl-C ended it."""


class TensorBoard(Callback):
    """Write each epoch's record to a TensorBoard log folder.

    Parameters
    ----------
    log_dir : path

    Raises
    ------
    MissingExtraError
        If the package tensorboard is not installed.
    """

    def __init__(self, log_dir: str | Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise MissingExtraError("TensorBoard logging", "tensorboard", "tensorboard") from None
        self._writer = SummaryWriter(str(log_dir))

    def on_epoch_end(self, *, record: EpochRecord) -> None:
        """Log every number of the record."""
        for name, value in record.items():
            if isinstance(value, (int, float)) and name != "epoch":
                self._writer.add_scalar(name, value, record["epoch"])

    def on_train_end(self) -> None:
        """Close the log."""
        self._writer.close()
