"""Hard decoding: every component has one name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from labelwise.decoding.base import Decoder
from labelwise.encoding import Encoding
from labelwise.errors import UnnamedComponentWarning
from labelwise.labels import UNLABELED
from labelwise.parameters import Option


class HardDecoder(Decoder):
    """Give each item the most frequent label of its most probable component.

    Labels of equal number in a component: the first class in `classes_` wins.

    Parameters
    ----------
    unnamed : {"nearest", "prior", "abstain", "first"}, default="nearest"
        What a component answers that no labelled item reached:
        "nearest" what the named component answers with which it shares most items (the cosine between their
        columns of posteriors; "prior" where it shares none);
        "prior" the most frequent class among the labels;
        "abstain" -1, no label, from `predict`;
        "first" the first of `classes_`, even one without a label, in silence, as the published code does:
        for comparison only.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    component_probabilities_ : ndarray of shape (n_components, n_classes)
        p(label given c): shares of the labels in each component; rows sum to 1.
    component_names_ : ndarray of shape (n_components,)
        What each component answers.
    """

    _constraints = {"unnamed": Option("nearest", "prior", "abstain", "first")}  # noqa: RUF012 (never changed)

    def __init__(self, unnamed: str = "nearest", classes: Any = None) -> None:
        self.unnamed = unnamed
        self.classes = classes

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        counts = np.zeros((Q.n_components, len(self.classes_)))
        np.add.at(counts, (Q.top[labeled], codes), 1)
        empty = self.unnamed_components_
        named = np.setdiff1d(np.arange(Q.n_components), empty)
        if self.unnamed == "nearest" and len(empty):
            donors = _most_overlapping(Q.overlap, empty, named)
            counts[empty[donors >= 0]] = counts[donors[donors >= 0]]
        elif self.unnamed == "first":
            counts[empty, 0] = 1
        still_empty = counts.sum(axis=1) == 0
        counts[still_empty] = self.class_prior_
        self.component_probabilities_ = counts / counts.sum(axis=1, keepdims=True)
        names = self.classes_[self.component_probabilities_.argmax(axis=1)]
        if self.unnamed == "abstain" and len(empty):
            # Text, truths and unsigned numbers have no -1 of their own.
            names = names.astype(names.dtype if names.dtype.kind in "if" else object)
            names[empty] = UNLABELED
            warnings.warn(
                f"{len(empty)} of {Q.n_components} components have no labelled item; "
                "their items get no label",
                UnnamedComponentWarning,
                stacklevel=3,
            )
        self.component_names_ = names

    def _answers(self, Q: Encoding) -> np.ndarray:
        return np.asarray(self.component_names_[Q.top])

    def _scores(self, Q: Encoding) -> np.ndarray:
        return np.asarray(self.component_probabilities_[Q.top])


def _most_overlapping(overlap: np.ndarray, empty: np.ndarray, named: np.ndarray) -> np.ndarray:
    """For each of the components `empty` the one of `named` with the largest cosine, or -1 if all are 0."""
    norms = np.sqrt(np.diag(overlap))
    cosine = overlap[np.ix_(empty, named)] / np.maximum(norms[named], np.finfo(np.float64).tiny)
    return np.where(cosine.max(axis=1) > 0, named[cosine.argmax(axis=1)], -1)
