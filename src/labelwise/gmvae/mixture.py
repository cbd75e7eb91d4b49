"""The prior over the latent space: K diagonal Gaussians, and what is known of them in closed form.

All log-densities and divergences are in nats. Shapes: B items, K components, D latent dimensions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Variances stay within e^-8 .. e^4: narrower ones let a component fall onto single items.
LOG_VARIANCE_RANGE = (-8.0, 4.0)

_LOG_2PI = math.log(2 * math.pi)


def bounded(log_variance: Tensor) -> Tensor:
    """Log-variances kept within `LOG_VARIANCE_RANGE`."""
    return log_variance.clamp(*LOG_VARIANCE_RANGE)


def gaussian_kl(mean: Tensor, log_variance: Tensor, prior_mean: Tensor, prior_log_variance: Tensor) -> Tensor:
    """KL(N(mean, var) || N(prior_mean, prior_var)) of diagonal Gaussians, summed over the last axis."""
    ratio = (log_variance - prior_log_variance).exp()
    distance = (mean - prior_mean).square() * (-prior_log_variance).exp()
    return 0.5 * (ratio + distance - 1 - log_variance + prior_log_variance).sum(-1)


def gaussian_entropy(log_variance: Tensor) -> Tensor:
    """Differential entropy of a diagonal Gaussian, summed over the last axis."""
    return 0.5 * (log_variance + (1 + _LOG_2PI)).sum(-1)


def expected_log_density(mean: Tensor, log_variance: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """E_q[log N(z; m_c, v_c)] under q = N(mean, var), for every item and component.

    The square (mean - m_c)^2 is multiplied out, so that the work is matrix products of (B, D) with (D, K)
    and nothing of shape (B, K, D) is ever made.

    Parameters
    ----------
    mean, log_variance : Tensor of shape (B, D)
    means, log_variances : Tensor of shape (K, D)

    Returns
    -------
    Tensor of shape (B, K)
    """
    # Distances do not change when everything is moved; near the origin the products lose fewer digits.
    centre = means.detach().mean(0)
    mean, means = mean - centre, means - centre
    precisions = (-log_variances).exp()
    second_moment = mean.square() + log_variance.exp()
    quadratic = second_moment @ precisions.T - 2 * (mean @ (means * precisions).T)
    constant = (means.square() * precisions + log_variances + _LOG_2PI).sum(-1)
    return -0.5 * (quadratic + constant)


class GaussianMixture(nn.Module):
    """p(c) and p(z given c): fixed equal weights, learned means and diagonal variances."""

    log_weights: Tensor

    def __init__(self, n_components: int, n_latent: int) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.empty(n_components, n_latent))
        self._log_variances = nn.Parameter(torch.empty(n_components, n_latent))
        self.register_buffer("log_weights", torch.empty(n_components))

    def reset(self, generator: torch.Generator) -> None:
        """Standard normal means, unit variances, equal weights."""
        with torch.no_grad():
            nn.init.normal_(self.means, generator=generator)
            self._log_variances.zero_()
            self.log_weights.fill_(-math.log(len(self.means)))

    def place(self, means: Tensor, variances: Tensor) -> None:
        """Put the components at `means` with `variances`, both of shape (K, D)."""
        with torch.no_grad():
            self.means.copy_(means)
            self._log_variances.copy_(bounded(variances.log()))

    @property
    def log_variances(self) -> Tensor:
        """Shape (K, D), within `LOG_VARIANCE_RANGE`."""
        return bounded(self._log_variances)

    def expected_log_joint(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Log p(c) + E_q[log p(z given c)], shape (B, K): the logits of q(c given x)."""
        return self.log_weights + expected_log_density(mean, log_variance, self.means, self.log_variances)
