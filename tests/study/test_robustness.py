"""Changed images are changed as they should be, and scores on them are counted."""

from __future__ import annotations

import numpy as np
import pytest

from cli.conftest import digits
from labelwise import GMVAE
from labelwise.study.robustness import CHANGES, change_images, measure_robustness
from labelwise.study.sweep import draw_labels

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 12, 10))
CASES = [(change, strength) for change, (_, strengths) in CHANGES.items() for strength in strengths]


@pytest.mark.parametrize("shape", [(6, 12, 10), (6, 12, 10, 3)])
@pytest.mark.parametrize(("change", "strength"), CASES)
def test_pixels_keep_shape_and_range_and_the_seed_counts(change, strength, shape):
    images = RNG.random(shape)
    before = images.copy()
    changed = change_images(images, change, strength)
    assert changed.shape == shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not np.array_equal(changed, images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(changed, change_images(images, change, strength))


def test_a_stronger_change_changes_more():
    smooth = np.zeros((4, 28, 28))
    smooth[:, 9:19, 12:16] = 1
    for change, (_, strengths) in CHANGES.items():
        differences = [np.abs(change_images(smooth, change, s) - smooth).mean() for s in strengths]
        assert differences == sorted(differences), change


def test_an_occlusion_hides_its_share_of_the_area():
    hidden = change_images(np.ones((5, 20, 20)), "occlusion, share of the area", 0.25)
    assert (hidden == 0).mean() == pytest.approx(0.25)


def test_a_shift_moves_by_its_share_of_the_side():
    dot = np.zeros((30, 41, 41))
    dot[:, 20, 20] = 1
    moved = change_images(dot, "shift, share of the side", 0.15)
    rows, columns = np.meshgrid(np.arange(41), np.arange(41), indexing="ij")
    mass = moved.sum(axis=(1, 2))
    far = np.hypot((moved * rows).sum((1, 2)) / mass - 20, (moved * columns).sum((1, 2)) / mass - 20)
    np.testing.assert_allclose(far, 0.15 * 41, rtol=1e-6)


def test_scores_on_digits():
    X, truth = digits(1400)
    gmvae = GMVAE(
        15,
        n_latent=6,
        n_hidden=64,
        n_layers=1,
        max_epochs=50,
        batch_size=64,
        learning_rate=3e-3,
        random_state=0,
    ).fit(X)
    y = draw_labels(truth, 100, 0)
    rows = measure_robustness(gmvae, X, truth, y, ["soft", "poisson", "logistic regression", "k-means"])
    assert {row.method for row in rows} == {"soft", "poisson", "logistic regression"}
    assert len(rows) == 3 * 5 * 4
    for method in ("soft", "poisson", "logistic regression"):
        mine = {(row.change, row.strength): row.accuracy for row in rows if row.method == method}
        clean = {accuracy for (_, strength), accuracy in mine.items() if strength == 0}
        assert len(clean) == 1
        assert clean.pop() > 0.5
        assert mine["rotation, degrees", 40.0] < mine["rotation, degrees", 0.0]
