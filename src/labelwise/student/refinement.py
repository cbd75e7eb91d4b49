"""A decoder's answers, taught to a student and judged on labels that neither has seen."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from sklearn.base import clone

from labelwise.decoding import UNLABELED, Decoder
from labelwise.encoding import Encoding
from labelwise.errors import LabelwiseWarning
from labelwise.parameters import check_parameters_of
from labelwise.randomness import RandomState, draw_seed
from labelwise.student.check import Check, judge, rows_to_keep_back
from labelwise.student.estimator import Student

_REHEARSED = 2  # rounds


@dataclass(frozen=True)
class Refinement:
    """What came of teaching a student.

    Attributes
    ----------
    student : Student or None
        None where it did not help.
    verdict : str
        Why it was taken or left out, in words.
    """

    student: Student | None
    verdict: str


def refine(
    student: Student,
    decoder: Decoder,
    X: Any,
    encoding: Encoding,
    y: Any,
    *,
    random_state: RandomState = None,
) -> Refinement:
    """Teach a clone of `student` what `decoder` answers, and say whether that helps.

    From 100 labels on there is a rehearsal first: a student of two rounds and the decoder, both without a
    tenth of the labels. Where the decoder is right on more of those beyond chance (a sign test, 5 %), the
    student is left out; otherwise it learns anew, from all labels. Where the student was surer than right on
    them, the new one is made less sure by as much.

    Parameters
    ----------
    student : Student
        A template.
    decoder : Decoder
        Fitted to all labels.
    X : array-like
        The items.
    encoding : Encoding
        Of the same items.
    y : array-like of shape (n_samples,)
        Labels, -1 where there is none.
    random_state : int, RandomState, Generator or None, default=None
        None takes that of `student`.

    Returns
    -------
    Refinement

    Raises
    ------
    ParameterError, DataError, LabelError
        If the student's parameters, or the items, cannot be used.
    """
    check_parameters_of(student)  # before a rehearsal that takes minutes
    classes = decoder.classes_
    if len(classes) < 2:
        return Refinement(None, "no student: all labels are of one class")
    seed = draw_seed(student.random_state if random_state is None else random_state)
    template = clone(student).set_params(random_state=seed)
    kept_back = rows_to_keep_back(y, seed)
    check = _rehearse(template, decoder, X, encoding, y, kept_back) if len(kept_back) else None
    if check is None:
        verdict = "student taken unchecked: there are too few labels to keep some back"
    else:
        verdict = (
            f"student {'taken' if check.helps else 'left out'}: right on {check.student} of {check.n_labels} "
            f"labels that were kept back, the decoder on {check.teacher}"
        )
        if not check.helps:
            return Refinement(None, verdict)
    temperature = 1.0 if check is None else check.temperature
    answers = decoder.predict_proba(encoding)
    taught = template.fit(X, y, answers, classes=classes, temperature=temperature)
    taught.check_ = check
    return Refinement(taught, verdict)


def _rehearse(
    template: Student, decoder: Decoder, X: Any, encoding: Encoding, y: Any, kept_back: np.ndarray
) -> Check:
    """How decoder and student do on the labels in the rows `kept_back`, without having seen them."""
    if template.verbose:
        text = f"rehearsal without {len(kept_back)} labels, to see whether a student helps"
        Console(stderr=True).print(text, soft_wrap=True)
    seen = np.asarray(y).astype(object)  # texts, booleans and unsigned integers have no -1
    seen[kept_back] = UNLABELED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)  # the decoder gave them for all labels
        teacher = clone(decoder).set_params(classes=decoder.classes_).fit(encoding, seen)
    answers = teacher.predict_proba(encoding)
    rehearsal = clone(template).set_params(max_rounds=_REHEARSED)
    rehearsal.fit(X, seen, answers, classes=decoder.classes_)
    codes = np.searchsorted(decoder.classes_, np.asarray(y)[kept_back])
    return judge(answers[kept_back], rehearsal.answers_[kept_back], codes)
