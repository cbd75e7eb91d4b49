"""A fitted `Student` as a folder, and back. See `labelwise.storage` for the rules."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from labelwise.features import Featurizer, featurizer_of_state, named_arrays, take_arrays
from labelwise.randomness import torch_generator
from labelwise.storage import damage_told, load_folder, plain, save_folder
from labelwise.student.check import Check
from labelwise.student.network import StudentNetwork, build_network
from labelwise.student.teaching import Projection

KIND = "student"
_OWN_ARRAYS = ("points", "node_scores", "projection_mean", "projection_axes")
_ANSWERS = "answers"  # of the items of `fit`; students of format 1 have none


class FittedState(TypedDict):
    """What a fitted student knows; see the attributes of `Student`."""

    item_shape: tuple[int, ...]
    likelihood: str
    augment: str | None
    classes: np.ndarray
    feature_names: list[str]
    temperature: float
    history: list[dict[str, float]]
    check: Check | None
    featurizer: Featurizer | None
    network: StudentNetwork
    points: np.ndarray
    node_scores: np.ndarray
    projection: Projection
    answers: np.ndarray | None


def save_student(path: Path, parameters: dict[str, Any], state: FittedState) -> None:
    """Write the folder; equal students give equal bytes."""
    manifest = {
        "kind": KIND,
        "labelwise": version("labelwise"),
        "parameters": {name: plain(value) for name, value in {**parameters, "random_state": None}.items()},
        "item_shape": list(state["item_shape"]),
        "likelihood": state["likelihood"],
        "augment": state["augment"],
        "classes": state["classes"].tolist(),
        "feature_names": state["feature_names"],
        "temperature": state["temperature"],
        "history": state["history"],
        "check": None if state["check"] is None else vars(state["check"]),
        "featurizer": None if state["featurizer"] is None else state["featurizer"].as_json(),
    }
    weights = state["network"].state_dict()
    arrays = {f"network.{name}": tensor.cpu().numpy() for name, tensor in weights.items()}
    arrays["points"], arrays["node_scores"] = state["points"], state["node_scores"]
    arrays["projection_mean"], arrays["projection_axes"] = state["projection"].mean, state["projection"].axes
    arrays |= named_arrays(state["featurizer"])
    if state["answers"] is not None:
        arrays[_ANSWERS] = state["answers"]
    save_folder(path, manifest, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def load_student(path: Path) -> tuple[dict[str, Any], FittedState]:
    """Read the folder: constructor parameters, and what the fitted student knows.

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
        featurizer = featurizer_of_state(manifest.get("featurizer"), take_arrays(arrays))
        network = build_network(item_shape, len(classes), manifest["likelihood"], torch_generator(0))
        tensors = {name.removeprefix("network."): torch.from_numpy(array) for name, array in arrays.items()}
        network.load_state_dict(tensors)
        check = manifest["check"]
        state = FittedState(
            item_shape=item_shape,
            likelihood=manifest["likelihood"],
            augment=manifest["augment"],
            classes=classes,
            feature_names=manifest["feature_names"],
            temperature=float(manifest.get("temperature", 1.0)),  # early files have none
            history=manifest["history"],
            check=None if check is None else Check(**check),
            featurizer=featurizer,
            network=network.eval(),
            points=own["points"],
            node_scores=own["node_scores"],
            projection=Projection(own["projection_mean"], own["projection_axes"]),
            answers=answers,
        )
        return manifest["parameters"], state
