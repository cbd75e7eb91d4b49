"""Principal components: what they keep, their scale, and images of many pixels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from labelwise.errors import DataError
from labelwise.graph.principal import N_PRINCIPAL, PrincipalComponents


def plane(n_samples=200, n_features=30, seed=0):
    """Points of a plane in many dimensions, with a little noise."""
    rng = np.random.default_rng(seed)
    inside = rng.standard_normal((n_samples, 2)) * [5, 2]
    axes, _ = np.linalg.qr(rng.standard_normal((n_features, 2)))
    return inside @ axes.T + 0.01 * rng.standard_normal((n_samples, n_features)), inside


def distances(points):
    return np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)


# An exact solver for the first, a random one for the other.
@pytest.mark.parametrize("shape", [(5, 6), (37, 31)])
def test_images_keep_their_distances_up_to_a_scale(shape):
    X, inside = plane(n_features=shape[0] * shape[1])
    found = PrincipalComponents().fit(X.reshape(-1, *shape)).transform(X.reshape(-1, *shape))
    assert found.shape == (200, min(N_PRINCIPAL, shape[0] * shape[1]))
    assert found.dtype == np.float32
    scale = np.sqrt(inside.var(axis=0, ddof=1).sum())
    np.testing.assert_allclose(scale * distances(found), distances(inside), rtol=0.02, atol=0.5)
    assert found.astype(float).var(axis=0, ddof=1).sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("side", [6, 36])
def test_the_same_items_give_the_same_bits(side):
    X = np.random.default_rng(0).integers(0, 256, (80, side, side), dtype=np.uint8)
    one, other = (PrincipalComponents().fit(X).transform(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_the_number_of_threads_plays_no_part():
    X = load_digits().data
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(PrincipalComponents().fit(X).transform(X))
    np.testing.assert_array_equal(*found)


def test_units_of_columns_play_no_part():
    X, _ = plane(n_features=8)
    scaled = X * 10.0 ** np.arange(-3, 5)
    one, other = (PrincipalComponents().fit(rows).transform(rows) for rows in (X, scaled))
    np.testing.assert_allclose(np.abs(one), np.abs(other), atol=1e-4)


def test_items_that_are_all_equal_lie_at_one_place():
    found = PrincipalComponents().fit(np.ones((9, 4, 4))).transform(np.ones((3, 4, 4)))
    assert np.isfinite(found).all()
    assert (found == found[0]).all()


def test_one_item_has_none():
    with pytest.raises(DataError, match=r"^one item has no principal components: "):
        PrincipalComponents().fit(np.ones((1, 4)))
