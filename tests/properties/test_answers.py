"""Encodings, decoders, suggestions and forecasts: results that make sense, or an error that says why not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwise import forecast_accuracy, label_budget
from labelwise.decoding import DECODERS
from labelwise.encoding import Encoding
from labelwise.labels import UNLABELED
from labelwise.planning.sheets import sheets_from
from labelwise.planning.suggest import suggest_from
from properties.strategies import ANY_LABEL, SEEDS, encodings, labelled, real_numbers, tables, tried

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")

SLOW = {"auto", "linear-student", "product"}  # they compare others, or learn


@given(real_numbers(), st.none() | real_numbers(), st.none() | real_numbers())
def test_an_encoding_holds_what_it_was_given_or_refuses_it(posteriors, latents, features):
    made = tried(Encoding, posteriors, latents, features)
    if made is None:
        return
    assert made.posteriors.shape == posteriors.shape == made.shape
    np.testing.assert_allclose(made.posteriors.sum(axis=1), 1, atol=2e-3)
    assert len(made[: len(made) // 2]) == len(made) // 2


@given(tables())
def test_an_encoding_of_a_table(table):
    made = Encoding.of_table(table)
    np.testing.assert_array_equal(made.top, table.astype(made.posteriors.dtype).argmax(axis=1))
    np.testing.assert_allclose(made.overlap, table.T @ table, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in DECODERS if name not in SLOW])
@given(data=st.data())
def test_decoders_give_probabilities_or_say_why_not(name, data):
    check_decoder(name, data)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(SLOW))
@given(data=st.data())
def test_slow_decoders_give_probabilities_or_say_why_not(name, data):
    check_decoder(name, data)


def check_decoder(name, data):
    encoding = data.draw(encodings())
    y = data.draw(labelled(len(encoding)))
    decoder = DECODERS[name]()
    if tried(decoder.fit, encoding, y) is None:
        return
    probabilities = decoder.predict_proba(encoding)
    assert probabilities.shape == (len(encoding), len(decoder.classes_))
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
    answers = decoder.predict(encoding)
    assert set(answers.tolist()) <= {*decoder.classes_.tolist(), UNLABELED}
    told = tried(decoder.predict_proba, data.draw(encodings()))
    if told is not None:
        np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-4)


@given(data=st.data(), n_labels=st.integers(-1, 40), rare=st.booleans(), seed=SEEDS)
def test_suggestions_are_distinct_items_without_a_label(data, n_labels, rare, seed):
    encoding = data.draw(encodings())
    y = data.draw(st.none() | labelled(len(encoding), st.just(-1) | st.text("ab", min_size=1, max_size=1)))
    found = tried(suggest_from, encoding, n_labels, y=y, rare=rare, random_state=seed)
    if found is None:
        return
    rows = [each.index for each in found]
    assert len(set(rows)) == len(rows) <= n_labels
    assert all(0 <= row < len(encoding) for row in rows)
    assert y is None or all(y[row] == UNLABELED for row in rows)
    again = suggest_from(encoding, n_labels, y=y, rare=rare, random_state=seed)
    assert [each.index for each in again] == rows


@given(data=st.data(), n_sheets=st.integers(-1, 8), size=st.integers(-1, 20), seed=SEEDS)
def test_sheets_hold_distinct_items(data, n_sheets, size, seed):
    encoding = data.draw(encodings())
    y = data.draw(labelled(len(encoding), st.just(-1) | st.text("ab", min_size=1, max_size=1)))
    found = tried(sheets_from, encoding, n_sheets, size=size, y=y, random_state=seed)
    if found is None:
        return
    for sheet in found:
        assert len(set(sheet.items.tolist())) == len(sheet.items) > 0
        assert all(0 <= row < len(encoding) for row in sheet.items)


@given(data=st.data(), further=st.lists(st.integers(-1, 30), max_size=3), seed=SEEDS)
def test_forecasts_are_shares(data, further, seed):
    encoding = data.draw(encodings(min_items=2))
    y = data.draw(labelled(len(encoding), ANY_LABEL | st.sampled_from(["a", "b"])))
    found = tried(forecast_accuracy, DECODERS["soft"](), encoding, y, further=further, random_state=seed)
    if found is None:
        return
    for low, middle, high in zip(found.low, found.accuracy, found.high, strict=True):
        assert 0 <= low <= middle <= high <= 1
    assert len(found.n_labels) == len(found.accuracy) == len(found.gain)


@given(
    st.none() | st.integers(-1, 10**6),
    st.none() | st.integers(-1, 300),
    st.floats(),
    st.none() | st.lists(st.floats(), max_size=8),
)
def test_budgets_are_whole_numbers_of_labels(n_samples, n_components, confidence, weights):
    found = tried(label_budget, n_samples, n_components, confidence, weights=weights)
    if found is None:
        return
    assert 1 <= found.chosen <= found.random <= found.random_bound
    assert n_samples is None or found.chosen <= found.finite <= found.finite_bound <= n_samples
