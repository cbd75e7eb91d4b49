"""Draws of labels and scores, with methods whose answers are known beforehand."""

from __future__ import annotations

import math
import warnings
from unittest import mock

import numpy as np
import pytest

from labelwise.encoding import Encoding
from labelwise.study.answers import Answers
from labelwise.study.features import Task, View
from labelwise.study.methods import METHODS, MethodSpec
from labelwise.study.results import CellKey
from labelwise.study.sweep import draw_labels, score_cell

TRUTH = np.random.default_rng(0).integers(0, 4, 200)


def method_of(run, needs=frozenset()):
    return MethodSpec(id="toy", name="a toy", run=run, needs=needs)


class TestDrawLabels:
    @pytest.mark.parametrize("n_labeled", [1, 7, 199, 200])
    def test_as_many_as_asked_for_and_all_true(self, n_labeled):
        y = draw_labels(TRUTH, n_labeled, draw=0)
        labeled = y != -1
        assert labeled.sum() == n_labeled
        assert (y[labeled] == TRUTH[labeled]).all()
        assert y.shape == TRUTH.shape

    def test_a_draw_is_the_same_every_time_and_others_differ(self):
        draws = [draw_labels(TRUTH, 20, draw) for draw in range(10)]
        again = [draw_labels(TRUTH, 20, draw) for draw in range(10)]
        assert all((one == other).all() for one, other in zip(draws, again, strict=True))
        assert len({tuple(np.flatnonzero(y != -1)) for y in draws}) == 10

    def test_a_larger_budget_keeps_the_labels_of_a_smaller_one(self):
        small = np.flatnonzero(draw_labels(TRUTH, 20, draw=3) != -1)
        large = np.flatnonzero(draw_labels(TRUTH, 50, draw=3) != -1)
        assert set(small) < set(large)

    def test_every_item_is_drawn_about_equally_often(self):
        counts = np.zeros(200)
        for draw in range(400):
            counts += draw_labels(TRUTH, 50, draw) != -1
        # Binomial with 400 draws at a quarter: standard deviation 8.7, and 200 items to stray.
        assert 100 - 5 * 8.7 < counts.min() < counts.max() < 100 + 5 * 8.7

    def test_numpys_global_generator_is_left_alone(self):
        state = np.random.get_state()[1].copy()  # noqa: NPY002 (reads the state, draws nothing)
        draw_labels(TRUTH, 20, draw=0)
        assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


class TestScoreCell:
    X = np.random.default_rng(1).random((200, 3))
    Q = np.random.default_rng(2).dirichlet(np.full(6, 0.3), 200)
    task = Task(View(X[:150], encoding=Encoding(Q[:150])), View(X[150:], encoding=Encoding(Q[150:])))

    def score(self, method, n_labeled=40, draw=2):
        with mock.patch.dict(METHODS, {"toy": method}):
            key = CellKey("toy", 9, n_labeled, draw)
            return score_cell(key, self.task, TRUTH[:150], TRUTH[150:], "toys")

    def test_accuracy_is_on_the_items_without_a_label(self):
        y = draw_labels(TRUTH[:150], 40, 2)

        def answer(pool, held_out):
            return method_of(lambda task, y, seed: Answers(pool(y), held_out))

        right_on_labels_only = answer(lambda y: np.where(y == -1, -2, y), TRUTH[150:])
        wrong_on_labels_only = answer(lambda y: np.where(y == -1, TRUTH[:150], -2), np.full(50, -1))
        always_the_first_class = answer(lambda y: np.zeros(len(y), int), None)
        cells = [
            self.score(method)
            for method in (right_on_labels_only, wrong_on_labels_only, always_the_first_class)
        ]
        hidden = TRUTH[:150][y == -1]
        assert [cell.accuracy for cell in cells] == [0, 1, pytest.approx((hidden == 0).mean())]
        assert [cell.accuracy_held_out for cell in cells[:2]] == [1, 0]
        assert math.isnan(cells[2].accuracy_held_out)

    def test_all_columns(self):
        method = method_of(lambda task, y, seed: Answers(y, None), frozenset({"encoding"}))
        cell = self.score(method, n_labeled=15)
        y = draw_labels(TRUTH[:150], 15, 2)
        rows = np.flatnonzero(y != -1)
        assert (cell.dataset, cell.model_seed, cell.draw, cell.method) == ("toys", 9, 2, "toy")
        assert (cell.n_labeled, cell.fraction, cell.error) == (15, 0.1, "")
        assert cell.n_classes_seen == len({int(TRUTH[row]) for row in rows})
        assert cell.n_components_named == len({int(np.argmax(self.Q[row])) for row in rows})
        assert cell.seconds >= 0

    def test_a_method_without_a_model_names_no_components(self):
        assert self.score(method_of(lambda task, y, seed: Answers(y, None))).n_components_named == 0

    def test_a_method_that_fails_says_why_and_ends_nothing(self):
        def fail(task, y, seed):
            raise ValueError("no two\nclasses")

        cell = self.score(method_of(fail))
        assert cell.error == "ValueError: no two classes"
        assert math.isnan(cell.accuracy)

    def test_warnings_of_peers_are_not_passed_on(self):
        def warn(task, y, seed):
            warnings.warn("few labels", UserWarning, stacklevel=2)
            return Answers(y, None)

        assert self.score(method_of(warn)).error == ""

    def test_the_draw_seeds_the_method(self):
        seeds = []
        method = method_of(lambda task, y, seed: seeds.append(seed) or Answers(y, None))
        self.score(method, draw=3)
        assert seeds == [3]
