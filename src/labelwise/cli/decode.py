"""`labelwise decode`: predictions for the items of a project, or for new ones."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.answers import quality_line, source_lines, summarise_answers
from labelwise.cli.items import read_items
from labelwise.cli.options import (
    AddressOption,
    Backend,
    BackendOption,
    DecoderName,
    JsonOption,
    NewTextColumnOption,
    NoNumberColumnOption,
    SkipUnreadableOption,
)
from labelwise.cli.parts import decode_parts
from labelwise.errors import ParameterError
from labelwise.places import check_file

if TYPE_CHECKING:
    import numpy as np

    from labelwise.data import Dataset
    from labelwise.decoding import Decoder
    from labelwise.project import Answers, Project
    from labelwise.workers import Workers


class Unnamed(StrEnum):
    """Values of --unnamed."""

    nearest = "nearest"
    prior = "prior"
    abstain = "abstain"
    first = "first"


def decode(
    project: Annotated[
        Path, typer.Argument(metavar="PROJECT", help="Folder of a project, or of a saved answerer.")
    ],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="New items; without DATA, the project's own items are answered."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV index,label (or path,label) for the project's own items, used for this call only, "
            "instead of the project's labels."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="CSV or Parquet file to write: index, label, probability (and path or text). With "
            "--part-size, a folder.",
            show_default="predictions.csv",
        ),
    ] = None,
    decoder: Annotated[
        DecoderName | None,
        typer.Option(
            help="How labels become answers.",
            show_default="the student, if `labelwise refine` kept one, else auto, which compares the others",
        ),
    ] = None,
    unnamed: Annotated[
        Unnamed | None,
        typer.Option(
            help="With --decoder hard: what a component without a label answers.", show_default="nearest"
        ),
    ] = None,
    abstain: Annotated[
        float | None, typer.Option(help="Leave the label empty where its probability is below this, 0..1.")
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(
            help="Leave the least certain labels empty, so that about this share of the rest is wrong."
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="CSV index,label (or path,label): true classes of the items, to report an accuracy."
        ),
    ] = None,
    label_column: NoNumberColumnOption = None,
    text_column: NewTextColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    part_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="For more items than memory holds: answer so many at a time, and write each part as a "
            "Parquet file into the folder -o. DATA may be a folder of files: .npz, .npy, .parquet, .arrow, "
            ".feather, .csv, .jsonl or .txt. Repeat the command to go on after a break.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --part-size: replace other predictions in that folder.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="With --part-size: parts to answer at a time, in processes that see the same files; -1 for "
            "one per core.",
            show_default="1, with --backend dask all workers",
        ),
    ] = None,
    backend: BackendOption = Backend.loky,
    address: AddressOption = None,
    json_output: JsonOption = False,
) -> None:
    """Predict a label for every item of PROJECT, or for every new item in DATA.

    --risk relies on the probabilities, which are calibrated from 20 labels on. Asked for 5 % wrong
    predictions on three data sets, it left 1 to 7 % with suggested labels and 3 to 15 % with random ones.

    Example: labelwise decode birds.labelwise -o predictions.csv

    Example: labelwise decode birds.labelwise new/ -o new.csv

    Example: labelwise decode birds.labelwise millions.npy -o answers --part-size 100000

    Example: labelwise decode birds.labelwise shards/ -o answers --part-size 100000 --backend dask
    """
    from labelwise.project.exchange import write_predictions
    from labelwise.storage import read_manifest

    _check_options(abstain, risk, decoder, unnamed)
    reading = {"label_column": label_column, "text_column": text_column, "skip_unreadable": skip_unreadable}
    if data is None and any(reading.values()):
        raise ParameterError(
            "--label-column, --text-column and --skip-unreadable only apply to new items: give DATA"
        )
    if part_size is not None:
        _refuse_with_parts({"--labels": labels, "--decoder": decoder, "--risk": risk, "--truth": truth}, data)
        decode_parts(
            project,
            str(data),
            output or Path("predictions"),
            reading,
            part_size=part_size,
            abstain=abstain or 0.0,
            overwrite=overwrite,
            workers=_workers(jobs, backend, address),
            json_output=json_output,
        )
        return
    if overwrite:
        raise ParameterError("--overwrite is for --part-size: a file is always replaced")
    if jobs is not None or backend is not Backend.loky or address is not None:
        raise ParameterError("--jobs, --backend and --address are for --part-size: processes share parts")
    output = output or Path("predictions.csv")
    check_file(output, "-o")
    if read_manifest(project)["kind"] == "project":
        found = _ask_project(project, data, labels, _decoder(decoder, unnamed), reading)
    else:
        found = _ask_answerer(project, data, reading, has_options=labels is not None or decoder is not None)
    answers, opened, dataset, labeled = found
    answers = _abstain(answers, abstain, risk)
    paths = dataset.paths if dataset is not None else opened.pool.paths if opened is not None else None
    known = _truth(truth, len(answers.labels), paths, opened, dataset)
    write_predictions(output, answers, paths, _texts(opened, dataset))
    summary = {**answers.about, **summarise_answers(answers, known, ~labeled)}
    if json_output:
        typer.echo(json.dumps({"predictions": str(output), **summary}))
    else:
        _report(summary, output, risk, opened)


def _check_options(
    abstain: float | None, risk: float | None, decoder: DecoderName | None, unnamed: Unnamed | None
) -> None:
    if abstain is not None and not 0 <= abstain <= 1:
        raise ParameterError(f"--abstain {abstain:g} must be a probability from 0 to 1")
    if risk is not None and not 0 <= risk <= 1:
        raise ParameterError(f"--risk {risk:g} must be a share from 0 to 1")
    if risk is not None and abstain is not None:
        raise ParameterError("--risk and --abstain both say which labels stay empty: give one of them")
    if unnamed is not None and decoder is not DecoderName.hard:
        raise ParameterError(
            f"--unnamed {unnamed.value} is for --decoder hard only: add it, or leave --unnamed out"
        )


def _refuse_with_parts(options: dict[str, object], data: str | None) -> None:
    """Refuse what needs all items at once."""
    if data is None:
        raise ParameterError("--part-size is for new items: give DATA")
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ParameterError(f"--part-size cannot be combined with {' or '.join(given)}")


def _workers(jobs: int | None, backend: Backend, address: str | None) -> Workers | None:
    """Who answers parts; None for this process alone."""
    if address is not None and backend is not Backend.dask:
        raise ParameterError("--address is for --backend dask")
    if jobs is not None and jobs < 1 and jobs != -1:
        raise ParameterError(f"--jobs {jobs} must be at least 1, or -1 for one per core")
    if backend is Backend.loky and jobs in (None, 1):
        return None
    from labelwise.workers import Workers

    return Workers(-1 if jobs is None else jobs, backend.value, address)


def _decoder(name: DecoderName | None, unnamed: Unnamed | None) -> str | Decoder:
    if unnamed is None:
        return "auto" if name is None else name.value
    from labelwise.decoding import HardDecoder

    return HardDecoder(unnamed=unnamed.value)


Found = tuple["Answers", "Project | None", "Dataset | None", "np.ndarray"]
"""Answers, the project, new items if any, and which of the items answered have a label."""


def _ask_project(
    path: Path, data: str | None, labels: Path | None, decoder: str | Decoder, reading: dict[str, Any]
) -> Found:
    import numpy as np

    from labelwise.data import read_labels
    from labelwise.project import Project

    with Project.open(path) as project:
        y = None
        if labels is not None:
            y = read_labels(labels, n_samples=len(project), paths=project.pool.paths)
        dataset = None
        if data is not None:
            dataset = read_items(data, project.pool.item_shape, like=project.source.options, **reading)
            if project.holds(dataset):
                dataset = None
        if dataset is None:
            answers = project.answers(decoder, labels=y)
            labeled = np.array([label != -1 for label in (project.labels() if y is None else y)])
            return answers, project, None, labeled
        answers = project.answer_new(dataset.X, decoder, labels=y)
        return answers, project, dataset, np.zeros(len(dataset.X), dtype=bool)


def _ask_answerer(path: Path, data: str | None, reading: dict[str, Any], *, has_options: bool) -> Found:
    import numpy as np

    from labelwise.answerer import load
    from labelwise.features import reading as as_read_for
    from labelwise.project.answers import asked

    answerer = load(path)  # says what else the folder may hold
    if has_options:
        raise ParameterError(
            f"{path} is an answerer, which has learned its labels: leave out --labels and --decoder"
        )
    if data is None:
        raise ParameterError(
            f"{path} is an answerer, which holds no items: give new ones, as in labelwise decode {path} DATA"
        )
    featurizer = answerer.featurizer_
    item_shape = answerer.item_shape_ if featurizer is None else None
    dataset = read_items(data, item_shape, like=as_read_for(featurizer), **reading)
    return asked(answerer, dataset.X), None, dataset, np.zeros(len(dataset.X), dtype=bool)


def _abstain(answers: Answers, abstain: float | None, risk: float | None) -> Answers:
    if risk is not None:
        from labelwise.decoding.abstention import abstention_threshold

        answered = answers.labels != None  # noqa: E711 (item by item)
        abstain = abstention_threshold(answers.probabilities[answered], risk) if answered.any() else 0
    return answers if abstain is None else answers.abstain(abstain)


def _texts(project: Project | None, dataset: Dataset | None) -> np.ndarray | None:
    """Texts of the items that were answered; None where they are none."""
    from labelwise.data.texts import is_texts

    if dataset is not None:
        return dataset.X if is_texts(dataset.X) else None
    return None if project is None else project.texts()


def _truth(
    file: Path | None,
    n_samples: int,
    paths: list[str] | None,
    project: Project | None,
    dataset: Dataset | None,
) -> np.ndarray | None:
    """True classes of the items that were answered, from a file or from the data themselves."""
    import numpy as np

    from labelwise.data import read_labels

    if file is not None:
        return read_labels(file, n_samples=n_samples, paths=paths)
    if dataset is None:
        return None if project is None else project.pool.truth()
    if dataset.y is None or dataset.names is None:
        return None
    return np.asarray(np.array(dataset.names, dtype=object)[dataset.y])


def _report(summary: dict[str, Any], output: Path, risk: float | None, project: Project | None) -> None:
    n_classes = len(summary["classes"])
    labels = f" from {summary['n_labeled']:,} labels" if summary.get("n_labeled") else ""
    n_named = summary.get("n_named")
    names = f" and {n_named:,} named component{'s' if n_named > 1 else ''}" if n_named else ""
    typer.echo(f"{output}: {summary['n_samples']:,} items answered{labels}{names}, {n_classes} classes")
    for line in source_lines(summary, project):
        typer.echo(line)
    if summary["classes_without_label"]:
        names = ", ".join(summary["classes_without_label"])
        typer.echo(f"classes without a label, which are never predicted: {names}")
    if summary["n_without_answer"]:
        typer.echo(f"{summary['n_without_answer']:,} items are left without a label")
    if risk is not None:
        expected = summary["expected_error"]
        wrong = "" if expected is None else f", {expected:.2%} of them expected to be wrong"
        typer.echo(f"--risk {risk:g}: {summary['share_answered']:.1%} of the items answered{wrong}")
    if summary["accuracy"] is not None:
        which = "answered items without a label" if summary.get("n_labeled") else "answered items"
        typer.echo(f"accuracy on the {which}: {summary['accuracy']:.1%}")
        typer.echo(quality_line(summary))
