"""Score methods over random draws of labels."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from labelwise.labels import UNLABELED
from labelwise.randomness import numpy_generator
from labelwise.study.methods import Method
from labelwise.study.results import Cell


def draw_labels(truth: np.ndarray, n_labeled: int, draw: int) -> np.ndarray:
    """Reveal the labels of `n_labeled` random items, not stratified; the rest is -1.

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


def score_draw(
    X: np.ndarray,
    Q: np.ndarray,
    truth: np.ndarray,
    methods: Mapping[str, Method],
    *,
    dataset: str,
    model_seed: int,
    draw: int,
    n_labeled: int,
) -> list[Cell]:
    """Give every method the same labels; accuracy is measured on the items without one."""
    y = draw_labels(truth, n_labeled, draw)
    labeled = y != UNLABELED
    cells = []
    for name, method in methods.items():
        start = time.perf_counter()
        answers = method(X, Q, y)
        seconds = time.perf_counter() - start
        cells.append(
            Cell(
                dataset=dataset,
                model_seed=model_seed,
                draw=draw,
                n_labeled=n_labeled,
                fraction=n_labeled / len(truth),
                method=name,
                accuracy=float((answers[~labeled] == truth[~labeled]).mean()),
                n_classes_seen=len(np.unique(y[labeled])),
                n_components_named=len(np.unique(Q[labeled].argmax(axis=1))),
                seconds=seconds,
            )
        )
    return cells
