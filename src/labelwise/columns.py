"""Columns of numbers: which of them say something."""

from __future__ import annotations

import numpy as np

# Rounding leaves a constant column of large values with a tiny spread instead of none.
_ROUNDING = 1e-6


def never_vary(mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Whether columns of this mean and standard deviation are constant up to rounding, shape (n_columns,)."""
    return np.asarray(spread <= _ROUNDING * np.abs(mean))
