"""What is compared on the same labels. A method sees features and labels, and answers all items.

Settings "as published" are those of the study's reference code (sweeps.py and main.py of
https://github.com/murex/gmvae-label-decoding, read in 2026); `docs/study.md` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from labelwise.decoding import (
    AutoDecoder,
    BayesDecoder,
    Decoder,
    HardDecoder,
    PoissonDecoder,
    RelatedDecoder,
    SoftDecoder,
    SpreadingDecoder,
)
from labelwise.errors import MissingExtraError
from labelwise.labels import UNLABELED
from labelwise.student import Student, refine
from labelwise.study.features import Task, View
from labelwise.study.selections import SELECTIONS
from labelwise.study.spreading import spread_codes

_CHUNK = 10_000  # items answered at a time, so that no float copy of the whole pool is made


@dataclass(frozen=True)
class Answers:
    """Class codes that a method gives; -1 where it gives none.

    Attributes
    ----------
    pool : ndarray of shape (n_pool,), int
    held_out : ndarray of shape (n_held_out,), int, or None
    """

    pool: np.ndarray
    held_out: np.ndarray | None


Run = Callable[[Task, np.ndarray, int], Answers]


@dataclass(frozen=True)
class Method:
    """How to answer, and what that takes.

    Attributes
    ----------
    run : callable
        From a task, labels of shape (n_pool,) with -1, and a seed to answers.
    needs : set of str
        Features of `View`, or "graph".
    slow : bool
        Whether the cost grows so much with labels that a study takes fewer draws at large budgets.
    selection : str
        How items to label are chosen: "random", "suggested" (by `labelwise.suggest`) or one of `SELECTIONS`.
    """

    run: Run
    needs: frozenset[str]
    slow: bool = False
    selection: str = "random"

    @property
    def uses_model(self) -> bool:
        """Whether answers depend on the model seed."""
        return "encoding" in self.needs


def by_decoding(decoder: Decoder, feature: str = "encoding") -> Method:
    """Decode posteriors: the model's, or those of another mixture."""

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        fitted = clone(decoder).fit(task.pool.get(feature), y)
        return _both(task, lambda view: fitted.predict(view.get(feature)))

    return Method(run, frozenset({feature}))


def by_student() -> Method:
    """Decode, teach a student the answers, and take what helps."""

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        encoding = task.pool.get("encoding")
        decoder = AutoDecoder().fit(encoding, y)
        images = task.pool.get("images")
        student = refine(Student(task.augment), decoder, images, encoding, y, random_state=seed).student
        if student is None:
            return _both(task, lambda view: decoder.predict(view.get("encoding")))
        held_out = None if task.held_out is None else student.predict(task.held_out.get("images"))
        return Answers(student.classes_[student.answers_.argmax(axis=1)], held_out)

    return Method(run, frozenset({"encoding", "images"}), slow=True)


def with_labels(selection: str, method: Method) -> Method:
    """The same method with labels of chosen items."""
    needs = method.needs | ({"suggested"} if selection == "suggested" else {"encoding"})
    return replace(method, needs=needs, selection=selection)


def by_votes(feature: str) -> Method:
    """Each component votes for the classes of its labelled items, weighted by posteriors.

    This is what scikit-activeml's `MixtureModelClassifier` does with weight_mode="responsibilities": soft
    decoding with class frequencies kept in.
    """

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        labeled = np.flatnonzero(y != UNLABELED)
        votes = np.zeros((task.pool.get(feature).shape[1], y.max() + 1))
        for row in labeled:
            votes[:, y[row]] += task.pool.get(feature)[row]
        return _both(task, lambda view: (view.get(feature) @ votes).argmax(axis=1))

    return Method(run, frozenset({feature}))


def by_classifier(make: Callable[[np.ndarray, int], Any], feature: str) -> Method:
    """Fit a scikit-learn classifier to the labelled items alone; `make` sees their labels and a seed."""

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        labeled = np.flatnonzero(y != UNLABELED)
        # Classes 0..n-1 without gaps: XGBoost accepts no others.
        classes, codes = np.unique(y[labeled], return_inverse=True)
        if len(classes) == 1:
            return _both(task, lambda view: np.full(len(view.items), classes[0]))
        fitted = make(codes, seed).fit(_floats(task.pool.get(feature)[labeled]), codes)
        return _both(task, lambda view: classes[_predict(fitted, view.get(feature))])

    return Method(run, frozenset({feature}), slow=True)


def by_spreading() -> Method:
    """Spread labels on a graph of neighbours in principal components."""

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        if task.graph is None:
            raise LookupError("no graph was prepared")
        labeled = np.flatnonzero(y != UNLABELED)
        classes, codes = np.unique(y[labeled], return_inverse=True)
        given = np.full(len(y), UNLABELED)
        given[labeled] = codes
        pool, held_out = spread_codes(task.graph, given, len(classes))
        # Parts of the graph that hold no label answer the most frequent class.
        for scores in (pool, held_out):
            scores[scores.sum(axis=1) == 0, np.bincount(codes).argmax()] = 1
        answers = Answers(classes[pool.argmax(axis=1)], None)
        return (
            answers if task.held_out is None else replace(answers, held_out=classes[held_out.argmax(axis=1)])
        )

    return Method(run, frozenset({"graph"}))


def self_training(task: Task, y: np.ndarray, seed: int) -> Answers:
    """Logistic regression on principal components that learns from its own sure answers (3 rounds)."""
    if len(np.unique(y[y != UNLABELED])) == 1:
        return _both(task, lambda view: np.full(len(view.items), y.max()))
    base = LogisticRegression(C=10.0, max_iter=200)
    model = SelfTrainingClassifier(base, threshold=0.95, max_iter=3)
    fitted = model.fit(task.pool.get("principal"), y)
    return _both(task, lambda view: fitted.predict(view.get("principal")))


def _both(task: Task, answer: Callable[[View], np.ndarray]) -> Answers:
    held_out = None if task.held_out is None else np.asarray(answer(task.held_out))
    return Answers(np.asarray(answer(task.pool)), held_out)


def _floats(items: np.ndarray) -> np.ndarray:
    return items if items.dtype.kind == "f" else items.astype(np.float32)


def _predict(fitted: Any, items: np.ndarray) -> np.ndarray:
    chunks = (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
    return np.concatenate([fitted.predict(_floats(chunk)) for chunk in chunks])


def _logistic_regression(codes: np.ndarray, seed: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def _tuned_logistic_regression(codes: np.ndarray, seed: int) -> Any:
    """Strength of the penalty by cross-validation, where every class has at least 2 labels."""
    model = LogisticRegression(C=10.0, max_iter=2000)
    n_folds = min(3, np.bincount(codes).min())
    if n_folds < 2:
        return model
    return GridSearchCV(model, {"C": [0.1, 1.0, 10.0, 100.0]}, cv=n_folds)


def _mlp(codes: np.ndarray, seed: int) -> Any:
    n_labels = len(codes)
    stops_early = n_labels >= 50
    hidden = (64,) if n_labels < 100 else (128,) if n_labels < 500 else (256, 128)
    n_train = int(0.9 * n_labels) if stops_early else n_labels
    model = MLPClassifier(
        hidden,
        batch_size=min(128, n_train),
        max_iter=120,
        early_stopping=stops_early,
        validation_fraction=0.1,
        n_iter_no_change=8 if stops_early else 20,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), model)


def _xgboost(**changes: Any) -> Callable[[np.ndarray, int], Any]:
    def make(codes: np.ndarray, seed: int) -> Any:
        try:
            from xgboost import XGBClassifier
        except ImportError:
            raise MissingExtraError("the XGBoost baseline", "xgboost", "study") from None
        settings = {
            "n_estimators": 200,
            "max_depth": 6,
            "learning_rate": 0.1,
            "subsample": 0.9,
            "colsample_bytree": 0.9,
            "tree_method": "hist",
            "random_state": seed,
            "n_jobs": 1,
        }
        return XGBClassifier(**settings | changes)

    return make


_AUTO = by_decoding(AutoDecoder())
_POISSON = by_decoding(PoissonDecoder())
_STUDENT = by_student()

METHODS: dict[str, Method] = {
    "hard (as published)": by_decoding(HardDecoder(unnamed="first")),
    "hard": by_decoding(HardDecoder()),
    "soft": by_decoding(SoftDecoder()),
    "related": by_decoding(RelatedDecoder()),
    "bayes": by_decoding(BayesDecoder()),
    "spreading": by_decoding(SpreadingDecoder()),
    "poisson": _POISSON,
    "auto": _AUTO,
    "student": _STUDENT,
    "soft, suggested": with_labels("suggested", by_decoding(SoftDecoder())),
    "poisson, suggested": with_labels("suggested", _POISSON),
    "auto, suggested": with_labels("suggested", _AUTO),
    "student, suggested": with_labels("suggested", _STUDENT),
    **{f"poisson, {name}": with_labels(name, _POISSON) for name in SELECTIONS},
    "k-means": by_decoding(HardDecoder(), "kmeans"),
    "Gaussian mixture": by_decoding(HardDecoder(), "mixture"),
    "mixture classifier": by_votes("mixture"),
    "label spreading": by_spreading(),
    "self-training": Method(self_training, frozenset({"principal"}), slow=True),
    "logistic regression": by_classifier(_logistic_regression, "items"),
    "logistic regression, tuned": by_classifier(_tuned_logistic_regression, "principal"),
    "MLP": by_classifier(_mlp, "items"),
    "XGBoost": by_classifier(_xgboost(), "items"),
    # A leaf with a hessian below 1 is refused by default: a few dozen labels then make no split at all.
    "XGBoost, tuned": by_classifier(_xgboost(min_child_weight=0.0, colsample_bytree=0.3), "items"),
}

# What a study compares unless told otherwise: a student takes minutes a cell, and choosing labels seconds.
DEFAULT_METHODS = tuple(
    name for name, method in METHODS.items() if method.selection == "random" and name != "student"
)
