"""Which items to label next: blobs that all can see, and the search written again with dense matrices."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from labelwise import GMVAE, UNLABELED, suggest
from labelwise.decoding import PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.errors import LabelError, ParameterError, StructureWarning
from labelwise.graph.neighbours import Neighbourhood
from labelwise.planning.suggest import suggest_from
from planning.pools import blobs, cloud, labels_at

N_STEPS = 20
N_NEIGHBORS = 10


def rows(suggestions):
    return [suggestion.index for suggestion in suggestions]


def greedy_by_definition(encoding, n_labels, y):
    """Items that add most to the reach of those before them, in dense float64."""
    pool = Neighbourhood(encoding.latents, N_NEIGHBORS)
    weights = pool.weights.toarray().astype(np.float64)[np.ix_(pool.nodes, pool.nodes)]
    degrees = weights.sum(axis=1)
    reach = np.linalg.matrix_power(weights / degrees[:, None], N_STEPS) / degrees
    labeled = np.flatnonzero(y != UNLABELED)
    free = np.setdiff1d(np.arange(len(y)), labeled)
    best = reach.max(axis=1)
    doubt = np.ones(len(y))
    covered = np.zeros(len(y))
    if len(labeled):
        decoder = PoissonDecoder().fit(encoding, y)
        given = (y[:, None] == decoder.classes_).astype(np.float32)
        # What walks bring, without the nearness that decides between classes of which they bring as little.
        P = decoder.node_scores(decoder.pool_, decoder.pool_.gather(given))[decoder.pool_.nodes]
        P.sort(axis=1)
        doubt = 1 - 0.9 * (P[:, -1] - P[:, -2])
        covered = reach[:, labeled].max(axis=1) / best
    chosen = []
    for _ in range(n_labels):
        gains = [doubt @ np.maximum(reach[:, row] / best - covered, 0) for row in free]
        chosen.append(int(free[int(np.argmax(gains))]))
        covered = np.maximum(covered, reach[:, chosen[-1]] / best)
    return chosen


class TestSearch:
    @pytest.mark.parametrize("seed", range(4))
    def test_without_labels_it_is_the_greedy_one(self, seed):
        encoding = cloud(seed=seed)
        y = np.full(120, UNLABELED)
        found = suggest_from(encoding, 8, random_state=0)
        assert rows(found) == greedy_by_definition(encoding, 8, y)

    @pytest.mark.parametrize("seed", range(4))
    def test_with_labels_it_weighs_items_by_how_open_their_answer_is(self, seed):
        encoding = cloud(seed=seed)
        y = np.full(120, UNLABELED)
        y[[3, 50, 70, 110]] = [2, 0, 1, 0]
        found = suggest_from(encoding, 8, y=y, random_state=0)
        assert rows(found) == greedy_by_definition(encoding, 8, y)
        assert rows(found) != rows(suggest_from(encoding, 8, random_state=0))

    def test_each_item_adds_no_more_than_those_before_it(self):
        found = suggest_from(cloud(), 20, random_state=0)
        shares = [float(re.search(r"stands for ([\d.]+)%", item.reason)[1]) for item in found]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > 2 * shares[-1]
        assert sum(shares) <= 100

    @pytest.mark.parametrize("n_blobs", [2, 5, 8])
    def test_as_many_items_as_blobs_are_one_in_each(self, n_blobs):
        encoding, home = blobs(*[30] * n_blobs)
        found = rows(suggest_from(encoding, n_blobs, random_state=0))
        assert sorted(home[found].tolist()) == list(range(n_blobs))

    def test_the_largest_blob_comes_first(self):
        encoding, home = blobs(30, 90, 50)
        found = rows(suggest_from(encoding, 3, random_state=0))
        assert home[found].tolist() == [1, 2, 0]

    def test_labels_of_some_blobs_send_the_next_suggestions_to_the_others(self):
        encoding, home = blobs(*[30] * 6)
        y = labels_at(180, {0: "a", 31: "b", 95: "a"})  # blobs 0, 1 and 3
        found = rows(suggest_from(encoding, 3, y=y, random_state=0))
        assert sorted(home[found].tolist()) == [2, 4, 5]

    def test_an_outlier_is_not_the_first(self):
        inner = np.random.default_rng(0).standard_normal((60, 2))
        latents = np.concatenate([inner, [[40.0, 0.0]], [[0.0, -60.0]]])
        found = rows(suggest_from(Encoding(np.ones((62, 1)), latents=latents), 3, random_state=0))
        assert not {60, 61} & set(found)

    def test_a_table_of_probabilities_will_do(self):
        Q = np.random.default_rng(0).dirichlet(np.full(4, 0.05), 100)
        found = suggest_from(Encoding.of_table(Q), 4, random_state=0)
        assert sorted({item.component for item in found}) == [0, 1, 2, 3]


class TestList:
    @pytest.mark.parametrize("n_labels", [1, 7, 100])
    def test_items_are_all_different_and_of_the_pool(self, n_labels):
        found = rows(suggest_from(cloud(100), n_labels, random_state=0))
        assert len(set(found)) == len(found) == n_labels
        assert set(found) <= set(range(100))

    def test_labelled_items_are_not_suggested(self):
        y = labels_at(100, {row: "ab"[row % 2] for row in range(0, 90)})
        found = rows(suggest_from(cloud(100), 10, y=y, random_state=0))
        assert sorted(found) == list(range(90, 100))

    def test_components_are_the_most_probable_ones(self):
        encoding = cloud()
        for item in suggest_from(encoding, 20, random_state=0):
            assert item.component == encoding.posteriors[item.index].argmax()

    def test_the_same_random_state_gives_the_same_list(self):
        y = labels_at(120, {3: 1, 50: 0})
        first = suggest_from(cloud(), 9, y=y, random_state=4)
        assert suggest_from(cloud(), 9, y=y, random_state=4) == first
        generators = [np.random.default_rng(8) for _ in range(2)]
        assert len({tuple(suggest_from(cloud(), 9, random_state=rng)) for rng in generators}) == 1

    @pytest.mark.parametrize("longer", [40, 290])
    def test_a_longer_list_begins_with_the_shorter_one(self, longer):
        encoding = cloud(300)
        first = suggest_from(encoding, 12, random_state=1)
        assert suggest_from(encoding, longer, random_state=1)[:12] == first

    def test_so_it_does_where_many_items_are_alike(self):
        # There are fewer typical items than the longer list has.
        encoding, _ = blobs(400, 300, 20, distance=100.0)
        doubled = Encoding(np.repeat(encoding.posteriors, 2, axis=0), np.repeat(encoding.latents, 2, axis=0))
        first = suggest_from(doubled, 9, random_state=1)
        for longer in (60, 249, 251, 900):
            assert suggest_from(doubled, longer, random_state=1)[:9] == first

    def test_more_than_one_batch_gives_all_items_once(self):
        # Items are chosen 250 at a time.
        assert sorted(rows(suggest_from(cloud(280), 280, random_state=0))) == list(range(280))

    def test_all_labelled_but_a_few(self):
        y = labels_at(100, {row: row % 3 for row in range(100) if row not in (8, 40, 77)})
        assert sorted(rows(suggest_from(cloud(100), 3, y=y, random_state=0))) == [8, 40, 77]

    def test_labels_that_are_all_missing_are_as_none(self):
        expected = suggest_from(cloud(), 5, random_state=0)
        for dtype in (int, float, object):
            assert suggest_from(cloud(), 5, y=np.full(120, UNLABELED, dtype), random_state=0) == expected

    def test_a_pool_of_one_item(self):
        (found,) = suggest_from(Encoding.of_table([[0.2, 0.8]]), 1)
        assert (found.index, found.component) == (0, 1)


class TestCopies:
    """Forty items, four times each."""

    def pool(self):
        encoding, _ = blobs(20, 20)
        return Encoding(np.tile(encoding.posteriors, (4, 1)), latents=np.tile(encoding.latents, (4, 1)))

    def test_a_copy_comes_only_after_all_that_differ(self):
        found = suggest_from(self.pool(), 60, random_state=0)
        assert sorted(row % 40 for row in rows(found)[:40]) == list(range(40))
        assert len(set(rows(found))) == 60
        assert not any(item.reason.startswith("copy of") for item in found[:40])
        assert all(
            item.reason.startswith(f"copy of an item in component {item.component} ") for item in found[40:]
        )

    def test_a_copy_of_a_labelled_item_is_not_suggested_before_the_rest(self):
        y = labels_at(160, {row: "ab"[row % 40 // 20] for row in range(0, 40, 2)})
        found = rows(suggest_from(self.pool(), 20, y=y, random_state=0))
        assert sorted(row % 40 for row in found) == list(range(1, 40, 2))

    def test_where_all_that_differ_are_labelled_the_copies_are_left(self):
        y = labels_at(160, {row: "ab"[row // 20] for row in range(40)})
        found = suggest_from(self.pool(), 120, y=y, random_state=0)
        assert sorted(rows(found)) == list(range(40, 160))
        assert all(item.reason.startswith("copy of") for item in found)

    def test_copies_fill_a_second_batch_too(self):
        encoding = Encoding(np.ones((270, 1)), latents=np.repeat(np.arange(3.0), 90)[:, None])
        found = rows(suggest_from(encoding, 270, random_state=0))
        assert sorted(found) == list(range(270))
        assert sorted(row // 90 for row in found[:3]) == [0, 1, 2]

    def test_which_copy_is_taken_depends_on_the_random_state_alone(self):
        first, same, other = (rows(suggest_from(self.pool(), 60, random_state=seed)) for seed in (1, 1, 2))
        assert first == same
        assert first != other

    def test_many_copies_count_as_many_items(self):
        # A blob of few places, but of most items.
        rng = np.random.default_rng(0)
        many = np.repeat(rng.standard_normal((15, 2)), 12, axis=0)
        few = rng.standard_normal((60, 2)) + 50
        encoding = Encoding(np.ones((240, 1)), latents=np.concatenate([few, many]))
        first, *_ = rows(suggest_from(encoding, 1, random_state=0))
        assert first >= 60


class TestLargePools:
    """The limits on features and candidates are lowered in proportion, so that a small pool exceeds them."""

    @pytest.fixture(autouse=True)
    def low_limits(self, monkeypatch):
        for name, value in {"_N_ITEMS": 120, "_N_CANDIDATES": 40, "BATCH": 10}.items():
            monkeypatch.setattr(f"labelwise.planning.sampling.{name}", value)

    def test_some_of_the_items_stand_for_all(self):
        encoding, home = blobs(*[60] * 4)
        for seed in range(3):
            found = rows(suggest_from(encoding, 4, random_state=seed))
            assert sorted(home[found].tolist()) == [0, 1, 2, 3]

    def test_blobs_with_a_label_still_come_last(self):
        encoding, home = blobs(*[60] * 4)
        y = labels_at(240, {row: "ab"[home[row] // 2] for row in range(0, 240, 3) if home[row] in (0, 2)})
        found = rows(suggest_from(encoding, 2, y=y, random_state=0))
        assert sorted(home[found].tolist()) == [1, 3]

    def test_lists_are_reproducible_and_begin_with_shorter_ones(self):
        encoding = cloud(280)
        found = rows(suggest_from(encoding, 35, random_state=6))
        assert len(set(found)) == 35
        for n_labels in (1, 9, 10, 11, 24):
            assert rows(suggest_from(encoding, n_labels, random_state=6)) == found[:n_labels]
        assert rows(suggest_from(encoding, 35, random_state=7)) != found

    def test_the_whole_pool_can_be_asked_for(self):
        assert sorted(rows(suggest_from(cloud(280), 280, random_state=0))) == list(range(280))


class TestReasons:
    def test_all_are_texts_that_name_the_component(self):
        encoding, _ = blobs(30, 30, 30)
        for y in (None, labels_at(90, {0: "a", 1: "b", 40: "b"})):
            for item in suggest_from(encoding, 85, y=y, random_state=0):
                named = re.search(r"component (\d+)|^unsure: \S+ or \S+", item.reason)
                assert named, item
                assert named[1] in (None, str(item.component))

    def test_without_labels_it_says_how_many_an_item_stands_for(self):
        encoding, _ = blobs(25, 75)
        first, second = suggest_from(encoding, 2, random_state=0)
        for item, component, low, high in ((first, 1, 25, 75), (second, 0, 15, 25)):
            text, share = re.fullmatch(r"(.*); stands for ([\d.]+)% of all", item.reason).groups()
            assert text == f"typical of component {component}"
            assert low < float(share) <= high

    def test_a_component_without_a_label(self):
        encoding, _ = blobs(30, 30)
        (found,) = suggest_from(encoding, 1, y=labels_at(60, {4: "a"}), random_state=0)
        assert re.fullmatch(r"component 1 has no label yet; [\d.]+% of the doubts depend on it", found.reason)

    def test_a_component_with_labels_of_two_classes(self):
        latents = blobs(30, 30)[0].latents
        encoding = Encoding(np.ones((60, 1)), latents=latents)
        (found,) = suggest_from(encoding, 1, y=labels_at(60, {4: "cat", 40: "dog"}), random_state=0)
        assert found.reason.startswith("component 0 is mixed: cat, dog; ")

    def test_an_item_between_two_labels(self):
        # A row of items from one label to the other; each has a component of its own half.
        latents = np.arange(60.0)[:, None]
        Q = np.eye(2)[np.arange(60) // 30]
        y = labels_at(60, {0: "cat", 59: "dog"})
        (found,) = suggest_from(Encoding(Q, latents=latents), 1, y=y, random_state=0)
        assert re.match(r"unsure: (cat or dog|dog or cat); ", found.reason)
        assert 10 < found.index < 50

    def test_a_named_component_of_which_no_doubt_is_left(self):
        encoding, _ = blobs(40, 40)
        y = labels_at(80, {row: "ab"[row // 40] for row in range(0, 80, 4)})
        (found,) = suggest_from(encoding, 1, y=y, random_state=0)
        assert found.reason.startswith(f"component {found.component} is named, but its labels are far")


class TestRefusal:
    @pytest.mark.parametrize(
        ("n_labels", "message"),
        [
            (0, "n_labels=0 must be an integer of at least 1"),
            (-3, "n_labels=-3 must be an integer of at least 1"),
            (2.0, "n_labels=2.0 must be an integer of at least 1"),
            (True, "n_labels=True must be an integer of at least 1"),
            ("7", "n_labels='7' must be an integer of at least 1"),
            (None, "n_labels=None must be an integer of at least 1"),
            (121, "n_labels=121 is more than the 120 items without a label: ask for fewer"),
        ],
    )
    def test_a_number_of_labels_that_cannot_be(self, n_labels, message):
        with pytest.raises(ParameterError) as caught:
            suggest_from(cloud(), n_labels)
        assert str(caught.value) == message

    def test_more_than_are_left_without_a_label(self):
        y = labels_at(120, {5: "a", 6: "b"})
        assert len(suggest_from(cloud(), 118, y=y, random_state=0)) == 118
        with pytest.raises(ParameterError) as caught:
            suggest_from(cloud(), 119, y=y)
        assert str(caught.value) == "n_labels=119 is more than the 118 items without a label: ask for fewer"

    def test_nothing_left_to_label(self):
        with pytest.raises(LabelError) as caught:
            suggest_from(cloud(), 1, y=np.zeros(120))
        assert str(caught.value) == "all 120 items have a label already: there is none left to suggest"

    @pytest.mark.parametrize("y", [np.full(119, UNLABELED), np.zeros(121), [], np.full((120, 1), UNLABELED)])
    def test_labels_of_another_number_of_items_with_labels_or_without(self, y):
        with pytest.raises(LabelError, match=r"^y has shape .*, but there are 120 items: "):
            suggest_from(cloud(), 1, y=y)

    def test_labels_of_two_types(self):
        with pytest.raises(LabelError, match=r"^labels mix types \(int, str\): "):
            suggest_from(cloud(), 1, y=labels_at(120, {1: "a", 2: 3}))

    def test_a_random_state_that_is_none(self):
        with pytest.raises(ParameterError, match=r"^random_state=-1 must be None, an integer "):
            suggest_from(cloud(), 1, random_state=-1)


@pytest.fixture(scope="module")
def model():
    """A tiny model and the items that it was fitted to."""
    X = np.random.default_rng(0).random((80, 5)) + 3 * np.eye(5)[np.arange(80) % 5]
    settings = {"n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 3, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)
        return GMVAE(4, **settings).fit(X), X


class TestFeatures:
    def test_groups_that_only_the_features_tell_apart_get_a_label_each(self):
        rng = np.random.default_rng(0)
        group = np.arange(400) % 8
        features = 10 * np.eye(8)[group] + 0.3 * rng.standard_normal((400, 8))
        latents = rng.standard_normal((400, 2))
        blind, seeing = (
            Encoding(np.ones((400, 1)), latents=latents, features=values) for values in (None, features)
        )
        chosen = [set(group[rows(suggest_from(e, 8, random_state=0))]) for e in (blind, seeing)]
        assert len(chosen[0]) < 8
        assert len(chosen[1]) == 8

    def test_those_learned_from_the_items_are_left_to_the_latents(self):
        encoding = blobs(30, 30)[0]
        noise = np.random.default_rng(0).standard_normal((60, 3))
        parts = encoding.posteriors, encoding.latents, noise
        learned, given = (Encoding.of_checked(*parts, is_learned=told) for told in (True, False))
        found = [rows(suggest_from(each, 5, random_state=0)) for each in (encoding, learned, given)]
        assert found[0] == found[1] == rows(suggest_from(learned[np.arange(60)], 5, random_state=0))
        assert found[0] != found[2]

    def test_their_unit_does_not_matter(self):
        encoding = blobs(30, 30)[0]
        features = np.random.default_rng(0).standard_normal((60, 3))
        small, large = (
            Encoding(encoding.posteriors, encoding.latents, features * unit) for unit in (1.0, 1024.0)
        )
        assert rows(suggest_from(small, 5, random_state=0)) == rows(suggest_from(large, 5, random_state=0))


class TestModel:
    def test_it_asks_the_model_for_an_encoding(self, model):
        gmvae, X = model
        y = labels_at(80, {2: "x", 9: "y"})
        encoding = gmvae.encode(X)
        for labels in (None, y):
            found = suggest(gmvae, X, 6, y=labels, random_state=3)
            assert isinstance(found, np.ndarray)
            assert found.dtype.kind == "i"
            assert found.tolist() == rows(suggest_from(encoding, 6, y=labels, random_state=3))

    def test_ten_are_suggested_if_nobody_says_how_many(self, model):
        found = suggest(*model, random_state=0)
        assert len(set(found.tolist())) == 10

    def test_rows_can_be_taken_out_of_the_data(self, model):
        gmvae, X = model
        y = np.full(80, UNLABELED)
        for _ in range(3):
            chosen = suggest(gmvae, X, 5, y=y, random_state=0)
            assert (y[chosen] == UNLABELED).all()
            y[chosen] = chosen % 5
        assert (y != UNLABELED).sum() == 15

    def test_items_of_another_shape(self, model):
        with pytest.raises(ValueError, match="3 features, but GMVAE is expecting 5"):
            suggest(model[0], model[1][:, :3], 2)


class TestRare:
    def test_small_components_come_as_early_as_large_ones(self):
        encoding, home = blobs(200, 200, 200, 12, 12)
        found = home[rows(suggest_from(encoding, 5, rare=True, random_state=0))]
        assert set(found) == {0, 1, 2, 3, 4}

    def test_it_changes_what_is_suggested_and_is_checked(self):
        encoding, home = blobs(300, 60, 20)
        plain, rare = (home[rows(suggest_from(encoding, 30, rare=rare))] for rare in (False, True))
        assert (rare == 2).sum() > (plain == 2).sum()
        with pytest.raises(ParameterError, match="rare"):
            suggest_from(encoding, 5, rare="yes")
