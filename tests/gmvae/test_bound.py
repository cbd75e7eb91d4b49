"""The objectives are lower bounds of a likelihood that is known: linear decoders, Gaussian noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from torch import nn

from labelwise.gmvae.objective import mixture_terms

from .builders import tiny_module

N_DRAWS = 4000


def linear_gaussian_module(objective, *, n_components, n_latent, n_features, seed):
    """x = W z + b + noise."""
    module = tiny_module(
        objective, "gaussian", n_features=n_features, n_components=n_components, n_latent=n_latent, seed=seed
    )
    generator = torch.Generator().manual_seed(seed)
    module.decoder = nn.Linear(n_latent, n_features)
    with torch.no_grad():
        module.decoder.weight.copy_(torch.randn(n_features, n_latent, generator=generator))
        module.decoder.bias.copy_(torch.randn(n_features, generator=generator))
        module.likelihood.location.zero_()
        module.likelihood.spread.fill_(1)
        module.likelihood.log_variance.fill_(-0.7)
    return module


def parts(module):
    """W, b, m_c, v_c, p(c) and the noise variance, as float64 arrays."""
    state = {name: value.double().numpy() for name, value in module.state_dict().items()}
    return (
        state["decoder.weight"],
        state["decoder.bias"],
        state["mixture.means"],
        np.exp(state["mixture._log_variances"]),
        np.exp(state["mixture.log_weights"]),
        math.exp(state["likelihood.log_variance"]),
    )


def component_log_densities(module, x):
    """Log p(c) + log N(x; W m_c + b, W V_c W' + s I), shape (n, K)."""
    w, b, means, variances, weights, noise = parts(module)
    return np.stack(
        [
            math.log(weight)
            + multivariate_normal(w @ m + b, w @ np.diag(v) @ w.T + noise * np.eye(len(b))).logpdf(x)
            for m, v, weight in zip(means, variances, weights, strict=True)
        ],
        axis=1,
    )


def bound(module, x):
    """Mean bound of each item over many draws of the noise, and its standard error."""
    repeated = torch.from_numpy(np.repeat(x, N_DRAWS, axis=0)).float()
    with torch.no_grad():
        losses = mixture_terms(module, repeated, repeated, torch.Generator().manual_seed(0)).loss()
    draws = -losses.double().numpy().reshape(len(x), N_DRAWS)
    return draws.mean(1), draws.std(1) / math.sqrt(N_DRAWS)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_the_bound_stays_below_the_likelihood(objective, seed):
    module = linear_gaussian_module(objective, n_components=3, n_latent=2, n_features=4, seed=seed)
    x = 2 * np.random.default_rng(seed).standard_normal((5, 4))
    exact = logsumexp(component_log_densities(module, x), axis=1)
    values, errors = bound(module, x)
    assert (values - 4 * errors < exact).all()
    # The encoder knows nothing yet: a bound this close would be an accident.
    assert (values < exact - 0.1).all()


def set_true_posterior(module):
    """Let the encoder give p(z given x, c), which is linear in x; W's columns must be orthogonal."""
    w, b, means, variances, _, noise = parts(module)
    rows, biases = [], []
    for m, v in zip(means, variances, strict=True):
        variance = 1 / (1 / v + (w**2).sum(0) / noise)
        rows += [variance[:, None] * w.T / noise, np.zeros_like(w.T)]
        biases += [variance * (m / v - w.T @ b / noise), np.log(variance)]
    module.encoder = nn.Identity()
    module.posterior_head = head(np.concatenate(rows), np.concatenate(biases))
    if module.architecture.objective == "exact":  # right for one component only
        module.component_head = head(np.zeros((len(means), len(b))), np.zeros(len(means)))


def head(weight, bias):
    layer = nn.Linear(*weight.shape[::-1])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def with_orthogonal_columns(module):
    with torch.no_grad():
        w, _ = torch.linalg.qr(module.decoder.weight)
        module.decoder.weight.copy_(1.5 * w)


@pytest.mark.parametrize("n_latent", [1, 2])
@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_the_bound_is_tight_at_the_true_posterior_of_one_component(objective, n_latent):
    module = linear_gaussian_module(objective, n_components=1, n_latent=n_latent, n_features=3, seed=1)
    with_orthogonal_columns(module)
    set_true_posterior(module)
    x = np.random.default_rng(0).standard_normal((5, 3))
    exact = component_log_densities(module, x)[:, 0]
    values, errors = bound(module, x)
    assert errors.max() < 0.1
    np.testing.assert_array_less(np.abs(values - exact), 4 * errors)


def test_the_exact_objective_is_tight_at_the_true_posterior_of_a_mixture():
    module = linear_gaussian_module("exact", n_components=3, n_latent=1, n_features=3, seed=2)
    with torch.no_grad():  # one shared variance makes log q(c given x) linear in x
        module.mixture.place(torch.tensor([[-2.0], [0.0], [1.5]]), torch.full((3, 1), 0.6))
    set_true_posterior(module)
    w, b, means, variances, weights, noise = parts(module)
    precision = np.linalg.inv(w @ np.diag(variances[0]) @ w.T + noise * np.eye(3))
    centres = means @ w.T + b
    offsets = np.log(weights) - 0.5 * np.einsum("ki,ij,kj->k", centres, precision, centres)
    module.component_head = head(centres @ precision, offsets)

    x = 2 * np.random.default_rng(0).standard_normal((6, 3))
    log_joint = component_log_densities(module, x)
    values, errors = bound(module, x)
    np.testing.assert_array_less(np.abs(values - logsumexp(log_joint, axis=1)), 4 * errors)
    expected = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
    with torch.no_grad():
        result = module(torch.from_numpy(x).float()).responsibilities.numpy()
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_wrong_component_probabilities_loosen_the_exact_bound_by_their_divergence():
    module = linear_gaussian_module("exact", n_components=2, n_latent=1, n_features=3, seed=2)
    set_true_posterior(module)
    module.component_head = head(np.zeros((2, 3)), np.log([0.3, 0.7]))
    x = np.random.default_rng(1).standard_normal((4, 3))
    log_joint = component_log_densities(module, x)
    log_p = log_joint - logsumexp(log_joint, axis=1, keepdims=True)
    q = np.array([0.3, 0.7])
    gap = (q * (np.log(q) - log_p)).sum(1)
    values, errors = bound(module, x)
    np.testing.assert_array_less(np.abs(logsumexp(log_joint, axis=1) - gap - values), 4 * errors)
