"""`LinearStudent`: logistic regression that learns another classifier's answers on unlabelled items."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from labelwise.damage import check_probabilities, damage_told
from labelwise.decoding.crossfit import temper
from labelwise.decoding.linear import fitted_regression
from labelwise.decoding.targets import as_column, split_labels
from labelwise.decoding.taught import TOLERANCE, lesson_of
from labelwise.events import Event, Listener, check_listener, ignore
from labelwise.hub import read_card, write_card
from labelwise.nn.inputs import check_items
from labelwise.parameters import (
    Constraint,
    Either,
    Integer,
    Option,
    Positive,
    check_parameters,
    check_parameters_of,
)
from labelwise.progress import shown
from labelwise.randomness import RandomState
from labelwise.storage import load_folder, save_folder
from labelwise.student.base import BaseStudent
from labelwise.student.inputs import ask_neighbours, checked_answers, checked_classes
from labelwise.student.persistence import FittedState, common_manifest, common_state
from labelwise.student.rounds import STAGE, calming_temperature, combine, teach
from labelwise.threads import one_thread

KIND = "linear-student"
_CHUNK_ROWS = 8192  # answered at a time: no second copy of a large table is made
_ARRAYS = ("coef", "intercept", "mean", "scale")


class LinearStudent(BaseStudent):
    """Logistic regression that learns a teacher's answers on unlabelled items, for features that are fixed.

    For texts and photos that a pre-trained model has read, tables, and other rows of numbers. It learns in
    rounds, seconds in all. In each, logistic regression on standardised columns learns the most probable
    class of each item, weighted by the square of its probability; true labels weigh 1. The normalised
    geometric mean of what it then says and of what the teacher says teaches the next round. This is
    self-training with pseudo-labels (Lee, *Pseudo-Label*, ICML workshop 2013), held to the graph on which
    the teacher spread the true labels.

    Parameters
    ----------
    C : float, default=0.03
        Inverse strength of the penalty on coefficients, as in scikit-learn's `LogisticRegression`.
    max_rounds : int, default=5
        Rounds end early: one round after the first in which fewer than 0.2 % of the answers change.
    random_state : int, RandomState, Generator or None, default=None
        Of the labels that `refine` keeps back; nothing else is random.
    verbose : int, default=0
        1 shows progress with the changes of each round: a bar on a terminal, plain lines elsewhere.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_classes, n_features), float32
        Of standardised columns.
    intercept_ : ndarray of shape (n_classes,), float32
        Minus infinity for a class that no item was said to be.
    mean_, scale_ : ndarray of shape (n_features,), float32
        By which columns are standardised.
    horizon_ : float
        Root mean square of the standardised values of an item, beyond which it is far from the items of
        `fit`: twice what 99 % of them stay below.
    answers_ : ndarray of shape (n_samples, n_classes), float32
        Probabilities of the items of `fit`, by student and teacher together; labelled items have their label.
    check_ : Check or None
        How often teacher and student were right in the rehearsal of `refine`, if there was one.
    temperature_ : float
        Above 1 if logistic regression is surer than the teacher.
    history_ : list of dict
        One record a round: round, changed (share of answers that changed), sure (mean largest probability).

    Examples
    --------
    >>> import numpy as np
    >>> from labelwise import LinearStudent, UNLABELED, load_dataset
    >>> X, truth, names = load_dataset("digits")
    >>> X = X.reshape(len(X), -1)
    >>> y = np.full(len(X), UNLABELED)
    >>> y[::20] = truth[::20]
    >>> bool(LinearStudent().fit(X, y).score(X, truth) > 0.9)
    True
    """

    _constraints: dict[str, Constraint] = {  # noqa: RUF012 (never changed)
        "C": Positive(),
        "max_rounds": Integer(2),
        "verbose": Either(Option(True, False), Integer(0)),
    }

    def __init__(
        self,
        # Between what is best on Banking77 and NSL-KDD, and on digits: benchmarks/results/linear_student.md.
        C: float = 0.03,
        *,
        max_rounds: int = 5,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.max_rounds = max_rounds
        self.random_state = random_state
        self.verbose = verbose

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
        """Learn from a few labels and a teacher's answers.

        Parameters
        ----------
        X : array-like
            Items, as for `GMVAE.fit`.
        y : array-like of shape (n_samples,)
            Labels of any kind; -1 (`labelwise.UNLABELED`) where there is none.
        answers : array-like of shape (n_samples, n_classes), default=None
            The teacher's probabilities of all items. With None, Poisson learning on the principal components
            of the items is the teacher.
        classes : array-like of shape (n_classes,), default=None
            Classes of the columns, in sorted order; None takes those among the labels.
        temperature : float, default=1.0
            Factor on top of `temperature_`, for a student that is known to be surer than it is right.
        listen : callable, default=None
            Gets an `Event` of the stage "refining" as each round begins and ends; those of the ends have
            numbers, as in `history_`. If it raises `Cancelled`, learning ends there and the student stays as
            it was.

        Returns
        -------
        LinearStudent
            Itself.

        Raises
        ------
        ParameterError, DataError, LabelError
            If parameters, data, labels or answers cannot be used.
        """
        check_parameters_of(self)
        check_parameters({"temperature": temperature}, {"temperature": Positive()})
        check_listener(listen)
        X, item_shape = check_items(self, X, reset=True)
        y = as_column(y, type(self).__name__)
        labels, labeled = split_labels(y, len(X))
        classes = checked_classes(labels, classes)
        if answers is None:
            answers = ask_neighbours(X, y, classes, is_table=len(item_shape) == 1)
        answers = checked_answers(answers, len(X), classes)
        scaler = StandardScaler().fit(X)
        mean, scale = scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32)
        points = (X - mean) / scale
        codes = np.searchsorted(classes, labels)
        with shown(listen, self.verbose) as tell:
            teaching = _Teaching(points, answers, labeled, codes, self.C, temperature)
            outcome, history = teach(teaching, answers, self.max_rounds, tell)
        # Only now: where learning is cancelled, the student stays as it was.
        self.item_shape_ = tuple(int(side) for side in item_shape)
        self.classes_, self.history_ = classes, history
        self.check_, self.featurizer_, self.card_ = None, None, ""
        self.mean_, self.scale_ = mean, scale
        self.horizon_ = horizon_of(points)
        self.coef_, self.intercept_ = outcome.coef, outcome.intercept
        self.temperature_, self.answers_ = outcome.temperature, outcome.probabilities
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, by logistic regression alone.

        `temperature_` makes the probabilities as sure, on average, as the teacher's. The farther an item is
        from those of `fit`, the closer the classes come to being equally probable.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Columns as in `classes_`; rows sum to 1.
        """
        check_is_fitted(self, "coef_")
        X = X if self.featurizer_ is None else self.featurizer_.transform(X)
        X, _ = check_items(self, X, reset=False)
        starts = range(0, len(X), _CHUNK_ROWS)
        return np.concatenate([self._answer(X[start : start + _CHUNK_ROWS]) for start in starts])

    def save(self, path: str | Path) -> None:
        """Write the folder `path`: `manifest.json` and `weights.safetensors`.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        check_is_fitted(self, "coef_")
        state = FittedState(
            item_shape=self.item_shape_,
            classes=self.classes_,
            feature_names=[str(name) for name in getattr(self, "feature_names_in_", [])],
            temperature=self.temperature_,
            history=self.history_,
            check=self.check_,
            featurizer=self.featurizer_,
            answers=self.answers_,
        )
        manifest, arrays = common_manifest(KIND, self.get_params(deep=False), state)
        arrays |= {name: getattr(self, f"{name}_") for name in _ARRAYS}
        manifest["horizon"] = self.horizon_
        save_folder(Path(path), manifest, arrays, fill=lambda folder: write_card(folder, self.card_))

    @classmethod
    def load(cls, path: str | Path) -> LinearStudent:
        """Read a student that `save` wrote; nothing is unpickled.

        Raises
        ------
        StorageError
            If the folder is missing, damaged or from a newer labelwise.
        """
        path = Path(path)
        manifest, arrays = load_folder(path, KIND)
        with damage_told(path):
            self = cls(**manifest["parameters"])
            for name in _ARRAYS:
                setattr(self, f"{name}_", arrays[name])
            self.horizon_ = float(manifest["horizon"])
            if not 0 <= self.horizon_ <= float(np.finfo(np.float32).max):  # distances are of that type
                raise ValueError(f"horizon is {self.horizon_}")
            self.take(common_state(manifest, arrays))
            with np.errstate(all="ignore"):
                nothing = np.zeros((1, len(self.mean_)))
                check_probabilities(self._answer(nothing), len(self.classes_))
        self.card_ = read_card(path)
        return self

    def _answer(self, X: np.ndarray) -> np.ndarray:
        points = (X - self.mean_) / self.scale_
        answers = temper(_probabilities(points, self.coef_, self.intercept_), self.temperature_)
        # What is far from everything could be anything: a straight boundary would be ever surer.
        trust = np.minimum(1, self.horizon_ / np.maximum(_sizes(points), self.horizon_))[:, None] ** 2
        return np.asarray(trust * answers + (1 - trust) / len(self.classes_), dtype=np.float32)


@dataclass(frozen=True)
class _Outcome:
    """The result of a round; temperature and coefficients are those of logistic regression alone."""

    answers: np.ndarray
    probabilities: np.ndarray
    temperature: float
    coef: np.ndarray
    intercept: np.ndarray


@dataclass(frozen=True)
class _Teaching:
    """Rounds of logistic regression, each anew."""

    points: np.ndarray
    teacher: np.ndarray
    labeled: np.ndarray
    codes: np.ndarray
    C: float
    temperature: float

    def round(self, answers: np.ndarray, listen: Listener = ignore) -> _Outcome:
        """Learn the `answers` of all items and the labels, and answer together with the teacher."""
        listen(Event(STAGE, 0.0))
        lesson, weights = lesson_of(answers, self.labeled, self.codes)
        model = fitted_regression(self.points, lesson, weights, C=self.C, tol=TOLERANCE)
        coef, intercept = _coefficients(model, answers.shape[1])
        said = _probabilities(self.points, coef, intercept)
        answers = combine(said, self.teacher)
        probabilities = self._calmed(answers)[0].astype(np.float32)
        one_hot = np.eye(answers.shape[1])[self.codes]
        answers[self.labeled] = probabilities[self.labeled] = one_hot
        return _Outcome(answers, probabilities, self._calmed(said)[1], coef, intercept)

    def _calmed(self, said: np.ndarray) -> tuple[np.ndarray, float]:
        """Probabilities no surer than the teacher's, and the temperature that makes them so."""
        temperature = self.temperature * calming_temperature(said, self.teacher)
        return temper(said, temperature), temperature


def _coefficients(model: LogisticRegression, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A row of coefficients and an intercept for each class, whether or not the model knows it."""
    # Of two classes, scikit-learn keeps one row.
    known = model.classes_ if len(model.classes_) > 2 else model.classes_[1:]
    coef = np.zeros((n_classes, model.n_features_in_), dtype=np.float32)
    intercept = np.full(n_classes, -np.inf, dtype=np.float32)
    intercept[model.classes_] = 0
    coef[known], intercept[known] = model.coef_, model.intercept_
    return coef, intercept


def _probabilities(points: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    with one_thread():
        return np.asarray(softmax(points @ coef.T + intercept, axis=1))


def horizon_of(points: np.ndarray) -> float:
    """Root mean square beyond which a point is far from these: twice what 99 % of them stay below."""
    return float(2 * np.quantile(_sizes(points), 0.99))


def _sizes(points: np.ndarray) -> np.ndarray:
    """Root mean square of each row."""
    return np.asarray(np.sqrt(np.square(points).mean(axis=1)))
