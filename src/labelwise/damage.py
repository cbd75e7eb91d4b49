"""What damaged or hostile files make other libraries raise, told in one line."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.errors import StorageError

__all__ = ["check_probabilities", "damage_told", "parse_json", "reason_of"]

_RAISED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_TOLERANCE = 1e-3  # of the sum of probabilities, which may be float32


def parse_json(text: str | bytes) -> Any:
    """What a JSON text holds.

    Raises
    ------
    ValueError
        If it is none, or is nested so deeply that Python gives up.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def reason_of(error: Exception) -> str:
    """What an error says, in one line; of an error of the system, what the system says."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    reason = " ".join(str(error).split())
    if re.fullmatch(r"\d+ requested and \d+ written", reason):  # so numpy says that a disk is full
        return f"there is no space left for it ({reason})"
    return reason


def check_probabilities(found: np.ndarray, n_classes: int) -> None:
    """Refuse what is not one row of probabilities; a saved answer is tried out when it is read.

    Raises
    ------
    ValueError
    """
    if found.shape != (1, n_classes) or not abs(float(found.sum()) - 1) < _TOLERANCE or found.min() < 0:
        raise ValueError("it answers with what are no probabilities")


@contextlib.contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Say that the manifest at `path` is damaged when what it holds cannot be put together.

    Raises
    ------
    StorageError
    """
    try:
        yield
    except _RAISED as error:
        raise StorageError(
            f"{path} is damaged: its manifest does not fit its weights ({reason_of(error)})"
        ) from error
