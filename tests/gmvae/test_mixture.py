"""Closed forms against torch.distributions and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from labelwise.gmvae.mixture import (
    LOG_VARIANCE_RANGE,
    GaussianMixture,
    expected_log_density,
    gaussian_entropy,
    gaussian_kl,
)


def normals(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def diagonal(mean, log_variance):
    return Independent(Normal(mean, (0.5 * log_variance).exp()), 1)


def expected_by_loops(mean, log_variance, means, log_variances):
    """One number at a time: E[log N(z; m, v)] = -(log 2 pi v + ((mu - m)^2 + s^2) / v) / 2, summed over d."""
    result = np.zeros((len(mean), len(means)))
    for b in range(len(mean)):
        for k in range(len(means)):
            for d in range(mean.shape[1]):
                variance = math.exp(log_variances[k, d])
                square = float(mean[b, d] - means[k, d]) ** 2 + math.exp(log_variance[b, d])
                result[b, k] -= 0.5 * (math.log(2 * math.pi * variance) + square / variance)
    return result


def test_kl_equals_torch_distributions():
    mean, log_variance = normals(0, 50, 4), normals(1, 50, 4)
    prior_mean, prior_log_variance = normals(2, 4), normals(3, 4)
    expected = kl_divergence(
        diagonal(mean, log_variance),
        diagonal(prior_mean.expand(50, 4), prior_log_variance.expand(50, 4)),
    )
    torch.testing.assert_close(gaussian_kl(mean, log_variance, prior_mean, prior_log_variance), expected)


def test_kl_of_a_gaussian_with_itself_is_zero():
    mean, log_variance = normals(0, 5, 3), normals(1, 5, 3)
    torch.testing.assert_close(
        gaussian_kl(mean, log_variance, mean, log_variance), torch.zeros(5, dtype=torch.float64)
    )


def test_entropy_equals_torch_distributions():
    log_variance = 3 * normals(1, 50, 4)
    expected = diagonal(torch.zeros_like(log_variance), log_variance).entropy()
    torch.testing.assert_close(gaussian_entropy(log_variance), expected)


@pytest.mark.parametrize("shift", [0.0, 7.5, -1000.0])
def test_expected_log_density_equals_loops(shift):
    mean, log_variance = normals(0, 6, 3) + shift, normals(1, 6, 3)
    means, log_variances = normals(2, 4, 3) + shift, normals(3, 4, 3)
    expected = expected_by_loops(mean, log_variance, means, log_variances)
    result = expected_log_density(mean, log_variance, means, log_variances)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-9)


def test_expected_log_density_keeps_its_digits_in_float32_far_from_the_origin():
    # Multiples of 1/64 survive a shift of 1,000 in float32 without rounding.
    mean, means = ((normals(s, n, 8) * 64).round() / 64 + 1000 for s, n in [(0, 6), (2, 4)])
    log_variance, log_variances = normals(1, 6, 8), normals(3, 4, 8) - 2
    expected = expected_by_loops(mean, log_variance, means, log_variances)
    result = expected_log_density(*(t.float() for t in (mean, log_variance, means, log_variances)))
    np.testing.assert_allclose(result.numpy(), expected, rtol=2e-4, atol=2e-3)


def test_expected_log_density_equals_an_average_over_draws():
    mean, log_variance = normals(0, 2, 2), normals(1, 2, 2)
    means, log_variances = normals(2, 3, 2), normals(3, 3, 2)
    draws = mean + (0.5 * log_variance).exp() * normals(4, 100_000, 2, 2)
    scores = torch.stack(
        [diagonal(m, v).log_prob(draws) for m, v in zip(means, log_variances, strict=True)], -1
    )
    error = scores.std(0) / math.sqrt(len(draws))
    difference = (expected_log_density(mean, log_variance, means, log_variances) - scores.mean(0)).abs()
    assert (difference < 5 * error).all()


def test_gradients_reach_all_four_arguments():
    arguments = [
        t.requires_grad_() for t in (normals(0, 3, 2), normals(1, 3, 2), normals(2, 4, 2), normals(3, 4, 2))
    ]
    # The shift that keeps the digits must not show in the gradient of the means.
    assert torch.autograd.gradcheck(expected_log_density, arguments)


def test_mixture_logits_become_responsibilities_that_sum_to_one():
    mixture = GaussianMixture(5, 3).double()
    mixture.reset(torch.Generator().manual_seed(0))
    mean, log_variance = 3 * normals(0, 40, 3), normals(1, 40, 3)
    with torch.no_grad():
        logits = mixture.expected_log_joint(mean, log_variance)
        expected = math.log(1 / 5) + expected_by_loops(
            mean, log_variance, mixture.means, torch.zeros(5, 3, dtype=torch.float64)
        )
    np.testing.assert_allclose(logits.numpy(), expected, rtol=1e-6)
    responsibilities = logits.softmax(-1)
    torch.testing.assert_close(responsibilities.sum(-1), torch.ones(40, dtype=torch.float64))
    assert (responsibilities >= 0).all()


def test_reset_draws_from_the_generator_alone():
    mixture = GaussianMixture(400, 5)
    state = torch.get_rng_state()
    mixture.reset(torch.Generator().manual_seed(3))
    first = mixture.means.detach().clone()
    mixture.reset(torch.Generator().manual_seed(3))
    assert torch.equal(first, mixture.means)
    assert torch.equal(torch.get_rng_state(), state)
    assert abs(first.mean()) < 0.1
    assert abs(first.std() - 1) < 0.1
    assert torch.equal(mixture.log_variances, torch.zeros(400, 5))
    torch.testing.assert_close(mixture.log_weights.exp(), torch.full((400,), 1 / 400))


def test_place_sets_means_and_variances_within_bounds():
    mixture = GaussianMixture(3, 2)
    mixture.reset(torch.Generator().manual_seed(0))
    means = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    variances = torch.tensor([[0.5, 2.0], [1e-9, 1.0], [1e9, 3.0]])
    mixture.place(means, variances)
    low, high = LOG_VARIANCE_RANGE
    expected = torch.tensor([[math.log(0.5), math.log(2)], [low, 0], [high, math.log(3)]])
    torch.testing.assert_close(mixture.log_variances.detach(), expected)
    assert torch.equal(mixture.means, means)
    assert (low, high) == (-8.0, 4.0)
