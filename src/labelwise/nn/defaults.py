"""What "auto" means: settings that follow from the data and the machine."""

from __future__ import annotations

import math
from typing import Any

import torch

from labelwise.errors import ParameterError

# Enough steps for k-means to find structure and the mixture to settle, measured on the pools in benchmarks/.
_MIN_STEPS = 4000
_EPOCHS = (20, 500)
_BATCH = (32, 512)

# Part of the epochs in which the model is a plain VAE, before the components are placed, and part of those
# until the KL terms count in full. Both are longer in short runs: latents that the data do not need take some
# hundred steps to fall silent, and components should not be placed among them.
_PLAIN_SHARE, _MAX_PLAIN_SHARE = 0.22, 0.7
_KL_SHARE = 0.5
_MAX_KL_STEPS = 1000

# A table of fewer rows than this is trained for a share of the full steps, by networks of a share of the full
# width. Rows of more than 16 columns count for more. Chosen in `benchmarks/results/small_tables.md`.
_FULL_ROWS, _COLUMNS = 1500, 16
_HIDDEN, _HIDDEN_STEP = (128, 512), 32
_LEARNING_RATES = (1e-3, 5e-3)

DEFAULT_COMPONENTS = 100
_ROWS_PER_COMPONENT = 16  # so that from 1,600 rows on it is the default
_MIN_COMPONENTS = 10
ENOUGH_ROWS = DEFAULT_COMPONENTS * _ROWS_PER_COMPONENT  # more change nothing about the number of components

# Below this width, casting to bfloat16 costs more than the products gain.
_MIN_BFLOAT16_WIDTH = 256


def resolve_encoder(encoder: str, item_shape: tuple[int, ...]) -> str:
    """Convolutions for images of at least 16x16, dense layers for everything else."""
    if encoder != "auto":
        return encoder
    return "conv" if len(item_shape) > 1 and min(item_shape[:2]) >= 16 else "dense"


def size_share(n_samples: int, n_features: int) -> float:
    """How much of the full training data of this size take: all of it from 1,500 rows of 16 columns on."""
    return min(1.0, n_samples * max(1.0, n_features / _COLUMNS) / _FULL_ROWS)


def resolve_hidden(n_hidden: int | str, share: float) -> int:
    """512 units, or a share of them, but at least 128; a multiple of 32."""
    if isinstance(n_hidden, str):
        return max(_HIDDEN[0], _HIDDEN_STEP * round(share * _HIDDEN[1] / _HIDDEN_STEP))
    return int(n_hidden)


def resolve_batch_size(batch_size: int | str, n_samples: int, share: float = 1.0) -> int:
    """About 256 batches an epoch, of 32 to 512 items, a power of 2; larger where steps are few."""
    if isinstance(batch_size, str):
        full = int(max(_BATCH[0], min(_BATCH[1], 2 ** round(math.log2(max(1, n_samples / 256))))))
        return full if share == 1 else min(n_samples, round(full / share))
    return int(batch_size)


def resolve_learning_rate(learning_rate: float | str, share: float) -> float:
    """.001, and higher for the larger batches of small tables: with the root of their size, as Adam asks."""
    if isinstance(learning_rate, str):
        return min(_LEARNING_RATES[0] / math.sqrt(share), _LEARNING_RATES[1])
    return float(learning_rate)


def resolve_epochs(max_epochs: int | str, n_samples: int, batch_size: int, share: float = 1.0) -> int:
    """As many epochs as make 4,000 steps or a share of them, but from 20 to 500."""
    if isinstance(max_epochs, str):
        n_batches = math.ceil(n_samples / batch_size)
        most = _EPOCHS[1]
        if (
            share < 1
        ):  # fewer, larger batches: the limit holds for the steps that 500 epochs of small ones make
            most = math.ceil(most * math.ceil(n_samples / _BATCH[0]) / n_batches)
        return min(max(math.ceil(share * _MIN_STEPS / n_batches), _EPOCHS[0]), most)
    return int(max_epochs)


def plain_epochs(n_epochs: int, init: str, share: float = 1.0) -> int:
    """Epochs before the k-means start: 22 %, up to 70 % of a short run; none without a k-means start."""
    if init != "kmeans" or n_epochs == 1:
        return 0
    return max(1, round(min(_PLAIN_SHARE / share, _MAX_PLAIN_SHARE) * n_epochs))


def kl_steps(n_plain_steps: int, share: float = 1.0) -> int:
    """Steps until the KL terms count in full: half of the plain phase, up to all of it in a short run."""
    return max(1, min(_MAX_KL_STEPS, int(min(_KL_SHARE / share, 1.0) * n_plain_steps)))


def suited_components(n_distinct: int) -> int:
    """One component for every 16 distinct rows, but 10 to 100; below 20 rows, one for every two."""
    most = max(1, n_distinct // 2)
    return min(max(n_distinct // _ROWS_PER_COMPONENT, _MIN_COMPONENTS), DEFAULT_COMPONENTS, most)


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
