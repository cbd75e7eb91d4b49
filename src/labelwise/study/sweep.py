"""Score methods over random draws of labels."""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
from sklearn.metrics import f1_score

from labelwise.labels import UNLABELED
from labelwise.randomness import numpy_generator
from labelwise.study.answers import Answers
from labelwise.study.features import Task
from labelwise.study.methods import METHODS, RANDOM, SUGGESTED, MethodSpec
from labelwise.study.results import Cell, CellKey
from labelwise.study.selections import SELECTIONS


def draw_labels(truth: np.ndarray, n_labeled: int, draw: int) -> np.ndarray:
    """Reveal the labels of `n_labeled` random items, not stratified; the others are -1.

    Parameters
    ----------
    truth : ndarray of shape (n_samples,), int
    n_labeled : int
    draw : int
        Number of the draw; equal numbers draw equal items.
    """
    rows = numpy_generator(draw).permutation(len(truth))[:n_labeled]
    y = np.full(len(truth), UNLABELED)
    y[rows] = truth[rows]
    return y


def label_items(method: MethodSpec, task: Task, truth: np.ndarray, n_labeled: int, draw: int) -> np.ndarray:
    """Reveal the labels of the items that the method's selection names; the others are -1."""
    if method.selection == RANDOM:
        return draw_labels(truth, n_labeled, draw)
    if method.selection == SUGGESTED:
        rows = task.pool.get("suggested")[draw, :n_labeled]
    else:
        rows = SELECTIONS[method.selection].select(task.pool.get("encoding"), n_labeled, draw)
    y = np.full(len(truth), UNLABELED)
    y[rows] = truth[rows]
    return y


def score_cell(key: CellKey, task: Task, truth: np.ndarray, truth_held_out: np.ndarray, dataset: str) -> Cell:
    """Give a method the labels of a draw and score its answers; an error is recorded in the cell.

    Parameters
    ----------
    key : CellKey
    task : Task
        With the features that the method needs.
    truth, truth_held_out : ndarray of shape (n_pool,) and (n_held_out,), int
        Class codes; the method sees those of the draw only.
    dataset : str
    """
    method = METHODS[key.method]
    y = label_items(method, task, truth, key.n_labeled, key.draw)
    labeled = y != UNLABELED
    n_named = 0
    if method.uses_model:
        n_named = len(np.unique(task.pool.get("encoding").top[labeled]))
    accuracy = accuracy_held_out = macro_f1 = math.nan
    error = ""
    start = time.perf_counter()
    try:
        answers = _answers(key, task, y)
        accuracy = float((answers.pool[~labeled] == truth[~labeled]).mean())
        macro_f1 = _macro_f1(truth[~labeled], answers.pool[~labeled])
        if answers.held_out is not None:
            accuracy_held_out = float((answers.held_out == truth_held_out).mean())
    except Exception as failure:  # noqa: BLE001 (a baseline that fails must not end a study)
        error = " ".join(f"{type(failure).__name__}: {failure}".split())
    return Cell(
        dataset=dataset,
        model_seed=key.model_seed,
        draw=key.draw,
        n_labeled=key.n_labeled,
        fraction=key.n_labeled / len(truth),
        method=key.method,
        accuracy=accuracy,
        n_classes_seen=len(np.unique(y[labeled])),
        n_components_named=n_named,
        seconds=time.perf_counter() - start,
        accuracy_held_out=accuracy_held_out,
        macro_f1=macro_f1,
        error=error,
    )


def _macro_f1(truth: np.ndarray, answers: np.ndarray) -> float:
    return float(f1_score(truth, answers, labels=np.unique(truth), average="macro", zero_division=0.0))


def _answers(key: CellKey, task: Task, y: np.ndarray) -> Answers:
    with warnings.catch_warnings():
        # Peers warn of few labels and of iterations that end early; the score shows what comes of it.
        warnings.simplefilter("ignore")
        return METHODS[key.method].run(task, y, key.draw)
