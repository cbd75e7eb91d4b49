"""p(x given z): what the decoder's outputs say about an item, in nats.

Each likelihood turns stored values into what the networks see (`scale`), scores them (`log_density`) and
turns decoder outputs back into values a user knows (`mean`). B items, F features.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The decoder's noise on standardised columns stays above e^-7: a standard deviation of 3 %.
_NOISE_LOG_VARIANCE_RANGE = (-7.0, 2.0)
# Noise as large as the columns' own spread would make latents worthless at first, and tables of few
# columns would never find their way out of that.
_FIRST_LOG_VARIANCE = -2.0


class Bernoulli(nn.Module):
    """Pixels within 0..1, read as probabilities of ink (cross-entropy), as in the published study."""

    name = "bernoulli"

    def __init__(self, n_features: int) -> None:
        super().__init__()

    def reset(self) -> None:
        """Nothing to set."""

    def scale(self, values: Tensor) -> Tensor:
        """Stored values as the networks see them: float32 within 0..1."""
        return values.float().div_(255) if values.dtype == torch.uint8 else values.float()

    def log_density(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Log p(x given z), summed over features; `outputs` are logits.

        x log s(a) + (1 - x) log(1 - s(a)) = x a - softplus(a), for the sigmoid s.
        """
        return (targets * outputs).sum(-1) - F.softplus(outputs).sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        """E[x given z]."""
        return outputs.sigmoid()


class Gaussian(nn.Module):
    """Columns of numbers, standardised inside, with one noise variance that is learned with the rest.

    A single variance in standardised units, as in Rybkin et al., "Simple and Effective VAE Training with
    Calibrated Decoders" (2021): no column can win the bound alone by being predicted perfectly.
    Densities are those of the original columns. A column of infinite spread, one that never varied, says
    nothing about any item: networks see 0, densities leave it out, and its mean is its location.
    """

    name = "gaussian"
    location: Tensor
    spread: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.empty(()))
        self.register_buffer("location", torch.empty(n_features))
        self.register_buffer("spread", torch.empty(n_features))
        self._all_vary = True
        self.register_load_state_dict_post_hook(_look)  # type: ignore[no-untyped-call]

    def reset(self) -> None:
        """Little noise, on columns taken as they are."""
        with torch.no_grad():
            self.log_variance.fill_(_FIRST_LOG_VARIANCE)
            self.location.zero_()
            self.spread.fill_(1)
        self._all_vary = True

    def standardise(self, location: Tensor, spread: Tensor) -> None:
        """Set each column's mean and standard deviation, shape (F,); infinity leaves a column out."""
        self.location.copy_(location)
        self.spread.copy_(spread)
        _look(self)

    def scale(self, values: Tensor) -> Tensor:
        """Stored values as the networks see them: standardised float32."""
        return (values.float() - self.location) / self.spread

    def log_density(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Log p(x given z), summed over features; `outputs` are means in standardised units."""
        log_variance = self.log_variance.clamp(*_NOISE_LOG_VARIANCE_RANGE)
        squares = (targets - outputs).square()
        volumes = (log_variance + math.log(2 * math.pi)) / 2 + self.spread.log()
        if not self._all_vary:  # asked in Python: hardly any table pays for it
            varies = self.spread.isfinite()
            squares, volumes = squares * varies, volumes.where(varies, 0)
        return -0.5 * squares.sum(-1) * (-log_variance).exp() - volumes.sum()

    def mean(self, outputs: Tensor) -> Tensor:
        """E[x given z], in the units of the data."""
        return self.location + (outputs * self.spread).where(self.spread.isfinite(), 0)


def _look(likelihood: Gaussian, _: object = None) -> None:
    """Note whether all columns vary; also a hook, called once a state was loaded."""
    likelihood._all_vary = bool(likelihood.spread.isfinite().all())


LIKELIHOODS: dict[str, type[Bernoulli] | type[Gaussian]] = {"bernoulli": Bernoulli, "gaussian": Gaussian}
