"""Held-out answers for labelled items, and the temperature that calibrates them."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.conftest import classes_of, posteriors, some_labels
from labelwise.decoding import UNLABELED, BayesDecoder, PoissonDecoder, SoftDecoder, SpreadingDecoder
from labelwise.decoding.crossfit import N_FOLDS, fit_temperature, out_of_fold, temper
from labelwise.encoding import Encoding

DECODERS = pytest.mark.parametrize(
    "decoder",
    [SoftDecoder(), BayesDecoder(), PoissonDecoder(), SpreadingDecoder()],
    ids=lambda d: type(d).__name__,
)


def cross(decoder, Q, y, n_classes=3):
    """Held-out probabilities of all labelled items."""
    labeled = np.flatnonzero(y != UNLABELED)
    return out_of_fold(decoder, Q, labeled, y[labeled], n_classes)


def folds_of(Q, y):
    """Rows of each fold, as the documentation says: items in the order of class and place, dealt in turn."""
    labeled = [row for row in range(len(y)) if y[row] != UNLABELED]
    dealt = sorted(labeled, key=lambda row: (y[row], *Q.latents[row]))
    return [dealt[number::N_FOLDS] for number in range(N_FOLDS)]


class TestOutOfFold:
    @DECODERS
    def test_each_item_is_answered_by_the_labels_of_the_other_folds(self, decoder):
        Q = Encoding.of_table(posteriors())
        y = some_labels(classes_of(Q.posteriors))
        labeled = np.flatnonzero(y != UNLABELED).tolist()
        found = cross(decoder, Q, y)
        assert found.shape == (40, 3)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        for rows in folds_of(Q, y):
            assert 7 <= len(rows) <= 9
            others = y.copy()
            others[rows] = UNLABELED
            expected = type(decoder)().fit(Q, others).predict_proba(Q)[rows]
            np.testing.assert_allclose(found[[labeled.index(row) for row in rows]], expected, atol=1e-6)

    @DECODERS
    def test_a_label_has_no_say_in_its_own_answer_nor_in_those_of_its_fold(self, decoder):
        # Along the first latent, class 0 lies before class 1: the first item of class 1 can change its class
        # without a change of the order in which folds are dealt.
        rng = np.random.default_rng(0)
        latents = np.column_stack([np.arange(60.0), 5 * rng.standard_normal((60, 2))])
        Q = Encoding(posteriors(60), latents)
        y = np.where(np.arange(60) % 2, UNLABELED, np.arange(60) // 30)
        flipped = y.copy()
        first = int(np.flatnonzero(y == 1)[0])
        flipped[first] = 0
        assert [set(rows) for rows in folds_of(Q, flipped)] == [set(rows) for rows in folds_of(Q, y)]
        before, after = (cross(decoder, Q, labels, 2) for labels in (y, flipped))
        labeled = np.flatnonzero(y != UNLABELED).tolist()
        mates = next(rows for rows in folds_of(Q, y) if first in rows)
        places = [labeled.index(row) for row in mates]
        assert len(places) == 6
        np.testing.assert_array_equal(after[places], before[places])
        others = np.setdiff1d(np.arange(30), places)
        assert (after[others] != before[others]).any()

    @DECODERS
    def test_order_of_rows_plays_no_part(self, decoder):
        values = posteriors()
        y = some_labels(classes_of(values))
        order = np.random.default_rng(1).permutation(len(y))
        found = np.full((len(y), 3), np.nan)
        found[y != UNLABELED] = cross(decoder, Encoding.of_table(values), y)
        permuted = cross(decoder, Encoding.of_table(values[order]), y[order])
        np.testing.assert_allclose(permuted, found[order][y[order] != UNLABELED], atol=1e-5)

    def test_each_fold_has_its_share_of_each_class(self):
        Q = Encoding.of_table(posteriors())
        y = some_labels(classes_of(Q.posteriors), 60)
        for label in range(3):
            counts = [sum(y[row] == label for row in rows) for rows in folds_of(Q, y)]
            assert max(counts) - min(counts) <= 1

    def test_a_class_with_one_label_has_no_chance_where_that_one_is_held_out(self):
        Q = Encoding.of_table(posteriors())
        y = some_labels(classes_of(Q.posteriors, 2))
        lone = int(np.flatnonzero(y != UNLABELED)[11])
        y[lone] = 2
        found = cross(SoftDecoder(), Q, y)
        row = np.flatnonzero(y != UNLABELED).tolist().index(lone)
        assert found[row, 2] == 0
        assert found[row].sum() == pytest.approx(1)

    def test_fewer_labels_than_folds_will_do(self):
        Q = Encoding.of_table(posteriors())
        y = np.full(150, UNLABELED)
        y[[3, 50, 90]] = 0, 1, 1
        found = cross(SoftDecoder(), Q, y, 2)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert found[0].tolist() == [0, 1]  # its class has no other label

    def test_classes_named_for_the_decoder_play_no_part(self):
        Q = Encoding.of_table(posteriors())
        y = some_labels(classes_of(Q.posteriors))
        named = cross(SoftDecoder(classes=["a", "b"]), Q, y)  # would refuse these labels
        np.testing.assert_array_equal(named, cross(SoftDecoder(), Q, y))


class TestTemper:
    def test_it_is_a_power_and_rows_sum_to_1(self):
        P = 0.01 + 0.96 * posteriors(20, 4)
        for temperature in (0.3, 2.0, 7.0):
            tempered = temper(P, temperature)
            expected = np.array([row ** (1 / temperature) / (row ** (1 / temperature)).sum() for row in P])
            np.testing.assert_allclose(tempered, expected, rtol=1e-12)
            assert tempered.argmax(axis=1).tolist() == P.argmax(axis=1).tolist()

    def test_1_changes_nothing_and_more_makes_unsure(self):
        P = 0.01 + 0.96 * posteriors(20, 4)
        np.testing.assert_allclose(temper(P, 1.0), P, rtol=1e-12)
        assert (temper(P, 3.0).max(axis=1) < P.max(axis=1)).all()
        assert (temper(P, 0.5).max(axis=1) > P.max(axis=1)).all()

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
    def test_less_than_a_millionth_is_not_believed(self, temperature):
        tempered = temper(np.array([[0.75, 0.25, 0.0], [0.75, 0.25, 1e-6], [0.0, 1.0, 0.0]]), temperature)
        np.testing.assert_array_equal(tempered[0], tempered[1])
        assert tempered[0, 2] / tempered[0, 1] == pytest.approx((1e-6 / 0.25) ** (1 / temperature))
        assert tempered[2, 0] == tempered[2, 2] == pytest.approx(1e-6 ** (1 / temperature) * tempered[2, 1])


def calibrated(n_samples, n_classes=4, *, seed=0):
    """Probabilities, and classes drawn from them."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(n_classes, 0.7), n_samples)
    codes = np.array([rng.choice(n_classes, p=row) for row in P])
    return P, codes


class TestFitTemperature:
    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
    def test_what_was_sharpened_is_found_out(self, temperature):
        found = []
        for seed in range(8):
            P, codes = calibrated(290, seed=seed)
            found.append(fit_temperature(temper(P, 1 / temperature), codes))  # so many times too sure
        assert np.exp(np.mean(np.log(found))) == pytest.approx(temperature, rel=0.1)
        assert max(found) / min(found) < 1.6

    def test_it_makes_the_true_classes_likelier_than_other_temperatures_do(self):
        P, codes = calibrated(200)
        P = temper(P, 0.4)
        best = fit_temperature(P, codes)

        def loss(temperature):
            own = temper(np.maximum(P, 1e-6), temperature)[np.arange(200), codes]
            return np.log(temperature) ** 2 / 2 - np.log(own).sum()

        assert all(loss(best) < loss(best * factor) for factor in (0.3, 0.8, 0.97, 1.03, 1.3, 3))

    @pytest.mark.parametrize("n_labels", [1, 3, 10])
    def test_a_handful_of_right_answers_says_little(self, n_labels):
        P = np.tile([0.9, 0.05, 0.05], (n_labels, 1))
        # Without a prior the likeliest temperature would be 0.
        assert 0.3 < fit_temperature(P, np.zeros(n_labels, dtype=int)) < 1

    def test_a_handful_of_wrong_answers_says_more_but_not_all(self):
        P = np.tile([0.999, 0.0005, 0.0005], (5, 1))
        temperature = fit_temperature(P, np.full(5, 1))
        assert 2 < temperature < 20

    def test_sure_and_wrong_answers_make_it_less_sure(self):
        P, codes = calibrated(100)
        without = fit_temperature(P, codes)
        P = np.vstack([P, np.tile([1.0, 0, 0, 0], (5, 1))])
        assert fit_temperature(P, np.append(codes, np.full(5, 3))) > 1.2 * without

    def test_order_of_items_plays_no_part(self):
        P, codes = calibrated(100)
        order = np.random.default_rng(1).permutation(100)
        assert fit_temperature(P[order], codes[order]) == pytest.approx(fit_temperature(P, codes), rel=1e-4)
