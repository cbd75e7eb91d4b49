"""Layers that several networks are made of, and their first weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from labelwise.nn.processes import ALONE, Group

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
        layers += [convolution, BatchNorm2d(n_out), nn.GELU()]
        if n_out == 2 * _WIDTH and min(height, width) > 1:
            layers.append(nn.MaxPool2d(2))
        n_in = n_out
    return [*layers, nn.AdaptiveAvgPool2d(_GRID), nn.Flatten()]


class _SharedMoments(_BatchNorm):
    """Batch normalisation whose batch may lie in several processes."""

    group = ALONE

    def forward(self, values: Tensor) -> Tensor:
        """Normalise; in evaluation, and for a process alone, as torch does."""
        if self.group.size == 1 or not self.training:
            return super().forward(values)
        across = [0, *range(2, values.dim())]
        shape = [1, -1, *[1] * (values.dim() - 2)]
        x = values.float()
        n_own = x.new_tensor([x.numel() / x.shape[1]])
        sums = self.group.add(torch.cat([x.sum(across), n_own]))
        n = sums[-1]
        mean = sums[:-1] / n
        centred = x - mean.view(shape)
        variance = self.group.add(centred.square().sum(across)) / n
        self._follow(mean.detach(), variance.detach() * n / (n - 1))
        scale: Tensor = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(shape) + self.bias.view(shape)).to(values.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running moments."""
        self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
        self.running_var.lerp_(variance, self.momentum)  # type: ignore[union-attr, arg-type]
        self.num_batches_tracked.add_(1)  # type: ignore[union-attr]


class BatchNorm1d(_SharedMoments, nn.BatchNorm1d):
    """Of features."""


class BatchNorm2d(_SharedMoments, nn.BatchNorm2d):
    """Of channels."""


@contextmanager
def moments_shared(module: nn.Module, group: Group) -> Iterator[None]:
    """Let batch normalisation in `module` see the batches of all processes."""
    layers = [layer for layer in module.modules() if isinstance(layer, _SharedMoments)]
    for layer in layers:
        layer.group = group
    try:
        yield
    finally:
        for layer in layers:
            layer.group = ALONE
