"""What follows from the parameters of a `GMVAE` and from the data: the networks, and the plan of training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from labelwise.gmvae.networks import Architecture
from labelwise.gmvae.training import Plan
from labelwise.nn.defaults import (
    kl_steps,
    plain_epochs,
    resolve_batch_size,
    resolve_encoder,
    resolve_epochs,
    resolve_hidden,
    resolve_learning_rate,
    size_share,
)
from labelwise.nn.inputs import choose_likelihood

# With 512 units, or all epochs, components of learned features were no purer (benchmarks/results/learned.md).
_LEARNED_HIDDEN, _LEARNED_EPOCHS = 256, 0.75


def lighter(parameters: Mapping[str, Any], n_samples: int, n_features: int) -> dict[str, Any]:
    """Parameters for features that were learned from images, which need less than the images themselves."""
    lighter = dict(parameters)
    share = size_share(n_samples, n_features)
    if isinstance(parameters["n_hidden"], str):
        lighter["n_hidden"] = min(_LEARNED_HIDDEN, resolve_hidden("auto", share))
    if isinstance(parameters["max_epochs"], str):
        batch_size = resolve_batch_size(parameters["batch_size"], n_samples)
        lighter["max_epochs"] = math.ceil(_LEARNED_EPOCHS * resolve_epochs("auto", n_samples, batch_size))
    return lighter


def make_plan(parameters: Mapping[str, Any], X: np.ndarray, augment: str | None, seed: int) -> Plan:
    """Epochs, steps and rates."""
    # Who says how many epochs gets the batches and phases of a run of any length.
    share = size_share(*X.shape) if isinstance(parameters["max_epochs"], str) else 1.0
    batch_size = resolve_batch_size(parameters["batch_size"], len(X), share)
    n_epochs = resolve_epochs(parameters["max_epochs"], len(X), batch_size, share)
    n_plain = plain_epochs(n_epochs, parameters["init"], share)
    return Plan(
        n_epochs=n_epochs,
        plain_epochs=n_plain,
        kl_steps=kl_steps(n_plain * math.ceil(len(X) / batch_size), share),
        batch_size=batch_size,
        learning_rate=resolve_learning_rate(parameters["learning_rate"], share),
        augment=augment,
        seed=seed,
    )


def make_architecture(
    parameters: Mapping[str, Any], X: np.ndarray, item_shape: tuple[int, ...], n_components: int
) -> Architecture:
    """Kinds and widths of the networks.

    Raises
    ------
    DataError
        If the values are none that the likelihood can score.
    """
    hidden = (resolve_hidden(parameters["n_hidden"], size_share(*X.shape)),) * parameters["n_layers"]
    return Architecture(
        objective=parameters["objective"],
        item_shape=tuple(int(side) for side in item_shape),
        n_components=n_components,
        n_latent=int(parameters["n_latent"]),
        encoder=resolve_encoder(parameters["encoder"], item_shape),
        likelihood=choose_likelihood(X, item_shape, parameters["likelihood"]),
        hidden=hidden,
        decoder_hidden=tuple(map(int, parameters["decoder_hidden"] or hidden[::-1])),
    )
