"""What results are said to mean, on results that were made up to mean it."""

from __future__ import annotations

import math

import pytest

from labelwise.report.findings import best_peers, exchanges, labels_needed, paired_gains
from labelwise.study.results import Cell, summarise


def cells_of(method, means, *, seed=0, spread=0.0):
    return [
        Cell("toy", seed, draw, n, n / 1000, method, mean + spread * (draw - 0.5), 3, 3, 0.1)
        for n, mean in means.items()
        for draw in range(2)
    ]


def needed(means, target=0.8):
    (row,) = labels_needed(summarise(cells_of("soft", means)), target)
    return row


class TestLabelsNeeded:
    def test_between_two_budgets_on_the_logarithm(self):
        assert needed({10: 0.7, 100: 0.9}).n_labels == pytest.approx(math.sqrt(10 * 100))

    def test_never(self):
        assert math.isinf(needed({10: 0.5, 100: 0.7}).n_labels)

    def test_at_once(self):
        row = needed({10: 0.85, 100: 0.9})
        assert (row.n_labels, row.is_bound) == (10, True)

    def test_a_dip_below_the_target_counts(self):
        assert needed({10: 0.85, 100: 0.7, 1000: 0.9}).n_labels == pytest.approx(math.sqrt(100 * 1000))

    def test_failed_budgets_are_passed_over(self):
        cells = cells_of("soft", {10: 0.7, 1000: 0.9})
        cells += [Cell("toy", 0, 0, 100, 0.1, "soft", math.nan, 3, 3, 0.1, error="no")]
        (row,) = labels_needed(sorted(summarise(cells), key=lambda row: row.n_labeled), 0.8)
        assert row.n_labels == pytest.approx(100)


class TestPairedGains:
    def test_pairs_share_model_and_draw(self):
        soft = cells_of("soft", {10: 0.8}, spread=0.2) + cells_of("soft", {10: 0.7}, seed=1, spread=0.2)
        hard = cells_of("hard", {10: 0.75}, spread=0.2) + cells_of("hard", {10: 0.65}, seed=1, spread=0.2)
        (gain,) = paired_gains(soft + hard, "soft", "hard")
        assert gain.mean == pytest.approx(0.05)
        assert gain.half_width == pytest.approx(0, abs=1e-9)

    def test_a_method_without_a_model_is_paired_with_every_seed(self):
        soft = cells_of("soft", {10: 0.8}) + cells_of("soft", {10: 0.6}, seed=1)
        (gain,) = paired_gains(soft + cells_of("xgboost", {10: 0.5}, seed=-1), "soft", "xgboost")
        assert gain.mean == pytest.approx(0.2)

    def test_draws_that_one_of_them_lacks_are_left_out(self):
        soft, other = cells_of("soft", {10: 0.8}, spread=0.1), cells_of("xgboost", {10: 0.5}, seed=-1)[:1]
        (gain,) = paired_gains(soft + other, "soft", "xgboost")
        assert gain.mean == pytest.approx(0.25)
        assert math.isnan(gain.half_width)

    def test_nothing_to_pair(self):
        assert paired_gains(cells_of("soft", {10: 0.8}), "soft", "xgboost") == []


def test_best_peers():
    cells = cells_of("soft", {10: 0.8}) + cells_of("hard", {10: 0.7}) + cells_of("mlp", {10: 0.6})
    ((mine, other),) = best_peers(summarise([*cells, *cells_of("mixture-classifier", {10: 0.9})]))
    assert (mine.method, other.method) == ("soft", "mixture-classifier")


def test_exchanges_say_what_a_peer_needs_for_the_same_accuracy():
    cells = cells_of("soft", {10: 0.8, 100: 0.95, 1000: 0.4})
    cells += cells_of("xgboost", {10: 0.5, 100: 0.7, 1000: 0.9}, seed=-1)
    (row,) = exchanges(summarise(cells), "soft", "xgboost")
    # .8 lies half way between 100 and 1,000 labels; .95 is never reached; .4 was reached before the first.
    assert row.n_labeled == 10
    assert row.n_peer == pytest.approx(math.sqrt(100 * 1000))
    assert row.ratio == pytest.approx(math.sqrt(1000))
