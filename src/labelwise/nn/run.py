"""A training run between two steps: all that is needed to resume it with the same bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from labelwise.nn.checkpoint import EpochRecord, State

Module = TypeVar("Module", bound=nn.Module)


@dataclass
class Run(Generic[Module]):
    """A training run between two steps."""

    module: Module
    optimizer: torch.optim.Optimizer
    history: list[EpochRecord] = field(default_factory=list)

    @cached_property
    def parameters(self) -> list[Tensor]:
        """Those of the module, gathered once: walking through a small module costs as much as a layer."""
        return list(self.module.parameters())

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    def state(self) -> State:
        """All that a run needs to resume, as arrays and JSON values."""
        arrays = {f"module.{name}": _numpy(tensor) for name, tensor in self.module.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer.{index}.{name}": _numpy(tensor) for name, tensor in values.items()}
        return State(arrays, self.history)

    def adopt(self, state: State) -> None:
        """Resume from `state`."""
        self.history[:] = state.history
        tensors = {name: torch.from_numpy(array.copy()) for name, array in state.arrays.items()}
        prefix = "module."
        self.module.load_state_dict(
            {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        )
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                like = parameters[int(index)]
                # The fused optimiser walks through memory: its state must lie there as the parameter does.
                same_layout = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
                states.setdefault(int(index), {})[key] = same_layout
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": states})


def _numpy(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy())
