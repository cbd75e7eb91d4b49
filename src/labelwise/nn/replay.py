"""Training steps on a GPU, recorded once and replayed.

A step launches some three hundred kernels of a few microseconds each, and launching them one by one from
Python takes about seven times as long as running them (`benchmarks/results/gpu_step.md`). A CUDA graph
launches all of them at once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_N_CALLED = 3  # calls before the recording, in which libraries choose kernels and take memory


class Replayed:
    """A function of tensors that is replayed where they are on a GPU.

    The function itself is called on a CPU, the first three times, and for inputs of other shapes than those
    that were recorded.

    Parameters
    ----------
    function : callable
        Gets tensors and returns nothing: it changes tensors that exist before, such as weights and sums.
        What it does may not depend on values on the GPU.
    generators : iterable of torch.Generator
        What it draws from. They may be seeded anew between calls.
    """

    def __init__(self, function: Callable[..., None], generators: Iterable[torch.Generator] = ()) -> None:
        self._function = function
        self._generators = tuple(generators)
        self._n_called = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()

    def __call__(self, *inputs: Tensor) -> None:
        """Do what the function does."""
        if inputs[0].device.type != "cuda" or self._n_called < _N_CALLED:
            self._n_called += 1
            self._function(*inputs)
            return
        if self._graph is None:
            self._graph = self._record(inputs)
        if any(place.shape != value.shape for place, value in zip(self._inputs, inputs, strict=True)):
            self._function(*inputs)
            return
        for place, value in zip(self._inputs, inputs, strict=True):
            place.copy_(value)
        self._graph.replay()

    def _record(self, inputs: tuple[Tensor, ...]) -> torch.cuda.CUDAGraph:
        """Record the function on inputs of its own; nothing is computed yet."""
        self._inputs = tuple(value.clone() for value in inputs)
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        gc.collect()  # graphs of earlier runs that are destroyed during a recording spoil it
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._function(*self._inputs)
        return graph


def adamw(
    parameters: Any, learning_rate: float, *, weight_decay: float = 0.0, fused: bool = True
) -> torch.optim.AdamW:
    """AdamW whose steps can be replayed, if its parameters are on a GPU.

    Parameters
    ----------
    parameters : iterable of Tensor, or list of dict
        As for `torch.optim.AdamW`.
    learning_rate : float
    weight_decay : float, default=0
        Of groups that do not say.
    fused : bool, default=True
        Whether to use one kernel for all parameters on a CPU; on a GPU it is always used.
    """
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=fused)
    device = optimizer.param_groups[0]["params"][0].device
    if device.type == "cuda":
        for group in optimizer.param_groups:
            group |= {"fused": True, "capturable": True, "lr": torch.tensor(learning_rate, device=device)}
    return optimizer


def set_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the learning rate of each group, times its `scale` if it has one."""
    for group in optimizer.param_groups:
        rate = learning_rate * group.get("scale", 1.0)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
