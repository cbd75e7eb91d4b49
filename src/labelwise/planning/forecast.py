"""What accuracy to expect now, and what further labels would buy, judged by the labels at hand alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls
from sklearn.base import clone

from labelwise.decoding import DECODERS, AutoDecoder, Decoder
from labelwise.decoding.base import GraphDecoder
from labelwise.decoding.targets import split_labels
from labelwise.encoding import Encoding, as_encoding
from labelwise.errors import LabelError, LabelwiseWarning
from labelwise.labels import UNLABELED
from labelwise.parameters import Fraction, Integer, SequenceOf, check_parameters
from labelwise.randomness import RandomState, draw_seed, numpy_generator

_MIN_LABELS = 8
_SHARES = (0.25, 0.4, 0.55, 0.7, 0.85, 0.95)  # of the labels, that a decoder learns from
# Random splits of the labels at each of those, and unlabelled items that a decoder may look at. Names of
# components need few items and little time. Graphs answer worse with fewer items: on letters26 with 291
# labels, Poisson learning has .80 on the pool, .78 among 15,000 items and .76 among 5,000.
_SPLITS, _CONTEXT = 60, 5000
_GRAPH_SPLITS, _GRAPH_CONTEXT = 12, 15_000
_BOOTSTRAPS = 1000
# Errors of decoders fell with the number of labels to a power within this range; see benchmarks/forecast.py.
_POWERS = (0.5, 2.0)


@dataclass(frozen=True)
class Forecast:
    """Expected accuracy on items without a label; the first entry of each array is for the labels at hand.

    Attributes
    ----------
    decoder : str
        What was forecast: a name of `DECODERS`; "… on features" where the model is left out.
    n_labels : ndarray of shape (1 + n_further,), int
    accuracy, low, high : ndarray of shape (1 + n_further,)
        Estimate and ends of its interval, 0..1.
    gain, gain_low, gain_high : ndarray of shape (1 + n_further,)
        What the further labels add.
    """

    decoder: str
    n_labels: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gain: np.ndarray
    gain_low: np.ndarray
    gain_high: np.ndarray


def forecast_accuracy(
    decoder: Decoder,
    Q: Any,
    y: Any,
    *,
    further: Sequence[int] = (10, 50, 100),
    confidence: float = 0.95,
    random_state: RandomState = None,
) -> Forecast:
    """Estimate the accuracy of a decoder, and what further random labels would add.

    The decoder is fitted to random parts of the labels and scored on the others. To the errors at growing
    sizes m a learning curve a + b m^-p + c u(m) is fitted, with a, b, c >= 0, and followed to where it leads;
    u(m) is the share of items whose component m random labels are expected to miss, which the posteriors
    tell without a label. The interval comes from a Bayesian bootstrap over the labelled items (Rubin, 1981),
    with p drawn from 0.5..2. It speaks of random labels: of chosen ones the first are worth more.

    Parameters
    ----------
    decoder : Decoder
        Not changed. An `AutoDecoder` makes its choice once, from all labels; that choice is forecast.
    Q : Encoding, or array-like of shape (n_samples, n_components)
        Of all items.
    y : array-like of shape (n_samples,)
        Labels, drawn at random; -1 where there is none.
    further : sequence of int
        Numbers of further random labels.
    confidence : float
    random_state : int, RandomState, Generator or None

    Returns
    -------
    Forecast

    Raises
    ------
    LabelError
        If there are fewer than 8 labels.
    """
    check_parameters(
        {"further": list(further), "confidence": confidence},
        {"further": SequenceOf(Integer(1)), "confidence": Fraction()},
    )
    encoding = as_encoding(Q)
    labels, labeled = split_labels(y, len(encoding))
    n_labels = len(labels)
    if n_labels < _MIN_LABELS:
        raise LabelError(
            f"{n_labels} labels are too few to estimate an accuracy: give at least {_MIN_LABELS}"
        )
    seed = draw_seed(random_state)
    name, decoder = _settled(decoder, encoding, y)
    sizes, right = _scores_by_size(decoder, encoding, labels, labeled, numpy_generator(seed, 0))
    targets = n_labels + np.array([0, *further])
    shares = np.bincount(encoding.top, minlength=encoding.n_components) / len(encoding)
    curves = _bootstrap_curves(sizes, right, targets, shares, numpy_generator(seed, 1))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = np.quantile(curves, tails, axis=0)
    gains = curves - curves[:, :1]
    gain_low, gain_high = np.quantile(gains, tails, axis=0)
    return Forecast(
        decoder=name,
        n_labels=targets,
        accuracy=np.median(curves, axis=0),
        low=low,
        high=high,
        gain=np.median(gains, axis=0),
        gain_low=gain_low,
        gain_high=gain_high,
    )


def _settled(decoder: Decoder, encoding: Encoding, y: Any) -> tuple[str, Decoder]:
    """Name of what answers, and that decoder: the one that `AutoDecoder` chooses."""
    if isinstance(decoder, AutoDecoder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabelwiseWarning)  # whoever asks for answers gets them
            fitted = clone(decoder).fit(encoding, y)
        return fitted.choice_, fitted.decoder_
    return next((name for name, kind in DECODERS.items() if type(decoder) is kind), "given"), decoder


def _scores_by_size(
    decoder: Decoder, encoding: Encoding, labels: np.ndarray, labeled: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How often each labelled item is answered rightly by decoders that learnt from m of the others.

    Returns
    -------
    sizes : ndarray of shape (n_sizes,)
    right : ndarray of shape (n_sizes, n_labels)
        Within 0..1; an item that was never left out at a size gets the mean of that size.
    """
    n_labels = len(labels)
    unlabeled = np.setdiff1d(np.arange(len(encoding)), labeled)
    looks_at_graph = isinstance(decoder, GraphDecoder)
    n_splits = _GRAPH_SPLITS if looks_at_graph else _SPLITS
    context = rng.permutation(unlabeled)[: _GRAPH_CONTEXT if looks_at_graph else _CONTEXT]
    rows = np.concatenate([labeled, context])
    part = encoding[rows]
    sizes = np.unique(np.clip(np.round(np.array(_SHARES) * n_labels), 2, n_labels - 1)).astype(int)
    n_right, n_tries = np.zeros((len(sizes), n_labels)), np.zeros((len(sizes), n_labels))
    for _ in range(n_splits):
        order = rng.permutation(n_labels)
        for row, size in enumerate(sizes):
            shown, hidden = order[:size], order[size:]
            y = np.full(len(rows), UNLABELED, dtype=object)
            y[shown] = labels[shown]
            fitted = clone(decoder).set_params(classes=None).fit(part, y)
            n_right[row, hidden] += fitted.predict(part)[hidden] == labels[hidden]
            n_tries[row, hidden] += 1
    means = n_right.sum(axis=1, keepdims=True) / n_tries.sum(axis=1, keepdims=True)
    return sizes, np.where(n_tries > 0, n_right / np.maximum(n_tries, 1), means)


def _bootstrap_curves(
    sizes: np.ndarray, right: np.ndarray, targets: np.ndarray, shares: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Accuracies at `targets` labels by curves fitted to reweighted items, shape (n_bootstraps, n_targets).

    One more item, half right, takes part in the weighting: without it, a handful of labels that are all
    answered rightly would promise an accuracy of 1 with an interval of no width.
    """
    n_labels = right.shape[1]
    weights = rng.dirichlet(np.ones(n_labels + 1), _BOOTSTRAPS)
    powers = rng.uniform(*_POWERS, _BOOTSTRAPS)
    errors = 1 - right @ weights[:, :-1].T - 0.5 * weights[:, -1]

    def terms(counts: np.ndarray, power: float) -> np.ndarray:
        missed = (shares * (1 - shares) ** counts[:, None]).sum(axis=1)
        return np.stack([np.ones(len(counts)), (counts / n_labels) ** -power, missed], axis=1)

    curves = np.empty((_BOOTSTRAPS, len(targets)))
    for number, power in enumerate(powers):
        coefficients, _ = nnls(terms(sizes, power), errors[:, number])
        curves[number] = 1 - terms(targets, power) @ coefficients
    return np.clip(curves, 0.0, 1.0)
