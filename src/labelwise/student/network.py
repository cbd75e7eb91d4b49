"""The student's network: features of an item, and a linear answer on top.

B items, F features (height x width x channels for images, channels last), C classes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from labelwise.nn.layers import CONVOLVED, convolutions, dense_layers, reset_layers
from labelwise.nn.likelihoods import LIKELIHOODS, Bernoulli, Gaussian

_DENSE = (256, 256)
_DROPOUT = 0.2
PRODUCT_WIDTH = (256,)  # of the matrix products, by which "auto" precision is decided


class StudentNetwork(nn.Module):
    """Three convolutions for images, dense layers for rows of numbers.

    Parameters
    ----------
    item_shape : (F,), (height, width) or (height, width, channels)
    n_classes : int
    likelihood : "bernoulli" or "gaussian"
        How stored values are scaled, as in the `GMVAE`.
    """

    def __init__(self, item_shape: tuple[int, ...], n_classes: int, likelihood: str) -> None:
        super().__init__()
        self.item_shape = item_shape
        self.scaling: Bernoulli | Gaussian = LIKELIHOODS[likelihood](math.prod(item_shape))
        if len(item_shape) == 1:
            layers: list[nn.Module] = dense_layers((item_shape[0], *_DENSE))
            self.n_features = _DENSE[-1]
        else:
            layers = convolutions(item_shape)
            self.n_features = CONVOLVED
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(self.n_features, n_classes)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights anew from `generator`."""
        reset_layers(self, generator)
        self.scaling.reset()

    def features(self, values: Tensor) -> Tensor:
        """Scaled values (B, F) to features (B, n_features)."""
        if len(self.item_shape) > 1:
            height, width, channels = (*self.item_shape, 1)[:3]
            values = values.view(-1, height, width, channels).permute(0, 3, 1, 2)
        features: Tensor = self.layers(values)
        return features

    def forward(self, values: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Scaled values (B, F) to logits (B, C).

        In training `generator` draws the features that are left out; in evaluation none are.

        Raises
        ------
        ValueError
            In training, without a generator.
        """
        features = self.features(values)
        if not self.training:
            answered: Tensor = self.head(features)
            return answered
        # nn.Dropout would draw from torch's global generator, and so does torch.rand without one.
        if generator is None:
            raise ValueError("a network in training needs a generator: pass one, or call eval() first")
        kept = torch.rand(features.shape, generator=generator, device=features.device) >= _DROPOUT
        logits: Tensor = self.head(features * kept / (1 - _DROPOUT))
        return logits


def build_network(
    item_shape: tuple[int, ...], n_classes: int, likelihood: str, generator: torch.Generator
) -> StudentNetwork:
    """Build a network with fresh weights; torch's global generator is not asked for anything."""
    with torch.device("meta"):
        network = StudentNetwork(item_shape, n_classes, likelihood)
    network.to_empty(device="cpu")
    network.reset(generator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
