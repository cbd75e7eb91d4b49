"""Layers that several networks are made of, and their first weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

_WIDTH = 32  # channels of the first convolution; they double twice
_GRID = 3  # features are averaged to a grid of 3x3
_STRIDE_FROM = 16  # pixels of the shorter side from which the first convolution halves the image
CONVOLVED = 4 * _WIDTH * _GRID**2
"""Features of an image that `convolutions` give."""


def dense_layers(widths: Sequence[int]) -> list[nn.Module]:
    """Linear layers, each followed by layer normalisation and a GELU."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.LayerNorm(n_out), nn.GELU()]
    return layers


def reset_layers(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of all layers anew from `generator`: Kaiming-uniform, biases zero."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, (nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.reset_parameters()


def convolutions(item_shape: tuple[int, ...]) -> list[nn.Module]:
    """Three convolutions of an image, channels first, and its `CONVOLVED` features."""
    height, width, channels = (*item_shape, 1)[:3]
    stride = 2 if min(height, width) >= _STRIDE_FROM else 1
    layers: list[nn.Module] = []
    n_in = channels
    for n_out, step in ((_WIDTH, stride), (2 * _WIDTH, 1), (4 * _WIDTH, 1)):
        convolution = nn.Conv2d(n_in, n_out, 3, stride=step, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(n_out), nn.GELU()]
        if n_out == 2 * _WIDTH and min(height, width) > 1:
            layers.append(nn.MaxPool2d(2))
        n_in = n_out
    return [*layers, nn.AdaptiveAvgPool2d(_GRID), nn.Flatten()]
