"""Teach a student the answers of a decoder, and compare the two on labels that neither has seen."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from labelwise.decoding import UNLABELED, Decoder
from labelwise.encoding import Encoding
from labelwise.errors import LabelwiseWarning
from labelwise.events import Event, Listener, check_listener, part_of
from labelwise.features import Featurizer
from labelwise.parameters import Option, check_parameters, check_parameters_of
from labelwise.progress import shown
from labelwise.randomness import RandomState, draw_seed
from labelwise.student.base import BaseStudent
from labelwise.student.check import Check, judge, rows_to_keep_back
from labelwise.student.estimator import Student
from labelwise.student.linear import LinearStudent
from labelwise.student.rounds import STAGE

if TYPE_CHECKING:
    from labelwise.gmvae import GMVAE

# Rounds: the fewest with labels spread on the student's own features. Later ones change little.
_REHEARSED = 2


@dataclass(frozen=True)
class Refinement:
    """The result of teaching a student.

    Attributes
    ----------
    student : Student, LinearStudent or None
        None if it does not help.
    verdict : str
        Why it was taken or left out, in words.
    """

    student: BaseStudent | None
    verdict: str


def student_for(gmvae: GMVAE, *, device: str = "auto", **settings: Any) -> BaseStudent:
    """A student that is not fitted, of the items that a model was fitted to.

    Parameters
    ----------
    gmvae : GMVAE
        Fitted: images that it sees as features are pixels to the student.
    device : str, default="auto"
        Where a student of images computes.
    **settings
        Parameters that all students have: max_rounds, random_state, verbose.

    Returns
    -------
    Student or LinearStudent
        A network for images, logistic regression for fixed features: texts, photos, tables, rows of numbers.
    """
    featurizer = gmvae.featurizer_
    if not are_images(featurizer, gmvae.item_shape_):
        return LinearStudent(**settings)
    likelihood = gmvae.likelihood_ if featurizer is None else "bernoulli"
    return Student(gmvae.augment_, likelihood=likelihood, device=device, **settings)


def are_images(featurizer: Featurizer | None, item_shape: tuple[int, ...]) -> bool:
    """Whether a student can learn from the items themselves: images, whose features are not fixed."""
    return len(item_shape) > 1 if featurizer is None else featurizer.image_shape is not None


def refine(
    student: BaseStudent,
    decoder: Decoder,
    X: Any,
    encoding: Encoding,
    y: Any,
    *,
    rehearse: bool | None = None,
    start: BaseStudent | None = None,
    featurizer: Featurizer | None = None,
    listen: Listener | None = None,
    random_state: RandomState = None,
) -> Refinement:
    """Teach a clone of `student` what `decoder` answers, and say whether that helps.

    From 100 labels on there is a rehearsal first: a student of two rounds and the decoder both learn without
    a tenth of the labels. If the decoder is right on more of these, beyond chance (a sign test at 5 %), the
    student is left out. Otherwise a new one learns from all labels; if the one in the rehearsal was surer
    than right, the new one's probabilities are made less sure by as much.

    With `start`, a student of images continues from an earlier one, which takes about a fifth of the time;
    see `benchmarks/results/refining.md`.

    Parameters
    ----------
    student : Student or LinearStudent
        A template.
    decoder : Decoder
        Fitted to all labels.
    X : array-like
        The items.
    encoding : Encoding
        Of the same items.
    y : array-like of shape (n_samples,)
        Labels, -1 where there is none.
    rehearse : bool, default=None
        Whether to rehearse. None does, unless there is a `start`. Below 100 labels there is no rehearsal in
        any case: too few could be kept back.
    start : Student, default=None
        A fitted student of the same items and fewer labels, to continue from. It stays as it is. Without a
        rehearsal its `check_` stands for the new one too. A `LinearStudent` learns from nothing in any case:
        that takes seconds.
    featurizer : Featurizer, default=None
        That of the model, `gmvae.featurizer_`: a `Student` of images begins with the layers that it learned,
        others see its features, and keep it.
    listen : callable, default=None
        Gets an `Event` of the stage "refining" for each step, rehearsal included. If it raises `Cancelled`,
        the work ends there and nothing is changed.
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
    check_listener(listen)
    check_parameters({"rehearse": rehearse}, {"rehearse": Option(None, True, False)})
    classes = decoder.classes_
    if len(classes) < 2:
        return Refinement(None, "no student: all labels are of one class")
    if not (isinstance(student, Student) and isinstance(start, Student)):
        start = None
    seed = draw_seed(student.random_state if random_state is None else random_state)
    template = clone(student).set_params(random_state=seed, verbose=0)
    wanted = start is None if rehearse is None else rehearse
    kept_back = rows_to_keep_back(y, seed) if wanted else np.empty(0, dtype=int)
    layers = featurizer.layers() if featurizer is not None and isinstance(student, Student) else None
    # What only a network can begin with.
    begin: dict[str, Any] = {} if layers is None else {"layers": layers}
    if featurizer is not None and layers is None:
        X = featurizer.transform(X)
    share = _REHEARSED / (_REHEARSED + student.max_rounds) if len(kept_back) else 0.0
    check = None if start is None else start.check_
    with shown(listen, student.verbose) as tell:
        if len(kept_back):
            within_rehearsal = part_of(tell, STAGE, 0, share)
            check = _rehearse(template, decoder, X, encoding, y, kept_back, begin, within_rehearsal)
            if not check.helps:
                tell(Event(STAGE, 1.0))
                return Refinement(None, _comparison(check))
        taught = template.fit(
            X,
            y,
            decoder.predict_proba(encoding),
            classes=classes,
            temperature=1.0 if check is None else check.temperature,
            listen=part_of(tell, STAGE, share, 1),
            **begin if start is None else {"start": start},
        )
    taught.set_params(verbose=student.verbose).check_ = check
    taught.featurizer_ = featurizer if layers is None else None
    if check is not None and len(kept_back):
        return Refinement(taught, _comparison(check))
    if start is not None:
        return Refinement(taught, "student continued from the earlier one, without a rehearsal")
    reason = "there are too few labels to keep some back" if wanted else "there was no rehearsal"
    return Refinement(taught, f"student taken unchecked: {reason}")


def _comparison(check: Check) -> str:
    return (
        f"student {'taken' if check.helps else 'left out'}: right on {check.student} of {check.n_labels} "
        f"labels that were kept back, the decoder on {check.teacher}"
    )


def _rehearse(
    template: BaseStudent,
    decoder: Decoder,
    X: Any,
    encoding: Encoding,
    y: Any,
    kept_back: np.ndarray,
    begin: dict[str, Any],
    listen: Listener,
) -> Check:
    """How decoder and student do on the labels in the rows `kept_back`, without having seen them."""
    listen(Event(STAGE, 0.0, f"rehearsal without {len(kept_back)} labels, to see whether a student helps"))
    seen = np.asarray(y).astype(object)  # texts, booleans and unsigned integers have no -1
    seen[kept_back] = UNLABELED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)  # the decoder gave them for all labels
        teacher = clone(decoder).set_params(classes=decoder.classes_).fit(encoding, seen)
    answers = teacher.predict_proba(encoding)
    rehearsal = clone(template).set_params(max_rounds=_REHEARSED)
    rehearsal.fit(X, seen, answers, classes=decoder.classes_, listen=listen, **begin)
    codes = np.searchsorted(decoder.classes_, np.asarray(y)[kept_back])
    return judge(answers[kept_back], rehearsal.answers_[kept_back], codes)
