"""`random_state` in, local generators out: nothing here touches a global generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelwise.errors import ParameterError

if TYPE_CHECKING:
    import torch

RandomState = int | np.integer | np.random.RandomState | np.random.Generator | None

_MAX_SEED = 2**63 - 1


def draw_seed(random_state: RandomState) -> int:
    """One integer that all generators of a run are derived from.

    Parameters
    ----------
    random_state : int, numpy RandomState, numpy Generator or None
        An integer is used as it is. A generator is asked for one draw. None takes fresh entropy from the
        operating system and leaves NumPy's global generator alone.

    Returns
    -------
    int
        In 0 .. 2**63 - 1.

    Raises
    ------
    ParameterError
        If `random_state` is a negative integer or anything else.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(_MAX_SEED))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(_MAX_SEED))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    is_integer = isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool)
    if is_integer and 0 <= random_state <= _MAX_SEED:
        return int(random_state)
    raise ParameterError(
        f"random_state={random_state!r} must be None, an integer from 0 to 2**63 - 1, "
        "a numpy RandomState or a numpy Generator"
    )


def numpy_generator(seed: int, *purpose: int) -> np.random.Generator:
    """A generator for one purpose: equal (seed, purpose) give equal streams, others are independent."""
    return np.random.default_rng([seed, *purpose])


def torch_generator(seed: int, *purpose: int, device: str | torch.device = "cpu") -> torch.Generator:
    """As `numpy_generator`, for torch, on `device`."""
    import torch

    return seed_anew(torch.Generator(device=device), seed, *purpose)


def seed_anew(generator: torch.Generator, seed: int, *purpose: int) -> torch.Generator:
    """Let a generator go on with the stream of another purpose."""
    state = np.random.SeedSequence([seed, *purpose]).generate_state(1, np.uint64)[0]
    return generator.manual_seed(int(state) >> 1)
