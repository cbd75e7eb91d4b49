"""A fitted `GMVAE` as a folder, and back. See `labelwise.storage` for the rules."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from labelwise.gmvae.networks import Architecture, CollapsedGMVAE, ExactGMVAE, build_module
from labelwise.graph.principal import PrincipalComponents
from labelwise.randomness import torch_generator
from labelwise.storage import Arrays, damage_told, load_folder, plain, save_folder

if TYPE_CHECKING:
    from labelwise.gmvae.estimator import GMVAE

KIND = "gmvae"
_PRINCIPAL = "principal."  # what names of its arrays begin with
_PRINCIPAL_ARRAYS = ("location_", "axes_")


def save_gmvae(gmvae: GMVAE, path: Path, extra: dict[str, Any]) -> None:
    """Write the folder; equal models give equal bytes."""
    parameters = gmvae.get_params(deep=False)
    if not isinstance(gmvae.random_state, (int, np.integer, type(None))):
        parameters["random_state"] = None  # a generator's state cannot be told in JSON; the seed below can
    manifest = {
        "kind": KIND,
        "labelwise": version("labelwise"),
        "parameters": {name: plain(value) for name, value in parameters.items()},
        "architecture": asdict(gmvae.module_.architecture),
        "training": {
            "n_epochs": gmvae.n_epochs_,
            "batch_size": gmvae.batch_size_,
            "seed": gmvae.seed_,
            "augment": gmvae.augment_,
        },
        "shares": gmvae.shares_.tolist(),
        "elbo_quantiles": gmvae.elbo_quantiles_.tolist(),
        "feature_names": [str(name) for name in getattr(gmvae, "feature_names_in_", [])],
        "history": gmvae.history_,
        "extra": extra,
    }
    arrays = {name: tensor.cpu().numpy() for name, tensor in gmvae.module_.state_dict().items()}
    if gmvae.principal_ is not None:
        arrays |= {f"{_PRINCIPAL}{name}": getattr(gmvae.principal_, name) for name in _PRINCIPAL_ARRAYS}
    save_folder(path, manifest, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def load_gmvae(path: Path) -> tuple[dict[str, Any], CollapsedGMVAE | ExactGMVAE, dict[str, Any]]:
    """Read the folder: constructor parameters, module, and the rest of the fitted state.

    Raises
    ------
    StorageError
    """
    manifest, arrays = load_folder(path, KIND)
    with damage_told(path):
        stored = manifest["architecture"]
        lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
        principal = _principal(arrays)
        module = build_module(Architecture(**{**stored, **lists}), torch_generator(0))
        module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        state = {
            "history": manifest["history"],
            "shares": np.array(manifest["shares"]),
            "elbo_quantiles": np.array(manifest["elbo_quantiles"]),
            "feature_names": manifest["feature_names"],
            "augment": manifest["parameters"]["augment"],  # of models from before "auto"
            "principal": principal,
            **manifest["training"],
        }
        return manifest["parameters"], module, state


def _principal(arrays: Arrays) -> PrincipalComponents | None:
    """Take the principal components out of `arrays`; models of format 1 have none."""
    own = {name: arrays.pop(f"{_PRINCIPAL}{name}", None) for name in _PRINCIPAL_ARRAYS}
    if any(array is None for array in own.values()):
        return None
    principal = PrincipalComponents()
    for name, array in own.items():
        setattr(principal, name, array)
    return principal
