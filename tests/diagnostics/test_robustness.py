"""Changed images are changed as they should be, and scores on them are counted."""

from __future__ import annotations

import numpy as np
import pytest

from cli.conftest import digits
from labelwise.diagnostics.robustness import CHANGES, change_images, measure_robustness

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


class TestScores:
    """A method that copies the label of the nearest labelled image, beside one that looks at nothing."""

    @staticmethod
    def nearest(known, y, changed):
        labeled = y >= 0
        distances = ((changed[:, None] - known[labeled][None]) ** 2).sum(axis=2)
        return y[labeled][distances.argmin(axis=1)]

    def rows(self, **methods):
        X, truth = digits(500)
        y = np.where(np.arange(500) < 150, truth, -1)
        self.prepared = []

        def prepare(images):
            self.prepared.append(images)
            return images.reshape(len(images), -1).astype(float)

        return measure_robustness(X, truth, y, prepare, methods), truth

    def test_every_change_and_strength_is_scored(self):
        def zeros(known, y, changed):
            return np.zeros(len(changed), int)

        rows, truth = self.rows(nearest=self.nearest, zero=zeros)
        cases = [(change, 0.0) for change in CHANGES] + CASES
        for method in ("nearest", "zero"):
            mine = {(row.change, row.strength): row.accuracy for row in rows if row.method == method}
            assert sorted(mine) == sorted(cases)
            clean = {accuracy for (_, strength), accuracy in mine.items() if strength == 0}
            assert len(clean) == 1
        (zero,) = {row.accuracy for row in rows if row.method == "zero"}
        assert zero == pytest.approx((truth[150:] == 0).mean())
        nearest = {(row.change, row.strength): row.accuracy for row in rows if row.method == "nearest"}
        assert nearest["rotation, degrees", 0.0] > 0.8
        assert nearest["rotation, degrees", 40.0] < nearest["rotation, degrees", 0.0] - 0.2

    def test_images_are_prepared_once_for_all_methods_in_their_own_type(self):
        self.rows(a=self.nearest, b=self.nearest)
        assert len(self.prepared) == 1 + 5 * 4
        assert {images.dtype for images in self.prepared} == {np.dtype(np.uint8)}

    def test_what_is_scored_has_no_label(self):
        seen = []

        def spy(known, y, changed):
            seen.append((known.copy(), y.copy(), changed.copy()))
            return np.zeros(len(changed), int)

        self.rows(spy=spy)
        known, y, changed = seen[0]
        assert (y >= 0).sum() == 150
        labeled = {row.tobytes() for row in known[y >= 0]}
        assert len(known) + len(changed) == 150 + 350
        assert len(labeled & {row.tobytes() for row in changed}) <= 1  # two digits may be the same image
