"""Random views of images: what may change in an item without changing what it is."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torch.nn import functional as F

from labelwise.nn.likelihoods import Bernoulli
from labelwise.randomness import numpy_generator, torch_generator

# Ranges of the random affine maps, measured to help on handwriting.
_ROTATION = 0.25  # radians
_SCALE = 0.15  # relative
_SHEAR = 0.3
_SHIFT = 0.14  # of half the image's side

# Of the elastic maps: standard deviation of the displacements at a coarse grid of points.
_BEND = 0.08  # of half the image's side
_BEND_POINTS = 4  # along each side

# Of thickness: how far pixels may go towards the lightest or darkest of the nine around them. Components of
# 34,205 letters were 6 points purer with it (benchmarks/results/learned.md).
_THICKNESS = 0.8

# Of photographs, as is usual in learning by contrast (Chen et al., ICML 2020), but milder: small images.
_SMALLEST_CROP = 0.5  # of the image's sides
_COLOUR = 0.4  # relative, of brightness and contrast; twice that of saturation
_GREY_SHARE = 0.2

# Streams of `resolve_augmentation`, which draws with a seed of its own.
_ROWS, _MAPS = range(2)
_MIN_IMAGES = 200  # fewer do not show what their neighbours look like
_N_COMPARED = 1000
_N_PRINCIPAL = 20
# Between letters26 (1.10) and MNIST (1.20), where views help, and Fashion-MNIST (1.43) and digits (1.51).
_FARTHEST = 1.3


AUGMENTATIONS = ("auto", None, "affine", "elastic", "strokes", "photo")
"""What `augment` may be."""


def resolve_augmentation(
    augment: str | None, X: np.ndarray, item_shape: tuple[int, ...], likelihood: str
) -> str | None:
    """Choose "affine" for images whose affine views look like other images of the same pool.

    Handwriting comes turned, sheared and shifted, photographs of clothes do not: a view of a letter has about
    as near a neighbour among other letters as the letter itself, a view of a shirt has not. No label is
    looked at.

    Parameters
    ----------
    augment : {"auto", None, "affine", "elastic", "strokes", "photo"}
        All but "auto" stay what they are.
    X : ndarray of shape (n_samples, F) or (n_samples, *item_shape)
    item_shape : tuple of int
    likelihood : "bernoulli" or "gaussian"

    Returns
    -------
    {None, "affine", "elastic", "strokes", "photo"}
    """
    if augment != "auto":
        return augment
    if len(item_shape) == 1 or likelihood != "bernoulli" or len(X) < _MIN_IMAGES:
        return None
    return "affine" if view_distance(X, item_shape) < _FARTHEST else None


def view_distance(X: np.ndarray, item_shape: tuple[int, ...]) -> float:
    """How much farther affine views of some images are from other images than the images themselves are.

    Mean distance to the nearest of up to 1,000 images in 20 principal components, over that of images that
    were left as they are; equal for equal `X`. Near 1 where views are like any other image, infinity where
    all images have an equal one.
    """
    n = min(_N_COMPARED, len(X) // 2)
    rows = numpy_generator(0, _ROWS).permutation(len(X))[: 2 * n]
    drawn = torch.from_numpy(X[rows].reshape(2 * n, -1))
    others, images = Bernoulli(drawn.shape[1]).scale(drawn).view(2, n, -1)
    views = random_views(images, item_shape, "affine", torch_generator(0, _MAPS))
    n_principal = min(_N_PRINCIPAL, n, others.shape[1])
    principal = PCA(n_principal, svd_solver="randomized", random_state=0).fit(others.numpy())
    search = NearestNeighbors(n_neighbors=1).fit(principal.transform(others.numpy()))
    near, far = (
        float(search.kneighbors(principal.transform(each.numpy()))[0].mean()) for each in (images, views)
    )
    return far / near if near > 0 else math.inf


def random_views(
    values: Tensor, item_shape: tuple[int, ...], augment: str | None, generator: torch.Generator
) -> Tensor:
    """Change each image at random; what enters from outside is its background, the median of its border.

    Parameters
    ----------
    values : Tensor of shape (B, F)
        Images of `item_shape`, channels last, flattened, scaled to 0..1.
    item_shape : (height, width) or (height, width, channels)
    augment : {None, "affine", "elastic", "strokes", "photo"}
        "affine" rotates, scales, shears and shifts. "elastic" bends the image as well, by smooth random
        displacements (Simard et al., *Best Practices for Convolutional Neural Networks Applied to Visual
        Document Analysis*, 2003). "strokes" makes lines thinner or thicker as well. "photo" crops, mirrors,
        and changes brightness, contrast and colours. None gives the images themselves.
    generator : torch.Generator
        On the device of `values`.

    Returns
    -------
    Tensor of shape (B, F)
    """
    if augment is None:
        return values
    height, width, channels = (*item_shape, 1)[:3]
    images = values.view(-1, height, width, channels).permute(0, 3, 1, 2)
    if augment == "photo":
        views = _random_colours(_sample(images, _random_crops(len(values), generator)), generator)
    else:
        maps = _random_maps(len(values), generator)
        bends = None if augment == "affine" else _random_bends(len(values), height, width, generator)
        ground = _background(images)
        views = _sample(images - ground, maps, bends) + ground
        if augment == "strokes":
            views = _random_thickness(views, generator)
    return views.permute(0, 2, 3, 1).reshape(values.shape)


def _sample(images: Tensor, maps: Tensor, bends: Tensor | None = None) -> Tensor:
    """Images (n, C, H, W) at the places that maps from view to image coordinates say; 0 outside."""
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    if bends is not None:
        grid = grid + bends
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _background(images: Tensor) -> Tensor:
    """Median of the border of each image and channel, shape (n, C, 1, 1)."""
    sides = [images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1]]
    return torch.cat(sides, dim=2).median(dim=2).values[:, :, None, None]


def _random_thickness(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move pixels part of the way to the lightest (or darkest) of those around them: strokes change width."""
    draws = torch.rand(len(images), generator=generator, device=generator.device) * 2 - 1
    part = _THICKNESS * draws[:, None, None, None]
    lightest = F.max_pool2d(images, 3, stride=1, padding=1)
    darkest = -F.max_pool2d(-images, 3, stride=1, padding=1)
    return images + torch.where(part > 0, part * (lightest - images), part * (images - darkest))


def _random_crops(n: int, generator: torch.Generator) -> Tensor:
    """`n` maps to a part of the image, half of them mirrored, shape (n, 2, 3)."""
    size, x, y, mirror = torch.rand(4, n, generator=generator, device=generator.device)
    size = _SMALLEST_CROP + (1 - _SMALLEST_CROP) * size
    x, y = (1 - size) * (2 * x - 1), (1 - size) * (2 * y - 1)
    zero = torch.zeros_like(size)
    across = torch.where(mirror < 0.5, -size, size)
    return torch.stack([torch.stack([across, zero, x], -1), torch.stack([zero, size, y], -1)], -2)


def _random_colours(images: Tensor, generator: torch.Generator) -> Tensor:
    """Change brightness and contrast, and of colour images saturation; some become grey."""
    draws = torch.rand((4, len(images), 1, 1, 1), generator=generator, device=generator.device)
    brightness, contrast, saturation = 1 + _COLOUR * (2 * draws[:3] - 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = ((images - mean) * contrast + mean) * brightness
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        saturation = torch.where(draws[3] < _GREY_SHARE, 0.0, 2 * saturation - 1)
        images = grey + saturation * (images - grey)
    return images.clamp(0, 1)


def _random_maps(n: int, generator: torch.Generator) -> Tensor:
    """`n` affine maps from view to image coordinates, shape (n, 2, 3)."""
    draws = torch.rand(6, n, generator=generator, device=generator.device) * 2 - 1
    angle = _ROTATION * draws[0]
    scale_x, scale_y = 1 + _SCALE * draws[1], 1 + _SCALE * draws[2]
    shear = _SHEAR * draws[3]
    cosine, sine = angle.cos(), angle.sin()
    rows = [
        torch.stack([cosine * scale_x, (shear * cosine - sine) * scale_y, _SHIFT * draws[4]], -1),
        torch.stack([sine * scale_x, (shear * sine + cosine) * scale_y, _SHIFT * draws[5]], -1),
    ]
    return torch.stack(rows, -2)


def _random_bends(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """`n` smooth fields of displacements, shape (n, height, width, 2), in units of half the image's side."""
    shape = (n, 2, _BEND_POINTS, _BEND_POINTS)
    coarse = _BEND * torch.randn(shape, generator=generator, device=generator.device)
    fields = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    return fields.permute(0, 2, 3, 1)
