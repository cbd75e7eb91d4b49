"""Small modules, and the same networks written again in plain float64 operations."""

from __future__ import annotations

import math

import torch

from labelwise.gmvae.networks import Architecture, build_module


def tiny_module(
    objective="collapsed", likelihood="bernoulli", *, n_features=6, n_components=3, n_latent=2, seed=0
):
    """A dense module with one hidden layer; every parameter away from its starting value."""
    module = build_module(
        Architecture(
            objective=objective,
            item_shape=(n_features,),
            n_components=n_components,
            n_latent=n_latent,
            encoder="dense",
            likelihood=likelihood,
            hidden=(7,),
            decoder_hidden=(5,),
        ),
        torch.Generator().manual_seed(seed),
    )
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
        weights = torch.rand(n_components, generator=generator) + 0.2
        module.mixture.log_weights.copy_((weights / weights.sum()).log())
        if likelihood == "gaussian":
            module.likelihood.location.copy_(torch.randn(n_features, generator=generator))
            module.likelihood.spread.copy_(torch.rand(n_features, generator=generator) + 0.5)
    return module


def leaves(module):
    """All parameters and buffers as float64 leaves of a new graph."""
    return {
        name: value.detach().double().clone().requires_grad_() for name, value in module.state_dict().items()
    }


def _linear(values, p, name):
    return values @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def _block(values, p, linear, norm):
    h = _linear(values, p, linear)
    h = (h - h.mean(-1, keepdim=True)) / (h.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    h = h * p[f"{norm}.weight"] + p[f"{norm}.bias"]
    return 0.5 * h * (1 + torch.erf(h / math.sqrt(2)))


def encode(values, p):
    """Features of the encoder of `tiny_module`."""
    return _block(values, p, "encoder.0", "encoder.1")


def heads(features, p):
    """Raw outputs of the posterior head."""
    return _linear(features, p, "posterior_head")


def component_logits(features, p):
    """Raw outputs of the component head."""
    return _linear(features, p, "component_head")


def decode(latents, p):
    """Raw outputs of the decoder of `tiny_module`."""
    return _linear(_block(latents, p, "decoder.0", "decoder.1"), p, "decoder.3")
