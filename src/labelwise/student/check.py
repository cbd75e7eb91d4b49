"""Labels kept back from teacher and student, by which the two are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from labelwise.decoding.crossfit import fit_temperature
from labelwise.decoding.targets import split_labels
from labelwise.randomness import RandomState, draw_seed, numpy_generator
from labelwise.student.teaching import CHECKS

_CHECK_SHARE = 0.1  # of the labels: with more, decoder and student of the rehearsal would know too few
_MIN_CHECKS = 10  # with fewer, 5 against none (the least that the test can see) would be half of them
_LEVEL = 0.05  # of the sign test, as is usual


@dataclass(frozen=True)
class Check:
    """How often teacher and student are right on labels that neither has seen.

    Attributes
    ----------
    n_labels : int
    teacher, student : int
        Right answers.
    disputed : int
        Labels on which only one of them is right.
    temperature : float
        Makes the student as sure as it is right; at least 1, as so few labels cannot show that it should be
        surer.
    """

    n_labels: int
    teacher: int
    student: int
    disputed: int
    temperature: float = 1.0

    @property
    def helps(self) -> bool:
        """Whether the student is no worse than chance explains: a sign test at 5 %.

        The labels are few, and on images a student is rarely worse. Without the benefit of the doubt, chance
        alone would reject many good ones.
        """
        only_teacher = (self.disputed + self.teacher - self.student) // 2
        if not self.disputed:
            return True
        return bool(binomtest(only_teacher, self.disputed, alternative="greater").pvalue >= _LEVEL)


def rows_to_keep_back(y: Any, random_state: RandomState = None) -> np.ndarray:
    """Draw labelled rows to compare teacher and student by: a tenth, but none if that is fewer than 10.

    Each class keeps at least one label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    random_state : int, RandomState, Generator or None

    Returns
    -------
    ndarray of int, sorted
    """
    labels, labeled = split_labels(y, len(y))
    order = numpy_generator(draw_seed(random_state), CHECKS).permutation(len(labels))
    _, first_of_class = np.unique(labels[order], return_index=True)
    checks = np.delete(order, first_of_class)[: int(_CHECK_SHARE * len(labels))]
    return np.sort(labeled[checks if len(checks) >= _MIN_CHECKS else checks[:0]])


def judge(teacher: np.ndarray, student: np.ndarray, codes: np.ndarray) -> Check:
    """Compare probabilities, both of shape (n_labels, n_classes), with the classes of their items."""
    right = [answers.argmax(axis=1) == codes for answers in (teacher, student)]
    disputed = int((right[0] != right[1]).sum())
    temperature = max(1.0, fit_temperature(student, codes))
    return Check(len(codes), int(right[0].sum()), int(right[1].sum()), disputed, temperature)
