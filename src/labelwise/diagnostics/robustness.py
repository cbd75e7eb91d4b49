"""What happens to accuracy when images are shifted, rotated, noisy, blurred or partly hidden."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import ndimage

from labelwise.labels import UNLABELED
from labelwise.randomness import numpy_generator

_N_TESTED = 1000  # the standard error of an accuracy is then 1.6 points at most
# Unlabelled items that a method may look at beside the labelled ones. Methods learn anew for every change, so
# a part of the pool must do.
_N_CONTEXT = 2000

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Robust:
    """Accuracy of one method on images changed in one way.

    Attributes
    ----------
    change : str
    strength : float
        In the units of `CHANGES`; 0 is the unchanged image.
    method : str
        As the caller of `measure_robustness` calls it.
    accuracy : float
    """

    change: str
    strength: float
    method: str
    accuracy: float


def _shift(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    angles = rng.uniform(0, 2 * math.pi, len(images))
    side = min(images.shape[1:3])
    moves = strength * side * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return np.stack(
        [
            ndimage.shift(image, (*move, *(0,) * (image.ndim - 2)), order=1)
            for image, move in zip(images, moves, strict=True)
        ]
    )


def _rotation(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    signs = rng.choice([-1, 1], len(images))
    return np.stack(
        [
            ndimage.rotate(image, sign * strength, reshape=False, order=1)
            for image, sign in zip(images, signs, strict=True)
        ]
    )


def _noise(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return images + rng.normal(0, strength, images.shape)


def _blur(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    width = strength * min(images.shape[1:3])
    return np.asarray(
        ndimage.gaussian_filter(images, (0, width, width) + (0,) * (images.ndim - 3), mode="constant")
    )


def _occlusion(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    height, width = images.shape[1:3]
    tall, wide = (max(1, round(math.sqrt(strength) * side)) for side in (height, width))
    hidden = images.copy()
    tops = rng.integers(0, height - tall + 1, len(images))
    lefts = rng.integers(0, width - wide + 1, len(images))
    for image, top, left in zip(hidden, tops, lefts, strict=True):
        image[top : top + tall, left : left + wide] = 0
    return hidden


Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]

# Name with its unit, function, and three strengths from slight to strong, about doubling each time.
CHANGES: dict[str, tuple[Change, tuple[float, ...]]] = {
    "shift, share of the side": (_shift, (0.04, 0.08, 0.15)),
    "rotation, degrees": (_rotation, (10, 20, 40)),
    "noise, standard deviation": (_noise, (0.1, 0.2, 0.4)),
    "blur, share of the side": (_blur, (0.02, 0.04, 0.08)),
    "occlusion, share of the area": (_occlusion, (0.05, 0.1, 0.25)),
}


def change_images(images: np.ndarray, change: str, strength: float, seed: int = 0) -> np.ndarray:
    """Apply one of `CHANGES` to pixels within 0..1, which stay there; shape (n, height, width, …)."""
    function, _ = CHANGES[change]
    return np.clip(function(images.astype(np.float64), strength, numpy_generator(seed)), 0, 1)


def measure_robustness(
    images: np.ndarray,
    truth: np.ndarray,
    y: np.ndarray,
    prepare: Callable[[np.ndarray], Prepared],
    methods: Mapping[str, Callable[[Prepared, np.ndarray, Prepared], np.ndarray]],
    *,
    seed: int = 0,
) -> list[Robust]:
    """Give methods labels of unchanged images and score their answers for changed ones.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, channels)
        uint8, or floats within 0..1.
    truth : ndarray of shape (n,), int
    y : ndarray of shape (n,), int
        Class codes; -1 where there is no label. At most 1,000 other items are changed and scored.
    prepare : callable
        From images to what methods look at, once for all of them.
    methods : dict of str to callable
        From prepared images, their labels (-1 where there is none) and prepared changed images to class codes
        of the latter.
    seed : int
        Of the items scored and of the changes.
    """
    order = numpy_generator(seed).permutation(np.flatnonzero(y == UNLABELED))
    tested, context = order[:_N_TESTED], order[_N_TESTED:][:_N_CONTEXT]
    known = np.sort(np.concatenate([np.flatnonzero(y != UNLABELED), context]))
    pool = prepare(images[known])
    pixels = images[tested] / 255 if images.dtype == np.uint8 else images[tested]
    rows = []
    for change, (_, strengths) in CHANGES.items():
        for strength in (0.0, *strengths):
            changed = pixels if strength == 0 else change_images(pixels, change, strength, seed)
            if images.dtype == np.uint8:
                changed = np.round(255 * changed).astype(np.uint8)
            prepared = prepare(changed.astype(images.dtype))
            for name, answer in methods.items():
                accuracy = float((answer(pool, y[known], prepared) == truth[tested]).mean())
                rows.append(Robust(change, float(strength), name, accuracy))
    return rows
