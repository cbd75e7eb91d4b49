"""Products of decoders, class shares, and the linear student."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from decoding.conftest import lying_at
from labelwise.decoding import (
    UNLABELED,
    LinearDecoder,
    LinearStudentDecoder,
    PoissonDecoder,
    ProductDecoder,
    SpreadingDecoder,
)
from labelwise.decoding.crossfit import fit_exponents
from labelwise.decoding.product import first_exponents, members, multiplied
from labelwise.decoding.shares import are_equal, class_shares, with_shares
from labelwise.errors import ParameterError


@pytest.fixture(scope="module")
def blobs():
    """Points of three blobs that touch, what they are, and labels of some."""
    points, truth = make_blobs(300, n_features=4, centers=3, cluster_std=3.0, random_state=1)
    y = np.full(300, UNLABELED)
    y[:24] = truth[:24]
    return points, truth, y


class TestShares:
    @pytest.mark.parametrize("counts", [[5, 5, 5], [3, 5, 4], [1, 1, 1, 1], [7]])
    def test_counts_that_differ_by_chance_are_of_equal_classes(self, counts):
        np.testing.assert_allclose(class_shares(np.array(counts)), 1 / len(counts), atol=0.01)

    def test_counts_that_differ_much_are_believed(self):
        shares = class_shares(np.array([150, 40, 9, 1]))
        np.testing.assert_allclose(shares, [0.75, 0.2, 0.045, 0.005], atol=0.01)
        assert shares.sum() == pytest.approx(1)

    def test_classes_without_a_label_have_none(self):
        assert class_shares(np.array([0, 4, 0, 4])).tolist() == pytest.approx([0, 0.5, 0, 0.5])

    def test_probabilities_are_scaled_to_them(self):
        found = with_shares(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0.5, 0.5]))
        np.testing.assert_allclose(found[:, 0] / found[:, 1], [9 / 3, 1.5 / 3])
        np.testing.assert_allclose(found.sum(axis=1), 1)

    def test_a_class_that_is_never_answered_stays_so(self):
        assert with_shares(np.array([[1.0, 0.0]]), np.array([0.5, 0.5])).tolist() == [[1, 0]]

    def test_equal_is_by_the_effective_number_of_classes(self):
        assert are_equal(np.array([0.5, 0.5, 0]), 0.99)
        assert are_equal(np.array([0.7, 0.3]), 0.9)
        assert not are_equal(np.array([0.9, 0.1]), 0.8)


class TestProduct:
    def test_it_is_the_product_of_powers(self, blobs):
        points, _, y = blobs
        Q = lying_at(points)
        exponents = {"poisson": 1.0, "linear": 3.0}
        decoder = ProductDecoder(exponents, use_features=False).fit(Q, y)
        assert decoder.exponents_ == {"poisson": 0.25, "linear": 0.75}
        said = [d.fit(Q, y)._opinion(Q)[0] for d in (PoissonDecoder(), LinearDecoder(use_features=False))]
        expected = np.maximum(said[0], 1e-3) ** 0.25 * np.maximum(said[1], 1e-3) ** 0.75
        expected /= expected.sum(axis=1, keepdims=True)
        near = decoder.pool_.trust[decoder.pool_.nodes] == 1
        np.testing.assert_allclose(decoder.predict_proba(Q)[near], expected[near], atol=1e-5)

    def test_one_alone_answers_as_it_does(self, blobs):
        points, _, y = blobs
        Q = lying_at(points)
        decoder = ProductDecoder({"spreading": 2.0}, use_features=False).fit(Q, y)
        assert decoder.predict(Q).tolist() == SpreadingDecoder().fit(Q, y).predict(Q).tolist()

    def test_a_decoder_that_knows_nothing_leaves_it_to_the_others(self):
        said = {"a": np.array([[0.5, 0.5], [0.9, 0.1]]), "b": np.array([[0.8, 0.2], [0.5, 0.5]])}
        found = multiplied(said, {"a": 1.0, "b": 1.0})
        np.testing.assert_allclose(found, [[0.8, 0.2], [0.9, 0.1]])

    @pytest.mark.parametrize("exponents", [{"soft": 1.0}, {"poisson on features": 1.0}, {"poisson": 0.0}, {}])
    def test_exponents_of_what_is_not_there_are_refused(self, blobs, exponents):
        points, _, y = blobs
        with pytest.raises(ParameterError, match=r"^exponents=.* some of poisson, spreading, linear$"):
            ProductDecoder(exponents, use_features=False).fit(lying_at(points), y)

    def test_new_items_are_placed_on_the_graph_that_counts_more(self, blobs):
        points, truth, y = blobs
        noise = np.random.default_rng(0).standard_normal(points.shape)
        decoder = ProductDecoder().fit(lying_at(noise, points), y)
        assert decoder.on_ == "features"
        new = lying_at(np.zeros((300, 4)), points + 0.01)
        assert (decoder.predict(new) == decoder.predict(lying_at(noise, points))).mean() > 0.95
        assert (decoder.predict(new) == truth).mean() > 0.7

    @pytest.mark.parametrize(
        ("counts", "spreads"), [((8, 8, 8), True), ((30, 3, 1), False), ((5, 5, 5), False)]
    )
    def test_spreading_takes_part_if_enough_labels_say_that_classes_are_equal(self, blobs, counts, spreads):
        points, _, _ = blobs
        y = np.full(300, UNLABELED)
        codes = np.repeat([0, 1, 2], counts)
        y[: len(codes)] = codes
        Q = lying_at(points)
        exponents = first_exponents(members(Q, use_features=False), Q, y)
        assert exponents["poisson"] + exponents["spreading"] == pytest.approx(1)
        assert (exponents["spreading"] > 0) == spreads


class TestFittedExponents:
    def test_they_turn_to_what_is_right(self):
        rng = np.random.default_rng(0)
        codes = rng.integers(3, size=200)
        right, noise = np.full((2, 200, 3), 0.2)
        right[np.arange(200), codes] = 0.6
        noise[np.arange(200), rng.integers(3, size=200)] = 0.6
        found = fit_exponents(np.log([right, noise]), codes, np.array([0.5, 0.5]))
        assert found[0] > 2
        assert found[1] < 0.3

    def test_no_labels_leave_them_as_they_were(self):
        start = np.array([0.7, 0.3])
        found = fit_exponents(np.zeros((2, 0, 3)), np.zeros(0, dtype=int), start)
        np.testing.assert_allclose(found, start, atol=1e-6)


class TestLinearStudent:
    def test_it_is_at_least_as_good_as_its_teacher_where_a_plane_cuts_noisy_items(self):
        gains = []
        for seed in range(5):
            points, truth = make_blobs(400, n_features=8, centers=3, cluster_std=5.0, random_state=seed)
            y = np.full(400, UNLABELED)
            y[:24] = truth[:24]
            Q = lying_at(points)
            teacher, student = (
                (decoder.fit(Q, y).predict(Q) == truth)[24:].mean()
                for decoder in (
                    ProductDecoder(use_features=False),
                    LinearStudentDecoder(use_features=False),
                )
            )
            gains.append(student - teacher)
        assert np.mean(gains) > 0

    def test_two_fits_give_the_same_bits(self, blobs):
        points, _, y = blobs
        Q = lying_at(points, points**2)
        first, second = (LinearStudentDecoder().fit(Q, y).predict_proba(Q) for _ in range(2))
        assert first.tobytes() == second.tobytes()

    def test_it_learns_from_some_of_many_items_and_from_all_labels(self, blobs, monkeypatch):
        from labelwise.decoding import taught

        points, truth, y = blobs
        seen = []
        learn = taught.regression

        def spy(X, rows, codes, weights, **settings):
            seen.append((rows, weights))
            return learn(X, rows, codes, weights, **settings)

        monkeypatch.setattr(taught, "regression", spy)
        monkeypatch.setattr(taught, "_MAX_ROWS", 50)
        decoder = LinearStudentDecoder(use_features=False).fit(lying_at(points), y)
        ((rows, weights),) = seen
        assert 50 <= len(rows) < 75
        assert set(range(24)) <= set(rows.tolist())
        assert weights[:24].tolist() == [1] * 24
        assert weights[24:].max() < 1
        assert (decoder.predict(lying_at(points)) == truth).mean() > 0.7
