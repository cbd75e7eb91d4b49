"""Where items lie, beside posteriors: which decoders look at that, which do not, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from decoding.conftest import classes_of, lying_at, posteriors, some_labels
from labelwise.decoding import (
    DECODERS,
    UNLABELED,
    AutoDecoder,
    LinearDecoder,
    LinearStudentDecoder,
    PoissonDecoder,
    ProductDecoder,
    SpreadingDecoder,
)
from labelwise.encoding import Encoding
from labelwise.errors import DataError

# A decoder may tell of labels that look wrong: where items lie is random here.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")

LOOKING = [
    PoissonDecoder(),
    SpreadingDecoder(),
    LinearDecoder(use_features=False),
    ProductDecoder(use_features=False),
    LinearStudentDecoder(use_features=False),
    AutoDecoder(use_features=False),
]
ON_FEATURES = [PoissonDecoder(on="features"), SpreadingDecoder(on="features")]
BLIND = [kind() for kind in DECODERS.values() if not kind().needs]


def name_of(decoder):
    return type(decoder).__name__


@pytest.fixture(params=LOOKING, ids=name_of)
def looking(request):
    """A decoder that looks at latents, not fitted, in turn each there is."""
    return clone(request.param)


@pytest.fixture(params=ON_FEATURES, ids=name_of)
def on_features(request):
    """A decoder that looks at features and at nothing else."""
    return clone(request.param)


@pytest.fixture(params=BLIND, ids=name_of)
def blind(request):
    """A decoder that looks at posteriors alone."""
    return clone(request.param)


def case(n_samples=80):
    """Posteriors, a few labels that follow them, and latents that have nothing to do with either."""
    Q = posteriors(n_samples, 6)
    latents = np.random.default_rng(5).standard_normal((n_samples, 3))
    return Q, some_labels(classes_of(Q), 12), latents


def test_every_decoder_is_looked_at():
    assert {type(decoder) for decoder in (*LOOKING, *BLIND)} == set(DECODERS.values())
    assert [decoder.needs for decoder in LOOKING] == [("latents",)] * 6
    assert [decoder.needs for decoder in ON_FEATURES] == [("features",)] * 2
    assert AutoDecoder().needs == ("latents", "features")


class TestUse:
    def test_latents_change_the_answers(self, looking):
        Q, y, latents = case()
        encoding = Encoding(Q, latents)
        without = clone(looking).fit(Q, y).predict_proba(Q)
        found = looking.fit(encoding, y).predict_proba(encoding)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
        assert np.abs(found - without).max() > 0.1

    def test_only_where_items_lie_counts_not_what_the_posteriors_say(self, looking):
        Q, y, latents = case()
        encoding, flat = Encoding(Q, latents), Encoding(np.full_like(Q, 1 / 6), latents)
        expected = clone(looking).fit(encoding, y).predict_proba(encoding)
        np.testing.assert_allclose(looking.fit(flat, y).predict_proba(flat), expected, atol=1e-6)

    def test_on_features_it_is_as_if_they_were_the_latents(self, on_features):
        _, y, points = case()
        on_latents = clone(on_features).set_params(on="latents").fit(lying_at(points), y)
        both = lying_at(points[::-1], points)
        np.testing.assert_array_equal(
            on_features.fit(both, y).predict_proba(both), on_latents.predict_proba(lying_at(points))
        )

    def test_items_of_a_table_lie_at_the_roots_of_their_rows(self, looking):
        Q, y, _ = case()
        at_roots = Encoding(Q, np.sqrt(Q))
        expected = clone(looking).fit(at_roots, y).predict_proba(at_roots)
        np.testing.assert_array_equal(looking.fit(Q, y).predict_proba(Q), expected)

    def test_an_encoding_that_was_looked_at_before_gives_what_a_new_one_gives(self, looking):
        Q, y, latents = case()
        encoding = Encoding(Q, latents)
        looking.fit(encoding, y)
        fresh = clone(looking).fit(Encoding(Q, latents), y)
        np.testing.assert_array_equal(looking.predict_proba(encoding), fresh.predict_proba(encoding))
        part, again = encoding[:30], Encoding(Q[:30], latents[:30])
        np.testing.assert_array_equal(looking.predict_proba(part), fresh.predict_proba(again))
        assert looking.predict(part).tolist() == fresh.predict(again).tolist()

    @pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
    def test_latents_of_any_number_type(self, looking, dtype):
        Q, y, latents = case()
        latents = np.round(4 * latents).astype(dtype)
        exact = Encoding(Q, latents.astype(float))
        expected = clone(looking).fit(exact, y).predict_proba(exact)
        given = Encoding(Q, latents.tolist() if dtype is np.int8 else latents)
        np.testing.assert_allclose(looking.fit(given, y).predict_proba(given), expected, atol=1e-4)

    def test_decoders_that_do_not_look_at_latents_answer_as_without(self, blind):
        Q, y, latents = case()
        y[:2] = UNLABELED
        expected = clone(blind).fit(Q, y)
        encoding = Encoding(Q, latents)
        blind.fit(encoding, y)
        np.testing.assert_array_equal(blind.predict_proba(encoding), expected.predict_proba(Q))
        assert blind.predict(Encoding(Q)).tolist() == expected.predict(Q).tolist()


class TestRefusal:
    @pytest.mark.parametrize("method", ["fit", "predict", "predict_proba"])
    def test_an_encoding_without_latents(self, looking, method):
        Q, y, latents = case()
        looking.fit(Encoding(Q, latents), y)
        arguments = (y,) if method == "fit" else ()
        with pytest.raises(DataError, match=rf"^{name_of(looking)} .*\blatents\b"):
            getattr(looking, method)(Encoding(Q, features=latents), *arguments)

    @pytest.mark.parametrize("method", ["fit", "predict", "predict_proba"])
    def test_an_encoding_without_features(self, on_features, method):
        Q, y, features = case()
        on_features.fit(Encoding(Q, features=features), y)
        arguments = (y,) if method == "fit" else ()
        with pytest.raises(DataError, match=rf"^{name_of(on_features)} .*\bfeatures\b"):
            getattr(on_features, method)(Encoding(Q, latents=features), *arguments)

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_another_number_of_columns(self, looking, method):
        Q, y, latents = case()
        looking.fit(Encoding(Q, latents), y)
        with pytest.raises(DataError, match=r"^latents have 2 columns, .* fitted with 3: "):
            getattr(looking, method)(Encoding(Q, latents[:, :2]))

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_latents_in_fit_and_a_table_after(self, looking, method):
        # As many columns as there are components: nothing else would tell them from the posteriors' roots.
        Q, y, _ = case()
        looking.fit(Encoding(Q, np.random.default_rng(1).standard_normal(Q.shape)), y)
        with pytest.raises(DataError, match=r"\bEncoding\b"):
            getattr(looking, method)(Q)

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_a_table_in_fit_and_latents_after(self, looking, method):
        Q, y, _ = case()
        looking.fit(Q, y)
        with pytest.raises(DataError, match=r"\btable\b"):
            getattr(looking, method)(Encoding(Q, np.random.default_rng(1).standard_normal(Q.shape)))


def test_items_far_from_everything_get_equal_probabilities(looking):
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 3
    latents = 5 * np.eye(3)[truth] + 0.3 * rng.standard_normal((120, 3))
    y = np.where(np.arange(120) < 40, truth, -1)
    decoder = looking.fit(lying_at(latents), y)
    near = decoder.predict_proba(lying_at(latents[60:63] + 0.05))
    far = decoder.predict_proba(lying_at(latents[60:63] + 1000))
    assert (near.max(axis=1) > 0.6).all()
    np.testing.assert_allclose(far, 1 / 3, atol=0.05)  # calibrated or not


@pytest.mark.parametrize("labels_of_1", [9, 30], ids=["unequal", "equal"])
def test_so_do_items_of_the_pool_unless_they_have_a_label(looking, labels_of_1):
    rng = np.random.default_rng(0)
    truth = np.arange(200) % 2
    latents = np.vstack([6 * np.eye(2)[truth] + 0.3 * rng.standard_normal((200, 2)), [[900, 0], [0, -900]]])
    y = np.full(202, UNLABELED)
    y[:60:2], y[1 : 2 * labels_of_1 : 2] = 0, 1
    y[201] = 0
    decoder = looking.fit(lying_at(latents), y)
    P = decoder.predict_proba(lying_at(latents))
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
    assert (P[60:200].max(axis=1) > 0.6).all()
    np.testing.assert_allclose(P[200], 0.5, atol=0.02)
    assert decoder.predict(lying_at(latents))[200] == 0  # what it lies beyond, not what is labelled most
    assert P[201, 0] > 0.6
    # Those who come later fade too, whatever the temperature, and nothing falls below 0.
    halfway = latents[:200].mean(axis=0) + np.linspace(0, 40, 200)[:, None] * [1, 1]
    later = decoder.predict_proba(lying_at(halfway))
    assert (later >= 0).all()
    np.testing.assert_allclose(later.sum(axis=1), 1, atol=1e-5)
