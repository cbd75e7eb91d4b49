"""A linear student: logistic regression that learns what was answered, and has its say in the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding.linear import columns_of, regression
from labelwise.decoding.product import ProductDecoder, multiplied
from labelwise.encoding import Encoding
from labelwise.parameters import Integer, Option
from labelwise.randomness import numpy_generator

_MAX_ROWS = 6_000  # random items that it learns from: seconds, and more changed nothing
TOLERANCE = 1e-3  # of the solver: its labels are guesses, and thousands of them take time
_SHARPNESS = 2.0  # power of an answer's probability that is its weight


class LinearStudentDecoder(ProductDecoder):
    """Teach logistic regression the answers of `ProductDecoder`, and take the geometric mean of both.

    Self-training with pseudo-labels (Yarowsky, ACL 1995; Lee, *Pseudo-Label*, ICML workshop 2013), in one
    round, and with a graph as the first teacher: the most probable class of each item is its label, and the
    square of that probability its weight; true labels weigh 1. The student is a straight boundary that has
    seen thousands of items, so that it smooths what the graph says of single ones. It learns from latents and
    features: for fixed features it takes seconds, where the student of `labelwise refine` looks at images.

    Parameters
    ----------
    use_features : bool, default=True
        Whether to look at the features too. An `Encoding` must then hold them.
    n_neighbors : int, default=10
        By which new items are placed.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    on_ : {"latents", "features"}
        Where new items' neighbours are looked for.
    exponents_ : dict of str to float
        Of the teacher; they sum to 1.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "use_features": Option(True, False),
        "n_neighbors": Integer(1),
    }

    exponents = None

    def __init__(self, use_features: bool = True, n_neighbors: int = 10, classes: Any = None) -> None:
        self.use_features = use_features
        self.n_neighbors = n_neighbors
        self.classes = classes

    def _multiply(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> np.ndarray:
        teacher = super()._multiply(Q, labeled, codes)
        rows = np.union1d(numpy_generator(0).permutation(len(Q))[:_MAX_ROWS], labeled)
        answers, weights = lesson_of(teacher, labeled, np.searchsorted(np.unique(codes), codes))
        student = np.zeros(teacher.shape)
        columns = columns_of(Q, self.needs)
        student[:, np.unique(answers[rows])] = regression(
            columns, rows, answers[rows], weights[rows], tol=TOLERANCE
        )
        return multiplied({"teacher": teacher, "student": student}, {"teacher": 0.5, "student": 0.5})


def lesson_of(answers: np.ndarray, labeled: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a linear student learns from answers and labels: a class for each item, and its weight.

    Parameters
    ----------
    answers : ndarray of shape (n_samples, n_classes)
        The most probable class of each item is learned, and the square of its probability is the weight.
    labeled, codes : ndarray of shape (n_labeled,), int
        Rows with a label and its class, which weighs 1.

    Returns
    -------
    codes : ndarray of shape (n_samples,), int
    weights : ndarray of shape (n_samples,)
    """
    learned, weights = answers.argmax(axis=1), answers.max(axis=1) ** _SHARPNESS
    learned[labeled], weights[labeled] = codes, 1
    return learned, weights
