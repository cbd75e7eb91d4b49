"""Splitting a sheet whose items turned out to be of several classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from labelwise.decoding.targets import split_labels
from labelwise.encoding import Encoding
from labelwise.errors import LabelError
from labelwise.parameters import Integer, check_parameters
from labelwise.planning.sheet import Sheet
from labelwise.planning.sheets import TIGHT_SIZE


def split_sheet(encoding: Encoding, items: Any, *, y: Any = None, n_parts: int = 2) -> list[Sheet]:
    """Make tighter sheets of one that holds several classes.

    Its items are clustered by Ward's method. Each cluster becomes a sheet of its own, filled up with the
    items without a label that are nearest to it.

    Parameters
    ----------
    encoding : Encoding
        Of all items, with latents.
    items : array-like of shape (n_shown,), int
        Rows of the items on the sheet.
    y : array-like of shape (n_samples,), default=None
        Labels so far, -1 (`labelwise.UNLABELED`) where there is none. Items with a label are left out.
    n_parts : int, default=2
        How many sheets to make, at most.

    Returns
    -------
    list of Sheet
        No item is on two of them; without predictions.

    Raises
    ------
    LabelError
        If fewer than two of the items have no label.
    """
    check_parameters({"n_parts": n_parts}, {"n_parts": Integer(2)})
    is_free = np.ones(len(encoding), dtype=bool)
    if y is not None:
        is_free[split_labels(y, len(encoding), may_be_none=True)[1]] = False
    rows = np.unique(np.asarray(items, dtype=np.int64))
    rows = rows[is_free[rows]]
    if len(rows) < 2:
        raise LabelError(f"{len(rows)} item without a label cannot be split: name it by itself")
    points = encoding.points("both").values
    clusters = fcluster(linkage(points[rows], "ward"), n_parts, "maxclust")
    is_free[rows] = False  # each stays with its own cluster
    found = []
    for cluster in np.unique(clusters):
        members = rows[clusters == cluster]
        centre = points[members].mean(axis=0)
        members = members[np.argsort(np.linalg.norm(points[members] - centre, axis=1), kind="stable")]
        near = _nearest(points, centre, is_free, TIGHT_SIZE - len(members))
        is_free[near] = False
        shown = np.concatenate([members, near])
        component = int(encoding.top[members[0]])
        found.append(Sheet(component, shown, None, len(shown), "part of a mixed sheet"))
    return found


def _nearest(points: np.ndarray, centre: np.ndarray, is_free: np.ndarray, n: int) -> np.ndarray:
    """The `n` free rows nearest to `centre`, as far as there are so many."""
    free = np.flatnonzero(is_free)
    distances = np.linalg.norm(points[free] - centre, axis=1)
    return free[np.argsort(distances, kind="stable")[: max(n, 0)]]
