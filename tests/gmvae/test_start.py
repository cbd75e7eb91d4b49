"""Where the components start."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwise.gmvae.start import kmeans_start

from .builders import tiny_module

CENTRES = np.array([[10.0, 0], [-10, 0], [0, 12]])
SIZES = (40, 25, 60)


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    means = np.concatenate(
        [c + rng.standard_normal((n, 2)) * (0.3, 1.0) for c, n in zip(CENTRES, SIZES, strict=True)]
    ).astype(np.float32)
    variances = rng.uniform(0.1, 2, means.shape).astype(np.float32)
    blob = np.repeat([0, 1, 2], SIZES)
    return means, variances, blob


def by_centre(means):
    """Order of the found components that puts them beside CENTRES."""
    return [int(np.linalg.norm(means - c, axis=1).argmin()) for c in CENTRES]


def test_means_and_variances_are_those_of_the_aggregate_posterior(blobs):
    latent_means, latent_variances, blob = blobs
    means, variances = kmeans_start(latent_means, latent_variances, 3, seed=0)
    order = by_centre(means)
    assert sorted(order) == [0, 1, 2]
    for c, k in enumerate(order):
        rows = blob == c
        np.testing.assert_allclose(means[k], latent_means[rows].mean(0), rtol=1e-4, atol=1e-4)
        expected = latent_means[rows].var(0) + latent_variances[rows].mean(0)
        np.testing.assert_allclose(variances[k], expected, rtol=1e-4)
    assert means.dtype == variances.dtype == np.float32


def test_a_cluster_of_one_item_gets_the_mean_variance(blobs):
    latent_means, latent_variances, blob = blobs
    latent_means = np.concatenate([latent_means, [[500.0, 500.0]]]).astype(np.float32)
    latent_variances = np.concatenate([latent_variances, [[0.01, 0.01]]]).astype(np.float32)
    means, variances = kmeans_start(latent_means, latent_variances, 4, seed=0)
    alone = int(means[:, 0].argmax())
    np.testing.assert_allclose(means[alone], [500, 500], rtol=1e-5)
    within = np.concatenate(
        [(latent_means[:-1][blob == c] - latent_means[:-1][blob == c].mean(0)) ** 2 for c in range(3)]
        + [np.zeros((1, 2))]
    )
    np.testing.assert_allclose(variances[alone], (within + latent_variances).mean(0), rtol=1e-4)


def test_an_unused_dimension_keeps_the_width_of_the_prior(blobs):
    latent_means, latent_variances, _ = blobs
    latent_means = np.column_stack([latent_means, np.zeros(len(latent_means))])
    latent_variances = np.column_stack([latent_variances, np.ones(len(latent_means))])
    _, variances = kmeans_start(latent_means, latent_variances, 3, seed=0)
    np.testing.assert_allclose(variances[:, 2], 1)


def test_the_seed_decides_everything(blobs):
    latent_means, latent_variances, _ = blobs
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global generator is what is looked at)
    results = [kmeans_start(latent_means, latent_variances, 20, seed) for seed in (0, 0, 1)]
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0][0], results[2][0])


def test_the_exact_model_starts_as_linear_discriminant_analysis():
    module = tiny_module("exact", n_components=3, n_latent=2)
    x = torch.rand(30, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = module.infer_plain(x)
        means = torch.tensor([[1.0, 0], [0, 1], [-1, -1]])
        variances = torch.tensor([[0.5, 1.0], [1.0, 2.0], [1.5, 0.6]])
        module.start_mixture(means, variances)
        posterior, responsibilities = module.infer(x), module(x).responsibilities
    for c in range(3):
        torch.testing.assert_close(posterior.mean[:, c], plain.mean)
        torch.testing.assert_close(posterior.log_variance[:, c], plain.log_variance)
    shared = torch.tensor([1.0, 1.2])  # the mean variance of each dimension
    log_joint = torch.stack(
        [
            torch.distributions.Normal(means[c], shared.sqrt()).log_prob(plain.mean).sum(-1)
            + module.mixture.log_weights[c]
            for c in range(3)
        ],
        -1,
    )
    torch.testing.assert_close(responsibilities, log_joint.softmax(-1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module.mixture.log_variances.exp().detach(), variances)


def test_the_collapsed_model_takes_the_components_as_they_are():
    module = tiny_module("collapsed", n_components=3, n_latent=2)
    means, variances = torch.tensor([[1.0, 0], [0, 1], [-1, -1]]), torch.full((3, 2), 0.5)
    module.start_mixture(means, variances)
    assert torch.equal(module.mixture.means.detach(), means)
    torch.testing.assert_close(module.mixture.log_variances.exp().detach(), variances)
