"""Published ways to choose what to label, on groups that are easy to see."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from labelwise.encoding import Encoding
from labelwise.study import selections
from labelwise.study.selections import SELECTIONS


def groups(*sizes, seed=0):
    """Latents of round groups far apart, and which one each item is in."""
    home = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).standard_normal((len(home), len(sizes)))
    return Encoding(np.ones((len(home), 1)), 50 * np.eye(len(sizes))[home] + noise), home


@pytest.mark.parametrize("name", SELECTIONS)
class TestAll:
    def test_as_many_as_groups_are_one_in_each(self, name):
        encoding, home = groups(60, 40, 50)
        assert sorted(home[SELECTIONS[name].select(encoding, 3, 0)].tolist()) == [0, 1, 2]

    @pytest.mark.parametrize("n_labels", [1, 7, 60])
    def test_items_are_all_different(self, name, n_labels):
        encoding, _ = groups(30, 20, 10)
        chosen = SELECTIONS[name].select(encoding, n_labels, 0)
        assert len(set(chosen.tolist())) == len(chosen) == n_labels

    def test_the_same_seed_gives_the_same_items(self, name):
        encoding, _ = groups(60, 40, 50)
        one, other = (SELECTIONS[name].select(encoding, 12, 3) for _ in range(2))
        assert one.tolist() == other.tolist()

    def test_of_a_large_pool_some_are_looked_at(self, name, monkeypatch):
        monkeypatch.setattr(selections, "_N_ITEMS", 80)
        encoding, home = groups(200, 200)
        assert sorted(home[SELECTIONS[name].select(encoding, 2, 1)].tolist()) == [0, 1]


class TestTypiClust:
    def test_it_takes_the_item_whose_neighbours_in_the_cluster_are_nearest(self):
        encoding, home = groups(60, 31)
        for row in SELECTIONS["typiclust"].select(encoding, 2, 0):
            members = np.flatnonzero(home == home[row])
            search = NearestNeighbors(n_neighbors=min(20, len(members) // 2)).fit(encoding.latents[members])
            assert row == members[search.kneighbors()[0].mean(axis=1).argmin()]

    def test_in_place_of_a_cluster_of_five_the_largest_gives_another_item(self):
        encoding, home = groups(60, 31, 5)
        assert np.bincount(home[SELECTIONS["typiclust"].select(encoding, 3, 0)]).tolist() == [2, 1]

    def test_a_cluster_of_six_counts(self):
        encoding, home = groups(60, 31, 6)
        assert np.bincount(home[SELECTIONS["typiclust"].select(encoding, 3, 0)]).tolist() == [1, 1, 1]


def test_probcover_covers_the_largest_group_first():
    encoding, home = groups(20, 90, 40)
    assert home[SELECTIONS["probcover"].select(encoding, 3, 0)].tolist()[0] == 1
