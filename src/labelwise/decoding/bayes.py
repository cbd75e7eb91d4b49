"""Bayesian naming: what the labels say of a component, weighed against what was to be expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding.base import Decoder
from labelwise.decoding.related import component_counts, spread_names
from labelwise.encoding import Encoding
from labelwise.parameters import Option, Positive

_ALPHA = 0.9  # of the spread names


class BayesDecoder(Decoder):
    """Name each component by p(label given c), with a Dirichlet prior.

    The labels' posteriors count as observations of each component. The prior's mean is what its relatives
    are called (`prior="related"`, in which classes count alike) or the shares of the classes
    (`prior="classes"`). Unlike soft decoding, labels in a component keep the frequencies of their classes.
    There is no EM over the unlabelled items: given the component, an item says nothing about its label, so
    they would leave p(label given c) as it is.

    Parameters
    ----------
    prior : {"related", "classes"}, default="related"
        See `RelatedDecoder` for "related".
    strength : float, default=1.0
        Weight of the prior, in labels a component.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    component_probabilities_ : ndarray of shape (n_components, n_classes)
        p(label given c); rows sum to 1.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "prior": Option("related", "classes"),
        "strength": Positive(),
    }

    def __init__(
        self,
        prior: str = "related",
        strength: float = 1.0,
        classes: Any = None,
    ) -> None:
        self.prior = prior
        self.strength = strength
        self.classes = classes

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        counts = component_counts(Q, labeled, codes, len(self.classes_))
        prior = np.tile(self.class_prior_, (Q.n_components, 1))
        if self.prior == "related":
            names = spread_names(Q.overlap, counts, _ALPHA)
            reached = names.sum(axis=1) > 0
            prior[reached] = names[reached]
        totals = counts.sum(axis=1, keepdims=True) + self.strength
        self.component_probabilities_ = (counts + self.strength * prior) / totals

    def _scores(self, Q: Encoding) -> np.ndarray:
        return np.asarray(Q.posteriors @ self.component_probabilities_)
