"""Random views of images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from labelwise import load_dataset
from labelwise.nn.views import random_views, resolve_augmentation, view_distance

KINDS = ["affine", "elastic", "strokes", "photo"]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def blob(side=17, width=3.0):
    """A round, centred blob."""
    axis = torch.arange(side) - (side - 1) / 2
    return (-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * width**2)).exp().reshape(1, -1)


@pytest.mark.parametrize("augment", KINDS)
@pytest.mark.parametrize("shape", [(9, 9), (8, 12), (12, 8, 1), (8, 10, 3)])
def test_shape_range_and_dtype_stay(shape, augment):
    values = torch.rand(6, torch.Size(shape).numel(), generator=seeded(0))
    before = values.clone()
    views = random_views(values, shape, augment, seeded(1))
    assert views.shape == values.shape
    assert views.dtype == torch.float32
    assert views.min() >= 0
    assert views.max() <= 1 + 1e-6
    assert not torch.equal(views, values)
    assert torch.equal(values, before)


@pytest.mark.parametrize("augment", KINDS)
def test_the_generator_decides_everything(augment):
    values = torch.rand(6, 81, generator=seeded(0))
    state = torch.get_rng_state()
    first, second, third = (random_views(values, (9, 9), augment, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("augment", KINDS)
def test_each_image_gets_a_map_of_its_own(augment):
    views = random_views(torch.rand(1, 81, generator=seeded(0)).expand(20, 81), (9, 9), augment, seeded(1))
    assert len(torch.unique(views, dim=0)) == 20


@pytest.mark.parametrize("augment", ["affine", "elastic", "strokes"])
def test_channels_move_together_and_dark_on_light_as_light_on_dark(augment):
    grey = torch.rand(5, 8, 10, 1, generator=seeded(0))
    grey[:, [0, -1]] = grey[:, :, [0, -1]] = 0
    colour = torch.cat([grey, 0.5 * grey, 1 - grey], -1)
    views = random_views(colour.reshape(5, -1), (8, 10, 3), augment, seeded(1)).view(5, 8, 10, 3)
    torch.testing.assert_close(views[..., 1], 0.5 * views[..., 0])
    if augment != "strokes":  # where lines grow thicker, their ground grows thinner
        torch.testing.assert_close(views[..., 2], 1 - views[..., 0])


def centroids(views, side):
    images = views.view(-1, side, side)
    axis = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    mass = images.sum((1, 2))
    return torch.stack([(images.sum(2) * axis).sum(1), (images.sum(1) * axis).sum(1)], -1) / mass[:, None]


def test_a_centred_blob_stays_centred_on_average_and_moves_a_little_each_time():
    views = random_views(blob().expand(2000, -1), (17, 17), "affine", seeded(0))
    moved = centroids(views, 17)
    assert moved.mean(0).abs().max() < 0.1
    # A shift of up to 0.14 of half the side: 1.2 pixels either way, stretched by the scale and the shear.
    assert moved.std(0).min() > 0.4
    assert moved.abs().max() < 2.5
    mean_image = views.mean(0)
    assert mean_image.argmax() == 17 * 8 + 8


def test_mass_is_kept_on_average():
    views = random_views(blob(width=2.0).expand(2000, -1), (17, 17), "affine", seeded(0))
    assert views.sum(1).mean().item() == pytest.approx(blob(width=2.0).sum().item(), rel=0.05)


@pytest.mark.parametrize("ground", [0.0, 0.25, 1.0])
def test_what_enters_from_outside_is_the_background(ground):
    images = torch.full((200, 10, 10), 0.5)
    images[:, [0, -1]] = images[:, :, [0, -1]] = ground
    views = random_views(images.reshape(200, -1), (10, 10), "affine", seeded(0)).view(200, 10, 10)
    torch.testing.assert_close(views[:, 4:6, 4:6], torch.full((200, 2, 2), 0.5))
    corners = views[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert min(ground, 0.5) - 1e-6 <= corners.min() <= corners.max() <= max(ground, 0.5) + 1e-6
    assert (corners - ground).abs().min() < 1e-6


def test_strokes_become_thinner_and_thicker():
    line = torch.zeros(1, 21, 21)
    line[:, 9:12, 4:17] = 1
    mass = {
        augment: random_views(line.reshape(1, -1).expand(400, -1), (21, 21), augment, seeded(0)).sum(1)
        for augment in ("elastic", "strokes")
    }
    assert mass["strokes"].std() > 1.5 * mass["elastic"].std()
    assert mass["strokes"].min() < 0.7 * line.sum()
    assert mass["strokes"].max() > 1.3 * line.sum()


def test_photos_are_cropped_mirrored_and_coloured():
    ramp = torch.linspace(0.2, 0.8, 16).expand(16, 16)
    images = torch.stack([ramp, ramp.T, torch.full((16, 16), 0.5)], -1).reshape(1, -1).expand(400, -1)
    views = random_views(images, (16, 16, 3), "photo", seeded(0)).view(400, 16, 16, 3)
    slopes = (views[:, 8, -1, 0] - views[:, 8, 0, 0]).sign()
    assert 0.4 < (slopes > 0).float().mean() < 0.6  # half are mirrored
    assert (views[:, -1, 8, 1] > views[:, 0, 8, 1] - 1e-6).all()  # none stands on its head
    assert (views[:, 8].max(1).values - views[:, 8].min(1).values)[:, 0].min() < 0.4  # some are cropped
    assert views.mean((1, 2, 3)).std() > 0.05
    grey = (views.max(-1).values - views.min(-1).values).flatten(1).max(1).values < 1e-3
    assert 0.1 < grey.float().mean() < 0.3


def test_none_leaves_images_as_they_are():
    values = torch.rand(6, 81, generator=seeded(0))
    assert torch.equal(random_views(values, (9, 9), None, seeded(1)), values)


def test_elastic_views_bend_what_affine_ones_leave_straight():
    line = torch.zeros(1, 33, 33)
    line[:, 14:19] = 1
    heights = torch.arange(33, dtype=torch.float32)
    crooked = []
    for augment in ("affine", "elastic"):
        views = random_views(line.reshape(1, -1).expand(200, -1), (33, 33), augment, seeded(0))
        inside = views.view(-1, 33, 33)[:, :, 10:23]  # away from what enters from outside
        middle = (inside * heights[:, None]).sum(1) / inside.sum(1)  # of the line, in each column
        crooked.append(middle.diff(n=2, dim=1).abs().mean().item())
    affine, elastic = crooked
    assert elastic > 2 * affine


def shapes(n=400, side=16, seed=0):
    """Crosses, bars and corners, each where it always is, with a little noise."""
    kinds = np.zeros((3, side, side))
    kinds[0, 7:9, 2:14] = kinds[0, 2:14, 7:9] = 1
    kinds[1, 4:6, 2:14] = 1
    kinds[2, 3:13, 3:5] = kinds[2, 11:13, 3:13] = 1
    rng = np.random.default_rng(seed)
    return np.clip(kinds[rng.integers(3, size=n)] + 0.05 * rng.standard_normal((n, side, side)), 0, 1)


def moved(images):
    """Views of views of them: what handwriting is to letters."""
    values = torch.from_numpy(images.reshape(len(images), -1)).float()
    for seed in range(3):
        values = random_views(values, images.shape[1:], "affine", seeded(seed))
    return values.numpy().reshape(images.shape)


class TestChoice:
    def test_views_are_taken_where_images_come_moved(self):
        images = moved(shapes())
        assert view_distance(images, (16, 16)) < 1.2
        assert resolve_augmentation("auto", images, (16, 16), "bernoulli") == "affine"

    def test_views_are_not_taken_where_images_stand_still(self):
        assert view_distance(shapes(), (16, 16)) > 1.5
        assert resolve_augmentation("auto", shapes(), (16, 16), "bernoulli") is None

    def test_the_digits_stand_still(self):
        X = load_dataset("digits").X
        assert resolve_augmentation("auto", X, (8, 8), "bernoulli") is None

    def test_pixels_of_0_to_255_and_rows_are_the_same_images(self):
        images = (255 * moved(shapes())).astype(np.uint8)
        expected = view_distance(images / 255, (16, 16))
        assert view_distance(images, (16, 16)) == pytest.approx(expected, rel=1e-3)
        assert view_distance(images.reshape(400, -1), (16, 16)) == view_distance(images, (16, 16))

    @pytest.mark.parametrize("augment", [None, *KINDS])
    def test_what_was_asked_for_stays(self, augment):
        assert resolve_augmentation(augment, shapes(), (16, 16), "bernoulli") == augment

    @pytest.mark.parametrize(
        ("n", "item_shape", "likelihood"),
        [(400, (256,), "bernoulli"), (400, (16, 16), "gaussian"), (199, (16, 16), "bernoulli")],
    )
    def test_tables_other_likelihoods_and_few_images_have_none(self, n, item_shape, likelihood):
        assert resolve_augmentation("auto", moved(shapes(n)), item_shape, likelihood) is None

    def test_copies_say_nothing_about_views(self):
        images = np.repeat(shapes(1), 400, axis=0)
        assert view_distance(images, (16, 16)) == math.inf
        assert resolve_augmentation("auto", images, (16, 16), "bernoulli") is None

    def test_nothing_outside_decides_or_changes(self):
        images = moved(shapes())
        before, state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
        assert view_distance(images, (16, 16)) == view_distance(images, (16, 16))
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), state)
