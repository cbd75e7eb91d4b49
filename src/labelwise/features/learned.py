"""Features that a small network learns from the images themselves, without labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from labelwise.errors import DataError, ParameterError
from labelwise.events import Listener, ignore
from labelwise.features.base import Featurizer
from labelwise.features.contrast import (
    HIDDEN,
    WEIGHTS,
    ContrastNetwork,
    Plan,
    build_network,
    contrast,
    project,
    run_settings,
)
from labelwise.nn.batches import Items
from labelwise.nn.defaults import resolve_device, use_bfloat16
from labelwise.nn.inputs import choose_likelihood
from labelwise.nn.processes import current_group
from labelwise.nn.views import resolve_augmentation
from labelwise.nn.weights import module_of
from labelwise.randomness import RandomState, draw_seed, torch_generator
from labelwise.storage import Arrays

# 400 steps of 512 pairs had what 1,336 had, and 800 of 256 a little more; 400 of 256 had a little less
# (benchmarks/results/learned.md).
_N_STEPS, _BATCH = 700, 256
_MIN_SIDE = 16  # pixels; on 8x8 no view looks like another image
_MIN_IMAGES = 1000  # for "auto": with fewer, a view is found among the others by accidents of its item
_COLOURS = 3


class LearnedFeaturizer(Featurizer):
    """Learn by contrast what stays when an image is changed; see `labelwise.features.contrast`.

    Parameters
    ----------
    augment : {"auto", "affine", "elastic", "strokes", "photo"}, default="auto"
        How views differ. "auto" takes "strokes" where affine views look like other images of the same data
        (handwriting), and "photo" for other colour images.
    n_steps : int, default=700
        Of 256 pairs of views each.
    precision : {"auto", "fp32", "bf16"}, default="auto"
    device : str, default="auto"
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    item_shape_ : tuple of int
    network_ : ContrastNetwork
    history_ : list of dict
        One record for every 25 steps: step, and loss in nats.
    """

    name = "learned"
    of_pixels = True

    def __init__(
        self,
        augment: str = "auto",
        *,
        n_steps: int = _N_STEPS,
        precision: str = "auto",
        device: str = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.augment = augment
        self.n_steps = n_steps
        self.precision = precision
        self.device = device
        self.random_state = random_state

    @classmethod
    def of_name(cls, argument: str, parameters: Mapping[str, Any]) -> Self:
        """One that follows the model's `augment`, `precision`, `device` and `random_state`.

        Raises
        ------
        ParameterError
            If no views are allowed.
        """
        if parameters["augment"] is None:
            raise ParameterError(
                "features='learned' compares changed views of an image, and augment=None allows none: set "
                "augment='auto', or features='pixels'"
            )
        names = "augment", "precision", "device", "random_state"
        return cls(**{name: parameters[name] for name in names})

    @classmethod
    def check(cls, items: Any) -> None:
        """Refuse all but images.

        Raises
        ------
        DataError
        """
        if not _are_images(items):
            raise DataError(
                "features are learned from images of shape (n_samples, height, width[, channels]): set "
                "features='auto'"
            )

    @classmethod
    def suits(cls, items: Any, parameters: Mapping[str, Any]) -> str:
        """Whether images are large and many, views fit, and nobody said how to model pixels."""
        if not _are_images(items) or len(items) < _MIN_IMAGES or min(items.shape[1:3]) < _MIN_SIDE:
            return ""
        if (parameters["likelihood"], parameters["encoder"]) != ("auto", "auto"):
            return ""
        try:
            views = resolve_views(items, parameters["augment"])
        except DataError:  # which the model tells better
            return ""
        if views is None:
            return ""
        return "colour images" if views == "photo" else "changed views look like other images"

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the images."""
        return self.item_shape_

    @property
    def augment_(self) -> str:
        """How they were changed: what "auto" became."""
        return self._views

    def layers(self) -> nn.Module:
        """Convolutions from which a student may start."""
        return self.network_.layers

    def fit(
        self, items: Any, *, checkpoint: Path | None = None, resume: bool = False, listen: Listener = ignore
    ) -> Self:
        """Learn from images.

        Raises
        ------
        DataError
            If these are no images, or no kind of views fits them.
        """
        self.check(items)
        choose_likelihood(items.reshape(len(items), -1), items.shape[1:], "bernoulli")
        views = resolve_views(items, self.augment)
        if views is None:
            raise DataError(
                "no kind of views fits these images: changed ones do not look like others. Name one (augment="
                "'strokes' or 'photo'), or set features='pixels'"
            )
        self.item_shape_, self._views = tuple(map(int, items.shape[1:])), views
        device = resolve_device(self.device)
        seed = draw_seed(self.random_state)
        plan = Plan(
            n_steps=self.n_steps,
            batch_size=min(_BATCH, len(items) // 2),
            augment=views,
            seed=seed,
            bfloat16=use_bfloat16(self.precision, device, (HIDDEN,)),
        )
        network = build_network(self.item_shape_, torch_generator(seed, WEIGHTS)).to(device)
        pixels = Items(items.reshape(len(items), -1), device)
        group = current_group()
        file = group.checkpoint(
            checkpoint, lambda: run_settings(network, plan, pixels, device, group), resume=resume
        )
        self.history_ = contrast(network, pixels, plan, checkpoint=file, group=group, listen=listen)
        self.network_ = network.eval()
        return self

    def transform(self, items: Any, *, listen: Listener = ignore) -> np.ndarray:
        """Projections of images, on the unit sphere, shape (n_samples, 128), float32.

        Raises
        ------
        DataError
            If the images have another shape.
        """
        items = np.asarray(items)
        given = items.shape[1:]
        if given not in (self.item_shape_, (math.prod(self.item_shape_),)):
            raise DataError(
                f"X has items of shape {given}, but the model was fitted on items of shape "
                f"{self.item_shape_}: bring them to that shape"
            )
        device = next(self.network_.parameters()).device
        return project(self.network_, Items(items.reshape(len(items), -1), device), listen)

    def describe(self) -> str:
        """Say in one line what becomes of what."""
        return f"128 learned by contrast of {self.augment_} views"

    def as_json(self) -> dict[str, Any]:
        """JSON values; `of_state` takes them back."""
        return {
            "name": self.name,
            "description": self.describe(),
            "item_shape": list(self.item_shape_),
            "augment": self.augment_,
            "history": self.history_,
        }

    def arrays(self) -> Arrays:
        """Weights of the network."""
        weights = self.network_.state_dict()
        return {name: np.ascontiguousarray(tensor.cpu().numpy()) for name, tensor in weights.items()}

    @classmethod
    def of_state(cls, values: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what `as_json` and `arrays` gave."""
        self = cls(values["augment"])
        self.item_shape_, self._views = tuple(values["item_shape"]), values["augment"]
        self.history_ = values["history"]
        self.network_ = module_of(lambda: ContrastNetwork(self.item_shape_), arrays)
        return self

    def to(self, device: torch.device) -> None:
        """Compute there."""
        self.network_.to(device)


def resolve_views(items: np.ndarray, augment: str | None) -> str | None:
    """Which views to compare: "strokes" where affine ones look like other images, else "photo" in colour."""
    if augment != "auto":
        return augment
    pixels = items.reshape(len(items), -1)
    likelihood = choose_likelihood(pixels, items.shape[1:], "auto")
    if resolve_augmentation("auto", pixels, items.shape[1:], likelihood) is not None:
        return "strokes"
    return "photo" if items.shape[3:] == (_COLOURS,) else None


def _are_images(items: Any) -> bool:
    return isinstance(items, np.ndarray) and items.ndim in (3, 4) and items.dtype.kind in "uif"
