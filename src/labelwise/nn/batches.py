"""Items by row number: data stay as they came (uint8 stays uint8) and are cut into batches by index."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

# A data set moves to the GPU as a whole if it fills at most this part of the free memory there.
_MAX_SHARE_OF_FREE_MEMORY = 0.5


class Items:
    """Rows of `X`, of shape (n, F), as tensors on `device`, in the dtype that `X` has."""

    def __init__(self, X: np.ndarray, device: torch.device) -> None:
        self.X = X
        self._device = device
        self._resident: Tensor | None = None
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if X.nbytes <= _MAX_SHARE_OF_FREE_MEMORY * free:
                self._resident = torch.from_numpy(np.ascontiguousarray(X)).to(device)

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: np.ndarray | slice) -> Tensor:
        if self._resident is not None:
            if isinstance(rows, slice):
                return self._resident[rows]
            return self._resident[torch.from_numpy(rows).to(self._device)]
        # A copy: the caller's array may be read-only (a memory map) and is never written to.
        return torch.from_numpy(np.array(self.X[rows])).to(self._device)

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Tensor]:
        """All items once, in random order."""
        order = generator.permutation(len(self))
        starts = range(0, len(order), batch_size)
        if self._resident is None:
            yield from (self[order[start : start + batch_size]] for start in starts)
        else:
            rows = torch.from_numpy(order).to(self._device)
            yield from (self._resident[rows[start : start + batch_size]] for start in starts)

    def ordered(self, batch_size: int) -> Iterator[Tensor]:
        """All items once, as they stand."""
        for start in range(0, len(self), batch_size):
            yield self[slice(start, start + batch_size)]
