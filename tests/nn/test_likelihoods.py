"""p(x given z) against torch.distributions, in the units that the data came in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import ContinuousBernoulli, Normal

from labelwise.nn.likelihoods import Bernoulli, Gaussian


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def gaussian():
    likelihood = Gaussian(4)
    likelihood.reset()
    likelihood.standardise(torch.tensor([10.0, -5, 0, 1]), torch.tensor([2.0, 0.1, 30, 1]))
    with torch.no_grad():
        likelihood.log_variance.fill_(-1.3)
    return likelihood


def test_bernoulli_equals_torch_distributions_on_ink_and_paper():
    outputs = 3 * draws(0, 20, 6)
    targets = (draws(1, 20, 6) > 0).float()
    expected = torch.distributions.Bernoulli(logits=outputs).log_prob(targets).sum(-1)
    torch.testing.assert_close(Bernoulli(6).log_density(outputs, targets), expected)


def test_bernoulli_of_grey_pixels_is_the_cross_entropy():
    outputs, targets = 3 * draws(0, 20, 6), torch.rand(20, 6, generator=torch.Generator().manual_seed(1))
    continuous = ContinuousBernoulli(logits=outputs)
    # The continuous Bernoulli is the same expression, divided by its integral.
    expected = (continuous.log_prob(targets) - continuous._cont_bern_log_norm()).sum(-1)
    torch.testing.assert_close(Bernoulli(6).log_density(outputs, targets), expected, rtol=1e-4, atol=1e-4)


def test_bernoulli_survives_extreme_logits():
    outputs = torch.tensor([[1000.0, -1000.0]])
    certain = Bernoulli(2).log_density(outputs, torch.tensor([[1.0, 0.0]]))
    wrong = Bernoulli(2).log_density(outputs, torch.tensor([[0.0, 1.0]]))
    assert certain.item() == 0
    assert wrong.item() == -2000


def test_bernoulli_scales_bytes_and_leaves_the_stored_values_alone():
    stored = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    scaled = Bernoulli(3).scale(stored)
    torch.testing.assert_close(scaled, torch.tensor([[0.0, 0.2, 1.0]]))
    assert stored.tolist() == [[0, 51, 255]]
    floats = torch.tensor([[0.0, 0.2, 1.0]])
    assert torch.equal(Bernoulli(3).scale(floats), floats)


def test_bernoulli_mean_is_the_probability_of_ink():
    outputs = draws(0, 5, 6)
    expected = torch.distributions.Bernoulli(logits=outputs).mean
    torch.testing.assert_close(Bernoulli(6).mean(outputs), expected)


def test_gaussian_density_is_that_of_the_original_columns(gaussian):
    values, outputs = draws(0, 20, 4) * 3 + 1, draws(1, 20, 4)
    density = gaussian.log_density(outputs, gaussian.scale(values))
    noise = np.exp(-1.3 / 2)
    expected = Normal(outputs * gaussian.spread + gaussian.location, noise * gaussian.spread).log_prob(values)
    torch.testing.assert_close(density, expected.sum(-1), rtol=1e-4, atol=1e-3)


def test_gaussian_density_integrates_to_one(gaussian):
    single = Gaussian(1)
    single.reset()
    single.standardise(torch.tensor([3.0]), torch.tensor([0.2]))
    grid = torch.linspace(1, 5, 20_001)[:, None]
    density = single.log_density(torch.tensor([[0.5]]), single.scale(grid)).exp()
    assert torch.trapezoid(density, grid[:, 0]).item() == pytest.approx(1, abs=1e-4)


def test_gaussian_mean_undoes_the_scaling(gaussian):
    values = draws(0, 20, 4) * 7
    torch.testing.assert_close(gaussian.mean(gaussian.scale(values)), values, rtol=1e-5, atol=1e-4)


def test_gaussian_leaves_out_a_column_of_infinite_spread(gaussian):
    wider = Gaussian(5)
    wider.reset()
    wider.standardise(torch.tensor([10.0, -5, 7, 0, 1]), torch.tensor([2.0, 0.1, torch.inf, 30, 1]))
    with torch.no_grad():
        wider.log_variance.copy_(gaussian.log_variance)
    values, outputs = draws(0, 20, 5) * 3 + 1, draws(1, 20, 5).requires_grad_()
    others = [0, 1, 3, 4]
    scaled = wider.scale(values)
    assert (scaled[:, 2] == 0).all()
    density = wider.log_density(outputs, scaled)
    torch.testing.assert_close(density, gaussian.log_density(outputs[:, others], scaled[:, others]))
    (gradient,) = torch.autograd.grad(density.sum(), outputs)
    assert (gradient[:, 2] == 0).all()
    assert (gradient[:, others] != 0).all()
    assert (wider.mean(outputs)[:, 2] == 7).all()


@pytest.mark.parametrize(("stored", "used"), [(-50.0, -7.0), (50.0, 2.0)])
def test_gaussian_noise_stays_within_bounds(gaussian, stored, used):
    with torch.no_grad():
        gaussian.log_variance.fill_(stored)
    outputs, targets = draws(0, 3, 4), draws(1, 3, 4)
    expected = Normal(outputs, float(np.exp(used / 2))).log_prob(targets).sum(-1)
    expected = expected - gaussian.spread.log().sum()
    torch.testing.assert_close(gaussian.log_density(outputs, targets), expected, rtol=1e-4, atol=1e-3)


def test_gaussian_starts_with_little_noise_on_raw_columns():
    likelihood = Gaussian(3)
    likelihood.reset()
    outputs, values = draws(0, 5, 3), draws(1, 5, 3)
    torch.testing.assert_close(
        likelihood.log_density(outputs, likelihood.scale(values)),
        Normal(outputs, np.exp(-1.0)).log_prob(values).sum(-1),
    )
