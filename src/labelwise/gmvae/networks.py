"""The networks. They compute and do not judge: no loss is known here.

Shapes: B items, F features (height x width x channels for images, channels last), H hidden units,
D latent dimensions, K components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelwise.gmvae.mixture import GaussianMixture, bounded
from labelwise.nn.layers import BatchNorm2d, dense_layers, reset_layers
from labelwise.nn.likelihoods import LIKELIHOODS, Bernoulli, Gaussian


@dataclass(frozen=True)
class Architecture:
    """Everything that fixes the shapes of a module's weights.

    Attributes
    ----------
    objective : "collapsed" or "exact"
    item_shape : (F,) for rows of numbers, (height, width) or (height, width, channels) for images
    encoder : "dense" or "conv"
    likelihood : "bernoulli" or "gaussian"
    hidden, decoder_hidden : widths of the hidden layers, from the input to the output
    """

    objective: str
    item_shape: tuple[int, ...]
    n_components: int
    n_latent: int
    encoder: str
    likelihood: str
    hidden: tuple[int, ...]
    decoder_hidden: tuple[int, ...]

    @property
    def n_features(self) -> int:
        """Numbers in one item."""
        return math.prod(self.item_shape)


class Posterior(NamedTuple):
    """q(z given x): one diagonal Gaussian an item, both of shape (B, D)."""

    mean: Tensor
    log_variance: Tensor


class ComponentPosterior(NamedTuple):
    """q(z given x, c) for every component, both (B, K, D), and log q(c given x), (B, K)."""

    mean: Tensor
    log_variance: Tensor
    log_responsibilities: Tensor


class Encoded(NamedTuple):
    """What a model says of items: q(c given x), (B, K), and E[z given x], (B, D)."""

    responsibilities: Tensor
    latents: Tensor


class ConvLayers(nn.Module):
    """3x3 convolutions with stride 2 until the image's shorter side is at most 7; flattened.

    Channels start at 32 and double with each halving.
    """

    def __init__(self, item_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.height, self.width, self.channels = (*item_shape, 1)[:3]
        height, width, channels, n_out = self.height, self.width, self.channels, 32
        layers: list[nn.Module] = []
        while min(height, width) > 7:
            convolution = nn.Conv2d(channels, n_out, 3, stride=2, padding=1)
            layers += [convolution, BatchNorm2d(n_out), nn.SiLU()]
            height, width, channels, n_out = (height + 1) // 2, (width + 1) // 2, n_out, 2 * n_out
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.n_out = height * width * channels

    def forward(self, values: Tensor) -> Tensor:
        """(B, F) to (B, n_out)."""
        images = values.view(-1, self.height, self.width, self.channels).permute(0, 3, 1, 2)
        features: Tensor = self.layers(images)
        return features


class GMVAEModule(nn.Module):
    """Encoder, decoder and mixture; what q(z given x) looks like is left to the two subclasses."""

    likelihood: Bernoulli | Gaussian

    def __init__(self, architecture: Architecture, n_posterior: int) -> None:
        super().__init__()
        a = architecture
        self.architecture = a
        self.mixed = False
        if a.encoder == "conv":
            convolutions = ConvLayers(a.item_shape)
            self.encoder = nn.Sequential(convolutions, *dense_layers((convolutions.n_out, a.hidden[-1])))
        else:
            self.encoder = nn.Sequential(*dense_layers((a.n_features, *a.hidden)))
        self.posterior_head = nn.Linear(a.hidden[-1], n_posterior)
        self.decoder = nn.Sequential(
            *dense_layers((a.n_latent, *a.decoder_hidden)), nn.Linear(a.decoder_hidden[-1], a.n_features)
        )
        self.mixture = GaussianMixture(a.n_components, a.n_latent)
        self.likelihood = LIKELIHOODS[a.likelihood](a.n_features)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights anew from `generator`."""
        reset_layers(self, generator)
        self.mixture.reset(generator)
        self.likelihood.reset()

    def mixed_precision(self) -> torch.autocast:
        """Run the layers inside in bfloat16 where `self.mixed` is set; outputs go back to float32."""
        device = self.posterior_head.weight.device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self.mixed)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (..., D) to the likelihood's outputs (..., F)."""
        with self.mixed_precision():
            outputs: Tensor = self.decoder(latents)
        return outputs.float()

    def infer_plain(self, values: Tensor) -> Posterior:
        """Q(z given x) without components, for the phase in which the model is a plain VAE."""
        raise NotImplementedError

    def start_mixture(self, means: Tensor, variances: Tensor) -> None:
        """Leave the plain phase: the components stand at `means` with `variances`, both (K, D)."""
        raise NotImplementedError

    def forward(self, values: Tensor) -> Encoded:
        """Say what is known of items (B, F), as the likelihood scales them."""
        raise NotImplementedError


class CollapsedGMVAE(GMVAEModule):
    """One q(z given x) an item; q(c given x) follows from it in closed form."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture, n_posterior=2 * architecture.n_latent)

    def infer(self, values: Tensor) -> Posterior:
        """Values as the likelihood scales them, (B, F), to q(z given x)."""
        with self.mixed_precision():
            outputs = self.posterior_head(self.encoder(values))
        mean, log_variance = outputs.float().chunk(2, -1)
        return Posterior(mean, bounded(log_variance))

    infer_plain = infer

    def start_mixture(self, means: Tensor, variances: Tensor) -> None:
        """Place the components; all else follows from them."""
        self.mixture.place(means, variances)

    def forward(self, values: Tensor) -> Encoded:
        """Posteriors are the softmax of the expected log joint."""
        mean, log_variance = self.infer(values)
        return Encoded(self.mixture.expected_log_joint(mean, log_variance).softmax(-1), mean)


class ExactGMVAE(GMVAEModule):
    """One q(z given x, c) for each component, and a head of its own for q(c given x): the published model."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture, n_posterior=architecture.n_components * 2 * architecture.n_latent)
        self.component_head = nn.Linear(architecture.hidden[-1], architecture.n_components)

    def infer(self, values: Tensor) -> ComponentPosterior:
        """Values as the likelihood scales them, (B, F), to q(z given x, c) and q(c given x)."""
        a = self.architecture
        with self.mixed_precision():
            features = self.encoder(values)
            heads, logits = self.posterior_head(features), self.component_head(features)
        mean, log_variance = heads.float().view(-1, a.n_components, 2 * a.n_latent).chunk(2, -1)
        return ComponentPosterior(mean, bounded(log_variance), logits.float().log_softmax(-1))

    def infer_plain(self, values: Tensor) -> Posterior:
        """The first component's head serves for all."""
        weight, bias = self._first_head()
        with self.mixed_precision():
            outputs = F.linear(self.encoder(values), weight, bias)
        mean, log_variance = outputs.float().chunk(2, -1)
        return Posterior(mean, bounded(log_variance))

    def _first_head(self) -> tuple[Tensor, Tensor]:
        n_outputs = 2 * self.architecture.n_latent
        return self.posterior_head.weight[:n_outputs], self.posterior_head.bias[:n_outputs]

    def start_mixture(self, means: Tensor, variances: Tensor) -> None:
        """All heads begin as copies of the first one, and q(c given x) as linear discriminant analysis.

        With one shared variance v, log p(c) + log N(z; m_c, v) is linear in z up to a term without c. The
        mean of the first head is linear in the encoder's features: the component head can say it exactly.
        """
        self.mixture.place(means, variances)
        a = self.architecture
        with torch.no_grad():
            weight, bias = self._first_head()
            self.posterior_head.weight.copy_(weight.repeat(a.n_components, 1))
            self.posterior_head.bias.copy_(bias.repeat(a.n_components))
            directions = means / variances.mean(0)
            self.component_head.weight.copy_(directions @ weight[: a.n_latent])
            self.component_head.bias.copy_(
                directions @ bias[: a.n_latent]
                - 0.5 * (directions * means).sum(-1)
                + self.mixture.log_weights
            )

    def forward(self, values: Tensor) -> Encoded:
        """Posteriors are what the component head says; latents, the means of all components under them."""
        posterior = self.infer(values)
        responsibilities = posterior.log_responsibilities.exp()
        return Encoded(responsibilities, torch.einsum("bk,bkd->bd", responsibilities, posterior.mean))


MODULES: dict[str, type[CollapsedGMVAE] | type[ExactGMVAE]] = {
    "collapsed": CollapsedGMVAE,
    "exact": ExactGMVAE,
}


def build_module(architecture: Architecture, generator: torch.Generator) -> CollapsedGMVAE | ExactGMVAE:
    """Build a module with fresh weights; torch's global generator is not asked for anything."""
    with torch.device("meta"):
        module = MODULES[architecture.objective](architecture)
    module.to_empty(device="cpu")
    module.reset(generator)
    # Convolutions on processors are about a third faster with channels last, weights included.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module
