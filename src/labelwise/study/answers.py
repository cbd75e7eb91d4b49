"""How the methods of a study answer: each sees features and labels, and answers all items.

Settings "as published" are those of the study's reference code (sweeps.py and main.py of
https://github.com/murex/gmvae-label-decoding, read in 2026); `docs/study.md` lists them. Which methods there
are is in `methods`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from labelwise.decoding import AutoDecoder, Decoder
from labelwise.errors import MissingExtraError
from labelwise.labels import UNLABELED
from labelwise.student import BaseStudent, LinearStudent, Student, are_images, refine
from labelwise.study.features import Task, View
from labelwise.study.spreading import spread_codes

_CHUNK = 10_000  # items converted to floats and answered at a time: no float copy of the whole pool is made


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


def by_decoding(decoder: Decoder, feature: str = "encoding") -> Run:
    """Decode posteriors: the model's, or those of another mixture."""

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        fitted = clone(decoder).fit(task.pool.get(feature), y)
        return _both(task, lambda view: fitted.predict(view.get(feature)))

    return run


def auto_decoder() -> AutoDecoder:
    """The decoder of the methods "auto" and "student", and of the report's figures about "auto"."""
    return AutoDecoder()


def by_student(task: Task, y: np.ndarray, seed: int) -> Answers:
    """Decode, train a student on the answers, and keep whichever is better."""
    encoding = task.pool.get("encoding")
    decoder = auto_decoder().fit(encoding, y)
    images = task.pool.get("images")
    of_images = are_images(task.featurizer, np.shape(images)[1:])
    template: BaseStudent = Student(task.augment) if of_images else LinearStudent()
    student = refine(
        template, decoder, images, encoding, y, featurizer=task.featurizer, random_state=seed
    ).student
    if student is None:
        return _both(task, lambda view: decoder.predict(view.get("encoding")))
    held_out = None if task.held_out is None else student.predict(task.held_out.get("images"))
    return Answers(student.classes_[student.answers_.argmax(axis=1)], held_out)


def by_votes(feature: str) -> Run:
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

    return run


def by_classifier(make: Callable[[np.ndarray, int], Any], feature: str) -> Run:
    """Fit a scikit-learn classifier to the labelled items alone; `make` sees their labels and a seed."""

    def run(task: Task, y: np.ndarray, seed: int) -> Answers:
        labeled = np.flatnonzero(y != UNLABELED)
        # Classes 0..n-1 without gaps: XGBoost accepts no others.
        classes, codes = np.unique(y[labeled], return_inverse=True)
        if len(classes) == 1:
            return _both(task, lambda view: np.full(len(view.items), classes[0]))
        fitted = make(codes, seed).fit(_floats(task.pool.get(feature)[labeled]), codes)
        return _both(task, lambda view: classes[_predict(fitted, view.get(feature))])

    return run


def by_spreading(task: Task, y: np.ndarray, seed: int) -> Answers:
    """Spread labels on a graph of neighbours in principal components."""
    if task.graph is None:
        raise LookupError("no graph was prepared")
    labeled = np.flatnonzero(y != UNLABELED)
    classes, codes = np.unique(y[labeled], return_inverse=True)
    given = np.full(len(y), UNLABELED)
    given[labeled] = codes
    pool, held_out = spread_codes(task.graph, given, len(classes))
    # Parts of the graph without a label answer the most frequent class.
    for scores in (pool, held_out):
        scores[scores.sum(axis=1) == 0, np.bincount(codes).argmax()] = 1
    return Answers(
        classes[pool.argmax(axis=1)],
        None if task.held_out is None else classes[held_out.argmax(axis=1)],
    )


def by_self_training(task: Task, y: np.ndarray, seed: int) -> Answers:
    """Logistic regression on principal components that learns from its own confident predictions."""
    if len(np.unique(y[y != UNLABELED])) == 1:
        return _both(task, lambda view: np.full(len(view.items), y.max()))
    # C as in `tuned_logistic_regression`. The others were not tuned: a high threshold, and few rounds, since
    # each fits the whole pool again.
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


def logistic_regression(codes: np.ndarray, seed: int) -> Any:
    """As published."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def tuned_logistic_regression(codes: np.ndarray, seed: int) -> Any:
    """Choose the penalty by cross-validation where every class has at least 2 labels; else C is 10.

    Every tenth power from 0.1 to 100 is tried: scikit-learn's default of 1, and 10, are in the middle.
    """
    model = LogisticRegression(C=10.0, max_iter=2000)
    n_folds = min(3, np.bincount(codes).min())
    if n_folds < 2:
        return model
    return GridSearchCV(model, {"C": [0.1, 1.0, 10.0, 100.0]}, cv=n_folds)


def mlp(codes: np.ndarray, seed: int) -> Any:
    """As published: the network grows with the number of labels, and stops early from 50 labels on."""
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


def xgboost(**changes: Any) -> Callable[[np.ndarray, int], Any]:
    """As published, but for `changes`.

    Raises
    ------
    MissingExtraError
        When it is fitted, if XGBoost is not installed.
    """

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
