"""Every method on data that is easy: right answers for the pool and for held-out items."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

from labelwise.decoding import HardDecoder, SoftDecoder
from labelwise.encoding import Encoding
from labelwise.study.answers import by_classifier
from labelwise.study.features import Task, View, plain_task, prepare
from labelwise.study.methods import (
    DEFAULT_METHODS,
    HARD,
    HARD_PUBLISHED,
    LOGISTIC,
    METHODS,
    MLP,
    SOFT,
    XGBOOST,
    XGBOOST_TUNED,
    id_of,
    label_of,
    name_of,
    phrase_of,
)
from labelwise.study.spreading import neighbour_graph, spread_codes
from labelwise.study.sweep import draw_labels

N_POOL, N_HELD_OUT = 300, 60
NEEDS = {"principal", "kmeans", "mixture", "graph"}


# What study files and results written so far call methods.
NAMES = """
hard (as published) | hard | soft | related | bayes | spreading | poisson | auto | student
soft, suggested | poisson, suggested | auto, suggested | student, suggested
poisson, k-means | poisson, TypiClust | poisson, ProbCover | k-means | Gaussian mixture | mixture classifier
label spreading | self-training | logistic regression | logistic regression, tuned
MLP | XGBoost | XGBoost, tuned
"""
NAMES = [name.strip() for line in NAMES.strip().splitlines() for name in line.split("|")]


class TestTable:
    def test_names_in_files_stay(self):
        assert [method.name for method in METHODS.values()] == NAMES

    def test_ids_are_slugs_and_keys(self):
        for id, method in METHODS.items():
            assert method.id == id
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id)

    @pytest.mark.parametrize("name", NAMES)
    def test_names_and_ids_lead_to_each_other(self, name):
        id = id_of(name)
        assert name_of(id) == name
        assert id_of(id) == id

    def test_what_nobody_knows_stands_for_itself(self):
        assert id_of("wizardry") is None
        assert name_of("wizardry") == label_of("wizardry") == phrase_of("wizardry") == "wizardry"

    def test_by_default_labels_are_random_and_there_is_no_student(self):
        assert len(DEFAULT_METHODS) == 18
        assert {METHODS[id].selection for id in DEFAULT_METHODS} == {"random"}
        assert "student" not in DEFAULT_METHODS

    def test_what_a_method_needs_is_a_feature(self):
        features = {*vars(View(np.zeros((1, 1)))), "graph"}
        for method in METHODS.values():
            assert method.needs <= features

    def test_only_methods_on_our_encoding_use_the_model(self):
        peers = [method.id for method in METHODS.values() if not method.uses_model]
        assert peers == list(METHODS)[-10:]


@pytest.fixture(scope="module")
def blobs():
    """Three classes of two groups each in 6 columns, far apart, and posteriors over the groups."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 6, (6, 6))
    groups = rng.integers(6, size=N_POOL + N_HELD_OUT)
    X = (centres[groups] + rng.normal(0, 1, (len(groups), 6))).astype(np.float32)
    Q = 0.94 * np.eye(6)[groups] + 0.01
    return X, Q, groups % 3


@pytest.fixture(scope="module")
def task(blobs):
    X, Q, _ = blobs
    made, _ = prepare(NEEDS, X[:N_POOL], X[N_POOL:], n_components=6)
    pool = View(
        **vars(made.pool) | {"encoding": Encoding(Q[:N_POOL], X[:N_POOL], X[:N_POOL]), "images": X[:N_POOL]}
    )
    held_out = View(
        **vars(made.held_out)
        | {"encoding": Encoding(Q[N_POOL:], X[N_POOL:], X[N_POOL:]), "images": X[N_POOL:]}
    )
    return Task(pool, held_out, made.graph)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method_learns_what_is_easy(method, task, blobs):
    truth = blobs[2]
    if method in (XGBOOST, XGBOOST_TUNED):
        pytest.importorskip("xgboost")
    # 40 labels; trees with the default leaf weight need more.
    y = draw_labels(truth[:N_POOL], 150 if method in (XGBOOST, MLP) else 40, draw=0)
    answers = method.run(task, y, 0)
    assert answers.pool.shape == (N_POOL,)
    assert (answers.pool == truth[:N_POOL]).mean() > 0.9
    assert (answers.held_out == truth[N_POOL:]).mean() > 0.9


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_one_class_alone_is_answered_everywhere(method, task, blobs):
    if method in (XGBOOST, XGBOOST_TUNED):
        pytest.importorskip("xgboost")
    y = np.full(N_POOL, -1)
    y[:5] = 2
    answers = method.run(task, y, 0)
    assert set(answers.pool) <= {2}
    assert set(answers.held_out) <= {2}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_class_in_the_middle_may_be_missing(method, task, blobs):
    if method in (XGBOOST, XGBOOST_TUNED):
        pytest.importorskip("xgboost")
    truth = blobs[2][:N_POOL]
    y = np.where(np.isin(truth, (0, 2)) & (np.arange(N_POOL) < 160), truth, -1)
    answers = method.run(task, y, 0)
    assert set(answers.pool) <= {0, 2}
    known = truth != 1
    assert (answers.pool[known] == truth[known]).mean() > 0.9


@pytest.mark.parametrize(
    ("method", "decoder"),
    [(HARD_PUBLISHED, HardDecoder(unnamed="first")), (HARD, HardDecoder()), (SOFT, SoftDecoder())],
    ids=["hard-published", "hard", "soft"],
)
def test_decoding_is_that_of_the_decoders(method, decoder, task, blobs):
    Q, y = blobs[1][:N_POOL], draw_labels(blobs[2][:N_POOL], 4, draw=1)
    np.testing.assert_array_equal(method.run(task, y, 0).pool, decoder.fit(Q, y).predict(Q))


def test_logistic_regression_standardises_by_the_labelled_items(blobs):
    X, _, truth = blobs
    X = X * [1, 1000, 1, 1, 1, 0.001]
    y = draw_labels(truth[:N_POOL], 60, draw=0)
    labeled = y != -1
    flat = X[:N_POOL].astype(np.float64)
    scaled = (flat - flat[labeled].mean(axis=0)) / flat[labeled].std(axis=0)
    expected = LogisticRegression(max_iter=2000).fit(scaled[labeled], y[labeled]).predict(scaled)
    task = Task(View(X[:N_POOL]))
    answers = LOGISTIC.run(task, y, 0)
    np.testing.assert_array_equal(answers.pool, expected)
    assert answers.held_out is None


def test_a_classifier_sees_labelled_items_only(blobs):
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y):
            seen.append((X.copy(), y.copy()))
            return super().fit(X, y)

    X, _, truth = blobs
    y = draw_labels(truth[:N_POOL], 30, draw=0)
    by_classifier(lambda codes, seed: Spy(), "items")(Task(View(X[:N_POOL])), y, 0)
    np.testing.assert_array_equal(seen[0][0], X[:N_POOL][y != -1])
    np.testing.assert_array_equal(seen[0][1], y[y != -1])


class TestSpreading:
    def test_steps_equal_dense_arithmetic(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(40, 3))
        graph = neighbour_graph(X, X[:0], n_neighbors=4)
        distances = ((X[:, None] - X[None]) ** 2).sum(-1)
        np.fill_diagonal(distances, np.inf)
        W = np.zeros((40, 40))
        for row, near in enumerate(np.argsort(distances, axis=1)[:, :4]):
            W[row, near] = 1
        W = np.maximum(W, W.T)
        S = W / np.sqrt(np.outer(W.sum(1), W.sum(1)))
        np.testing.assert_allclose(graph.weights.toarray(), S, rtol=1e-5)
        codes = np.full(40, -1)
        codes[:6] = [0, 1, 2, 0, 1, 2]
        Y = np.eye(3)[codes] * (codes >= 0)[:, None]
        F = Y.copy()
        for _ in range(60):
            F = 0.95 * S @ F + 0.05 * Y
        scores, _ = spread_codes(graph, codes, 3)
        np.testing.assert_allclose(scores, F / F.sum(0), rtol=1e-4)

    def test_its_limit_is_that_of_scikit_learn(self, task, blobs):
        y = draw_labels(blobs[2][:N_POOL], 30, draw=0)
        graph = task.graph
        theirs = LabelSpreading(
            kernel=lambda X, Y: (graph.weights.toarray() > 0).astype(float),
            alpha=0.95,
            max_iter=2000,
            tol=1e-10,
        ).fit(task.pool.get("principal"), y)
        ours, _ = spread_codes(graph, y, 3)
        # Theirs are not divided by the sums of the columns, so compare the columns alone.
        expected = theirs.label_distributions_
        for column in range(3):
            assert np.corrcoef(ours[:, column], expected[:, column])[0, 1] > 0.5

    def test_held_out_items_answer_as_their_neighbours(self, task, blobs):
        y = draw_labels(blobs[2][:N_POOL], 30, draw=0)
        scores, held_out = spread_codes(task.graph, y, 3)
        np.testing.assert_allclose(held_out[7], scores[task.graph.held_out[7]].sum(axis=0), rtol=1e-6)

    def test_the_graph_is_sparse(self, task):
        assert sparse.issparse(task.graph.weights)
        assert task.graph.weights.nnz <= 2 * 10 * N_POOL


class TestPrepare:
    def test_posteriors_of_other_mixtures_sum_to_one(self, task):
        for view, n in ((task.pool, N_POOL), (task.held_out, N_HELD_OUT)):
            for name in ("kmeans", "mixture"):
                assert view.get(name).shape == (n, 6)
                np.testing.assert_allclose(view.get(name).sum(axis=1), 1, rtol=1e-5)

    def test_nothing_more_than_was_asked_for(self, blobs):
        made, seconds = prepare(set(), blobs[0], blobs[0][:0], n_components=6)
        assert seconds == {}
        assert made.held_out is None
        assert made.graph is None
        with pytest.raises(LookupError, match="principal were not prepared"):
            made.pool.get("principal")

    def test_units_of_table_columns_play_no_part(self, blobs):
        X = blobs[0]
        one, _ = prepare({"principal"}, X, X[:0], 6)
        other, _ = prepare({"principal"}, X * [1, 10, 100, 1, 1, 1], X[:0], 6)
        np.testing.assert_allclose(np.abs(one.pool.principal), np.abs(other.pool.principal), atol=1e-3)

    def test_images_are_flattened(self):
        images = np.random.default_rng(0).integers(0, 256, (30, 4, 5), dtype=np.uint8)
        made, _ = prepare({"principal"}, images[:20], images[20:], 3)
        assert made.pool.items.shape == (20, 20)
        assert made.held_out.principal.shape == (10, 20)

    def test_a_plain_task_holds_the_items_alone(self):
        images = np.arange(30 * 20).reshape(30, 4, 5)
        task = plain_task(images[:20], images[20:])
        np.testing.assert_array_equal(task.pool.items, images[:20].reshape(20, 20))
        np.testing.assert_array_equal(task.held_out.items, images[20:].reshape(10, 20))
        assert {name for name, value in vars(task.pool).items() if value is not None} == {"items"}
        with pytest.raises(LookupError):
            task.pool.get("encoding")
        assert plain_task(images, images[:0]).held_out is None
