"""What decoders and classifiers learn from: labels of items, classes, and names of whole components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from labelwise.encoding import Encoding
from labelwise.errors import LabelError
from labelwise.labels import UNLABELED
from labelwise.parameters import Integer

_ITEMS_OF_NAME = 5  # typical items that the name of a whole component labels


def all_classes(found: np.ndarray, classes: Any) -> np.ndarray:
    """The classes named in `classes`, or those `found` among the labels where it is None; sorted.

    Raises
    ------
    LabelError
        If a label is not among `classes`.
    """
    if classes is None:
        return found
    named = np.unique(np.asarray(classes))
    unknown = [label for label in found.tolist() if label not in named]
    if unknown:
        raise LabelError(
            f"label {unknown[0]!r} is not among the classes {', '.join(map(str, named))}: "
            "correct the label or add the class"
        )
    return np.asarray(named)


def as_column(y: Any, name: str) -> np.ndarray:
    """`y` as an array; a column, of shape (n_samples, 1), is flattened with a warning.

    Raises
    ------
    LabelError
        If there is none; `name` is that of the estimator.
    """
    if y is None:
        raise LabelError(
            f"{name} requires y to be passed, but the target y is None: give one label for each item, -1 "
            "where there is none"
        )
    y = np.asarray(y)
    return np.asarray(column_or_1d(y, warn=True)) if y.ndim == 2 and y.shape[1] == 1 else y


def split_labels(y: Any, n_samples: int, *, may_be_none: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The labels that there are, and the rows that have them.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    n_samples : int
    may_be_none : bool, default=False
        Whether there may be no label at all, or no `y`.

    Returns
    -------
    labels : ndarray of shape (n_labeled,)
        Of a dtype that can be sorted.
    labeled : ndarray of shape (n_labeled,), int

    Raises
    ------
    LabelError
    """
    if y is None and may_be_none:
        y = np.full(n_samples, UNLABELED)
    y = np.asarray(y)
    if y.shape != (n_samples,):
        raise LabelError(
            f"y has shape {y.shape}, but there are {n_samples} items: give one label each, or -1"
        )
    if y.dtype.kind in "US" and (y == str(UNLABELED)).any():
        raise LabelError(
            'y holds the text "-1": text labels with -1 for "no label" need an array of dtype object, '
            "as in np.full(n, labelwise.UNLABELED, dtype=object)"
        )
    if y.dtype == object:
        _refuse(np.array([_is_missing(label) for label in y]), y, np.arange(n_samples))
        unlabeled = np.array([_is_unlabeled(label) for label in y])
    else:
        unlabeled = y == UNLABELED
    labeled = np.flatnonzero(~unlabeled)
    if not len(labeled) and not may_be_none:
        raise LabelError(f"none of the {n_samples} items has a label: give at least one")
    labels = y[labeled]
    if y.dtype == object:
        # An item of a numpy array is of numpy's own type, but means the same.
        plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
        kinds = {type(label) for label in plain}
        if len(kinds) > 1:
            names = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise LabelError(f"labels mix types ({names}): make them all text, or all numbers")
        labels = np.array(plain)
    if labels.dtype.kind == "f":
        _refuse(~np.isfinite(labels), labels, labeled)
        if (labels != labels.round()).any():
            row = int((labels != labels.round()).argmax())
            raise LabelError(
                f"Unknown label type: continuous, as in row {labeled[row]}, which holds {labels[row]}: give "
                "names of classes, or cut measurements into ranges"
            )
    return labels, labeled


def add_names(
    encoding: Encoding, labels: np.ndarray, labeled: np.ndarray, names: Mapping[int, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and labelled rows, with those of typical items of named components added.

    Typical are the items nearest to the mean of their component, by latents where there are any.

    Parameters
    ----------
    encoding : Encoding
    labels : ndarray of shape (n_labeled,)
    labeled : ndarray of shape (n_labeled,), int
    names : mapping of int to label

    Returns
    -------
    labels, labeled : ndarray of shape (n_labeled + n_added,)

    Raises
    ------
    LabelError
        If a component does not exist or no item belongs to it, a name is missing or -1, or names and labels
        are of different types.
    """
    points = encoding.posteriors if encoding.latents is None else encoding.latents
    free = np.ones(len(encoding), dtype=bool)
    free[labeled] = False
    y = np.full(len(encoding), UNLABELED, dtype=object)
    y[labeled] = labels
    for component, name in names.items():
        if not Integer(0).accepts(component) or component >= encoding.n_components:
            raise LabelError(
                f"there is no component {component!r} to call {name!r}: components are numbered from 0 to "
                f"{encoding.n_components - 1}"
            )
        if _is_missing(name) or _is_unlabeled(name):
            raise LabelError(
                f"component {component} is called {name!r}, which is no name: leave it out, or give a class"
            )
        members = np.flatnonzero(encoding.top == component)
        if not len(members):
            raise LabelError(f"component {component} holds no items, so it cannot be called {name!r}")
        distances = np.square(points[members] - points[members].mean(axis=0)).sum(axis=1)
        typical = members[np.argsort(distances, kind="stable")]
        y[typical[free[typical]][:_ITEMS_OF_NAME]] = name
    return split_labels(y, len(encoding))


def _is_missing(label: Any) -> bool:
    # pandas' NA answers no comparison, and pandas need not be there.
    return label is None or type(label).__name__ == "NAType" or (isinstance(label, float) and label != label)


def _refuse(wrong: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> None:
    if wrong.any():
        first = wrong.argmax()
        raise LabelError(
            f"y holds {labels[first]} in row {rows[first]}: write -1 (labelwise.UNLABELED) where there is no "
            "label"
        )


def _is_unlabeled(label: Any) -> bool:
    return not isinstance(label, str) and bool(label == UNLABELED)
