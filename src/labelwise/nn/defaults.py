"""What "auto" means: settings that follow from the data and the machine."""

from __future__ import annotations

import math
from typing import Any

import torch

from labelwise.errors import ParameterError

# Enough steps for k-means to find structure and the mixture to settle, measured on the pools in benchmarks/.
_MIN_STEPS = 4000
_EPOCHS = (20, 500)

# Part of the epochs in which the model is a plain VAE, before the components are placed.
_PLAIN_SHARE = 0.22

# Below this width, casting to bfloat16 costs more than the products gain.
_MIN_BFLOAT16_WIDTH = 256


def resolve_encoder(encoder: str, item_shape: tuple[int, ...]) -> str:
    """Convolutions for images of at least 16x16, dense layers for everything else."""
    if encoder != "auto":
        return encoder
    return "conv" if len(item_shape) > 1 and min(item_shape[:2]) >= 16 else "dense"


def resolve_batch_size(batch_size: int | str, n_samples: int) -> int:
    """About 256 batches an epoch, of 32 to 512 items, a power of 2."""
    if isinstance(batch_size, str):
        return int(max(32, min(512, 2 ** round(math.log2(max(1, n_samples / 256))))))
    return int(batch_size)


def resolve_epochs(max_epochs: int | str, n_samples: int, batch_size: int) -> int:
    """As many epochs as make 4,000 steps, but from 20 to 500."""
    if isinstance(max_epochs, str):
        n_batches = math.ceil(n_samples / batch_size)
        return min(max(math.ceil(_MIN_STEPS / n_batches), _EPOCHS[0]), _EPOCHS[1])
    return int(max_epochs)


def plain_epochs(n_epochs: int, init: str) -> int:
    """Epochs before the k-means start; none without one."""
    return max(1, round(_PLAIN_SHARE * n_epochs)) if init == "kmeans" and n_epochs > 1 else 0


def resolve_device(device: str) -> torch.device:
    """The device of that name; "auto" is the GPU if there is one.

    Raises
    ------
    ParameterError
        If it is not available here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ParameterError(f"device={device!r} is not available here: use 'auto' or 'cpu'") from error
    return found


def use_bfloat16(precision: str, device: torch.device, hidden: tuple[int, ...]) -> bool:
    """Whether training runs in bfloat16: asked for, or wide layers on hardware with instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if min(hidden) < _MIN_BFLOAT16_WIDTH:
        return False
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and _cpu_multiplies_bfloat16()


def _cpu_multiplies_bfloat16() -> bool:
    # torch.cpu.get_capabilities is newer than the oldest torch that is supported.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
