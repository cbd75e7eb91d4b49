"""What `GMVAE.fit` does: see the items, or features of them, and learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from labelwise.errors import ParameterError
from labelwise.events import Event, Listener
from labelwise.features import Featurizer, make_featurizer
from labelwise.features.base import STAGE
from labelwise.gmvae.monitors import warn_of_lost_structure
from labelwise.gmvae.networks import CollapsedGMVAE, ExactGMVAE, build_module
from labelwise.gmvae.painter import Painter, paint
from labelwise.gmvae.persistence import FittedState
from labelwise.gmvae.settings import lighter, make_architecture, make_plan
from labelwise.gmvae.training import WEIGHTS, elbo_quantiles, infer, run_settings, train
from labelwise.graph.principal import PrincipalComponents
from labelwise.nn.batches import Items
from labelwise.nn.checkpoint import of_features
from labelwise.nn.defaults import resolve_device, use_bfloat16
from labelwise.nn.inputs import (
    check_image_options,
    check_items,
    column_moments,
    count_components,
    warn_of_columns,
)
from labelwise.nn.likelihoods import Gaussian
from labelwise.nn.processes import current_group
from labelwise.nn.views import resolve_augmentation
from labelwise.randomness import torch_generator

_STACK_LEVEL = 4  # warnings point to who called `fit`


@dataclass(frozen=True)
class Sight:
    """Items as a model is trained on them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    item_shape : tuple of int
        Shape of one row of `X`, as the networks see it.
    featurizer : Featurizer or None
        Fitted.
    pixels : ndarray of shape (n_samples, n_pixels) or None
        What the features were made of, if that was images.
    """

    X: np.ndarray
    item_shape: tuple[int, ...]
    featurizer: Featurizer | None
    pixels: np.ndarray | None


def see(
    estimator: BaseEstimator,
    X: Any,
    parameters: Mapping[str, Any],
    *,
    checkpoint: Path | None,
    resume: bool,
    listen: Listener,
) -> Sight:
    """Check items, and make features of them if `parameters` say so.

    Raises
    ------
    DataError, ParameterError
        If the items, or the features that were asked for, cannot be used.
    """
    featurizer, reason = make_featurizer(X, parameters)
    if featurizer is None:
        X, item_shape = check_items(estimator, X, reset=True)
        return Sight(X, item_shape, None, None)
    pixels: np.ndarray | None = None
    if featurizer.of_pixels:
        _refuse_pixel_options(parameters)
        # Images are checked before the features are made, other items by making them.
        pixels, item_shape = check_items(estimator, X, reset=True)
        X = pixels.reshape(len(pixels), *item_shape)
    if reason:
        listen(Event(STAGE, 0.0, f"features: {featurizer.name}, since {reason}"))
    place = None if checkpoint is None else of_features(checkpoint)
    featurizer.fit(X, checkpoint=place, resume=resume, listen=listen)
    features = featurizer.transform(X, listen=listen)
    if pixels is None:
        features, _ = check_items(estimator, features, reset=True)
    return Sight(features, features.shape[1:], featurizer, pixels)


def _refuse_pixel_options(parameters: Mapping[str, Any]) -> None:
    """Refuse what says how to model pixels, where the model does not see any."""
    for name, of_pixels in (("likelihood", "bernoulli"), ("encoder", "conv")):
        if parameters[name] == of_pixels:
            raise ParameterError(
                f"{name}={of_pixels!r} is about pixels, and the model sees features that are learned from "
                f"them: set {name}='auto', or features='pixels'"
            )


def learn(
    sight: Sight,
    parameters: Mapping[str, Any],
    *,
    checkpoint: Path | None,
    resume: bool,
    listen: Listener,
) -> tuple[CollapsedGMVAE | ExactGMVAE, FittedState]:
    """Train a model of what it sees.

    Parameters
    ----------
    sight : Sight
    parameters : mapping
        Of the `GMVAE`; `random_state` is a seed.
    checkpoint : Path or None
    resume : bool
    listen : callable

    Returns
    -------
    module : CollapsedGMVAE or ExactGMVAE
    state : dict
        What else the fitted model knows.
    """
    X, seed = sight.X, parameters["random_state"]
    if sight.pixels is not None:
        parameters = lighter(parameters, *X.shape)
    n_components = count_components(X, parameters["n_components"], stacklevel=_STACK_LEVEL)
    architecture = make_architecture(parameters, X, sight.item_shape, n_components)
    augment = None  # views of images, if features are made of those, are not views of the features
    if sight.pixels is None:
        augment = resolve_augmentation(parameters["augment"], X, sight.item_shape, architecture.likelihood)
    check_image_options(sight.item_shape, architecture.likelihood, augment, parameters["encoder"])
    device = resolve_device(parameters["device"])
    plan = make_plan(parameters, X, augment, seed)
    module = build_module(architecture, torch_generator(seed, WEIGHTS))
    if isinstance(module.likelihood, Gaussian):
        location, spread = column_moments(X)
        noun = "column" if sight.featurizer is None else "feature"
        warn_of_columns(X, spread, noun=noun, stacklevel=_STACK_LEVEL)
        module.likelihood.standardise(torch.from_numpy(location), torch.from_numpy(spread))
    module.mixed = use_bfloat16(parameters["precision"], device, architecture.hidden)
    group = current_group()
    file = group.checkpoint(checkpoint, lambda: run_settings(plan, module, device, X, group), resume=resume)
    items = Items(X, device)
    history = train(module.to(device), items, plan, checkpoint=file, group=group, listen=listen)
    module.mixed = False
    posteriors, latents = infer(module, items, listen)
    shares = posteriors.mean(axis=0, dtype=np.float64)
    warn_of_lost_structure(shares, latents, init=parameters["init"], stacklevel=_STACK_LEVEL)
    return module, FittedState(
        history=history,
        shares=shares,
        elbo_quantiles=elbo_quantiles(module, X, seed),
        n_epochs=plan.n_epochs,
        batch_size=plan.batch_size,
        seed=seed,
        augment=augment,
        principal=PrincipalComponents().fit(X, is_table=len(sight.item_shape) == 1),
        featurizer=sight.featurizer,
        painter=_painter(sight, latents, seed, device, listen),
        feature_names=[],
    )


def _painter(
    sight: Sight, latents: np.ndarray, seed: int, device: torch.device, listen: Listener
) -> Painter | None:
    """What draws pictures, where the model does not see the images themselves."""
    shape = None if sight.featurizer is None else sight.featurizer.image_shape
    if sight.pixels is None or shape is None:
        return None
    return paint(latents, Items(sight.pixels, device), shape, seed, listen)
