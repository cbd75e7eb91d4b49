"""A fitted `Student` as a folder, and back. See `labelwise.storage` for the rules."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from labelwise.randomness import torch_generator
from labelwise.storage import damage_told, load_folder, plain, save_folder
from labelwise.student.network import build_network
from labelwise.student.rounds import Projection

if TYPE_CHECKING:
    from labelwise.student.estimator import Student

KIND = "student"
_OWN_ARRAYS = ("points", "node_scores", "projection_mean", "projection_axes")
_ANSWERS = "answers"  # of the items of `fit`; students of format 1 have none


def save_student(student: Student, path: Path) -> None:
    """Write the folder; equal students give equal bytes."""
    parameters = {**student.get_params(deep=False), "random_state": None}
    manifest = {
        "kind": KIND,
        "labelwise": version("labelwise"),
        "parameters": {name: plain(value) for name, value in parameters.items()},
        "item_shape": list(student.item_shape_),
        "likelihood": student.likelihood_,
        "augment": student.augment_,
        "classes": student.classes_.tolist(),
        "feature_names": [str(name) for name in getattr(student, "feature_names_in_", [])],
        "temperature": student.temperature_,
        "history": student.history_,
        "check": None if student.check_ is None else vars(student.check_),
    }
    state = student.network_.state_dict()
    arrays = {f"network.{name}": tensor.cpu().numpy() for name, tensor in state.items()}
    arrays["points"], arrays["node_scores"] = student.points_, student.node_scores_
    arrays["projection_mean"] = student.projection_.mean
    arrays["projection_axes"] = student.projection_.axes
    if student.answers_ is not None:
        arrays[_ANSWERS] = student.answers_
    save_folder(path, manifest, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def load_student(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the folder: constructor parameters and fitted attributes; `check_` as a dict or None.

    Raises
    ------
    StorageError
    """
    manifest, arrays = load_folder(path, KIND)
    with damage_told(path):
        item_shape = tuple(manifest["item_shape"])
        classes = np.array(manifest["classes"])
        own = {name: arrays.pop(name) for name in _OWN_ARRAYS}
        answers = arrays.pop(_ANSWERS, None)
        network = build_network(item_shape, len(classes), manifest["likelihood"], torch_generator(0))
        tensors = {name.removeprefix("network."): torch.from_numpy(array) for name, array in arrays.items()}
        network.load_state_dict(tensors)
        state = {
            "item_shape_": item_shape,
            "n_features_in_": int(np.prod(item_shape)),
            "likelihood_": manifest["likelihood"],
            "augment_": manifest["augment"],
            "classes_": classes,
            "temperature_": float(manifest.get("temperature", 1.0)),  # early files have none
            "history_": manifest["history"],
            "check_": manifest["check"],
            "network_": network.eval(),
            "points_": own["points"],
            "node_scores_": own["node_scores"],
            "answers_": answers,
            "projection_": Projection(own["projection_mean"], own["projection_axes"]),
        }
        if manifest["feature_names"]:
            state["feature_names_in_"] = np.array(manifest["feature_names"], dtype=object)
        return manifest["parameters"], state
