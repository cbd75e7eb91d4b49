"""The state of a training run, on disk, so that the run can resume after it was stopped at any moment."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelwise.damage import damage_told
from labelwise.errors import CheckpointError
from labelwise.storage import Arrays, differing, read_tensors, write_tensors

EpochRecord = dict[str, Any]

_SECONDS_BETWEEN = 5.0  # so that short epochs are not slowed down by writing each of them


@dataclass(frozen=True)
class State:
    """A training run at the end of an epoch.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights and what the optimiser remembers.
    history : list of dict
        One record an epoch, JSON values.
    """

    arrays: Arrays
    history: list[EpochRecord]

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)


def of_features(path: Path) -> Path:
    """Where what learns features keeps its state, before the model whose checkpoint is `path`."""
    return path.with_name(path.name + ".features")


def is_unfinished(path: Path) -> bool:
    """Whether a run left its state at `path`, or what learns features before it did."""
    return path.exists() or of_features(path).exists()


def remove(path: Path) -> None:
    """Remove what a run that is done has left."""
    for each in (path, of_features(path)):
        each.unlink(missing_ok=True)


class CheckpointFile:
    """One file that holds the state of a run at the end of an epoch.

    Parameters
    ----------
    path : Path
    settings : mapping of str to JSON values
        Everything that decides the result of a run: parameters, data, versions. A run resumes only under
        equal settings.
    resume : bool
        Whether to resume from what is at `path`, if anything is.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        self.path = path
        # Through JSON, so that what was written compares equal to what is read back.
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._resume = resume
        self._last_written = -math.inf  # the first epoch is kept at once

    def restore(self) -> State | None:
        """Read the state; None without a file or without `resume`.

        Raises
        ------
        CheckpointError
            If the file belongs to other settings or other data; it names what differs.
        StorageError
            If the file is damaged.
        """
        if not self._resume or not self.path.exists():
            return None
        arrays, header = read_tensors(self.path)
        if differences := differing(header.get("settings", {}), self._settings):
            raise CheckpointError(
                f"checkpoint {self.path} belongs to another run ({'; '.join(differences)}): "
                "use the same settings and data, or remove it to start anew"
            )
        with damage_told(self.path):
            history = header["history"]
            if not isinstance(history, list) or not all(isinstance(record, dict) for record in history):
                raise TypeError("its history is no list of records")
            return State(arrays, history)

    def keep(self, state: State, *, last: bool) -> None:
        """Write the state, unless one was written moments ago and this is not the `last`.

        Raises
        ------
        StorageError
            If it cannot be written; the checkpoint before it is still there.
        """
        if not last and time.monotonic() - self._last_written < _SECONDS_BETWEEN:
            return
        header = {"kind": "checkpoint", "settings": self._settings, "history": state.history}
        write_tensors(self.path, state.arrays, header)
        self._last_written = time.monotonic()
