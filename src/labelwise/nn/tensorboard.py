"""Numbers of training, written to a TensorBoard log."""

from __future__ import annotations

from pathlib import Path

from labelwise.errors import MissingExtraError
from labelwise.events import Event


class TensorBoard:
    """A listener that writes the numbers of each epoch to a TensorBoard log folder.

    The log is on disk after each epoch, and closed when training is complete.

    Parameters
    ----------
    log_dir : path

    Raises
    ------
    MissingExtraError
        If the package tensorboard is not installed.

    Examples
    --------
    ``GMVAE().fit(X, listen=TensorBoard("logs"))``
    """

    def __init__(self, log_dir: str | Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise MissingExtraError("TensorBoard logging", "tensorboard", "tensorboard") from None
        self._writer = SummaryWriter(str(log_dir))

    def __call__(self, event: Event) -> None:
        """Log the numbers of an epoch; other events have none."""
        if event.stage != "training":
            return
        epoch = event.numbers.get("epoch")
        if epoch is not None:
            for name, value in event.numbers.items():
                if value is not None and name != "epoch":
                    self._writer.add_scalar(name, value, int(epoch))
            self._writer.flush()
        if event.fraction >= 1:
            self.close()

    def close(self) -> None:
        """Close the log; needed only where training was cancelled."""
        self._writer.close()
