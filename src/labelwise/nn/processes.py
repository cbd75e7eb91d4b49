"""Several processes that train one model together, through torch.distributed.

All of them have the same items and draw the same random numbers. Of each batch, every process computes its
own rows; gradients, and the moments in batch normalisation, are added up between them. So the model is that
of one process, up to rounding.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import load, save
from torch import Tensor, distributed

from labelwise.errors import ParameterError, ProcessError
from labelwise.nn.checkpoint import CheckpointFile, State
from labelwise.nn.launch import started
from labelwise.storage import differing


@dataclass(frozen=True)
class Share:
    """Rows of a batch that one process computes.

    Attributes
    ----------
    rows : slice
    n_batch : int
        Rows of the whole batch.
    """

    rows: slice
    n_batch: int


@dataclass(frozen=True)
class Group:
    """The processes that train together; a process alone is a group of one.

    Attributes
    ----------
    rank : int
        Number of this process; the first one writes files.
    size : int
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    @property
    def settings(self) -> dict[str, int]:
        """What it adds to all that decides the bits of a run."""
        return {} if self.size == 1 else {"processes": self.size}

    def share(self, n_batch: int) -> Share:
        """Rows of this process; shares differ by one row at most."""
        return Share(slice(*(n_batch * rank // self.size for rank in (self.rank, self.rank + 1))), n_batch)

    def add(self, values: Tensor) -> Tensor:
        """Sum over the processes; gradients flow to all of them."""
        if self.size == 1:
            return values
        summed: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
        return summed

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Sum the gradients over the processes."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        _together(distributed.all_reduce, flat)
        start = 0
        for gradient in gradients:
            stop = start + gradient.numel()
            gradient.copy_(flat[start:stop].view_as(gradient))
            start = stop

    def gather(self, values: Tensor, n_batch: int) -> Tensor:
        """Rows of all processes; gradients flow to those of this one alone.

        Parameters
        ----------
        values : Tensor of shape (n_rows, ...)
            The share of this process in `n_batch` rows.
        """
        if self.size == 1:
            return values
        parts = []
        for rank in range(self.size):
            rows = Group(rank, self.size).share(n_batch).rows
            part = values.detach().clone()
            if rank != self.rank:
                part = values.new_empty(rows.stop - rows.start, *values.shape[1:])
            _together(distributed.broadcast, part, rank)
            parts.append(values if rank == self.rank else part)
        return torch.cat(parts)

    def take_over(self, state: State | None) -> State | None:
        """The state of a run that the first process has read."""
        if self.size == 1:
            return state
        content = b"" if state is None else save(state.arrays, {"history": json.dumps(state.history)})
        content = self._first(content)
        if not content:
            return None
        n_header = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + n_header])
        return State(load(content), json.loads(header["__metadata__"]["history"]))

    def checkpoint(
        self, path: Path | None, settings: Callable[[], Mapping[str, Any]], *, resume: bool
    ) -> CheckpointFile | None:
        """The file that keeps the state of a run, in the first process, if there is to be one.

        Parameters
        ----------
        path : Path or None
        settings : callable
            Gives all that decides the bits of the run; it must be the same in all processes.
        resume : bool

        Raises
        ------
        ParameterError
            If this process has other settings than the first one; it names them.
        ProcessError
            If another process has.
        """
        if self.size == 1 and path is None:
            return None
        ours = json.loads(json.dumps(settings()))
        if self.size > 1:
            self._check_alike(ours)
        return None if path is None or not self.is_first else CheckpointFile(path, ours, resume=resume)

    def _check_alike(self, ours: Mapping[str, Any]) -> None:
        differences = differing(json.loads(self._first(json.dumps(ours).encode())), ours)
        n_differing = int(self.add(torch.tensor(len(differences))))
        if differences:
            raise ParameterError(
                f"this process would train another model than the first one ({'; '.join(differences)}): "
                "give all of them the same data and settings"
            )
        if n_differing:
            raise ProcessError(
                "another process has other data or settings (see its message): give all of them the same"
            )

    def follow(self, decision: bool) -> bool:
        """What the first process decided."""
        return decision if self.size == 1 else bool(self._first(b"1" if decision else b""))

    def _first(self, content: bytes) -> bytes:
        """What the first process has, in all of them."""
        size = torch.tensor(len(content))
        _together(distributed.broadcast, size, 0)
        values = torch.empty(int(size), dtype=torch.uint8)
        if self.is_first and content:
            values = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        _together(distributed.broadcast, values, 0)
        return values.numpy().tobytes()


ALONE = Group()


class _Sum(torch.autograd.Function):
    """Sum over processes, of which each one has its own part of the loss."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        summed = values.clone()
        _together(distributed.all_reduce, summed)
        return summed

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        summed = gradient.contiguous().clone()
        _together(distributed.all_reduce, summed)
        return summed


def _together(exchange: Callable[..., object], *arguments: Any) -> None:
    """Take part in what all processes do.

    Raises
    ------
    ProcessError
        If one of them is gone.
    """
    try:
        exchange(*arguments)
    except RuntimeError as error:
        raise ProcessError(
            "another process of this run has ended: run the same command with --resume"
        ) from error


def current_group() -> Group:
    """The group that torch.distributed knows; without one, this process alone."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return Group(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def joined() -> Iterator[Group]:
    """Join the processes that torchrun started; without it, be alone."""
    if started().size == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        distributed.init_process_group()
    except (RuntimeError, ValueError) as error:
        raise ProcessError(f"the processes could not meet: {error}") from error
    try:
        yield current_group()
    finally:
        distributed.destroy_process_group()
