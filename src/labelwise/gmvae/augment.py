"""Random views of images: what may change in an item without changing what it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Ranges of the random affine maps, measured to help on handwriting.
_ROTATION = 0.25  # radians
_SCALE = 0.15  # relative
_SHEAR = 0.3
_SHIFT = 0.14  # of half the image's side


def affine_views(values: Tensor, item_shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Rotate, scale, shear and shift each image at random; what enters from outside is 0.

    Parameters
    ----------
    values : Tensor of shape (B, F)
        Images of `item_shape`, channels last, flattened, scaled to 0..1.
    item_shape : (height, width) or (height, width, channels)
    generator : torch.Generator
        On the device of `values`.

    Returns
    -------
    Tensor of shape (B, F)
    """
    height, width, channels = (*item_shape, 1)[:3]
    images = values.view(-1, height, width, channels).permute(0, 3, 1, 2)
    grid = F.affine_grid(_random_maps(len(values), generator), list(images.shape), align_corners=False)
    views = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return views.permute(0, 2, 3, 1).reshape(values.shape)


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
