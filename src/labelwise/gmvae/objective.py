"""The two objectives, as pure functions of what the networks returned. `docs/model.md` derives both.

A term is in nats and of shape (B,): the sum of the terms is the negative evidence lower bound of one item.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from labelwise.gmvae.mixture import gaussian_entropy, gaussian_kl
from labelwise.gmvae.networks import CollapsedGMVAE, ExactGMVAE, GMVAEModule
from labelwise.nn.processes import Share


@dataclass(frozen=True)
class Terms:
    """The negative evidence lower bound of each item, term by term, and q(c given x).

    Attributes
    ----------
    reconstruction : Tensor of shape (B,)
        -E_q[log p(x given z)].
    kl_z : Tensor of shape (B,)
        E_q(c)[KL(q(z), p(z given c))].
    kl_c : Tensor of shape (B,)
        KL(q(c given x), p(c)), at least 0.
    responsibilities : Tensor of shape (B, K), or None in the plain phase
    """

    reconstruction: Tensor
    kl_z: Tensor
    kl_c: Tensor
    responsibilities: Tensor | None

    def loss(self, kl_weight: float | Tensor = 1.0) -> Tensor:
        """Negative evidence lower bound of each item, shape (B,), with the KL terms weighted."""
        return self.reconstruction + kl_weight * (self.kl_z + self.kl_c)


def _noise_like(mean: Tensor, generator: torch.Generator, share: Share | None) -> Tensor:
    n_drawn = len(mean) if share is None else share.n_batch
    noise = torch.randn((n_drawn, *mean.shape[1:]), generator=generator, device=mean.device)
    return noise if share is None else noise[share.rows]


def plain_terms(
    module: GMVAEModule,
    inputs: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    share: Share | None = None,
) -> Terms:
    """Evaluate the plain VAE (Kingma and Welling, 2014) before the mixture: p(z) is standard normal."""
    posterior = module.infer_plain(inputs)
    latents = posterior.mean + (0.5 * posterior.log_variance).exp() * _noise_like(
        posterior.mean, generator, share
    )
    zero = torch.zeros_like(posterior.mean[0])
    return Terms(
        reconstruction=-module.likelihood.log_density(module.decode(latents), targets),
        kl_z=gaussian_kl(posterior.mean, posterior.log_variance, zero, zero),
        kl_c=posterior.mean.new_zeros(len(posterior.mean)),
        responsibilities=None,
    )


def collapsed_terms(
    module: CollapsedGMVAE,
    inputs: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    share: Share | None = None,
) -> Terms:
    """Evaluate the objective in which c is summed out: one decoder pass an item, whatever K is.

    loss = -log p(x given z) - H(q(z given x)) - logsumexp_c(log p(c) + E_q[log p(z given c)]).
    The best q(c given x) for a given q(z given x) is the softmax of that last bracket (the E-step of
    Jiang et al., "Variational Deep Embedding", 2017); with it the two KL terms add up to the loss above.
    """
    posterior = module.infer(inputs)
    latents = posterior.mean + (0.5 * posterior.log_variance).exp() * _noise_like(
        posterior.mean, generator, share
    )
    log_joint = module.mixture.expected_log_joint(posterior.mean, posterior.log_variance)
    kl_total = -gaussian_entropy(posterior.log_variance) - log_joint.logsumexp(-1)
    # Only the total is optimised; its split in two is for the record.
    with torch.no_grad():
        log_responsibilities = log_joint.log_softmax(-1)
        responsibilities = log_responsibilities.exp()
        kl_c = (responsibilities * (log_responsibilities - module.mixture.log_weights)).sum(-1)
    return Terms(
        reconstruction=-module.likelihood.log_density(module.decode(latents), targets),
        kl_z=kl_total - kl_c,
        kl_c=kl_c,
        responsibilities=responsibilities,
    )


def exact_terms(
    module: ExactGMVAE,
    inputs: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    share: Share | None = None,
) -> Terms:
    """Evaluate the published objective: every item is decoded once for each component.

    loss = sum_c q(c given x) [-log p(x given z_c) + KL(q(z given x, c), p(z given c))
           + log q(c given x) - log p(c)].
    """
    posterior = module.infer(inputs)
    mean, log_variance = posterior.mean, posterior.log_variance
    latents = mean + (0.5 * log_variance).exp() * _noise_like(mean, generator, share)
    responsibilities = posterior.log_responsibilities.exp()
    log_density = module.likelihood.log_density(module.decode(latents), targets.unsqueeze(1))
    divergence = gaussian_kl(mean, log_variance, module.mixture.means, module.mixture.log_variances)
    log_ratio = posterior.log_responsibilities - module.mixture.log_weights
    return Terms(
        reconstruction=-(responsibilities * log_density).sum(-1),
        kl_z=(responsibilities * divergence).sum(-1),
        kl_c=(responsibilities * log_ratio).sum(-1),
        responsibilities=responsibilities,
    )


def mixture_terms(
    module: GMVAEModule,
    inputs: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    share: Share | None = None,
) -> Terms:
    """Evaluate the objective that belongs to the module's kind of posterior.

    Parameters
    ----------
    module : CollapsedGMVAE or ExactGMVAE
    inputs : Tensor of shape (B, F)
        What the encoder sees, scaled: the items, or augmented views of them.
    targets : Tensor of shape (B, F)
        What is to be reconstructed, scaled.
    generator : torch.Generator
        For the one draw of z an item (and component).
    share : Share, default=None
        Rows that these are of a batch; None for a whole batch.
    """
    if isinstance(module, ExactGMVAE):
        return exact_terms(module, inputs, targets, generator, share)
    if isinstance(module, CollapsedGMVAE):
        return collapsed_terms(module, inputs, targets, generator, share)
    raise TypeError(f"no objective for {type(module).__name__}")
