"""Changed views of items: what stays, and what decides the rest."""

from __future__ import annotations

import pytest
import torch

from labelwise.student.views import student_views

SHAPES = [(10, 10), (8, 12), (12, 8, 1), (9, 10, 3)]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def values_of(shape, n=40):
    """Values within 0.2..1, so that 0 means erased."""
    return 0.2 + 0.8 * torch.rand(n, torch.Size(shape).numel(), generator=seeded(0))


@pytest.mark.parametrize("augment", [None, "affine", "elastic"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shape_range_and_dtype_stay(shape, augment):
    values = values_of(shape)
    before = values.clone()
    views = student_views(values, shape, augment, seeded(1))
    assert views.shape == values.shape
    assert views.dtype == torch.float32
    assert views.min() >= 0
    assert views.max() <= 1 + 1e-6
    assert not torch.equal(views, values)
    assert torch.equal(values, before)


@pytest.mark.parametrize(("shape", "augment"), [((10, 10), None), ((10, 10), "affine"), ((30,), None)])
def test_the_generator_decides_everything(shape, augment):
    values = values_of(shape)
    state = torch.get_rng_state()
    first, second, third = (student_views(values, shape, augment, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_square_of_each_image_is_erased_in_all_channels_and_the_rest_stays(shape):
    values = values_of(shape, 200)
    views = student_views(values, shape, None, seeded(1))
    assert torch.equal(views[views != 0], values[views != 0])
    height, width = shape[:2]
    erased = (views == 0).view(200, height, width, -1)
    assert torch.equal(erased.all(-1), erased.any(-1))
    largest = 0.32 * min(height, width) + 1
    for image in erased.all(-1):
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None, :])
        for side in (rows, columns):
            places = side.nonzero().ravel()
            assert 1 <= len(places) <= largest
            assert len(places) == places[-1] - places[0] + 1


def test_the_square_may_be_anywhere():
    views = student_views(torch.ones(500, 100), (10, 10), None, seeded(1))
    assert (views == 0).any(0).all()
    assert (views == 0).float().mean() < 0.12  # a square of a third of each side, cut off at the edges


def test_a_tenth_of_a_row_of_numbers_is_erased_and_the_rest_stays():
    values = values_of((30,), 300)
    views = student_views(values, (30,), None, seeded(1))
    erased = views == 0
    assert torch.equal(views[~erased], values[~erased])
    assert erased.float().mean().item() == pytest.approx(0.1, abs=0.01)  # of 9,000: three deviations
    assert len(torch.unique(erased, dim=0)) > 250


def test_affine_views_move_what_is_there_before_a_part_is_erased():
    values = torch.zeros(300, 100)
    values[:, 44:46] = 1
    still, moved = (student_views(values, (10, 10), augment, seeded(1)) for augment in (None, "affine"))
    assert set(still.unique().tolist()) == {0, 1}
    assert len(moved.unique()) > 100
    away = torch.ones(100, dtype=torch.bool)
    away[44:46] = False
    assert still[:, away].sum() == 0
    assert moved[:, away].sum() > 0
