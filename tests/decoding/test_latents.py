"""Latents beside posteriors: who uses them, who does not, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from decoding.conftest import classes_of, posteriors, some_labels
from labelwise.decoding import DECODERS, UNLABELED
from labelwise.encoding import Posteriors
from labelwise.errors import DataError

# A decoder may tell of labels that look wrong: where items lie is random here.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")

LOOKING = [pytest.param(kind(), id=name) for name, kind in DECODERS.items() if kind.uses_latents]
BLIND = [pytest.param(kind(), id=name) for name, kind in DECODERS.items() if not kind.uses_latents]


@pytest.fixture(params=LOOKING)
def looking(request):
    """A decoder that looks at latents, not fitted, in turn each there is."""
    return clone(request.param)


@pytest.fixture(params=BLIND)
def blind(request):
    """A decoder that does not."""
    return clone(request.param)


def case(n_samples=80):
    """Posteriors, a few labels that follow them, and latents that have nothing to do with either."""
    Q = posteriors(n_samples, 6)
    latents = np.random.default_rng(5).standard_normal((n_samples, 3))
    return Q, some_labels(classes_of(Q), 12), latents


def test_both_kinds_are_there():
    assert {"spreading", "poisson"} <= {case.id for case in LOOKING}
    assert {"soft", "hard", "bayes", "related"} <= {case.id for case in BLIND}


class TestUse:
    def test_latents_change_the_answers(self, looking):
        Q, y, latents = case()
        without = clone(looking).fit(Q, y).predict_proba(Q)
        found = looking.fit(Q, y, latents=latents).predict_proba(Q, latents=latents)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
        assert np.abs(found - without).max() > 0.1

    def test_only_where_items_lie_counts_not_what_the_posteriors_say(self, looking):
        Q, y, latents = case()
        flat = np.full_like(Q, 1 / 6)
        expected = clone(looking).fit(Q, y, latents=latents).predict_proba(Q, latents=latents)
        found = looking.fit(flat, y, latents=latents).predict_proba(flat, latents=latents)
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_without_latents_items_lie_at_the_roots_of_their_posteriors(self, looking):
        Q, y, _ = case()
        expected = clone(looking).fit(Q, y, latents=np.sqrt(Q)).predict_proba(Q, latents=np.sqrt(Q))
        np.testing.assert_array_equal(looking.fit(Q, y).predict_proba(Q), expected)

    def test_posteriors_that_hold_latents_serve_as_the_two_arrays_do(self, looking):
        Q, y, latents = case()
        arrays = clone(looking).fit(Q, y, latents=latents)
        checked = Posteriors(Q, latents)
        looking.fit(checked, y)
        np.testing.assert_array_equal(
            looking.predict_proba(checked), arrays.predict_proba(Q, latents=latents)
        )
        assert looking.predict(checked).tolist() == arrays.predict(Q, latents=latents).tolist()
        again = Posteriors(Q[:30], latents=latents[:30])
        np.testing.assert_array_equal(
            looking.predict_proba(again), arrays.predict_proba(Q[:30], latents=latents[:30])
        )

    @pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
    def test_latents_of_any_number_type(self, looking, dtype):
        Q, y, latents = case()
        latents = np.round(4 * latents).astype(dtype)
        exact = clone(looking).fit(Q, y, latents=latents.astype(float))
        expected = exact.predict_proba(Q, latents=latents.astype(float))
        found = looking.fit(Q, y, latents=latents.tolist() if dtype is np.int8 else latents)
        np.testing.assert_allclose(found.predict_proba(Q, latents=latents), expected, atol=1e-4)

    def test_decoders_that_do_not_look_at_latents_answer_as_without(self, blind):
        Q, y, latents = case()
        y[:2] = UNLABELED
        expected = clone(blind).fit(Q, y)
        blind.fit(Q, y, latents=latents)
        np.testing.assert_array_equal(blind.predict_proba(Q, latents=latents), expected.predict_proba(Q))
        assert blind.predict(Posteriors(Q, latents)).tolist() == expected.predict(Q).tolist()


BAD_LATENTS = {
    "too few": (
        np.zeros((79, 3)),
        "latents must be a table of numbers with 80 rows, but have shape (79, 3) and type float64: "
        "pass what transform returns for the same items",
    ),
    "no table": (
        np.zeros(80),
        "latents must be a table of numbers with 80 rows, but have shape (80,) and type float64: "
        "pass what transform returns for the same items",
    ),
    "text": (
        np.full((80, 2), "x"),
        "latents must be a table of numbers with 80 rows, but have shape (80, 2) and type <U1: "
        "pass what transform returns for the same items",
    ),
    "NaN": (
        np.where(np.arange(160).reshape(80, 2) == 15, np.nan, 1),
        "latents hold NaN or infinity in row 7: leave such items out",
    ),
    "infinite": (
        np.where(np.arange(160).reshape(80, 2) == 6, -np.inf, 1),
        "latents hold NaN or infinity in row 3: leave such items out",
    ),
}


class TestRefusal:
    @pytest.mark.parametrize("method", ["fit", "predict", "predict_proba"])
    @pytest.mark.parametrize("name", BAD_LATENTS)
    def test_latents_that_do_not_fit(self, looking, name, method):
        Q, y, latents = case()
        bad, message = BAD_LATENTS[name]
        looking.fit(Q, y, latents=latents)
        arguments = (Q, y) if method == "fit" else (Q,)
        with pytest.raises(DataError) as caught:
            getattr(looking, method)(*arguments, latents=bad)
        assert str(caught.value) == message

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_another_number_of_columns(self, looking, method):
        Q, y, latents = case()
        looking.fit(Q, y, latents=latents)
        with pytest.raises(DataError) as caught:
            getattr(looking, method)(Q, latents=latents[:, :2])
        assert str(caught.value) == (
            "latents have 2 columns, but the decoder was fitted with 3: use the same model for both"
        )

    def test_latents_in_fit_and_none_after(self, looking):
        # As many columns as there are components: nothing else would tell them from the posteriors' roots.
        Q, y, _ = case()
        looking.fit(Q, y, latents=np.random.default_rng(1).standard_normal(Q.shape))
        with pytest.raises(DataError) as caught:
            looking.predict(Q)
        assert str(caught.value) == "the decoder was fitted with latents: pass those of these items too"

    def test_none_in_fit_and_latents_after(self, looking):
        Q, y, latents = case()
        looking.fit(Q, y)
        with pytest.raises(DataError) as caught:
            looking.predict(Q, latents=latents)
        assert str(caught.value) == (
            "the decoder was fitted without latents: leave them out, or fit it with latents"
        )

    @pytest.mark.parametrize("method", ["fit", "predict"])
    def test_latents_beside_posteriors_that_hold_their_own(self, looking, method):
        Q, y, latents = case()
        checked = Posteriors(Q, latents)
        looking.fit(checked, y)
        arguments = (checked, y) if method == "fit" else (checked,)
        with pytest.raises(DataError) as caught:
            getattr(looking, method)(*arguments, latents=latents)
        assert str(caught.value) == (
            "Posteriors hold their latents: pass latents to Posteriors(Q, latents) instead"
        )


@pytest.mark.parametrize("name", [name for name, kind in DECODERS.items() if kind.uses_latents])
def test_items_far_from_everything_get_the_shares_of_the_classes(name):
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 3
    latents = 5 * np.eye(3)[truth] + 0.3 * rng.standard_normal((120, 3))
    Q = np.full((120, 3), 1 / 3)
    y = np.where(np.arange(120) < 40, truth, -1)
    decoder = DECODERS[name]().fit(Q, y, latents=latents)
    near = decoder.predict_proba(Q[:3], latents=latents[60:63] + 0.05)
    far = decoder.predict_proba(Q[:3], latents=latents[60:63] + 1000)
    assert (near.max(axis=1) > 0.6).all()
    np.testing.assert_allclose(far, np.tile(decoder.class_prior_, (3, 1)), atol=0.05)  # calibrated or not


@pytest.mark.parametrize("name", [name for name, kind in DECODERS.items() if kind.uses_latents])
@pytest.mark.parametrize("labels_of_1", [9, 30], ids=["unequal", "equal"])
def test_so_do_items_of_the_pool_unless_they_have_a_label(name, labels_of_1):
    rng = np.random.default_rng(0)
    truth = np.arange(200) % 2
    latents = np.vstack([6 * np.eye(2)[truth] + 0.3 * rng.standard_normal((200, 2)), [[900, 0], [0, -900]]])
    y = np.full(202, UNLABELED)
    y[:60:2], y[1 : 2 * labels_of_1 : 2] = 0, 1
    y[201] = 0
    decoder = DECODERS[name]().fit(np.ones((202, 1)), y, latents=latents)
    P = decoder.predict_proba(np.ones((202, 1)), latents=latents)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
    assert (P[60:200].max(axis=1) > 0.6).all()
    np.testing.assert_allclose(P[200], decoder.class_prior_, atol=0.02)
    assert P[201, 0] > 0.6
    # Those who come later fade too, whatever the temperature, and nothing falls below 0.
    halfway = latents[:200].mean(axis=0) + np.linspace(0, 40, 200)[:, None] * [1, 1]
    later = decoder.predict_proba(np.ones((200, 1)), latents=halfway)
    assert (later >= 0).all()
    np.testing.assert_allclose(later.sum(axis=1), 1, atol=1e-5)
