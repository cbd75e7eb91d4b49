"""Soft decoding: each class remembers how its labelled items spread over the components."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding.base import Decoder
from labelwise.encoding import Encoding


class SoftDecoder(Decoder):
    """Answer the class whose mean posterior has the largest dot product with the item's posterior.

    m(label) is the mean of q(c given x) over the items with that label. The normalised dot products are
    p(label given x) if classes are equally frequent and components equally large: the share of classes among
    the labels plays no part. A class without a labelled item cannot be answered (`missing_classes_`).

    Parameters
    ----------
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    class_profiles_ : ndarray of shape (n_classes, n_components)
        m(label); zero for classes without a label.
    """

    def __init__(self, classes: Any = None) -> None:
        self.classes = classes

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        members = np.zeros((len(self.classes_), len(codes)), dtype=Q.posteriors.dtype)
        members[codes, np.arange(len(codes))] = 1
        counts = members.sum(axis=1, keepdims=True)
        sums = (members @ Q.posteriors[labeled]).astype(np.float64)
        self.class_profiles_ = sums / np.maximum(counts, 1)

    def _answers(self, Q: Encoding) -> np.ndarray:
        # Not by way of probabilities: dividing by sums changes no answer.
        scores = self._scores(Q)
        codes = scores.argmax(axis=1)
        codes[scores.max(axis=1) == 0] = self.class_prior_.argmax()
        return np.asarray(self.classes_[codes])

    def _scores(self, Q: Encoding) -> np.ndarray:
        return np.asarray(Q.posteriors @ self.class_profiles_.T.astype(Q.posteriors.dtype))
