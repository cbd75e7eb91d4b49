"""Accuracy estimated from the labels at hand, against the accuracy that can be counted."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise.decoding import UNLABELED, HardDecoder, SoftDecoder
from labelwise.errors import LabelError, ParameterError
from labelwise.planning.forecast import forecast_accuracy

N_SAMPLES, N_COMPONENTS, N_CLASSES = 4000, 30, 5


@pytest.fixture(scope="module")
def pool():
    """Posteriors over 30 components, five classes; one item in ten is of another class than its component."""
    rng = np.random.default_rng(0)
    components = rng.integers(N_COMPONENTS, size=N_SAMPLES)
    Q = rng.dirichlet(np.full(N_COMPONENTS, 0.05), N_SAMPLES)
    Q = 0.3 * Q + 0.7 * np.eye(N_COMPONENTS)[components]
    truth = components % N_CLASSES
    wrong = rng.random(N_SAMPLES) < 0.1
    truth[wrong] = rng.integers(N_CLASSES, size=wrong.sum())
    return Q, truth


def reveal(truth, n_labels, seed):
    y = np.full(len(truth), UNLABELED)
    rows = np.random.default_rng(seed).permutation(len(truth))[:n_labels]
    y[rows] = truth[rows]
    return y


def accuracy(decoder, Q, truth, n_labels, seed):
    y = reveal(truth, n_labels, seed)
    hidden = y == UNLABELED
    return (decoder.fit(Q, y).predict(Q)[hidden] == truth[hidden]).mean()


@pytest.mark.parametrize("decoder", [SoftDecoder(), HardDecoder(unnamed="prior")])
def test_estimates_agree_with_the_accuracy_that_comes(pool, decoder):
    Q, truth = pool
    draws = range(4)
    forecasts = [
        forecast_accuracy(decoder, Q, reveal(truth, 60, seed), further=(60,), random_state=seed)
        for seed in draws
    ]
    now = np.mean([accuracy(decoder, Q, truth, 60, seed) for seed in draws])
    later = np.mean([accuracy(decoder, Q, truth, 120, seed) for seed in draws])
    assert np.mean([forecast.accuracy[0] for forecast in forecasts]) == pytest.approx(now, abs=0.05)
    assert np.mean([forecast.accuracy[1] for forecast in forecasts]) == pytest.approx(later, abs=0.08)


def test_more_labels_promise_no_less(pool):
    Q, truth = pool
    forecast = forecast_accuracy(SoftDecoder(), Q, reveal(truth, 40, 0), random_state=0)
    assert forecast.n_labels.tolist() == [40, 50, 90, 140]
    assert forecast.gain[0] == 0
    assert (np.diff(forecast.accuracy) >= 0).all()
    assert (np.diff(forecast.gain) >= 0).all()
    assert ((forecast.low <= forecast.accuracy) & (forecast.accuracy <= forecast.high)).all()
    assert ((forecast.gain_low <= forecast.gain) & (forecast.gain <= forecast.gain_high)).all()
    assert ((forecast.low >= 0) & (forecast.high <= 1)).all()


def test_more_labels_at_hand_give_a_narrower_interval(pool):
    Q, truth = pool
    few = forecast_accuracy(SoftDecoder(), Q, reveal(truth, 20, 0), random_state=0)
    many = forecast_accuracy(SoftDecoder(), Q, reveal(truth, 320, 0), random_state=0)
    assert many.high[0] - many.low[0] < (few.high[0] - few.low[0]) / 2


def test_labels_that_are_all_answered_rightly_still_leave_doubt():
    Q = np.eye(2)[np.arange(500) % 2]
    y = reveal(np.arange(500) % 2, 12, 0)
    forecast = forecast_accuracy(SoftDecoder(), Q, y, random_state=0)
    assert forecast.low[0] < 0.97


def test_names_may_be_text_and_the_decoder_is_left_as_it_was(pool):
    Q, truth = pool
    y = reveal(truth, 40, 0).astype(object)
    y[y != UNLABELED] = [f"class {code}" for code in y[y != UNLABELED]]
    decoder = SoftDecoder(classes=[f"class {code}" for code in range(9)])
    text = forecast_accuracy(decoder, Q, y, random_state=3)
    numbers = forecast_accuracy(SoftDecoder(), Q, reveal(truth, 40, 0), random_state=3)
    np.testing.assert_array_equal(text.accuracy, numbers.accuracy)
    assert not hasattr(decoder, "classes_")


def test_too_few_labels_are_refused(pool):
    Q, truth = pool
    with pytest.raises(LabelError, match="7 labels are too few to estimate an accuracy: give at least 8"):
        forecast_accuracy(SoftDecoder(), Q, reveal(truth, 7, 0))


def test_bad_parameters_are_refused(pool):
    Q, truth = pool
    with pytest.raises(ParameterError, match=r"further=\[0\].*confidence=2"):
        forecast_accuracy(SoftDecoder(), Q, reveal(truth, 20, 0), further=[0], confidence=2)
