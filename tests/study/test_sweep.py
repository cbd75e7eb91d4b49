"""Draws of labels and scores, with methods whose answers are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from labelwise.decoding import HardDecoder, SoftDecoder
from labelwise.study.methods import METHODS, decoding_method, logistic_regression
from labelwise.study.results import Cell
from labelwise.study.sweep import draw_labels, score_draw

TRUTH = np.random.default_rng(0).integers(0, 4, 200)


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


class TestScoreDraw:
    X = np.random.default_rng(1).random((200, 3))
    Q = np.random.default_rng(2).dirichlet(np.full(6, 0.3), 200)

    def score(self, methods, n_labeled=40, draw=2):
        return score_draw(
            self.X,
            self.Q,
            TRUTH,
            methods,
            dataset="toy",
            model_seed=9,
            draw=draw,
            n_labeled=n_labeled,
        )

    def test_accuracy_is_on_the_items_without_a_label(self):
        y = draw_labels(TRUTH, 40, 2)

        def right_on_labels_only(X, Q, y):
            return np.where(y == -1, -2, y)

        def wrong_on_labels_only(X, Q, y):
            return np.where(y == -1, TRUTH, -2)

        def always_the_first_class(X, Q, y):
            return np.zeros(len(y), int)

        methods = {"a": right_on_labels_only, "b": wrong_on_labels_only, "c": always_the_first_class}
        accuracies = [cell.accuracy for cell in self.score(methods)]
        hidden = [label for label, given in zip(TRUTH, y, strict=True) if given == -1]
        assert accuracies == [0, 1, pytest.approx(hidden.count(0) / 160)]
        assert len(hidden) == 160

    def test_every_method_sees_the_same(self):
        seen = []

        def method(X, Q, y):
            seen.append((X, Q, y.copy()))
            return np.zeros(len(y), int)

        self.score({"a": method, "b": method})
        assert all(X is self.X and Q is self.Q for X, Q, _ in seen)
        np.testing.assert_array_equal(seen[0][2], seen[1][2])
        np.testing.assert_array_equal(seen[0][2], draw_labels(TRUTH, 40, 2))

    def test_all_columns(self):
        (cell,) = self.score({"zero": lambda X, Q, y: np.zeros(len(y), int)}, n_labeled=10)
        y = draw_labels(TRUTH, 10, 2)
        rows = [row for row in range(200) if y[row] != -1]
        assert isinstance(cell, Cell)
        assert (cell.dataset, cell.model_seed, cell.draw, cell.method) == ("toy", 9, 2, "zero")
        assert (cell.n_labeled, cell.fraction) == (10, 0.05)
        assert cell.n_classes_seen == len({int(TRUTH[row]) for row in rows})
        assert cell.n_components_named == len({int(np.argmax(self.Q[row])) for row in rows})
        assert cell.seconds >= 0

    def test_methods_keep_their_order(self):
        assert [cell.method for cell in self.score(METHODS)] == list(METHODS)


class TestMethods:
    Q = TestScoreDraw.Q
    y = draw_labels(TRUTH, 12, draw=5)

    def test_the_four_of_the_demo(self):
        assert list(METHODS) == ["hard (as published)", "hard", "soft", "logistic regression"]

    @pytest.mark.parametrize(
        ("name", "decoder"),
        [
            ("hard (as published)", HardDecoder(unnamed="first")),
            ("hard", HardDecoder(unnamed="nearest")),
            ("soft", SoftDecoder()),
        ],
    )
    def test_decoders(self, name, decoder):
        expected = decoder.fit(self.Q, self.y).predict(self.Q)
        np.testing.assert_array_equal(METHODS[name](None, self.Q, self.y), expected)
        np.testing.assert_array_equal(decoding_method(decoder)(None, self.Q, self.y), expected)

    def test_logistic_regression_standardises_by_the_labelled_items(self):
        rng = np.random.default_rng(3)
        centres = np.array([[0, 0], [3, 0], [0, 3], [3, 3]])
        # One column in units a thousand times larger, as images of a row of two pixels.
        X = ((centres[TRUTH] + rng.standard_normal((200, 2))) * [1, 1000])[:, None, :].astype(np.float32)
        y = draw_labels(TRUTH, 60, draw=0)
        flat, labeled = X[:, 0, :].astype(float), y != -1
        scaled = (flat - flat[labeled].mean(axis=0)) / flat[labeled].std(axis=0)
        expected = LogisticRegression(max_iter=1000).fit(scaled[labeled], y[labeled]).predict(scaled)
        answers = logistic_regression(X, None, y)
        # Single precision may move an item that lies on a boundary.
        assert (answers == expected).mean() > 0.98
        assert (answers == TRUTH).mean() > 0.75

    def test_logistic_regression_with_one_class_answers_it(self):
        y = np.full(200, -1)
        y[[3, 8]] = 2
        assert logistic_regression(np.random.default_rng(0).random((200, 4)), None, y).tolist() == [2] * 200
