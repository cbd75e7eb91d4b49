"""The map of a project: where each item is drawn, made once and kept."""

from __future__ import annotations

import contextlib

import numpy as np

from labelwise.errors import StorageError
from labelwise.project.labelling import Labelling
from labelwise.storage import load_folder, save_folder

_LAYOUT = "layout"


def kept_layout(project: Labelling) -> np.ndarray:
    """Two coordinates of each item, shape (n_samples, 2), float32, within -1..1."""
    place = project.path / _LAYOUT
    key = {"model": project.model_id, "pool": project.pool.fingerprint}
    with contextlib.suppress(StorageError, LookupError):  # nothing is lost: it is made again
        manifest, arrays = load_folder(place, _LAYOUT)
        if manifest["key"] == key:
            return arrays["positions"]
    from labelwise.graph.layout import lay_out

    positions = lay_out(project.encoding.points().values, random_state=0)
    with project.may_keep() as may:
        if may:
            save_folder(place, {"kind": _LAYOUT, "key": key}, {"positions": positions})
    return positions
