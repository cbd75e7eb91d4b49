"""A closer look at one model with one draw of labels: components, votes, reliability, confusion.

Figures show what is computed here and in `labelwise.report.findings`. The classes of all items are used to
describe, never to decode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelwise.decoding import HardDecoder, SoftDecoder
from labelwise.labels import UNLABELED
from labelwise.study.sweep import draw_labels

_N_BINS = 10  # enough to see a bend, and few enough that a bin is not noise
_VOTES_SHOWN = 6  # as many as have room for their numbers
LEAST_MASS = 0.005  # of the posterior: less would be written as 0.00


@dataclass(frozen=True, eq=False)
class Components:
    """What each component holds, by the classes of all items.

    Attributes
    ----------
    shares : ndarray of shape (n_components,)
        Of the items whose most probable component it is.
    purity : ndarray of shape (n_components,)
        Share of its largest class in it; NaN if it is empty.
    classes : ndarray of shape (n_components,), int
        That class; -1 if it is empty.
    """

    shares: np.ndarray
    purity: np.ndarray
    classes: np.ndarray

    @property
    def mean_purity(self) -> float:
        """Share of the items that belong to the largest class of their component."""
        return float(np.nansum(self.shares * self.purity))


def describe_components(Q: np.ndarray, truth: np.ndarray, n_classes: int) -> Components:
    """Purity, share and largest class of each component."""
    table = np.zeros((Q.shape[1], n_classes))
    np.add.at(table, (Q.argmax(axis=1), truth), 1)
    counts = table.sum(axis=1)
    with np.errstate(invalid="ignore"):
        purity = table.max(axis=1) / counts
    return Components(counts / len(truth), purity, np.where(counts > 0, table.argmax(axis=1), -1))


@dataclass(frozen=True, eq=False)
class Vote:
    """One item that soft decoding gets right and hard decoding wrong, in numbers.

    Attributes
    ----------
    row : int
    truth, hard, soft : int
        Class codes.
    components : ndarray of shape (n_shown,), int
        The most probable components, most probable first.
    posteriors : ndarray of shape (n_shown,)
        q(c given x) of these components.
    names : ndarray of shape (n_shown,), int
        Class that hard decoding calls each.
    by_name : dict of int to float
        Posterior mass by the name of the component, over all components.
    scores : dict of int to float
        Soft decoding's p(label given x) of the classes in question.
    """

    row: int
    truth: int
    hard: int
    soft: int
    components: np.ndarray
    posteriors: np.ndarray
    names: np.ndarray
    by_name: dict[int, float]
    scores: dict[int, float]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Both decoders fitted to one draw, and their answers for the pool."""

    y: np.ndarray
    hard: HardDecoder
    soft: SoftDecoder
    hard_answers: np.ndarray
    soft_answers: np.ndarray
    soft_proba: np.ndarray


def decode_draw(Q: np.ndarray, truth: np.ndarray, n_labeled: int, draw: int) -> Decoded:
    """Fit hard and soft decoding to the labels of a draw and answer all items."""
    y = draw_labels(truth, n_labeled, draw)
    hard, soft = HardDecoder().fit(Q, y), SoftDecoder().fit(Q, y)
    proba = soft.predict_proba(Q)
    return Decoded(y, hard, soft, hard.predict(Q), soft.classes_[proba.argmax(axis=1)], proba)


def find_vote(Q: np.ndarray, truth: np.ndarray, decoded: Decoded) -> Vote | None:
    """Find the clearest item that soft decoding corrects: the one with most mass in rightly named components.

    Its most probable component has a label, so that hard decoding is wrong by its rule and not because a
    name is missing. None if there is no such item.
    """
    named = np.ones(Q.shape[1], dtype=bool)
    named[decoded.hard.unnamed_components_] = False
    names = np.asarray(decoded.hard.component_names_)
    unlabeled = decoded.y == UNLABELED
    corrected = unlabeled & (decoded.soft_answers == truth) & (decoded.hard_answers != truth)
    rows = np.flatnonzero(corrected & named[Q.argmax(axis=1)])
    if not len(rows):
        return None
    right = np.array([Q[row][names == truth[row]].sum() for row in rows])
    row = int(rows[right.argmax()])
    order = np.argsort(-Q[row], kind="stable")[:_VOTES_SHOWN]
    codes = [int(truth[row]), int(decoded.hard_answers[row])]
    by_name = {int(code): float(Q[row][names == code].sum()) for code in np.unique(names)}
    column = {int(code): number for number, code in enumerate(decoded.soft.classes_)}
    return Vote(
        row=row,
        truth=codes[0],
        hard=codes[1],
        soft=int(decoded.soft_answers[row]),
        components=order,
        posteriors=Q[row][order],
        names=names[order].astype(int),
        by_name={code: mass for code, mass in by_name.items() if mass >= LEAST_MASS},
        scores={code: float(decoded.soft_proba[row, column[code]]) for code in codes},
    )


@dataclass(frozen=True, eq=False)
class Reliability:
    """Accuracy against stated probability, on items without a label.

    Attributes
    ----------
    confidence, accuracy, share : ndarray of shape (n_bins,)
        Means within the bin, NaN in an empty one, and its share of the items.
    error : float
        Expected calibration error: mean of |accuracy - confidence|, weighted by share (Naeini et al., 2015).
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    share: np.ndarray
    error: float


def reliability(probabilities: np.ndarray, right: np.ndarray) -> Reliability:
    """Sort answers into 10 equal bins by their stated probability; both arguments have shape (n,)."""
    bins = np.minimum((probabilities * _N_BINS).astype(int), _N_BINS - 1)
    counts = np.bincount(bins, minlength=_N_BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bins, probabilities, _N_BINS) / counts
        accuracy = np.bincount(bins, right, _N_BINS) / counts
    share = counts / len(bins)
    return Reliability(confidence, accuracy, share, float(np.nansum(share * np.abs(accuracy - confidence))))


def confusion(truth: np.ndarray, answers: np.ndarray, n_classes: int) -> np.ndarray:
    """Share of each class (rows) that got each answer (columns), shape (n_classes, n_classes)."""
    table = np.zeros((n_classes, n_classes))
    np.add.at(table, (truth, answers), 1)
    return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), 1))


def worst_pairs(table: np.ndarray, n_pairs: int) -> list[tuple[int, int]]:
    """The (class, wrong answer) pairs with the largest shares."""
    wrong = table - np.diag(np.diag(table))
    order = np.argsort(-wrong, axis=None, kind="stable")[:n_pairs]
    pairs = [tuple(map(int, np.unravel_index(position, table.shape))) for position in order]
    return [(row, column) for row, column in pairs if wrong[row, column] > 0]


@dataclass(frozen=True, eq=False)
class ClassGains:
    """Accuracy of soft minus that of hard decoding, by class.

    Attributes
    ----------
    gains : ndarray of shape (n_draws, n_classes)
    instability : ndarray of shape (n_classes,)
        Share of a class's items whose soft answer differs between two draws, averaged over pairs of draws.
    """

    gains: np.ndarray
    instability: np.ndarray


def class_gains(Q: np.ndarray, truth: np.ndarray, n_labeled: int, draws: Sequence[int]) -> ClassGains:
    """Where soft decoding helps, over several draws of labels on one model."""
    n_classes = int(truth.max()) + 1
    counts = np.bincount(truth, minlength=n_classes)
    gains, answers = [], []
    for draw in draws:
        decoded = decode_draw(Q, truth, n_labeled, draw)
        difference = (decoded.soft_answers == truth).astype(float) - (decoded.hard_answers == truth)
        gains.append(np.bincount(truth, difference, n_classes) / counts)
        answers.append(decoded.soft_answers)
    pairs = [(a, b) for number, a in enumerate(answers) for b in answers[number + 1 :]]
    differs = [np.bincount(truth, (a != b).astype(float), n_classes) / counts for a, b in pairs]
    instability = np.mean(differs, axis=0) if differs else np.full(n_classes, np.nan)
    return ClassGains(np.array(gains), instability)


@dataclass(frozen=True, eq=False)
class UncertaintyGains:
    """Accuracy of both decoders by how uncertain the posterior is.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
    hard, soft, share : ndarray of shape (n_bins,)
        Accuracies, NaN in an empty bin, and shares of the items.
    """

    edges: np.ndarray
    hard: np.ndarray
    soft: np.ndarray
    share: np.ndarray


def gains_by(
    uncertainty: np.ndarray, truth: np.ndarray, decoded: Decoded, edges: np.ndarray
) -> UncertaintyGains:
    """Accuracies in bins of `uncertainty`, on items without a label."""
    rows = np.flatnonzero(decoded.y == UNLABELED)
    bins = np.clip(np.searchsorted(edges, uncertainty[rows], side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(bins, minlength=len(edges) - 1)
    accuracies = []
    for answers in (decoded.hard_answers, decoded.soft_answers):
        right = (answers[rows] == truth[rows]).astype(float)
        with np.errstate(invalid="ignore"):
            accuracies.append(np.bincount(bins, right, len(edges) - 1) / counts)
    return UncertaintyGains(edges, accuracies[0], accuracies[1], counts / len(rows))


def posterior_entropy(Q: np.ndarray) -> np.ndarray:
    """Entropy of q(c given x) in nats, shape (n,)."""
    return np.asarray(-(Q * np.log(np.maximum(Q, 1e-30))).sum(axis=1))


def posterior_margin(Q: np.ndarray) -> np.ndarray:
    """Largest minus second largest q(c given x), shape (n,)."""
    top = np.partition(Q, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0])
