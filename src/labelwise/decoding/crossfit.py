"""What a decoder answers for labelled items whose own labels it has not seen."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp
from sklearn.base import clone

from labelwise.decoding.base import Decoder
from labelwise.encoding import Encoding
from labelwise.labels import UNLABELED

N_FOLDS = 5

FLOOR = 1e-6  # probabilities below this are not believed
_TEMPERATURES = (0.1, 20.0)


def out_of_fold(
    decoder: Decoder, Q: Encoding, labeled: np.ndarray, codes: np.ndarray, n_classes: int
) -> np.ndarray:
    """Probabilities of the labelled items, each from the labels in the other folds.

    Folds are stratified, and depend on the items but not on their order.

    Parameters
    ----------
    decoder : Decoder
        Cloned for each fold; learns codes without regard to its `classes`.
    Q : Encoding
        Of all items.
    labeled, codes : ndarray of shape (n_labeled,), int
        Rows with a label, and its class, 0..n_classes-1.

    Returns
    -------
    ndarray of shape (n_labeled, n_classes)
        Rows sum to 1; a class without a label in the other folds gets 0.
    """
    order = np.lexsort((*_places(Q)[labeled].T[::-1], codes))
    fold = np.empty(len(codes), dtype=np.int64)
    fold[order] = np.arange(len(codes)) % N_FOLDS
    found = np.zeros((len(codes), n_classes))
    for number in range(N_FOLDS):
        asked = np.flatnonzero(fold == number)
        if not len(asked):
            continue
        y = np.full(len(Q), UNLABELED)
        y[labeled] = codes
        y[labeled[asked]] = UNLABELED
        fitted = clone(decoder).set_params(classes=None).fit(Q, y)
        found[np.ix_(asked, fitted.classes_)] = fitted.predict_proba(Q)[labeled[asked]]
    return found


def _places(Q: Encoding) -> np.ndarray:
    """Numbers that tell items apart, whatever their order."""
    return Q.posteriors if Q.latents is None else Q.latents


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities, but at least 1e-6, to the power 1 / temperature, with rows that sum to 1 again."""
    powers = np.maximum(probabilities, FLOOR) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit_temperature(probabilities: np.ndarray, codes: np.ndarray, width: float = 1.0) -> float:
    """Temperature that makes the true classes likeliest (Guo et al., ICML 2017).

    A Gaussian prior on its logarithm, of mean 0, keeps a few labels from saying too much.

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes)
        Out of fold, of items whose class has labels in the other folds.
    codes : ndarray of shape (n,), int
    width : float, default=1.0
        Of the prior.
    """
    # A class that is never answered tells nothing, but would take its share at the floor.
    answered = np.asarray(probabilities.any(axis=0))
    answered[codes] = True
    probabilities, codes = probabilities[:, answered], (np.cumsum(answered) - 1)[codes]

    def loss(log_temperature: float) -> float:
        tempered = temper(probabilities, float(np.exp(log_temperature)))
        likelihood = np.log(tempered[np.arange(len(codes)), codes]).sum()
        return float((log_temperature / width) ** 2 / 2 - likelihood)

    best = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return float(np.exp(best.x))


def fit_exponents(logarithms: np.ndarray, codes: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Exponents of a product of probabilities that make the true classes likeliest.

    A Gaussian prior around `start`, of width 1, keeps a few labels from saying too much.

    Parameters
    ----------
    logarithms : ndarray of shape (n_decoders, n, n_classes)
        Of out-of-fold probabilities. Classes that are never answered are left out.
    codes : ndarray of shape (n,), int
    start : ndarray of shape (n_decoders,)

    Returns
    -------
    ndarray of shape (n_decoders,)
        At least 0.
    """
    rows = np.arange(len(codes))
    of_truth = logarithms[:, rows, codes].sum(axis=1)

    def loss(exponents: np.ndarray) -> tuple[float, np.ndarray]:
        total = np.tensordot(exponents, logarithms, 1)
        norm = logsumexp(total, axis=1, keepdims=True)
        expected = np.einsum("nc,dnc->d", np.exp(total - norm), logarithms)
        away = exponents - start
        value = norm.sum() - exponents @ of_truth + away @ away / 2
        return float(value), expected - of_truth + away

    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return np.asarray(best.x)
