"""Changed views of items, which the student sees in training so that it learns what does not matter."""

from __future__ import annotations

import torch
from torch import Tensor

from labelwise.nn.views import random_views

# Chosen on letters26 and MNIST: benchmarks/README.md, "What was tuned, and on what".
_SIDE = 0.32  # of the square that is erased, relative to the image's shorter side
_SHARE = 0.1  # of the columns of a row of numbers: as much as the square is of an image


def student_views(
    values: Tensor, item_shape: tuple[int, ...], augment: str | None, generator: torch.Generator
) -> Tensor:
    """Change scaled items: random maps if asked for, then erase a part.

    An item stays what it is when a part is missing, whatever the kind of data. The part is a square at a
    random place of an image (DeVries and Taylor, *Improved Regularization of Convolutional Neural Networks
    with Cutout*, 2017) or a tenth of the columns of a row of numbers. Erased values become 0, the mean of a
    standardised column.

    Parameters
    ----------
    values : Tensor of shape (B, F)
    item_shape : tuple of int
    augment : {None, "affine", "elastic", "strokes", "photo"}
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (B, F)
    """
    values = random_views(values, item_shape, augment, generator)
    draws = torch.rand((2, len(values)), generator=generator, device=generator.device)
    if len(item_shape) == 1:
        erased = torch.rand(values.shape, generator=generator, device=generator.device) < _SHARE
        return values.masked_fill(erased, 0)
    height, width, channels = (*item_shape, 1)[:3]
    half = _SIDE * min(height, width) / 2
    rows = torch.arange(height, device=values.device) - (draws[0] * height)[:, None]
    columns = torch.arange(width, device=values.device) - (draws[1] * width)[:, None]
    erased = (rows.abs() <= half)[:, :, None] & (columns.abs() <= half)[:, None, :]
    images = values.view(-1, height, width, channels).masked_fill(erased[..., None], 0)
    return images.reshape(values.shape)
