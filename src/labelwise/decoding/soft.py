"""Soft decoding: each class remembers how its labelled items spread over the components."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding.base import Decoder
from labelwise.encoding import Posteriors

# More than rows of posteriors may exceed a sum of 1.
_ROW_SUM_SLACK = 2e-3


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

    def _learn(self, Q: Posteriors, labeled: np.ndarray, codes: np.ndarray) -> None:
        members = np.zeros((len(self.classes_), len(codes)), dtype=Q.values.dtype)
        members[codes, np.arange(len(codes))] = 1
        counts = members.sum(axis=1, keepdims=True)
        sums = (members @ Q.values[labeled]).astype(np.float64)
        self.class_profiles_ = sums / np.maximum(counts, 1)

    def _answers(self, Q: Posteriors) -> np.ndarray:
        # Items of which one component explains so much that the others could not change the answer get that
        # component's answer; dot products are computed for the rest only.
        profiles = self.class_profiles_
        if len(profiles) == 1:
            return np.full(len(Q), self.classes_[0])
        second, first = np.partition(profiles, -2, axis=0)[-2:]
        # The best class of the top component leads by (first - second) * peak. The rest of the posterior can
        # give another class at most its own mass, times the largest entry of the profiles.
        rest_mass = 1 + _ROW_SUM_SLACK - Q.peak
        sure = (first - second)[Q.top] * Q.peak > rest_mass * profiles.max()
        codes = profiles.argmax(axis=0)[Q.top]
        rest = np.flatnonzero(~sure)
        scores = self._scores(Posteriors.of_checked(Q.values.take(rest, axis=0)))
        codes[rest] = scores.argmax(axis=1)
        codes[rest[scores.max(axis=1) == 0]] = self.class_prior_.argmax()
        return np.asarray(self.classes_[codes])

    def _scores(self, Q: Posteriors) -> np.ndarray:
        return np.asarray(Q.values @ self.class_profiles_.T.astype(Q.values.dtype))
