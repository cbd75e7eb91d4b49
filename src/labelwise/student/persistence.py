"""Fitted students as folders, and back. See `labelwise.storage` for the rules."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from labelwise.damage import damage_told
from labelwise.features import Featurizer, featurizer_of_state, named_arrays, take_arrays
from labelwise.hub import write_card
from labelwise.nn.weights import module_of
from labelwise.storage import Arrays, load_folder, plain, save_folder
from labelwise.student.check import Check
from labelwise.student.network import StudentNetwork
from labelwise.student.teaching import Projection

KIND = "student"
_OWN_ARRAYS = ("points", "node_scores", "projection_mean", "projection_axes")
_ANSWERS = "answers"  # of the items of `fit`; students of format 1 have none


class FittedState(TypedDict):
    """What every fitted student knows; see the attributes of `Student`."""

    item_shape: tuple[int, ...]
    classes: np.ndarray
    feature_names: list[str]
    temperature: float
    history: list[dict[str, float]]
    check: Check | None
    featurizer: Featurizer | None
    answers: np.ndarray | None


class NetworkState(FittedState):
    """What a fitted `Student` knows beside that."""

    likelihood: str
    augment: str | None
    network: StudentNetwork
    points: np.ndarray
    node_scores: np.ndarray
    projection: Projection


def common_manifest(
    kind: str, parameters: dict[str, Any], state: FittedState
) -> tuple[dict[str, Any], Arrays]:
    """What manifests of all students hold, and the arrays that belong to it."""
    manifest = {
        "kind": kind,
        "labelwise": version("labelwise"),
        "parameters": {name: plain(value) for name, value in {**parameters, "random_state": None}.items()},
        "item_shape": list(state["item_shape"]),
        "classes": state["classes"].tolist(),
        "feature_names": state["feature_names"],
        "temperature": state["temperature"],
        "history": state["history"],
        "check": None if state["check"] is None else vars(state["check"]),
        "featurizer": None if state["featurizer"] is None else state["featurizer"].as_json(),
    }
    arrays = named_arrays(state["featurizer"])
    if state["answers"] is not None:
        arrays[_ANSWERS] = state["answers"]
    return manifest, arrays


def common_state(manifest: dict[str, Any], arrays: Arrays) -> FittedState:
    """Take back what `common_manifest` gave; its arrays are taken out of `arrays`."""
    check, shape, classes = manifest["check"], tuple(manifest["item_shape"]), np.array(manifest["classes"])
    if any(type(side) is not int or side < 1 for side in shape) or len(shape) not in (1, 2, 3):
        raise ValueError(f"no items have the shape {shape}")
    if classes.ndim != 1 or not len(classes):
        raise ValueError("it knows no classes")
    return FittedState(
        item_shape=shape,
        classes=classes,
        feature_names=manifest["feature_names"],
        temperature=float(manifest.get("temperature", 1.0)),  # early files have none
        history=manifest["history"],
        check=None if check is None else Check(**check),
        featurizer=featurizer_of_state(manifest.get("featurizer"), take_arrays(arrays)),
        answers=arrays.pop(_ANSWERS, None),
    )


def save_student(path: Path, parameters: dict[str, Any], state: NetworkState, card: str = "") -> None:
    """Write the folder; equal students give equal bytes."""
    manifest, arrays = common_manifest(KIND, parameters, state)
    manifest |= {"likelihood": state["likelihood"], "augment": state["augment"]}
    weights = state["network"].state_dict()
    arrays |= {f"network.{name}": tensor.cpu().numpy() for name, tensor in weights.items()}
    arrays["points"], arrays["node_scores"] = state["points"], state["node_scores"]
    arrays["projection_mean"], arrays["projection_axes"] = state["projection"].mean, state["projection"].axes
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_folder(path, manifest, arrays, fill=lambda folder: write_card(folder, card))


def load_student(path: Path) -> tuple[dict[str, Any], NetworkState]:
    """Read the folder: constructor parameters, and what the fitted student knows.

    Raises
    ------
    StorageError
    """
    manifest, arrays = load_folder(path, KIND)
    with damage_told(path):
        common = common_state(manifest, arrays)
        own = {name: arrays.pop(name) for name in _OWN_ARRAYS}
        shape, n_classes, likelihood = common["item_shape"], len(common["classes"]), manifest["likelihood"]
        weights = {name.removeprefix("network."): array for name, array in arrays.items()}
        network = module_of(lambda: StudentNetwork(shape, n_classes, likelihood), weights)
        state = NetworkState(
            **common,
            likelihood=likelihood,
            augment=manifest["augment"],
            network=network,
            points=own["points"],
            node_scores=own["node_scores"],
            projection=Projection(own["projection_mean"], own["projection_axes"]),
        )
        return manifest["parameters"], state
