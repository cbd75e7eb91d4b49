"""`labelwise decode`: from a model and a few labels to an answer for every item."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.answers import (
    DecoderName,
    as_text,
    compare_with_truth,
    decoder_lines,
    describe_decoder,
    write_answers,
)
from labelwise.cli.items import holds_student, open_items, read_items
from labelwise.cli.options import ModelOrStudentArgument, NoNumberColumnOption, SkipUnreadableOption
from labelwise.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np

    from labelwise.data import Dataset


class Unnamed(StrEnum):
    """Values of --unnamed."""

    nearest = "nearest"
    prior = "prior"
    abstain = "abstain"
    first = "first"


@dataclass(frozen=True)
class _Found:
    """What a decoder or a student says of the items; `answers` are texts, empty where it has none."""

    dataset: Dataset
    unlabeled: np.ndarray
    probabilities: np.ndarray
    answers: np.ndarray
    summary: dict[str, Any]


def decode(
    model: ModelOrStudentArgument,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="The items to answer, as for `labelwise train`.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with columns index,label (path,label for a folder of images). A student needs none."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV to write: index, label, probability (and path).")
    ] = Path("predictions.csv"),
    decoder: Annotated[
        DecoderName, typer.Option(help="From labels to answers; auto compares the others on the labels.")
    ] = DecoderName.auto,
    unnamed: Annotated[
        Unnamed, typer.Option(help="With --decoder hard: what a component without a label answers.")
    ] = Unnamed.nearest,
    abstain: Annotated[
        float, typer.Option(help="Leave the label empty where its probability is below this, 0..1.")
    ] = 0.0,
    risk: Annotated[
        float | None,
        typer.Option(help="Leave the least probable labels empty, so that this share of the rest is wrong."),
    ] = None,
    label_column: NoNumberColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing in this one is random.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Name the components of MODEL by a few labels and answer every item of DATA.

    `index` counts the items of DATA from 0. Labels are any text.

    --risk trusts the probabilities. From 20 labels on held-out answers calibrate them (--decoder auto): with
    --risk 0.05, 1 to 7 % were wrong on three data sets with suggested labels, 3 to 15 % with random ones.

    Example: labelwise decode mnist.labelwise mnist --labels labels.csv -o predictions.csv
    """
    _check_options(abstain, risk)
    reading = {"label_column": label_column, "skip_unreadable": skip_unreadable}
    if holds_student(model):
        if labels is not None or decoder is not DecoderName.auto:
            raise ParameterError(
                f"{model} is a student, which has learned its labels: leave out --labels and --decoder"
            )
        found = _ask_student(model, data, reading)
    elif labels is None:
        raise ParameterError(
            f"--labels is missing: {model} knows components, but not what they are called; "
            "give a CSV with columns index,label"
        )
    else:
        found = _ask_decoder(model, data, labels, decoder, unnamed, reading)
    largest, answers = found.probabilities.max(axis=1).astype(float), found.answers
    if risk is not None:
        from labelwise.decoding.abstention import abstention_threshold

        abstain = abstention_threshold(found.probabilities[answers != ""], risk)
    answers[largest < abstain] = ""
    columns = {"label": answers.tolist(), "probability": as_text(largest)}
    write_answers(output, columns, found.dataset.paths)
    summary = {**found.summary, **_summary(found, largest)}
    if json_output:
        typer.echo(json.dumps({"predictions": str(output), **summary}))
    else:
        _report(summary, output, risk)


def _check_options(abstain: float, risk: float | None) -> None:
    if not 0 <= abstain <= 1:
        raise ParameterError(f"--abstain {abstain:g} must be a probability from 0 to 1")
    if risk is None:
        return
    if not 0 <= risk <= 1:
        raise ParameterError(f"--risk {risk:g} must be a share from 0 to 1")
    if abstain > 0:
        raise ParameterError("--risk and --abstain both say which labels stay empty: give one of them")


def _ask_decoder(
    model: Path, data: str, labels: Path, name: DecoderName, unnamed: Unnamed, reading: dict[str, Any]
) -> _Found:
    import numpy as np

    from labelwise.data import read_labels
    from labelwise.decoding import DECODERS, HardDecoder

    gmvae, dataset = open_items(model, data, **reading)
    y = read_labels(labels, n_samples=len(dataset.X), paths=dataset.paths)
    decoder = HardDecoder(unnamed=unnamed.value) if name is DecoderName.hard else DECODERS[name.value]()
    encoding = gmvae.encode(dataset.X)
    answers = decoder.fit(encoding, y).predict(encoding).astype(object)
    answers[answers == -1] = ""
    summary = {
        **describe_decoder(name.value, decoder, y, dataset.paths),
        "n_labeled": decoder.n_labeled_,
        "classes": [str(label) for label in decoder.classes_],
        "n_components": decoder.n_features_in_,
        "n_unnamed_components": len(decoder.unnamed_components_),
    }
    unlabeled = np.array([label == -1 for label in y])
    return _Found(dataset, unlabeled, decoder.predict_proba(encoding), answers, summary)


def _ask_student(model: Path, data: str, reading: dict[str, Any]) -> _Found:
    import numpy as np

    from labelwise.student import Student

    student = Student.load(model)
    dataset = read_items(data, student.item_shape_, **reading)
    probabilities = student.predict_proba(dataset.X)
    classes = [str(label) for label in student.classes_]
    summary = {
        "decoder": "student",
        "choice": None,
        "reason": None,
        "doubtful_labels": [],
        "n_labeled": None,
        "classes": classes,
        "n_components": None,
        "n_unnamed_components": None,
    }
    answers = np.array(classes, dtype=object)[probabilities.argmax(axis=1)]
    return _Found(dataset, np.ones(len(answers), dtype=bool), probabilities, answers, summary)


def _summary(found: _Found, largest: np.ndarray) -> dict[str, Any]:
    """What came out; accuracy on the items without a label where the data know their classes."""
    answered = found.answers != ""
    without, accuracy = compare_with_truth(
        found.answers, found.summary["classes"], found.dataset, found.unlabeled
    )
    return {
        "n_samples": len(answered),
        "n_without_answer": int((~answered).sum()),
        "share_answered": float(answered.mean()),
        "expected_error": float(1 - largest[answered].mean()) if answered.any() else None,
        "classes_without_label": without,
        "accuracy": accuracy,
    }


def _report(summary: dict[str, Any], output: Path, risk: float | None) -> None:
    n_samples, n_classes, n_labeled = summary["n_samples"], len(summary["classes"]), summary["n_labeled"]
    if n_labeled is None:
        typer.echo(f"{output}: {n_samples:,} items answered by a student of {n_classes} classes")
    else:
        typer.echo(f"{output}: {n_samples:,} items answered from {n_labeled:,} labels of {n_classes} classes")
        for line in decoder_lines(summary):
            typer.echo(line)
    if summary["n_unnamed_components"]:
        typer.echo(
            f"{summary['n_unnamed_components']} of {summary['n_components']} components hold no labelled item"
        )
    if summary["classes_without_label"]:
        typer.echo(f"never answered, for want of a label: {', '.join(summary['classes_without_label'])}")
    if summary["n_without_answer"]:
        typer.echo(f"{summary['n_without_answer']:,} items got no label")
    if risk is not None:
        expected = summary["expected_error"]
        wrong = "" if expected is None else f", of which {expected:.2%} are expected to be wrong"
        typer.echo(f"--risk {risk:g}: {summary['share_answered']:.1%} of the items answered{wrong}")
    if summary["accuracy"] is not None:
        which = "answered items" if n_labeled is None else "answered items without a label"
        typer.echo(f"accuracy on the {which}: {summary['accuracy']:.1%}")
