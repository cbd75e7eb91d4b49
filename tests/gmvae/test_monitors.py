"""Dead components and collapsed posteriors are counted and told."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from labelwise.errors import StructureWarning
from labelwise.gmvae.monitors import count_active_components, count_active_units, warn_of_lost_structure

VARIED = np.random.default_rng(0).standard_normal((50, 3))


def test_active_components_explain_a_tenth_of_an_equal_share():
    assert count_active_components(np.full(10, 0.1)) == 10
    shares = np.array([0.9 - 0.0101 - 0.0099, 0.1, 0.0101, 0.0099] + [0.0] * 6)
    assert count_active_components(shares) == 3
    assert count_active_components(np.array([1.0])) == 1


def test_active_units_vary_by_more_than_a_hundredth():
    latent_means = VARIED / VARIED.std(0) * np.sqrt([2.0, 0.011, 0.009])
    assert count_active_units(latent_means) == 2
    assert count_active_units(np.full((10, 4), 3.0)) == 0


@pytest.mark.parametrize(
    ("init", "way_out"),
    [("random", r"set init='kmeans'"), ("kmeans", r"lower n_components to about 17")],
)
def test_dead_components_are_told_with_a_way_out(init, way_out):
    shares = np.array([1 / 17] * 17 + [0.0] * 3)
    message = (
        r"^3 of 20 components are dead \(each explains less than a tenth of an equal share of the items\): "
        rf"{way_out}, or train for more epochs$"
    )
    with pytest.warns(StructureWarning, match=message):
        warn_of_lost_structure(shares, VARIED, init=init)


def test_a_collapsed_posterior_is_told():
    message = (
        r"^the posterior has collapsed: none of the 3 latent dimensions depends on the item; "
        r"raise max_epochs or learning_rate, or check that the data vary$"
    )
    with pytest.warns(StructureWarning, match=message):
        warn_of_lost_structure(np.full(20, 0.05), np.zeros((10, 3)), init="kmeans")


def test_a_few_dead_components_are_no_reason_to_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_lost_structure(np.array([1 / 18] * 18 + [0.0] * 2), VARIED, init="kmeans")


def test_the_warning_points_at_the_caller_of_fit():
    def fit():
        warn_of_lost_structure(np.full(20, 0.05), np.zeros((10, 3)), init="kmeans")

    with pytest.warns(StructureWarning) as caught:
        fit()
    assert caught[0].filename == __file__
