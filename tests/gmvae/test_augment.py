"""Random views of images."""

from __future__ import annotations

import pytest
import torch

from labelwise.gmvae.augment import affine_views


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def blob(side=17, width=3.0):
    """A round, centred blob."""
    axis = torch.arange(side) - (side - 1) / 2
    return (-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * width**2)).exp().reshape(1, -1)


@pytest.mark.parametrize("shape", [(9, 9), (8, 12), (12, 8, 1), (8, 10, 3)])
def test_shape_range_and_dtype_stay(shape):
    values = torch.rand(6, torch.Size(shape).numel(), generator=seeded(0))
    before = values.clone()
    views = affine_views(values, shape, seeded(1))
    assert views.shape == values.shape
    assert views.dtype == torch.float32
    assert views.min() >= 0
    assert views.max() <= 1 + 1e-6
    assert not torch.equal(views, values)
    assert torch.equal(values, before)


def test_the_generator_decides_everything():
    values = torch.rand(6, 81, generator=seeded(0))
    state = torch.get_rng_state()
    first, second, third = (affine_views(values, (9, 9), seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_image_gets_a_map_of_its_own():
    views = affine_views(torch.rand(1, 81, generator=seeded(0)).expand(20, 81), (9, 9), seeded(1))
    assert len(torch.unique(views, dim=0)) == 20


def test_channels_move_together():
    grey = torch.rand(5, 8, 10, 1, generator=seeded(0))
    colour = torch.cat([grey, 0.5 * grey, 1 - grey], -1)
    views = affine_views(colour.reshape(5, -1), (8, 10, 3), seeded(1)).view(5, 8, 10, 3)
    alone = affine_views(grey.reshape(5, -1), (8, 10), seeded(1)).view(5, 8, 10)
    torch.testing.assert_close(views[..., 0], alone)
    torch.testing.assert_close(views[..., 1], 0.5 * alone)
    inside = affine_views(torch.ones(5, 80), (8, 10), seeded(1)).view(5, 8, 10)
    torch.testing.assert_close(views[..., 2], inside - alone)


def centroids(views, side):
    images = views.view(-1, side, side)
    axis = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    mass = images.sum((1, 2))
    return torch.stack([(images.sum(2) * axis).sum(1), (images.sum(1) * axis).sum(1)], -1) / mass[:, None]


def test_a_centred_blob_stays_centred_on_average_and_moves_a_little_each_time():
    views = affine_views(blob().expand(2000, -1), (17, 17), seeded(0))
    moved = centroids(views, 17)
    assert moved.mean(0).abs().max() < 0.1
    # A shift of up to 0.14 of half the side: 1.2 pixels either way, stretched by the scale and the shear.
    assert moved.std(0).min() > 0.4
    assert moved.abs().max() < 2.5
    mean_image = views.mean(0)
    assert mean_image.argmax() == 17 * 8 + 8


def test_mass_is_kept_on_average():
    views = affine_views(blob(width=2.0).expand(2000, -1), (17, 17), seeded(0))
    assert views.sum(1).mean().item() == pytest.approx(blob(width=2.0).sum().item(), rel=0.05)


def test_what_enters_from_outside_is_empty():
    views = affine_views(torch.ones(200, 100), (10, 10), seeded(0)).view(200, 10, 10)
    torch.testing.assert_close(views[:, 4:6, 4:6], torch.ones(200, 2, 2))
    corners = views[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() == 0
