"""The decoder that picks a decoder: what it picks, why, how sure it is, and which labels it doubts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA

from decoding.conftest import lying_at
from decoding.test_linear import islands, labels_at_random
from labelwise.decoding import DECODERS, UNLABELED, AutoDecoder, BayesDecoder, PoissonDecoder, ProductDecoder
from labelwise.decoding import auto as module
from labelwise.decoding.crossfit import fit_temperature, out_of_fold, temper
from labelwise.decoding.product import members
from labelwise.encoding import Encoding
from labelwise.errors import DataError, DoubtfulLabelWarning, LabelwiseWarning, ParameterError
from labelwise.planning.suggest import suggest_from


def truth_of(n_classes, n_samples=240, seed=0):
    return np.random.default_rng(seed).integers(n_classes, size=n_samples)


def telling(truth, n_classes, *, wrong=0.1, seed=0):
    """Posteriors of a component for each class; a share of the items is in another one."""
    rng = np.random.default_rng(seed)
    shift = np.where(rng.random(len(truth)) < wrong, rng.integers(1, n_classes, len(truth)), 0)
    return 0.06 / n_classes + 0.94 * np.eye(n_classes)[(truth + shift) % n_classes]


def noise(n_samples=240, seed=0):
    """Latents in which there is nothing to see."""
    return np.random.default_rng(seed).standard_normal((n_samples, 4))


def alone(**parameters):
    """The decoder without features to compare with."""
    return AutoDecoder(use_features=False, **parameters)


ON_LATENTS = ["poisson", "spreading", "linear", "bayes", "product"]
ON_BOTH = [*ON_LATENTS[:2], "poisson on features", "spreading on features", *ON_LATENTS[2:]]


def labels_for(truth, n_labeled):
    y = np.full(len(truth), UNLABELED)
    y[:n_labeled] = truth[:n_labeled]
    return y


@pytest.fixture(scope="module")
def blobs():
    """Latents of three blobs that are far apart, and what they are."""
    return make_blobs(240, n_features=5, centers=3, random_state=0)


class TestFewLabels:
    def test_below_20_it_is_the_product_as_it_is(self, blobs):
        latents, truth = blobs
        Q = Encoding(telling(truth, 3), latents)
        y = labels_for(truth, 19)
        decoder = alone().fit(Q, y)
        assert decoder.choice_ == "product"
        assert decoder.reason_ == (
            "19 labels are too few to compare decoders; product of poisson 95%, linear 5%"
        )
        assert decoder.scores_ == {}
        assert decoder.temperature_ == 1
        assert decoder.doubtful_labels_.tolist() == []
        expected = ProductDecoder(use_features=False).fit(Q, y).predict_proba(Q)
        np.testing.assert_allclose(decoder.predict_proba(Q), expected, atol=1e-6)

    def test_from_20_on_decoders_are_compared(self, blobs):
        latents, truth = blobs
        decoder = alone().fit(Encoding(telling(truth, 3), latents), labels_for(truth, 20))
        assert list(decoder.scores_) == ON_LATENTS
        assert "20 held-out labels" in decoder.reason_

    @pytest.mark.parametrize("n_labeled", [3, 50])
    def test_labels_of_one_class_leave_nothing_to_compare(self, blobs, n_labeled):
        latents, truth = blobs
        Q = Encoding(telling(truth, 3), latents)
        decoder = alone().fit(Q, labels_for(np.full(240, 7), n_labeled))
        assert (decoder.choice_, decoder.scores_, decoder.temperature_) == ("product", {}, 1)
        assert decoder.reason_.startswith("all labels are of one class; product of ")
        assert decoder.predict_proba(Q).tolist() == [[1.0]] * 240

    def test_one_label_for_each_class_leaves_nothing_to_compare(self):
        truth = np.arange(240) % 24
        Q = Encoding(telling(truth, 24), noise())
        decoder = alone().fit(Q, labels_for(truth, 24))
        assert (decoder.choice_, decoder.scores_, decoder.temperature_) == ("product", {}, 1)
        assert decoder.reason_.startswith("no class has two labels, so that decoders could be compared; ")

    def test_the_only_label_of_a_class_does_not_count(self, blobs):
        latents, truth = blobs
        y = labels_for(truth, 30)
        y[:8] = [10, 11, 12, 13, 14, 15, 16, 17]  # what no other item is labelled
        decoder = alone().fit(Encoding(telling(truth, 3), latents), y)
        assert decoder.scores_["product"] == 1
        assert decoder.reason_.startswith("best on 22 held-out labels: right on 100%; product of ")


class TestChoice:
    def test_where_latents_are_noise_it_is_one_that_looks_at_posteriors(self):
        truth = truth_of(3)
        Q = Encoding(telling(truth, 3), noise())
        decoder = alone().fit(Q, labels_for(truth, 60))
        assert decoder.choice_ == "bayes"
        assert decoder.scores_[decoder.choice_] > decoder.scores_["product"] + 0.3
        assert decoder.reason_ == (
            f"right on {decoder.scores_[decoder.choice_]:.0%} of 60 held-out labels, "
            f"the product of decoders on {decoder.scores_['product']:.0%}"
        )
        assert (decoder.predict(Q) == truth)[60:].mean() > 0.85
        assert (PoissonDecoder().fit(Q, labels_for(truth, 60)).predict(Q) == truth)[60:].mean() < 0.6

    def test_where_posteriors_are_noise_it_is_the_product_on_the_latents(self, blobs):
        latents, truth = blobs
        Q = Encoding(np.random.default_rng(0).dirichlet(np.ones(5), 240), latents)
        decoder = alone().fit(Q, labels_for(truth, 60))
        assert decoder.choice_ == "product"
        assert decoder.reason_.startswith("best on 60 held-out labels: right on 100%; product of ")
        assert decoder.scores_["bayes"] < 0.8
        assert (decoder.predict(Q) == truth).all()

    def test_scores_are_shares_of_right_held_out_answers(self):
        truth = truth_of(3)
        Q = Encoding(telling(truth, 3, wrong=0.3), noise())
        decoder = alone().fit(Q, labels_for(truth, 50))
        for name, candidate in members(Q, use_features=False).items():
            found = out_of_fold(candidate, Q, np.arange(50), truth[:50], 3)
            assert decoder.scores_[name] == pytest.approx((found.argmax(axis=1) == truth[:50]).mean())

    def test_the_fitted_choice_sees_all_labels(self):
        truth = truth_of(3)
        decoder = alone().fit(Encoding(telling(truth, 3), noise()), labels_for(truth, 60))
        assert type(decoder.decoder_) is DECODERS[decoder.choice_]
        assert decoder.decoder_.n_labeled_ == 60

    @pytest.mark.parametrize(
        ("n_gained", "n_lost", "choice"),
        [
            (0, 0, "product"),
            (4, 0, "product"),
            (5, 0, "bayes"),
            (6, 5, "product"),
            (12, 3, "bayes"),
            (12, 4, "product"),
        ],
    )
    def test_another_is_taken_only_if_it_is_better_by_more_than_two_standard_errors(
        self, blobs, monkeypatch, n_gained, n_lost, choice
    ):
        # Of 60 labels all parts of the product, and so the product, have the same 40 right; bayes gains some
        # of the others and loses some of those.
        right = np.arange(60) < 40
        of_bayes = right.copy()
        of_bayes[40 : 40 + n_gained] = True
        of_bayes[:n_lost] = False

        def found(decoder, Q, labeled, codes, n_classes):
            hits = of_bayes if type(decoder).__name__ == "BayesDecoder" else right
            return 0.1 + 0.7 * np.eye(3)[np.where(hits, codes, (codes + 1) % 3)]

        monkeypatch.setattr(module, "out_of_fold", found)
        latents, truth = blobs
        decoder = alone().fit(Encoding(telling(truth, 3), latents), labels_for(truth, 60))
        assert decoder.choice_ == choice
        bayes = (40 + n_gained - n_lost) / 60
        assert decoder.scores_["bayes"] == bayes
        if choice == "bayes":
            assert (
                decoder.reason_
                == f"right on {bayes:.0%} of 60 held-out labels, the product of decoders on 67%"
            )
        elif n_gained > n_lost:
            assert decoder.reason_.startswith(
                "none alone is better by more than two standard errors on 60 held-out labels "
                f"(product 67%, bayes {bayes:.0%}); product of "
            )
        else:
            assert decoder.reason_.startswith("best on 60 held-out labels: right on 67%; product of ")


class TestFeatures:
    """Features, for where the model does not help."""

    @pytest.mark.parametrize("n_labeled", [10, 60])
    def test_a_model_that_does_not_help_hardly_counts(self, blobs, n_labeled):
        features, truth = blobs
        y = labels_for(truth, n_labeled)
        Q = Encoding(np.random.default_rng(0).dirichlet(np.ones(5), 240), noise(), features=features)
        decoder = AutoDecoder().fit(Q, y)
        assert decoder.choice_ == "product"
        exponents = decoder.decoder_.exponents_
        assert exponents.get("poisson", 0) + exponents.get("spreading", 0) < 0.05
        assert (decoder.predict(Q) == truth).all()
        assert decoder.decoder_.on_ == "features"

    @pytest.mark.parametrize("n_labeled", [10, 60])
    def test_the_surer_of_both_counts_more(self, blobs, n_labeled):
        features, truth = blobs
        y = labels_for(truth, n_labeled)
        latents = features + 3 * np.random.default_rng(0).standard_normal(features.shape)
        decoder = AutoDecoder().fit(lying_at(latents, features), y)
        assert decoder.decoder_.on_ == "features"
        assert (decoder.predict(lying_at(latents, features)) == truth).all()
        # The same the other way round.
        decoder = AutoDecoder().fit(lying_at(features, latents), y)
        assert decoder.decoder_.on_ == "latents"

    def test_equally_sure_both_count_alike(self, blobs):
        latents, truth = blobs
        decoder = AutoDecoder().fit(lying_at(latents, latents), labels_for(truth, 10))
        assert decoder.decoder_.exponents_ == pytest.approx(
            {"poisson": 1 / 2.1, "poisson on features": 1 / 2.1, "linear": 0.1 / 2.1}
        )
        assert decoder.decoder_.on_ == "latents"

    def test_held_out_labels_can_say_otherwise(self, blobs, monkeypatch):
        latents, truth = blobs
        Q = lying_at(latents, noise())
        start = {"poisson": 0.0, "poisson on features": 1.0, "linear": 0.25}
        start |= {"spreading": 0.01, "spreading on features": 0.0}
        monkeypatch.setattr(module, "first_exponents", lambda *_: start)
        assert AutoDecoder().fit(Q, labels_for(truth, 10)).decoder_.on_ == "features"
        decoder = AutoDecoder().fit(Q, labels_for(truth, 200))
        assert decoder.decoder_.on_ == "latents"

    def test_a_model_that_helps_is_used(self, blobs):
        latents, truth = blobs
        Q = Encoding(telling(truth, 3), latents, features=noise())
        decoder = AutoDecoder().fit(Q, labels_for(truth, 60))
        assert decoder.decoder_.on_ == "latents"
        assert set(decoder.scores_) == set(ON_BOTH)

    def test_they_are_not_compared_where_nobody_asks_for_them(self, blobs):
        latents, truth = blobs
        Q = Encoding(telling(truth, 3), latents, features=noise())
        assert list(alone().fit(Q, labels_for(truth, 60)).scores_) == ON_LATENTS

    def test_a_table_of_probabilities_has_none(self, blobs):
        _, truth = blobs
        decoder = AutoDecoder().fit(telling(truth, 3), labels_for(truth, 60))
        assert list(decoder.scores_) == ON_LATENTS

    def test_an_encoding_that_lacks_them_is_refused(self, blobs):
        latents, truth = blobs
        with pytest.raises(DataError, match=r"AutoDecoder .*\bfeatures\b"):
            AutoDecoder().fit(Encoding(telling(truth, 3), latents), labels_for(truth, 60))

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_what_was_fitted_to_them_needs_them_again(self, blobs, method):
        features, truth = blobs
        noisy = np.random.default_rng(0).dirichlet(np.ones(5), 240)
        decoder = AutoDecoder().fit(Encoding(noisy, noise(), features), labels_for(truth, 60))
        new = Encoding(noisy[:9], noise()[:9], features[:9])
        assert decoder.predict(new).tolist() == truth[:9].tolist()
        with pytest.raises(DataError, match=r"\bfeatures\b"):
            getattr(decoder, method)(Encoding(noisy, noise()))


class TestStraightBoundary:
    def test_it_is_found_where_a_plane_cuts_many_small_clusters_in_two(self):
        X, truth = islands()
        y = labels_at_random(truth, 40)
        Q = lying_at(X)
        decoder = alone().fit(Q, y)
        without = PoissonDecoder().fit(Q, y)
        assert (decoder.predict(Q) == truth).mean() > max(0.85, (without.predict(Q) == truth).mean())


class TestCalibration:
    def test_probabilities_are_those_of_the_choice_at_the_temperature_of_held_out_answers(self):
        truth = truth_of(4)
        Q = Encoding(telling(truth, 4, wrong=0.4), noise())
        y = labels_for(truth, 80)
        decoder = alone().fit(Q, y)
        assert decoder.choice_ == "bayes"
        found = out_of_fold(BayesDecoder(), Q, np.arange(80), truth[:80], 4)
        assert decoder.temperature_ == pytest.approx(fit_temperature(found, truth[:80]))
        assert decoder.temperature_ != 1
        plain = BayesDecoder().fit(Q, y)
        np.testing.assert_allclose(
            decoder.predict_proba(Q), temper(plain.predict_proba(Q), decoder.temperature_), atol=1e-6
        )
        assert decoder.predict(Q).tolist() == plain.predict(Q).tolist()

    @pytest.mark.parametrize("spread", [2.0, 3.0])
    def test_they_make_what_was_not_labelled_likelier_than_those_of_the_choice_alone(self, spread):
        gains = []
        for seed in range(5):
            latents, truth = make_blobs(290, n_features=5, centers=3, cluster_std=spread, random_state=seed)
            Q = lying_at(latents)
            y = labels_for(truth, 100)
            decoder = alone().fit(Q, y)
            plain = clone(decoder.decoder_).fit(Q, y)
            rows = np.arange(100, 290)
            before, after = (np.log(d.predict_proba(Q)[rows, truth[rows]]).mean() for d in (plain, decoder))
            gains.append(after - before)
        assert np.mean(gains) > 0.01

    def test_labels_of_typical_items_hardly_make_them_surer(self, blobs):
        latents, truth = blobs
        Q = lying_at(latents)
        graph = Q.points().neighbourhood(10)
        by_degree = np.argsort(-graph.degrees[graph.nodes])
        found = []
        for rows in (np.arange(60), by_degree[:60], by_degree[-60:]):
            y = np.full(240, UNLABELED)
            y[rows] = truth[rows]
            found.append(alone().fit(Q, y).temperature_)
        at_random, typical, odd = found
        assert at_random < 0.8
        assert 0.9 < typical < 1
        assert odd < 0.8

    def test_many_labels_of_typical_items_do(self):
        X, truth = load_digits(return_X_y=True)
        Q = lying_at(X)
        graph = Q.points().neighbourhood(10)
        rows = np.argsort(-graph.degrees[graph.nodes])[:300]
        y = np.full(len(X), UNLABELED)
        y[rows] = truth[rows]
        few = np.where(np.isin(np.arange(len(X)), rows[:40]), y, UNLABELED)
        assert alone().fit(Q, y).temperature_ < alone().fit(Q, few).temperature_ - 0.1

    @pytest.mark.parametrize("typical", [True, False])
    def test_who_knows_how_items_were_chosen_can_say_so(self, blobs, typical):
        latents, truth = blobs
        Q = lying_at(latents)
        graph = Q.points().neighbourhood(10)
        by_degree = np.argsort(-graph.degrees[graph.nodes])
        for rows in (np.arange(60), by_degree[:60]):
            y = np.full(240, UNLABELED)
            y[rows] = truth[rows]
            found = alone(typical_labels=typical).fit(Q, y).temperature_
            assert 0.9 < found < 1 if typical else found < 0.8

    def test_labels_of_typical_items_choose_no_other_decoder(self):
        truth = truth_of(4)
        Q = Encoding(telling(truth, 4, wrong=0.4), noise())
        y = labels_for(truth, 80)
        free, held = (alone(typical_labels=typical).fit(Q, y) for typical in (False, True))
        assert (free.choice_, held.choice_) == ("bayes", "product")
        assert held.scores_ == free.scores_
        assert "bayes" in held.reason_

    @pytest.mark.parametrize("value", ["yes", 1, None])
    def test_anything_else_about_them_is_refused(self, blobs, value):
        with pytest.raises(ParameterError, match=r"^typical_labels="):
            alone(typical_labels=value).fit(lying_at(blobs[0]), labels_for(blobs[1], 60))

    def test_they_can_still_make_them_less_sure(self, blobs):
        Q = lying_at(blobs[0])
        graph = Q.points().neighbourhood(10)
        rows = np.argsort(-graph.degrees[graph.nodes])[:60]
        y = np.full(240, UNLABELED)
        y[rows] = np.random.default_rng(0).integers(3, size=60)
        assert alone().fit(Q, y).temperature_ > 1.5

    @pytest.mark.parametrize("n_labels", [20, 36, 90])
    def test_with_suggested_labels_answers_are_no_surer_than_right(self, n_labels):
        X, truth = load_digits(return_X_y=True)
        Q = lying_at(PCA(20, random_state=0).fit_transform(X))
        y = np.full(len(X), UNLABELED)
        rows = [each.index for each in suggest_from(Q, n_labels, random_state=0)]
        y[rows] = truth[rows]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DoubtfulLabelWarning)
            decoder = alone().fit(Q, y)
        rest = y == UNLABELED
        right = (decoder.predict(Q) == truth)[rest].mean()
        assert right - 0.15 < decoder.predict_proba(Q)[rest].max(axis=1).mean() < right

    def test_a_class_that_is_not_labelled_keeps_probability_0(self, blobs):
        latents, truth = blobs
        Q = Encoding(telling(truth, 3), latents)
        with pytest.warns(LabelwiseWarning, match=r"^no item is labelled 5: "):
            decoder = alone(classes=[0, 1, 2, 5]).fit(Q, labels_for(truth, 60))
        assert decoder.predict_proba(Q)[:, 3].tolist() == [0] * 240


def doubts(Q, y, **parameters):
    """The decoder, and the text of its warning."""
    with pytest.warns(DoubtfulLabelWarning) as caught:
        decoder = alone(**parameters).fit(Q, y)
    assert [warning.filename for warning in caught] == [__file__]
    return decoder, str(caught[0].message)


class TestDoubts:
    @pytest.mark.parametrize("n_classes", [2, 3, 5, 8])
    @pytest.mark.parametrize("seed", range(3))
    def test_one_wrong_label_among_clean_blobs_is_named_and_no_other(self, n_classes, seed):
        latents, truth = make_blobs(240, n_features=10, centers=n_classes, random_state=seed)
        y = labels_for(truth, 120)
        y[7] = (truth[7] + 1) % n_classes
        decoder, text = doubts(Encoding(telling(truth, n_classes, wrong=0), latents), y)
        assert decoder.doubtful_labels_.tolist() == [7]
        assert text == (
            f"labels that disagree with everything near them: item 7 is labelled {y[7]}, "
            f"but looks like {truth[7]}; look at them again"
        )

    @pytest.mark.parametrize("seed", range(3))
    def test_it_is_found_by_posteriors_where_latents_are_noise(self, seed):
        truth = truth_of(3, seed=seed)
        y = labels_for(truth, 60)
        y[7] = (truth[7] + 1) % 3
        Q = Encoding(0.0002 + 0.9994 * np.eye(3)[truth], noise(seed=seed))
        decoder, _ = doubts(Q, y)
        assert decoder.choice_ == "bayes"
        assert decoder.doubtful_labels_.tolist() == [7]

    @pytest.mark.parametrize("seed", range(3))
    def test_right_labels_are_not_doubted(self, seed):
        latents, truth = make_blobs(240, n_features=5, centers=4, random_state=seed)
        Q = Encoding(telling(truth, 4, wrong=0.2), latents)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            decoder = alone().fit(Q, labels_for(truth, 120))
        assert decoder.doubtful_labels_.tolist() == []

    def test_classes_are_called_by_their_names(self, blobs):
        latents, truth = blobs
        names = np.array(["auk", "gull", "tern"])
        y = np.array([names[k] if row < 120 else UNLABELED for row, k in enumerate(truth)], dtype=object)
        y[30] = names[truth[30] - 1]
        _, text = doubts(Encoding(telling(truth, 3, wrong=0), latents), y)
        assert f"item 30 is labelled {y[30]}, but looks like {names[truth[30]]};" in text

    def test_five_are_named_and_the_others_counted(self, blobs, monkeypatch):
        # So many wrong labels hide each other unless the bar is low.
        monkeypatch.setattr(module, "_DOUBTFUL", 10.0)
        latents, truth = blobs
        y = labels_for(truth, 200)
        rows = np.arange(0, 140, 20)
        y[rows] = (truth[rows] + 1) % 3
        decoder, text = doubts(Encoding(telling(truth, 3, wrong=0), latents), y)
        assert decoder.doubtful_labels_.tolist() == rows.tolist()
        assert text.count("is labelled") == 5
        assert text.endswith("; and 2 more; look at them again")

    @pytest.mark.parametrize(("fewest", "found"), [(3, []), (1, [0])])
    def test_one_of_two_labels_of_a_class_is_not_doubted(self, blobs, monkeypatch, fewest, found):
        # The other one is so far from everything that nothing is known about it.
        latents, truth = blobs
        latents = np.vstack([latents, np.full((1, 5), 40.0)])
        y = np.append(labels_for(truth, 120), 9)
        y[0] = 9  # amid another class
        assert module._MIN_OF_CLASS == 3
        monkeypatch.setattr(module, "_MIN_OF_CLASS", fewest)
        monkeypatch.setattr(module, "_DOUBTFUL", 10.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DoubtfulLabelWarning)
            decoder = alone().fit(lying_at(latents), y)
        assert decoder.doubtful_labels_.tolist() == found

    def test_below_20_labels_none_is_doubted(self, blobs):
        latents, truth = blobs
        y = labels_for(truth, 19)
        y[7] = (truth[7] + 1) % 3
        decoder = alone().fit(Encoding(telling(truth, 3, wrong=0), latents), y)
        assert decoder.doubtful_labels_.tolist() == []
