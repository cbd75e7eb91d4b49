"""From the labels of a project to answers, and what is kept of them so that they need not be made again."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from labelwise.damage import parse_json
from labelwise.errors import DoubtfulLabelWarning, LabelError, ParameterError, StorageError
from labelwise.events import Listener, ignore
from labelwise.labels import UNLABELED
from labelwise.parameters import Option, check_parameters
from labelwise.project.answers import Answers, decoded
from labelwise.project.builder import ANSWERER, ANSWERS, REFINEMENT, STUDENT
from labelwise.project.card import card_of
from labelwise.project.labelling import Labelling
from labelwise.storage import plain, replace_folder, write_text

if TYPE_CHECKING:
    from labelwise.answerer import Answerer
    from labelwise.decoding import Decoder
    from labelwise.planning.forecast import Forecast
    from labelwise.planning.suggest import Suggestion
    from labelwise.student import BaseStudent, Refinement

_SUGGESTIONS = "suggestions.json"


def answers(project: Labelling, decoder: str | Decoder, labels: Any) -> Answers:
    """Answer for the pool; see `Project.answers`."""
    if labels is not None:
        return _decode(project, _fresh(project, decoder, known=False), np.asarray(labels, dtype=object), {})[
            1
        ]
    if decoder == "auto" and (taught := _taught(project)) is not None:
        return taught
    y, names = project.labels(), project.names()
    key = _key(project, _fresh(project, decoder), y, names)
    known = Answers.load(project.path / ANSWERS, key)
    return known if known is not None else _decode_and_keep(project, decoder, y, names, key)[1]


def live_answers(project: Labelling) -> Answers:
    """Answer within seconds; see `Project.live_answers`."""
    if (taught := _taught(project)) is not None:
        return taught
    y, names = project.labels(), project.names()
    key = _key(project, _fresh(project, "auto"), y, names)
    known = Answers.load(project.path / ANSWERS, key)
    return known if known is not None else graph_answers(project)


def graph_answers(project: Labelling) -> Answers:
    """Answer by Poisson learning, whatever else there is; see `Project.graph_answers`."""
    from labelwise.decoding import PoissonDecoder

    return _decode(project, PoissonDecoder(), project.labels(), project.names())[1]


def answerer(project: Labelling, decoder: str | Decoder, labels: Any) -> Answerer:
    """What answers new items; parameters are those of `Project.answers`."""
    from labelwise.answerer import DecoderAnswerer, load

    if labels is not None:
        return DecoderAnswerer(
            project.gmvae, _decode(project, _fresh(project, decoder, known=False), labels, {})[0]
        )
    if decoder == "auto" and _taught(project) is not None:
        return load(project.path / ANSWERER)
    y, names = project.labels(), project.names()
    key = _key(project, _fresh(project, decoder), y, names)
    if Answers.load(project.path / ANSWERS, key) is not None and (project.path / ANSWERER).exists():
        return load(project.path / ANSWERER)
    return DecoderAnswerer(project.gmvae, _decode_and_keep(project, decoder, y, names, key)[0])


def student(project: Labelling) -> BaseStudent | None:
    """The student that was taught last."""
    from labelwise.answerer import load

    place = project.path / STUDENT
    return cast("BaseStudent", load(place)) if place.exists() else None


def refine(
    project: Labelling,
    template: BaseStudent | None,
    *,
    decoder: str | Decoder = "auto",
    rehearse: bool | None = None,
    fresh: bool = False,
    items: Any = None,
    random_state: int = 0,
    device: str = "auto",
    listen: Listener = ignore,
) -> Refinement:
    """Train a student on the decoder's answers, and let it answer if it helps.

    Parameters
    ----------
    project : Labelling
    template : Student, LinearStudent or None
    decoder : str or Decoder, default="auto"
        The teacher.
    rehearse : bool, default=None
        Whether to compare it with the decoder on labels that neither has seen; None does so from 100
        labels on, but not for a student that was compared before.
    fresh : bool, default=False
        Whether to start from scratch, although there is a student of fewer labels to continue from. A
        `LinearStudent` always does.
    items : array-like, default=None
        The items, where the project cannot read them itself.
    random_state : int, default=0
    device : str, default="auto"
    listen : callable

    Returns
    -------
    Refinement
    """
    from labelwise.student import refine, student_for

    if template is None:
        template = student_for(project.gmvae, device=device, random_state=random_state)
    with project.claimed():
        y, names = project.labels(), project.names()  # others may come while it trains
        teacher, taught = _decode(project, _fresh(project, decoder), y, names)
        X = project.items().X if items is None else project.checked(items)
        start = None if fresh else student(project)
        found = refine(
            template,
            teacher,
            X,
            project.encoding,
            y,
            rehearse=rehearse,
            start=start,
            featurizer=project.gmvae.featurizer_,
            listen=listen,
        )
        if found.student is not None:
            with project.writing:
                _keep_student(project, found, taught, y, names)
    return found


def forecast(project: Labelling, further: Sequence[int], random_state: int) -> Forecast:
    """What accuracy to expect; see `Project.forecast`."""
    from labelwise.planning.forecast import forecast_accuracy

    y = project.labels()
    _need_labels(project, y, {})
    decoder = _fresh(project, "auto")
    return forecast_accuracy(decoder, project.encoding, y, further=further, random_state=random_state)


def kept_suggestions(
    project: Labelling, n: int, y: np.ndarray, how: dict[str, Any]
) -> list[Suggestion] | None:
    """Suggestions that were made before for the same labels, if there were as many."""
    from labelwise.planning.suggest import Suggestion

    try:
        kept = parse_json((project.path / _SUGGESTIONS).read_text(encoding="utf-8"))
        if kept["key"] != _suggestion_key(project, y, how) or len(kept["suggestions"]) < n:
            return None
        return [Suggestion(**each) for each in kept["suggestions"][:n]]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # nothing is lost: they are made again


def keep_suggestions(
    project: Labelling, found: Sequence[Suggestion], y: np.ndarray, how: dict[str, Any]
) -> None:
    """Write suggestions down, if this process may change the project."""
    kept = {"key": _suggestion_key(project, y, how), "suggestions": [vars(each) for each in found]}
    with project.may_keep() as may:
        if may:
            write_text(project.path / _SUGGESTIONS, json.dumps(kept))


def _suggestion_key(project: Labelling, y: np.ndarray, how: dict[str, Any]) -> str:
    return _hash(project, y, project.names(), {"suggestions": how})


def _fresh(project: Labelling, decoder: str | Decoder, *, known: bool = True) -> Decoder:
    """A decoder to fit; what the journal knows of how labels were chosen need not be guessed."""
    from sklearn.base import clone

    from labelwise.decoding import DECODERS, AutoDecoder, Decoder

    if isinstance(decoder, str):
        check_parameters({"decoder": decoder}, {"decoder": Option(*DECODERS)})
        fresh = DECODERS[decoder]()
        if known and isinstance(fresh, AutoDecoder):
            fresh.set_params(typical_labels=_are_suggested(project))
        return fresh
    if not isinstance(decoder, Decoder):
        raise ParameterError(f"decoder={decoder!r} must be the name of a decoder or a Decoder")
    cloned: Decoder = clone(decoder)
    return cloned


def _are_suggested(project: Labelling) -> bool | str:
    """Whether most labels are of suggested items; "auto" where the journal does not know."""
    hows = Counter(decision.how for _, decision in project.labeled().values())
    n_labels = sum(hows.values())
    if hows["suggested"] > n_labels / 2:
        return True
    return False if n_labels and hows["random"] > n_labels / 2 else "auto"


def _decode(project: Labelling, decoder: Decoder, y: Any, names: dict[int, str]) -> tuple[Decoder, Answers]:
    y = np.asarray(y, dtype=object)
    _need_labels(project, y, names)
    project.graphs(decoder.needs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulLabelWarning)  # the answers name doubtful labels
        decoder.fit(project.encoding, y, names=names)
    found = decoded(decoder, project.encoding, {"n_named": len(names)})
    # Items that only share the name of their component have no label of their own to doubt.
    found.about["doubtful_labels"] = [row for row in found.about["doubtful_labels"] if y[row] != UNLABELED]
    return decoder, found


def _need_labels(project: Labelling, y: Any, names: dict[int, str]) -> None:
    from labelwise.decoding.targets import split_labels

    labels, _ = split_labels(y, len(project), may_be_none=True)
    if not len(labels) and not names:
        raise LabelError(
            f"{project.path} has no labels yet: labelwise suggest says what to "
            "label, labelwise label records labels"
        )


def _decode_and_keep(
    project: Labelling, decoder: str | Decoder, y: np.ndarray, names: dict[int, str], key: str
) -> tuple[Decoder, Answers]:
    from labelwise.answerer import DecoderAnswerer

    fitted, found = _decode(project, _fresh(project, decoder), y, names)
    if decoder != "auto" and _taught(project) is not None:
        return fitted, found  # the student goes on answering
    with project.may_keep() as may:
        if may:
            shipped = DecoderAnswerer(project.gmvae, fitted)
            shipped.card_ = card_of(project, shipped, found, y, names)
            replace_folder(project.path / ANSWERER, shipped.save)
            found.save(project.path / ANSWERS, key)
    return fitted, found


def _keep_student(
    project: Labelling, found: Refinement, taught: Answers, y: np.ndarray, names: dict[int, str]
) -> None:
    assert found.student is not None  # noqa: S101 (the caller looked)
    best = found.student
    labels = best.classes_[best.answers_.argmax(axis=1)].astype(object)
    about = {**taught.about, "answerer": "student", "verdict": found.verdict}
    answers = Answers(best.classes_, best.answers_, labels, about)
    best.card_ = card_of(project, best, answers, y, names)
    replace_folder(project.path / STUDENT, best.save)  # an earlier one may be of another kind
    replace_folder(project.path / ANSWERER, best.save)
    key = _hash(project, y, {}, {"student": True})
    answers.save(project.path / ANSWERS, key)
    kept = {
        "model": project.model_id,
        "pool": project.pool.fingerprint,
        "key": key,
        "verdict": found.verdict,
        "labeled": {str(row): str(label) for row, label in enumerate(y) if label != UNLABELED},
        "named": {str(component): name for component, name in names.items()},
    }
    write_text(project.path / REFINEMENT, json.dumps(kept))


def _taught(project: Labelling) -> Answers | None:
    """What the last student answers, with labels given since; None if there is none that still may answer.

    It may not once the model or the items are others, a label of a class that it does not know was given, or
    a label that it learned was changed or taken away, or components are called otherwise.
    """
    try:
        kept = parse_json((project.path / REFINEMENT).read_text(encoding="utf-8"))
        if (kept["model"], kept["pool"]) != (project.model_id, project.pool.fingerprint):
            return None
        known = Answers.load(project.path / ANSWERS, kept["key"])
        learned = {int(row): label for row, label in kept["labeled"].items()}
        named = {int(component): name for component, name in kept["named"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{project.path / REFINEMENT} is damaged ({error}): remove it, and run labelwise refine again"
        ) from error
    labels = {row: label for row, (label, _) in project.labeled().items()}
    changed = any(labels.get(row) != label for row, label in learned.items()) or project.names() != named
    if known is None or changed or not set(labels.values()) <= set(known.classes.tolist()):
        return None
    newer = {row: label for row, label in labels.items() if row not in learned}
    for row, label in newer.items():
        known.probabilities[row] = known.classes == label
        known.labels[row] = label
    return Answers(known.classes, known.probabilities, known.labels, {**known.about, "n_newer": len(newer)})


def _key(project: Labelling, decoder: Decoder, y: np.ndarray, names: dict[int, str]) -> str:
    parameters = {name: plain(value) for name, value in decoder.get_params(deep=False).items()}
    return _hash(project, y, names, {type(decoder).__name__: parameters})


def _hash(project: Labelling, y: np.ndarray, names: dict[int, str], settings: dict[str, Any]) -> str:
    """What answers follow from: model, items, labels, names and settings."""
    labels = [[row, str(label)] for row, label in enumerate(y) if label != UNLABELED]
    content = [project.model_id, project.pool.fingerprint, labels, sorted(names.items()), settings]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
