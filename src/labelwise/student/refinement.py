"""A decoder's answers, taught to a student and judged on labels that neither has seen."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from labelwise.decoding import UNLABELED, Decoder
from labelwise.decoding.posteriors import Posteriors
from labelwise.errors import LabelwiseWarning
from labelwise.randomness import RandomState, draw_seed
from labelwise.student.estimator import Student, rows_to_keep_back


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
    posteriors: Posteriors,
    y: Any,
    *,
    random_state: RandomState = None,
) -> Refinement:
    """Teach a clone of `student` what `decoder` answers, and say whether that helps.

    From 100 labels on, a tenth is kept back: the student is left out if the decoder, without those labels
    too, is right on more of them beyond chance (a sign test, 5 %).

    Parameters
    ----------
    student : Student
        A template.
    decoder : Decoder
        Fitted to all labels.
    X : array-like
        The items.
    posteriors : Posteriors
        Of the same items, with latents if the decoder looks at them.
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
    classes = decoder.classes_
    if len(classes) < 2:
        return Refinement(None, "no student: all labels are of one class")
    seed = draw_seed(student.random_state if random_state is None else random_state)
    kept_back = rows_to_keep_back(y, seed)
    teacher = decoder
    if len(kept_back):
        seen = np.asarray(y).astype(object)  # texts, booleans and unsigned integers have no -1
        seen[kept_back] = UNLABELED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabelwiseWarning)  # the decoder gave them for all labels
            teacher = clone(decoder).set_params(classes=classes).fit(posteriors, seen)
    answers = teacher.predict_proba(posteriors)
    taught = clone(student).set_params(random_state=seed)
    taught.fit(X, y, answers, classes=classes, kept_back=kept_back)
    check = taught.check_
    if check is None:
        return Refinement(taught, "student taken unchecked: there are too few labels to keep some back")
    verdict = (
        f"student {'taken' if check.helps else 'left out'}: right on {check.student} of {check.n_labels} "
        f"labels that were kept back, the decoder on {check.teacher}"
    )
    return Refinement(taught if check.helps else None, verdict)
