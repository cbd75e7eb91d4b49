"""Where a training run stands, on disk, so that it can go on after it was stopped at any moment."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from labelwise.errors import CheckpointError
from labelwise.storage import Arrays, differing, fingerprint, read_tensors, write_tensors

if TYPE_CHECKING:
    from labelwise.gmvae.networks import GMVAEModule
    from labelwise.gmvae.training import Plan, Run

_SECONDS_BETWEEN = 5.0  # short epochs are not slowed down by writing each of them


class CheckpointFile:
    """One file that holds a run at the end of an epoch.

    Parameters
    ----------
    path : Path
    settings : mapping of str to JSON values
        All that makes a run what it is: parameters, data, versions. A run goes on only under equal settings.
    resume : bool
        Whether to go on from what is at `path`, if anything is.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        self.path = path
        # Through JSON, so that what was written compares equal to what is read back.
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._resume = resume
        self._last_written = -math.inf  # the first epoch is kept at once

    def restore(self, run: Run) -> None:
        """Bring `run` to where the file stands; do nothing without a file or without `resume`.

        Raises
        ------
        CheckpointError
            If the file belongs to other settings or other data; it names what differs.
        StorageError
            If the file is damaged.
        """
        if not self._resume or not self.path.exists():
            return
        arrays, header = read_tensors(self.path)
        if differences := differing(header.get("settings", {}), self._settings):
            raise CheckpointError(
                f"checkpoint {self.path} belongs to another run ({'; '.join(differences)}): "
                "use the same settings and data, or remove it to start anew"
            )
        run.history[:] = header["history"]
        _fill(run, arrays)

    def keep(self, run: Run, *, last: bool) -> None:
        """Write the run, unless the last writing was moments ago.

        Raises
        ------
        StorageError
            If it cannot be written; the checkpoint before it is still there.
        """
        if not last and time.monotonic() - self._last_written < _SECONDS_BETWEEN:
            return
        header = {"kind": "checkpoint", "settings": self._settings, "history": run.history}
        write_tensors(self.path, _arrays(run), header)
        self._last_written = time.monotonic()


def run_settings(plan: Plan, module: GMVAEModule, device: torch.device, X: np.ndarray) -> dict[str, Any]:
    """All that decides the bits of a run."""
    return {
        **asdict(module.architecture),
        **asdict(plan),
        "bfloat16": module.mixed,
        "device": device.type,
        "n_samples": len(X),
        "data": fingerprint(X),
        "labelwise": version("labelwise"),
        "torch": torch.__version__.split("+")[0],
        "threads": torch.get_num_threads(),
    }


def _arrays(run: Run) -> Arrays:
    arrays = {f"module.{name}": _numpy(tensor) for name, tensor in run.module.state_dict().items()}
    for index, state in run.optimizer.state_dict()["state"].items():
        arrays |= {f"optimizer.{index}.{name}": _numpy(tensor) for name, tensor in state.items()}
    return arrays


def _fill(run: Run, arrays: Arrays) -> None:
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    run.module.load_state_dict(
        {
            name.removeprefix("module."): tensor
            for name, tensor in tensors.items()
            if name.startswith("module.")
        }
    )
    parameters = [parameter for group in run.optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            like = parameters[int(index)]
            # The fused optimiser walks through memory: its state must lie there as the parameter does.
            same_layout = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
            states.setdefault(int(index), {})[key] = same_layout
    run.optimizer.load_state_dict(run.optimizer.state_dict() | {"state": states})


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy())
