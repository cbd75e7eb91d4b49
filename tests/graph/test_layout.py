"""The map: close items stay close."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise.graph import layout
from labelwise.graph.layout import lay_out


def blobs(n):
    rng = np.random.default_rng(0)
    home = np.arange(n) % 4
    return (rng.normal(size=(n, 5)) + 20 * np.eye(5)[home]).astype(np.float32), home


@pytest.mark.parametrize("n_landmarks", [120, 60])
def test_blobs_stay_apart_whether_or_not_all_are_landmarks(monkeypatch, n_landmarks):
    monkeypatch.setattr(layout, "_N_LANDMARKS", n_landmarks)
    points, home = blobs(120)
    positions = lay_out(points, random_state=0)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (home[distances.argmin(axis=1)] == home).all()
    assert positions.dtype == np.float32
    assert np.abs(positions).max() == pytest.approx(1)


def test_the_same_seed_gives_the_same_map():
    points, _ = blobs(40)
    np.testing.assert_array_equal(lay_out(points, random_state=1), lay_out(points, random_state=1))


@pytest.mark.parametrize("n", [1, 3])
def test_very_few_items(n):
    assert lay_out(np.ones((n, 2)), random_state=0).shape == (n, 2)
