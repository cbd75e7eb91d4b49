"""What figures show is counted rightly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labelwise.labels import UNLABELED
from labelwise.study import analysis
from labelwise.study.sweep import draw_labels

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 3, 300)
Q = RNG.dirichlet(np.full(6, 0.3), 300)


def test_components_by_counting():
    found = analysis.describe_components(Q, TRUTH, 3)
    home = Q.argmax(axis=1)
    for component in range(6):
        counts = [int(((home == component) & (code == TRUTH)).sum()) for code in range(3)]
        assert found.shares[component] == pytest.approx(sum(counts) / 300)
        assert found.purity[component] == pytest.approx(max(counts) / sum(counts))
        assert counts[found.classes[component]] == max(counts)
    best = sum(
        max(((home == component) & (code == TRUTH)).sum() for code in range(3)) for component in range(6)
    )
    assert found.mean_purity == pytest.approx(best / 300)


def test_an_empty_component_has_no_class():
    found = analysis.describe_components(np.eye(3)[[0, 0, 1]], np.array([0, 0, 1]), 2)
    assert found.classes.tolist() == [0, 1, -1]
    assert math.isnan(found.purity[2])
    assert found.mean_purity == 1


class TestVote:
    # Class 0 is spread over components 0 and 2; the last item leans to component 0, but class 1 is sure of
    # component 1.
    posteriors = np.array(
        [[0.52, 0.0, 0.48], [0.52, 0.0, 0.48], [0.02, 0.97, 0.01], [0.02, 0.97, 0.01], [0.4, 0.35, 0.25]]
    )
    truth = np.array([0, 0, 1, 1, 1])

    def decoded(self):
        # All labels but the last item's: whatever the draw, only they are given.
        for draw in range(100):
            if draw_labels(self.truth, 4, draw)[4] == UNLABELED:
                return analysis.decode_draw(self.posteriors, self.truth, 4, draw)
        raise AssertionError("no draw leaves the last item out")

    def test_the_item_and_its_numbers(self):
        vote = analysis.find_vote(self.posteriors, self.truth, self.decoded())
        assert (vote.row, vote.truth, vote.hard, vote.soft) == (4, 1, 0, 1)
        assert vote.components[0] == 0
        assert vote.by_name == pytest.approx({0: 0.65, 1: 0.35})
        # The profiles of the classes are their rows; scores are the dot products, normalised.
        dots = 0.4 * 0.52 + 0.25 * 0.48, 0.4 * 0.02 + 0.35 * 0.97 + 0.25 * 0.01
        assert vote.scores == pytest.approx({0: dots[0] / sum(dots), 1: dots[1] / sum(dots)})

    def test_none_where_soft_corrects_nothing(self):
        decoded = analysis.decode_draw(np.eye(3)[TRUTH], TRUTH, 50, 0)
        assert analysis.find_vote(np.eye(3)[TRUTH], TRUTH, decoded) is None


def test_reliability_by_counting():
    stated = RNG.random(500)
    right = RNG.random(500) < stated
    found = analysis.reliability(stated, right)
    total = 0.0
    for number in range(10):
        mine = (stated >= number / 10) & (stated < (number + 1) / 10)
        assert found.accuracy[number] == pytest.approx(right[mine].mean())
        assert found.confidence[number] == pytest.approx(stated[mine].mean())
        total += mine.sum() / 500 * abs(right[mine].mean() - stated[mine].mean())
    assert found.error == pytest.approx(total)


def test_a_probability_of_one_is_in_the_last_bin():
    found = analysis.reliability(np.ones(4), np.array([True, True, True, False]))
    assert found.share[-1] == 1
    assert found.error == pytest.approx(0.25)


def test_confusion_and_its_worst_pairs():
    truth, answers = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 1, 0, 2])
    table = analysis.confusion(truth, answers, 4)
    np.testing.assert_allclose(table[0], [0.25, 0.5, 0.25, 0])
    np.testing.assert_allclose(table[3], 0)
    assert analysis.worst_pairs(table, 5) == [(0, 1), (1, 0), (0, 2)]
    assert analysis.worst_pairs(table, 1) == [(0, 1)]


def test_gains_by_class_are_differences_of_accuracy():
    found = analysis.class_gains(Q, TRUTH, 30, range(3))
    decoded = analysis.decode_draw(Q, TRUTH, 30, 1)
    for code in range(3):
        mine = code == TRUTH
        expected = (decoded.soft_answers[mine] == code).mean() - (decoded.hard_answers[mine] == code).mean()
        assert found.gains[1, code] == pytest.approx(expected)
    answers = [analysis.decode_draw(Q, TRUTH, 30, draw).soft_answers for draw in range(3)]
    differ = np.mean([answers[0] != answers[1], answers[0] != answers[2], answers[1] != answers[2]], axis=0)
    assert found.instability[0] == pytest.approx(differ[TRUTH == 0].mean())


def test_gains_by_uncertainty_cover_the_items_without_a_label():
    decoded = analysis.decode_draw(Q, TRUTH, 30, 0)
    entropy = analysis.posterior_entropy(Q)
    found = analysis.gains_by(entropy, TRUTH, decoded, np.linspace(0, entropy.max(), 5))
    assert found.share.sum() == pytest.approx(1)
    hidden = decoded.y == UNLABELED
    right = (decoded.soft_answers == TRUTH)[hidden].mean()
    assert np.nansum(found.soft * found.share) == pytest.approx(right)


def test_entropy_and_margin():
    rows = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(analysis.posterior_entropy(rows)[:2], [math.log(2), 0], atol=1e-12)
    np.testing.assert_allclose(analysis.posterior_margin(rows), [0, 1, 0.2], atol=1e-12)
