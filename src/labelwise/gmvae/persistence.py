"""A fitted `GMVAE` as a folder, and back. See `labelwise.storage` for the rules."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from labelwise.damage import damage_told
from labelwise.features import Featurizer, featurizer_of_state, named_arrays, take_arrays
from labelwise.gmvae.networks import MODULES, Architecture, CollapsedGMVAE, ExactGMVAE
from labelwise.gmvae.painter import Painter
from labelwise.graph.principal import PrincipalComponents
from labelwise.nn.weights import module_of
from labelwise.storage import Arrays, load_folder, plain, save_folder

KIND = "gmvae"
_PRINCIPAL = "principal."  # what names of its arrays begin with
_PAINTER = "painter."
_PRINCIPAL_ARRAYS = ("location_", "axes_")


class FittedState(TypedDict):
    """What a fitted model knows beside its module; see the attributes of `GMVAE`."""

    history: list[dict[str, Any]]
    shares: np.ndarray
    elbo_quantiles: np.ndarray
    n_epochs: int
    batch_size: int
    seed: int
    augment: str | None
    principal: PrincipalComponents | None
    featurizer: Featurizer | None
    painter: Painter | None
    feature_names: list[str]


def save_gmvae(
    path: Path,
    parameters: dict[str, Any],
    module: CollapsedGMVAE | ExactGMVAE,
    state: FittedState,
    extra: dict[str, Any],
) -> None:
    """Write the folder from what `load_gmvae` returns; equal models give equal bytes."""
    if not isinstance(parameters["random_state"], (int, np.integer, type(None))):
        # JSON cannot hold the state of a generator; the seed below says what was drawn from it.
        parameters = parameters | {"random_state": None}
    featurizer = state["featurizer"]
    if not isinstance(parameters["features"], str):
        parameters = parameters | {"features": parameters["features"].as_parameter}  # the rest is below
    manifest = {
        "kind": KIND,
        "labelwise": version("labelwise"),
        "parameters": {name: plain(value) for name, value in parameters.items()},
        "architecture": asdict(module.architecture),
        "training": {
            "n_epochs": state["n_epochs"],
            "batch_size": state["batch_size"],
            "seed": state["seed"],
            "augment": state["augment"],
        },
        "shares": state["shares"].tolist(),
        "elbo_quantiles": state["elbo_quantiles"].tolist(),
        "featurizer": None if featurizer is None else featurizer.as_json(),
        "feature_names": state["feature_names"],
        "history": state["history"],
        "extra": extra,
    }
    arrays = {name: tensor.cpu().numpy() for name, tensor in module.state_dict().items()}
    arrays |= named_arrays(featurizer)
    if state["painter"] is not None:
        weights = state["painter"].state_dict()
        arrays |= {f"{_PAINTER}{name}": tensor.cpu().numpy() for name, tensor in weights.items()}
    if state["principal"] is not None:
        arrays |= {f"{_PRINCIPAL}{name}": getattr(state["principal"], name) for name in _PRINCIPAL_ARRAYS}
    save_folder(path, manifest, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def load_gmvae(path: Path) -> tuple[dict[str, Any], CollapsedGMVAE | ExactGMVAE, FittedState]:
    """Read the folder: constructor parameters, module, and what else the fitted model knows.

    Raises
    ------
    StorageError
    """
    manifest, arrays = load_folder(path, KIND)
    with damage_told(path):
        architecture = _architecture(manifest["architecture"])
        principal = _principal(arrays)
        featurizer = featurizer_of_state(manifest.get("featurizer"), take_arrays(arrays))
        painter = _painter(arrays, architecture.n_latent, featurizer)
        module = module_of(lambda: MODULES[architecture.objective](architecture), arrays)
        training = manifest["training"]
        state = FittedState(
            history=manifest["history"],
            shares=np.array(manifest["shares"]),
            elbo_quantiles=np.array(manifest["elbo_quantiles"]),
            n_epochs=training["n_epochs"],
            batch_size=training["batch_size"],
            seed=training["seed"],
            # Models from before "auto" have it among the parameters alone.
            augment=training.get("augment", manifest["parameters"]["augment"]),
            principal=principal,
            featurizer=featurizer,
            painter=painter,
            feature_names=manifest["feature_names"],
        )
        return manifest["parameters"], module, state


def _architecture(stored: dict[str, Any]) -> Architecture:
    lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
    made = Architecture(**{**stored, **lists})
    sizes = (*made.item_shape, *made.hidden, *made.decoder_hidden, made.n_components, made.n_latent)
    if any(type(size) is not int or size < 1 for size in sizes) or len(made.item_shape) not in (1, 2, 3):
        raise ValueError(f"no network has the sizes {sizes}")
    return made


def _painter(arrays: Arrays, n_latent: int, featurizer: Featurizer | None) -> Painter | None:
    """Take the painter out of `arrays`, if there is one."""
    weights = {
        name.removeprefix(_PAINTER): arrays.pop(name) for name in list(arrays) if name.startswith(_PAINTER)
    }
    shape = None if featurizer is None else featurizer.image_shape
    return module_of(lambda: Painter(n_latent, shape), weights) if weights and shape is not None else None


def _principal(arrays: Arrays) -> PrincipalComponents | None:
    """Take the principal components out of `arrays`; models of format 1 have none."""
    own = {name: arrays.pop(f"{_PRINCIPAL}{name}", None) for name in _PRINCIPAL_ARRAYS}
    if any(array is None for array in own.values()):
        return None
    principal = PrincipalComponents()
    for name, array in own.items():
        setattr(principal, name, array)
    return principal
