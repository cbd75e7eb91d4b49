"""Sheets: groups of items to name at once, on blobs and clouds of which all is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labelwise import UNLABELED
from labelwise.decoding import PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.errors import DataError, LabelError, ParameterError
from labelwise.planning.sheets import sheets_from
from labelwise.planning.suggest import suggest_from
from planning.pools import blobs, cloud, labels_at


def shown(sheets):
    return np.concatenate([sheet.items for sheet in sheets])


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(getattr(a, field.name), getattr(b, field.name))
        for a, b in zip(one, other, strict=True)
        for field in dataclasses.fields(a)
    )


class TestWithoutLabels:
    @pytest.mark.parametrize("n_blobs", [2, 5, 8])
    def test_as_many_sheets_as_blobs_are_one_of_each(self, n_blobs):
        encoding, home = blobs(*[30] * n_blobs)
        sheets = sheets_from(encoding, n_blobs, random_state=0)
        assert all(len(set(home[sheet.items])) == 1 for sheet in sheets)
        assert sorted(home[sheet.items[0]] for sheet in sheets) == list(range(n_blobs))

    def test_the_largest_blob_comes_first(self):
        encoding, home = blobs(30, 90, 50)
        assert [home[sheet.items[0]] for sheet in sheets_from(encoding, 3, random_state=0)] == [1, 2, 0]

    def test_the_first_centre_is_the_first_suggestion(self):
        encoding = cloud()
        first, *_ = suggest_from(encoding, 1, random_state=0)
        assert sheets_from(encoding, 1, random_state=0)[0].items[0] == first.index

    def test_five_items_near_the_centre_are_shown(self):
        encoding = cloud(1000)
        for sheet in sheets_from(encoding, 10, random_state=0):
            centre = encoding.latents[sheet.items[0]]
            distances = np.linalg.norm(encoding.latents - centre, axis=1)
            assert len(sheet.items) == 5
            assert distances[sheet.items].max() < np.quantile(distances, 0.05)

    def test_nothing_is_predicted(self):
        assert all(sheet.predictions is None for sheet in sheets_from(cloud(), 4, random_state=0))

    def test_the_component_is_that_of_the_centre_and_the_reason_says_so(self):
        encoding, home = blobs(40, 40)
        for sheet in sheets_from(encoding, 2, random_state=0):
            assert sheet.component == home[sheet.items[0]]
            assert sheet.reason.startswith(f"typical of component {sheet.component}; stands for ")

    def test_a_group_holds_the_items_as_near_to_its_centre_as_its_farthest_candidate(self):
        encoding, home = blobs(40, 40)
        y = np.where(home == 0, np.arange(80) % 2, UNLABELED)
        y[20:40] = UNLABELED
        (sheet,) = sheets_from(encoding, 1, y=y, size=40, random_state=0)
        assert len(sheet.items) == 40
        assert 40 <= sheet.n_items <= 60
        tight, *_ = sheets_from(encoding, 2, random_state=0)
        assert 5 <= tight.n_items < 40


class TestWithLabels:
    def test_blobs_without_a_label_come_first(self):
        encoding, home = blobs(*[30] * 6)
        y = labels_at(180, {0: "a", 31: "b", 95: "a"})  # blobs 0, 1 and 3
        sheets = sheets_from(encoding, 3, y=y, random_state=0)
        assert sorted(home[sheet.items[0]] for sheet in sheets) == [2, 4, 5]
        assert all(sheet.reason.startswith(f"component {sheet.component} has no") for sheet in sheets)

    def test_predictions_are_those_of_poisson_learning(self):
        encoding = cloud(200)
        y = labels_at(200, {3: "left", 50: "right", 70: "left", 110: "right"})
        decoder = PoissonDecoder().fit(encoding, y)
        given = (y[:, None] == decoder.classes_).astype(np.float32)
        scores = decoder.node_scores(decoder.pool_, decoder.pool_.gather(given))
        answers = decoder.classes_[scores.argmax(axis=1)][decoder.pool_.nodes]
        for sheet in sheets_from(encoding, 6, y=y, random_state=0):
            assert sheet.predictions.tolist() == answers[sheet.items].tolist()

    def test_nothing_is_predicted_where_no_label_reaches_or_all_are_equal(self):
        encoding, home = blobs(30, 30, 30)
        for given in ({0: "a", 31: "b"}, {0: "a", 31: "a"}):
            (sheet,) = sheets_from(encoding, 1, y=labels_at(90, given), random_state=0)
            assert set(home[sheet.items]) == {2}
            assert sheet.predictions is None

    def test_sheets_are_larger_and_groups_wider_once_few_classes_are_new(self):
        encoding = cloud(2000)
        order = np.argsort(encoding.latents[:, 0])
        places = order[[100, 700, 1300, 1900]]  # far from each other
        still_new = labels_at(2000, dict(zip(places, "abcd", strict=True)))
        settled = labels_at(2000, dict(zip(places, "aabb", strict=True)))
        tight = sheets_from(encoding, 3, y=still_new, random_state=0)
        wide = sheets_from(encoding, 3, y=settled, random_state=0)
        assert {len(sheet.items) for sheet in tight} == {5}
        assert {len(sheet.items) for sheet in wide} == {8}
        assert min(sheet.n_items for sheet in wide) > max(sheet.n_items for sheet in tight)

    def test_tight_sheets_hold_the_nearest_items_that_have_no_label(self):
        encoding = cloud(300)
        (sheet,) = sheets_from(encoding, 1, y=labels_at(300, {0: "a"}), random_state=0)
        distances = np.linalg.norm(encoding.latents - encoding.latents[sheet.items[0]], axis=1)
        distances[0] = np.inf
        assert sheet.items.tolist() == np.argsort(distances)[:5].tolist()

    def test_sheets_are_smaller_where_close_items_differ(self):
        encoding = cloud(300)
        near = np.argsort(np.linalg.norm(encoding.latents, axis=1))[:12]
        y = labels_at(300, {row: f"class {place}" for place, row in enumerate(near)})
        assert {len(sheet.items) for sheet in sheets_from(encoding, 4, y=y, random_state=0)} == {1}
        larger = sheets_from(encoding, 4, y=y, size=6, random_state=0)
        assert {len(sheet.items) for sheet in larger} == {6}

    def test_labelled_items_are_never_shown(self):
        y = labels_at(100, {row: "ab"[row % 2] for row in range(0, 90)})
        sheets = sheets_from(cloud(100), 10, y=y, random_state=0)
        assert sorted(shown(sheets)) == list(range(90, 100))

    def test_one_sheet_at_a_time_reaches_all_items_in_the_end(self):
        encoding = cloud(60)
        y = np.full(60, UNLABELED)
        while (y == UNLABELED).any():
            (sheet,) = sheets_from(encoding, 1, y=y, random_state=0)
            assert (y[sheet.items] == UNLABELED).all()
            y[sheet.items] = encoding.top[sheet.items]


class TestList:
    def test_no_item_is_on_two_sheets(self):
        items = shown(sheets_from(cloud(), 12, random_state=0))
        assert len(set(items)) == len(items) == 60

    def test_longer_lists_begin_with_shorter_ones(self, monkeypatch):
        for name, value in {"_N_ITEMS": 120, "_N_CANDIDATES": 40, "BATCH": 10}.items():
            monkeypatch.setattr(f"labelwise.planning.sampling.{name}", value)
        sheets = sheets_from(cloud(280), 14, random_state=6)
        assert len(set(shown(sheets))) == 70
        for n_sheets in (1, 2, 3, 9):
            assert same(sheets_from(cloud(280), n_sheets, random_state=6), sheets[:n_sheets])
        assert not same(sheets_from(cloud(280), 14, random_state=7), sheets)

    def test_the_same_random_state_gives_the_same_sheets(self):
        y = labels_at(120, {3: 1, 50: 0})
        assert same(*(sheets_from(cloud(), 4, y=y, random_state=4) for _ in range(2)))
        assert same(*(sheets_from(cloud(), 4, random_state=np.random.default_rng(8)) for _ in range(2)))

    @pytest.mark.parametrize("size", [1, 3, 12])
    def test_sheets_are_as_large_as_wanted(self, size):
        y = labels_at(120, dict.fromkeys(range(0, 120, 2), "a"))
        for given in (None, y):
            assert {len(sheet.items) for sheet in sheets_from(cloud(), 4, y=given, size=size)} == {size}

    def test_a_pool_of_thirty_is_covered_by_six_and_no_more_are_found(self):
        encoding, _ = blobs(10, 10, 10)
        sheets = sheets_from(encoding, 30, random_state=0)
        assert sorted(shown(sheets)) == list(range(30))
        assert 6 <= len(sheets) < 30

    def test_the_last_items_are_on_smaller_sheets(self):
        y = labels_at(120, dict.fromkeys(range(117), "a"))
        sheets = sheets_from(cloud(), 3, y=y, random_state=0)
        assert sorted(shown(sheets)) == [117, 118, 119]

    @pytest.mark.parametrize("n_samples", [1, 2, 5])
    def test_tiny_pools(self, n_samples):
        (sheet,) = sheets_from(cloud(n_samples), 1, random_state=0)
        assert sorted(sheet.items) == list(range(n_samples))
        assert sheet.n_items == n_samples


class TestCopies:
    def pool(self):
        return Encoding(np.eye(3)[np.arange(90) % 3], latents=np.eye(3)[np.arange(90) % 3])

    def test_each_is_shown_once_before_copies_follow(self):
        first, *rest = sheets_from(self.pool(), 20, random_state=0)
        assert sorted(first.items % 3) == [0, 1, 2]
        assert all(sheet.reason.startswith("copy of") for sheet in rest)
        assert sorted(shown([first, *rest])) == list(range(90))

    def test_copies_of_labelled_items_are_predicted_to_be_the_same(self):
        y = labels_at(90, {0: "a", 1: "b", 2: "c"})
        for sheet in sheets_from(self.pool(), 4, y=y, random_state=0):
            assert sheet.reason.startswith("copy of")
            assert sheet.predictions.tolist() == ["abc"[row % 3] for row in sheet.items]

    def test_all_items_equal(self):
        encoding = Encoding(np.ones((40, 1)), latents=np.zeros((40, 2)))
        assert sorted(shown(sheets_from(encoding, 40, random_state=0))) == list(range(40))


class TestExpert:
    """Small blobs in six places: most of a place are of one class, two are of others."""

    N_DECISIONS = 30

    def nested(self, seed):
        rng = np.random.default_rng(seed)
        place, blob = np.arange(720) // 120, np.arange(720) // 15
        latents = 40 * np.eye(6)[place] + 4 * rng.standard_normal((48, 6))[blob]
        latents += 0.5 * rng.standard_normal((720, 6))
        truth = np.where(blob % 8 < 6, place, (place + blob % 8) % 6)
        return Encoding(np.eye(6)[place], latents), truth

    def labels_of_sheets(self, encoding, truth, seed):
        y = np.full(len(truth), UNLABELED)
        spent = 0
        while True:
            for sheet in sheets_from(encoding, 5, y=y, random_state=seed):
                codes = truth[sheet.items]
                odd = len(codes) - np.bincount(codes).max()
                if sheet.predictions is not None:
                    odd = min(odd, (sheet.predictions != codes).sum())
                spent += 1 + odd
                if spent > self.N_DECISIONS:
                    return y
                y[sheet.items] = codes

    def accuracy(self, encoding, truth, y):
        decoder = PoissonDecoder().fit(encoding, y)
        given = (y[:, None] == decoder.classes_).astype(np.float32)
        scores = decoder.node_scores(decoder.pool_, decoder.pool_.gather(given))
        answers = decoder.classes_[scores.argmax(axis=1)][decoder.pool_.nodes]
        return (answers == truth)[y == UNLABELED].mean()

    @pytest.mark.parametrize("seed", range(2))
    def test_decisions_on_sheets_are_worth_more_than_on_single_items(self, seed):
        encoding, truth = self.nested(seed)
        y = self.labels_of_sheets(encoding, truth, seed)
        single = np.full(len(truth), UNLABELED)
        chosen = [found.index for found in suggest_from(encoding, self.N_DECISIONS, random_state=seed)]
        single[chosen] = truth[chosen]
        assert self.accuracy(encoding, truth, y) > self.accuracy(encoding, truth, single) + 0.1


class TestRefusal:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"n_sheets": 0}, "n_sheets=0 must be an integer of at least 1"),
            ({"n_sheets": 1.5}, "n_sheets=1.5"),
            ({"n_sheets": 1, "size": 0}, "size=0 must be None or an integer of at least 1"),
            ({"n_sheets": 1, "random_state": -1}, "random_state=-1"),
            ({"n_sheets": 121}, "n_sheets=121 is more than the 120 items without a label: ask for fewer"),
        ],
    )
    def test_values_that_cannot_be(self, options, named):
        with pytest.raises(ParameterError, match=named):
            sheets_from(cloud(), **options)

    def test_all_are_labelled(self):
        with pytest.raises(LabelError, match="all 120 items have a label"):
            sheets_from(cloud(), 1, y=np.zeros(120, dtype=int))

    def test_labels_of_other_items(self):
        with pytest.raises(LabelError, match="120 items"):
            sheets_from(cloud(), 1, y=np.zeros(7, dtype=int))

    def test_posteriors_alone_say_what_is_missing(self):
        with pytest.raises(DataError, match="has no latents"):
            sheets_from(Encoding(np.full((30, 2), 0.5)), 1)
