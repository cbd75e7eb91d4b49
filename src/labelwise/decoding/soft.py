"""Soft decoding: each class remembers how its labelled items spread over the components."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding.base import Decoder


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

    def _learn(self, Q: np.ndarray, labeled: np.ndarray, codes: np.ndarray) -> None:
        sums = np.zeros((len(self.classes_), Q.shape[1]))
        np.add.at(sums, codes, Q[labeled])
        counts = np.bincount(codes, minlength=len(sums))[:, None]
        self.class_profiles_ = sums / np.maximum(counts, 1)

    def _scores(self, Q: np.ndarray) -> np.ndarray:
        return np.asarray(Q @ self.class_profiles_.T.astype(Q.dtype))
