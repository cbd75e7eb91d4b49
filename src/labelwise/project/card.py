"""The card of an answerer: what people should know who are given it."""

from __future__ import annotations

import html
import re
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from labelwise.labels import UNLABELED
from labelwise.project.answers import Answers
from labelwise.project.labelling import Labelling

if TYPE_CHECKING:
    from labelwise.answerer import Answerer

_MARKUP = re.compile(r"([\\`*_{}\[\]#!|~$])")
_CLASSES = 200  # rows of the table, at most
_CONFIDENCE = 0.95
_CHOSEN = {"random": "chosen at random", "correction": "corrections"}

_HEAD = """---
library_name: labelwise
tags:
- labelwise
- classification
---

"""

_LOADING = """```python
import labelwise

answerer = labelwise.load("FOLDER")           # of this file
answerer.predict_proba(items)                 # columns as in answerer.classes_
```

Nothing in the folder is unpickled. `labelwise export FOLDER DATA -o model.onnx` makes one ONNX file of it,
which needs neither labelwise nor torch.
"""


def card_of(project: Labelling, answerer: Answerer, answers: Answers, y: Any, names: dict[int, str]) -> str:
    """Describe an answerer: data, labels, accuracy, calibration, classes, and how to load it.

    Equal projects give equal text. It names no person and no path; what users wrote is escaped.

    Parameters
    ----------
    project : Labelling
    answerer : Answerer
    answers : Answers
        Of the pool.
    y : array-like of shape (n_samples,)
        Labels that it was taught, -1 where there is none.
    names : mapping of int to str
        Of components.
    """
    labeled = [row for row, label in enumerate(y) if label != UNLABELED]
    labels = Counter(str(y[row]) for row in labeled)
    parts = {
        "Data": _data(project),
        "Labels": _labels(project, labeled, names),
        "Accuracy": _accuracy(answerer, names),
        "Calibration": _calibration(answerer),
        "Classes": _classes(answerer, answers, labels),
        "Loading": _LOADING,
    }
    title = f"# {escaped(project.source.name)}: {len(answers.classes)} classes\n\n"
    return _HEAD + title + "\n".join(f"## {name}\n\n{text}" for name, text in parts.items())


def escaped(text: object) -> str:
    """Text of users, as Markdown that shows it as it is, on one line."""
    line = "".join(each if each.isprintable() else " " for each in str(text))
    return html.escape(_MARKUP.sub(r"\\\1", line), quote=False)


def _data(project: Labelling) -> str:
    featurizer = project.gmvae.featurizer_
    features = "" if featurizer is None else f"- features: {escaped(featurizer.describe())}\n"
    return (
        f"- {len(project):,} {escaped(project.pool.kind)} of {escaped(project.source.name)}\n"
        f"- fingerprint of the items: {project.pool.fingerprint}\n"
        f"{features}"
        f"- model: GMVAE of {len(project.gmvae.weights_)} components, fingerprint {project.model_id}\n"
        f"- labelwise {version('labelwise')}\n"
    )


def _labels(project: Labelling, labeled: list[int], names: dict[int, str]) -> str:
    # Of labels that were taken away since, nobody knows any more how they were chosen.
    decisions = [decision for row in labeled if (decision := project.current.decision(row)) is not None]
    hows = Counter(decision.how for decision in decisions)
    chosen = ", ".join(f"{count:,} {_CHOSEN.get(how, escaped(how))}" for how, count in sorted(hows.items()))
    named = f"\n{len(names)} whole components have a name.\n" if names else ""
    end = f": {chosen}.\n" if chosen else ".\n"
    return f"{len(labeled):,} of {len(project):,} items have a label{end}{named}"


def _accuracy(answerer: Answerer, names: dict[int, str]) -> str:
    from labelwise.decoding import AutoDecoder  # late: a project that is opened needs no scikit-learn

    decoder, check = getattr(answerer, "decoder", None), getattr(answerer, "check_", None)
    if check is not None:
        return (
            f"A student like it was right on {_share(check.student, check.n_labels)} labels that it had not "
            "seen.\n"
        )
    if names:
        return (
            "Not estimated: typical items of named components count as labels, and are easier than others.\n"
        )
    if not isinstance(decoder, AutoDecoder) or not decoder.scores_:
        return "Not estimated: no label was kept back.\n"
    n_right = round(decoder.scores_[decoder.choice_] * decoder.n_compared_)
    return (
        "Cross-validated, with a fifth of the labels kept back at a time: right on "
        f"{_share(n_right, decoder.n_compared_)} labels, of classes that have more than one. The labels "
        "may be easier or harder than other items, unless they were chosen at random.\n"
    )


def _share(n_right: int, n_labels: int) -> str:
    from scipy.stats import binomtest  # late, as above

    interval = binomtest(n_right, n_labels).proportion_ci(_CONFIDENCE)
    return (
        f"{n_right} of {n_labels} ({n_right / n_labels:.0%}; {_CONFIDENCE:.0%} interval "
        f"{interval.low:.0%} to {interval.high:.0%})"
    )


def _is_calibrated(decoder: Any) -> bool:
    # With too few labels, `auto` kept none back by which to calibrate.
    return getattr(decoder, "temperature_", None) is not None and getattr(decoder, "scores_", None) != {}


def _calibration(answerer: Answerer) -> str:
    from labelwise.decoding.base import GraphDecoder  # late, as above

    decoder: Any = getattr(answerer, "decoder", answerer)
    reason = getattr(decoder, "reason_", "")
    text = f"Answers are by {type(decoder).__name__}" + (f" ({escaped(reason)})" if reason else "")
    if not _is_calibrated(decoder):
        return f"{text}, whose probabilities are not calibrated.\n"
    text += (
        f". Probabilities are taken at temperature {decoder.temperature_:.3g}; above 1 makes them less sure."
    )
    if decoder is answerer or isinstance(decoder.decoder_, GraphDecoder):
        text += " The farther an item is from all of the pool, the more equal its probabilities are."
    return text + "\n"


def _classes(answerer: Answerer, answers: Answers, labels: Counter[str]) -> str:
    rows = ["| class | labels | answers in the pool | their mean probability |", "| --- | --- | --- | --- |"]
    confidence = answers.confidence
    for name in answers.classes[:_CLASSES].tolist():
        answered = answers.labels == name
        mean = f"{confidence[answered].mean():.2f}" if answered.any() else ""
        rows.append(f"| {escaped(name)} | {labels[str(name)]:,} | {int(answered.sum()):,} | {mean} |")
    more = len(answers.classes) - _CLASSES
    note = f"\n{more} more classes are not shown.\n" if more > 0 else ""
    if _is_calibrated(getattr(answerer, "decoder", answerer)):
        note += "\nThe mean probability is the share of these answers expected to be right.\n"
    return "\n".join(rows) + f"\n{note}"
