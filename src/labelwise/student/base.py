"""What students of all kinds can do."""

from __future__ import annotations

import math
from abc import abstractmethod
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from labelwise.events import Listener
from labelwise.features import Featurizer
from labelwise.hub import HubMixin
from labelwise.student.check import Check
from labelwise.student.persistence import FittedState


class BaseStudent(HubMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that learns from a few labels, and from another one's answers on the items without.

    Once fitted it answers new items by itself, and is saved and loaded as `Answerer` says. `refine` teaches
    it what a decoder answers.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    answers_ : ndarray of shape (n_samples, n_classes), float32
        Probabilities of the items of `fit`; labelled items have their label.
    check_ : Check or None
    featurizer_ : Featurizer or None
    """

    max_rounds: int
    random_state: Any
    verbose: int
    classes_: np.ndarray
    answers_: Any
    item_shape_: tuple[int, ...]
    check_: Check | None
    featurizer_: Featurizer | None

    @abstractmethod
    def fit(
        self,
        X: Any,
        y: Any,
        answers: Any = None,
        *,
        classes: Any = None,
        temperature: float = 1.0,
        listen: Listener | None = None,
    ) -> Self:
        """Learn from a few labels and a teacher's answers."""

    @abstractmethod
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, shape (n_samples, n_classes)."""

    @abstractmethod
    def save(self, path: str | Path) -> None:
        """Write a folder that `labelwise.load` reads."""

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each item, shape (n_samples,)."""
        codes = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[codes])

    def take(self, state: FittedState) -> None:
        """Have what was saved as the fitted attributes."""
        known: dict[str, Any] = {**state}
        names = known.pop("feature_names")
        for name, value in known.items():
            setattr(self, f"{name}_", value)
        if names:
            self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = math.prod(self.item_shape_)
