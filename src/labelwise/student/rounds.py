"""Rounds of teaching: a student learns from answers, and together with a graph gives better ones."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from scipy.optimize import brentq

from labelwise.decoding.crossfit import temper
from labelwise.events import Event, Listener, ignore, part_of

FLOOR = 1e-6  # added to probabilities: an outright 0 of network or graph would be a veto
_HIGHEST_TEMPERATURE = 20.0  # probabilities are all but equal there: a bound for the search, not a setting
_SETTLED = 0.002  # share of answers: if fewer change, one more round is the last

STAGE = "refining"


class Outcome(Protocol):
    """What comes of a round."""

    @property
    def answers(self) -> np.ndarray:
        """Probabilities of all items, (n_samples, n_classes), which teach the next round."""
        ...

    @property
    def probabilities(self) -> np.ndarray:
        """The same, as sure as they should be."""
        ...


_Outcome = TypeVar("_Outcome", bound=Outcome, covariant=True)


class Teaching(Protocol[_Outcome]):
    """What can be taught in rounds."""

    def round(self, answers: np.ndarray, listen: Listener = ignore) -> _Outcome:
        """Learn the `answers` of all items and the labels, and answer anew."""
        ...


def teach(
    teaching: Teaching[_Outcome], answers: np.ndarray, max_rounds: int, listen: Listener = ignore
) -> tuple[_Outcome, list[dict[str, float]]]:
    """Rounds until the answers settle: one more after the first that changed hardly anything.

    Parameters
    ----------
    teaching : Teaching
    answers : ndarray of shape (n_samples, n_classes), float32
        What the first round teaches.
    max_rounds : int
    listen : callable
        Gets an event of the stage "refining" for each step and round.

    Returns
    -------
    outcome : Outcome
        Of the last round.
    history : list of dict
        One record a round: round, changed (share of answers that changed), sure (mean largest probability).
    """
    history: list[dict[str, float]] = []
    settled = last = False
    while not last:
        n_done = len(history)
        last = settled or n_done == max_rounds - 1
        within_round = part_of(listen, STAGE, n_done / max_rounds, (n_done + 1) / max_rounds)
        outcome = teaching.round(answers, within_round)
        changed = float((outcome.answers.argmax(axis=1) != answers.argmax(axis=1)).mean())
        sure = float(outcome.probabilities.max(axis=1).mean())
        history.append({"round": n_done + 1, "changed": changed, "sure": sure})
        message = (
            f"round {n_done + 1}/{max_rounds}: {changed:.1%} of the answers changed, "
            f"mean largest probability {sure:.2f}"
        )
        listen(Event(STAGE, 1.0 if last else (n_done + 1) / max_rounds, message, history[-1]))
        settled, answers = changed < _SETTLED, outcome.answers
    return outcome, history


def combine(network: np.ndarray, graph: np.ndarray) -> np.ndarray:
    """Normalised geometric mean of network and graph; the network alone where no label reaches.

    With the arithmetic mean, whichever of them is sure would outvote the doubts of the other.
    """
    both = np.sqrt((network + FLOOR) * (graph + FLOOR))
    reached = graph.sum(axis=1, keepdims=True) > 0
    return np.asarray(np.where(reached, both / both.sum(axis=1, keepdims=True), network))


def calming_temperature(answers: np.ndarray, graph: np.ndarray) -> float:
    """Temperature, from 1 to 20, at which `answers` are on average no surer than the graph.

    A network that learns its own answers, round after round, becomes surer than it is right. The graph of its
    features spreads true labels only.

    Parameters
    ----------
    answers : ndarray of shape (n_samples, n_classes)
        As `combine` gives them.
    graph : ndarray of shape (n_samples, n_classes)
        Rows that no label reaches are 0; they do not count.
    """
    reached = graph.any(axis=1)
    answers, aim = answers[reached], graph[reached].max(axis=1).mean()

    def excess(log_temperature: float) -> float:
        return float(temper(answers, np.exp(log_temperature)).max(axis=1).mean() - aim)

    if excess(0.0) <= 0:
        return 1.0
    hottest = float(np.log(_HIGHEST_TEMPERATURE))
    return float(np.exp(brentq(excess, 0.0, hottest, xtol=1e-3) if excess(hottest) < 0 else hottest))
