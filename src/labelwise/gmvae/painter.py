"""Pictures of what a model of features says: a light decoder from latents to pixels."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from labelwise.events import Event, Listener
from labelwise.nn.batches import Items
from labelwise.nn.layers import dense_layers, reset_layers
from labelwise.nn.likelihoods import Bernoulli
from labelwise.randomness import numpy_generator, torch_generator

# Light: all of it takes seconds, and pictures of letters are sharp enough to be named. Not tuned.
_HIDDEN, _N_STEPS, _BATCH, _LEARNING_RATE = 256, 600, 256, 2e-3
_WEIGHTS, _ROWS = 100, 101  # purposes of its random streams, apart from those of training


class Painter(nn.Module):
    """One hidden layer, and a Bernoulli likelihood of pixels.

    Parameters
    ----------
    n_latent : int
    image_shape : (height, width) or (height, width, channels)
    """

    def __init__(self, n_latent: int, image_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.likelihood = Bernoulli(math.prod(image_shape))
        self.layers = nn.Sequential(
            *dense_layers((n_latent, _HIDDEN)), nn.Linear(_HIDDEN, math.prod(image_shape))
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (B, D) to logits of pixels (B, F)."""
        logits: Tensor = self.layers(latents)
        return logits


def build_painter(n_latent: int, image_shape: tuple[int, ...], generator: torch.Generator) -> Painter:
    """Build one with fresh weights; torch's global generator is not asked for anything."""
    with torch.device("meta"):
        painter = Painter(n_latent, image_shape)
    painter.to_empty(device="cpu")
    reset_layers(painter, generator)
    return painter


def paint(
    latents: np.ndarray, items: Items, image_shape: tuple[int, ...], seed: int, listen: Listener
) -> Painter:
    """Learn to draw items from their latents; the model itself stays as it is.

    Parameters
    ----------
    latents : ndarray of shape (n, D)
    items : Items
        Pixels of the same items, shape (n, F).
    image_shape : tuple of int
    seed : int
    listen : callable
        Gets an `Event` of the stage "painting" for each step.
    """
    device = items[:1].device
    painter = build_painter(latents.shape[1], image_shape, torch_generator(seed, _WEIGHTS)).to(device)
    optimizer = torch.optim.AdamW(painter.parameters(), lr=_LEARNING_RATE, fused=True)
    rng = numpy_generator(seed, _ROWS)
    for step in range(_N_STEPS):
        rows = rng.integers(len(latents), size=_BATCH)
        targets = painter.likelihood.scale(items[rows])
        logits = painter(torch.from_numpy(latents[rows]).to(device))
        loss = -painter.likelihood.log_density(logits, targets).mean()
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * (1 - step / _N_STEPS)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        listen(Event("painting", (step + 1) / _N_STEPS))
    return painter.eval()
