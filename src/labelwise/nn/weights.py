"""Weights that were kept, into a module of a kind that a manifest describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from labelwise.storage import Arrays

__all__ = ["module_of"]

Module = TypeVar("Module", bound=nn.Module)


def module_of(make: Callable[[], Module], arrays: Arrays) -> Module:
    """Put weights into the module that `make` gives, for evaluation.

    It has no memory before all shapes are those of `arrays`: a manifest can promise any number of units.

    Raises
    ------
    RuntimeError, ValueError
        If the weights are those of another module.
    """
    with torch.device("meta"):
        module = make()
    for name, wanted in module.state_dict().items():
        found = torch.from_numpy(arrays[name]).dtype if name in arrays else wanted.dtype
        if found != wanted.dtype:
            raise ValueError(f"{name} holds {found}, not {wanted.dtype}")
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    module.load_state_dict(tensors, assign=True)
    # Convolutions on processors are about a third faster with channels last, weights included.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module.eval()
