"""Where to stop answering, against trying every threshold there is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decoding.conftest import posteriors
from labelwise.decoding.abstention import abstention_threshold, risk_coverage
from labelwise.errors import DataError, ParameterError


def expected_errors(P):
    """For each threshold that there is, from high to low: the answered rows and their expected error."""
    largest = [max(row) for row in P.tolist()]
    for threshold in sorted(set(largest), reverse=True):
        answered = [p for p in largest if p >= threshold]
        yield threshold, len(answered), sum(1 - p for p in answered) / len(answered)


class TestThreshold:
    @pytest.mark.parametrize("risk", [0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0])
    @pytest.mark.parametrize("seed", range(4))
    def test_it_is_the_lowest_of_all_that_keep_the_expected_error(self, seed, risk):
        P = posteriors(60, 4, seed=seed)
        good = [threshold for threshold, _, error in expected_errors(P) if error <= risk]
        assert abstention_threshold(P, risk) == (min(good) if good else math.inf)

    @pytest.mark.parametrize("seed", range(4))
    def test_equally_sure_items_are_answered_together_or_not_at_all(self, seed):
        P = posteriors(80, 3, seed=seed).round(1)
        P[:, 0] = np.maximum(1 - P[:, 1:].sum(axis=1), 0)
        P /= P.sum(axis=1, keepdims=True)
        P = P.round(6)
        for risk in (0.02, 0.05, 0.11, 0.3):
            threshold = abstention_threshold(P, risk)
            good = [t for t, _, error in expected_errors(P) if error <= risk + 1e-12]
            assert threshold == (min(good) if good else math.inf)

    def test_more_risk_never_answers_less(self):
        P = posteriors(200, 5)
        thresholds = [abstention_threshold(P, risk) for risk in np.linspace(0, 1, 101)]
        assert (np.diff(np.nan_to_num(thresholds, posinf=2)) <= 0).all()
        assert thresholds[-1] == P.max(axis=1).min()  # all are answered
        assert len(set(thresholds)) > 20

    def test_where_nothing_is_sure_enough_nothing_is_answered(self):
        assert abstention_threshold([[0.6, 0.4], [0.5, 0.5]], 0.39) == math.inf
        assert abstention_threshold([[0.6, 0.4], [0.5, 0.5]], 0.41) == 0.6

    def test_certain_answers_carry_no_risk(self):
        assert abstention_threshold([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], 0) == 1

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_threshold_selects_what_was_counted_in_any_precision(self, dtype):
        P = posteriors(150, 4, dtype=dtype)
        threshold = abstention_threshold(P, 0.1)
        answered = P.max(axis=1)[P.max(axis=1) >= threshold].astype(np.float64)
        assert 0 < len(answered) < 150
        assert (1 - answered).mean() <= 0.1

    def test_order_of_rows_plays_no_part(self):
        P = posteriors(100, 4)
        order = np.random.default_rng(0).permutation(100)
        assert abstention_threshold(P[order], 0.07) == abstention_threshold(P, 0.07)

    def test_as_many_are_wrong_as_expected_where_probabilities_are_calibrated(self):
        wrong, shares = [], []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            P = rng.dirichlet(np.full(3, 0.5), 290)
            truth = (P.cumsum(axis=1) < rng.random((290, 1))).sum(axis=1)
            answered = P.max(axis=1) >= abstention_threshold(P, 0.1)
            wrong.append((P.argmax(axis=1) != truth)[answered].mean())
            shares.append(answered.mean())
        assert np.mean(wrong) == pytest.approx(0.1, abs=0.015)
        assert 0.2 < np.mean(shares) < 0.5

    @pytest.mark.parametrize("risk", [-0.01, 1.5, math.nan])
    def test_a_risk_that_is_no_share(self, risk):
        with pytest.raises(ParameterError) as caught:
            abstention_threshold([[0.5, 0.5]], risk)
        assert str(caught.value) == f"risk={risk!r} must be a number from 0 to 1"

    @pytest.mark.parametrize(
        ("P", "shape", "dtype"),
        [
            ([0.5, 0.5], (2,), "float64"),
            (np.empty((0, 3)), (0, 3), "float64"),
            ([["a", "b"]], (1, 2), "<U1"),
        ],
    )
    def test_what_is_no_table(self, P, shape, dtype):
        with pytest.raises(DataError) as caught:
            abstention_threshold(P, 0.1)
        assert str(caught.value) == (
            "probabilities must be a table of numbers of shape (n_samples, n_classes), "
            f"but have shape {shape} and type {dtype}"
        )

    def test_rows_that_are_no_probabilities(self):
        with pytest.raises(
            DataError, match=r"^probabilities must be at least 0 and sum to 1 in each row, but row 1"
        ):
            abstention_threshold([[0.5, 0.5], [0.9, 0.9]], 0.1)


class TestRiskCoverage:
    @pytest.mark.parametrize("digits", [1, 8])
    @pytest.mark.parametrize("seed", range(3))
    def test_every_level_is_that_of_a_loop(self, seed, digits):
        rng = np.random.default_rng(seed)
        confidence = rng.random(70).round(digits)
        correct = rng.random(70) < confidence
        coverage, risk = risk_coverage(confidence, correct)
        levels = sorted(set(confidence.tolist()), reverse=True)
        assert len(coverage) == len(risk) == len(levels)
        for level, share, wrong in zip(levels, coverage, risk, strict=True):
            answered = [ok for c, ok in zip(confidence, correct, strict=True) if c >= level]
            assert share == pytest.approx(len(answered) / 70)
            assert wrong == pytest.approx(sum(not ok for ok in answered) / len(answered))

    def test_it_ends_with_all_items_and_the_error_of_all(self):
        correct = np.arange(50) % 5 > 0
        coverage, risk = risk_coverage(np.linspace(0, 1, 50), correct)
        assert (np.diff(coverage) > 0).all()
        assert (coverage[-1], risk[-1]) == (1, pytest.approx(0.2))

    def test_where_all_are_equally_sure_there_is_one_level(self):
        coverage, risk = risk_coverage([0.5] * 4, [True, False, True, True])
        assert (coverage.tolist(), risk.tolist()) == ([1.0], [0.25])

    def test_numbers_say_correct_as_well(self):
        for correct in ([1, 0, 1], [1.0, 0.0, 1.0]):
            coverage, risk = risk_coverage([0.9, 0.8, 0.7], correct)
            np.testing.assert_allclose(coverage, [1 / 3, 2 / 3, 1])
            np.testing.assert_allclose(risk, [0, 1 / 2, 1 / 3])

    @pytest.mark.parametrize(
        ("confidence", "correct"), [([], []), ([0.5], [True, False]), ([[0.5]], [[True]])]
    )
    def test_what_does_not_belong_together(self, confidence, correct):
        with pytest.raises(DataError) as caught:
            risk_coverage(confidence, correct)
        assert str(caught.value) == (
            f"confidence has shape {np.shape(confidence)} and correct has shape {np.shape(correct)}: "
            "give one of each for every item"
        )

    def test_a_confidence_that_is_no_number(self):
        with pytest.raises(DataError, match=r"^confidence holds NaN in row 1: leave such items out$"):
            risk_coverage([0.5, np.nan], [True, True])
