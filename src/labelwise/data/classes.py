"""From labels of any type to class indices and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwise.errors import LabelError

__all__ = ["encode_classes"]


def encode_classes(
    labels: NDArray[Any], where: str, names: Sequence[str] | None = None
) -> tuple[NDArray[Any], list[str]]:
    """Give each label the index of its class.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Whole numbers or text. Without `names`, every distinct value is a class, -1 included.
    where : str
        What to call the labels in a message.
    names : sequence of str or None, default=None
        Names of the classes, if known: labels are then indices into it, or names from it.

    Returns
    -------
    y : ndarray of shape (n_samples,), dtype int64
        Class indices.
    names : list of str
        Names of the classes; the sorted distinct labels where none were given.

    Raises
    ------
    LabelError
        If labels are fractions or missing, or do not fit the names.
    """
    if labels.dtype.kind == "f":
        labels = _whole(labels, where)
    if names is None:
        values, y = np.unique(labels, return_inverse=True)
        return y.astype(np.int64), [_text(value) for value in values]
    names = list(names)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LabelError(f"{where}: two classes are called {twice!r}; give each its own name")
    if labels.dtype.kind in "US":
        index = {name: i for i, name in enumerate(names)}
        unknown = next((label for label in map(_text, labels) if label not in index), None)
        if unknown is not None:
            raise LabelError(f"{where}: label {unknown!r} is not among the {len(names)} names")
        return np.array([index[_text(label)] for label in labels], np.int64), names
    outside = np.flatnonzero((labels < 0) | (labels >= len(names)))
    if outside.size:
        row = int(outside[0])
        raise LabelError(
            f"{where}: label {labels[row]} in row {row} has no name; "
            f"{len(names)} names need labels 0 to {len(names) - 1}"
        )
    return labels.astype(np.int64), names


def _whole(labels: NDArray[Any], where: str) -> NDArray[Any]:
    # What is too large for a float is too large below; a signalling NaN is no class, like any other.
    with np.errstate(over="ignore", invalid="ignore"):
        values = labels.astype(np.float64)
        # Beyond 2**63 floats have no whole number that numpy could take.
        odd = np.flatnonzero(~(np.abs(values) < 2.0**63) | (values != np.floor(values)))
    if odd.size:
        row = int(odd[0])
        raise LabelError(
            f"{where}: label {labels[row]} in row {row} is not a class; use whole numbers or text"
        )
    return values.astype(np.int64)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
