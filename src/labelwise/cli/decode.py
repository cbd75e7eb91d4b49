"""`labelwise decode`: from a model and a few labels to an answer for every item."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.errors import DataError, ParameterError

if TYPE_CHECKING:
    import numpy as np

    from labelwise.datasets import Dataset
    from labelwise.decoding import Decoder
    from labelwise.gmvae import GMVAE


class DecoderName(StrEnum):
    """Values of --decoder."""

    soft = "soft"
    hard = "hard"


class Unnamed(StrEnum):
    """Values of --unnamed."""

    nearest = "nearest"
    prior = "prior"
    abstain = "abstain"
    first = "first"


def decode(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `labelwise train` saved.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="The items to answer, as for `labelwise train`.")
    ],
    labels: Annotated[
        Path, typer.Option(help="CSV with columns index,label (path,label for a folder of images).")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV to write: index, label, probability (and path).")
    ] = Path("predictions.csv"),
    decoder: Annotated[DecoderName, typer.Option(help="How components get names.")] = DecoderName.soft,
    unnamed: Annotated[
        Unnamed, typer.Option(help="With --decoder hard: what a component without a label answers.")
    ] = Unnamed.nearest,
    abstain: Annotated[
        float, typer.Option(help="Leave the label empty where its probability is below this, 0..1.")
    ] = 0.0,
    label_column: Annotated[
        str | None, typer.Option(help="Column of a .csv or .parquet that is no number to learn.")
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read, and name them.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing in this one is random.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Name the components of MODEL by a few labels and answer every item of DATA.

    `index` counts the items of DATA from 0. Labels are any text.

    Example: labelwise decode mnist.labelwise mnist --labels labels.csv -o predictions.csv
    """
    if not 0 <= abstain <= 1:
        raise ParameterError(f"--abstain {abstain:g} must be a probability from 0 to 1")
    from labelwise.datasets import load_dataset, read_labels
    from labelwise.decoding import HardDecoder, SoftDecoder
    from labelwise.gmvae import GMVAE

    gmvae = GMVAE.load(model)
    on_unreadable = "skip" if skip_unreadable else "raise"
    dataset = load_dataset(data, label_column=label_column, on_unreadable=on_unreadable)
    for path, reason in dataset.skipped:
        typer.echo(f"skipped {path}: {reason}", err=True)
    y = read_labels(labels, n_samples=len(dataset.X), paths=dataset.paths)
    Q = _posteriors(gmvae, dataset)
    names = HardDecoder(unnamed=unnamed.value) if decoder is DecoderName.hard else SoftDecoder()
    names.fit(Q, y)
    answers = names.predict(Q).astype(object)
    probabilities = names.predict_proba(Q).max(axis=1)
    answers[(probabilities < abstain) | (answers == -1)] = ""
    _write(output, answers, probabilities, dataset.paths)
    _report(_summary(names, answers, y, dataset), output, json_output)


def _posteriors(gmvae: GMVAE, dataset: Dataset) -> np.ndarray:
    if tuple(dataset.X.shape[1:]) != tuple(gmvae.item_shape_):
        raise DataError(
            f"{dataset.name} has items of shape {dataset.X.shape[1:]}, but the model was trained on items of "
            f"shape {tuple(gmvae.item_shape_)}: use data of the same kind"
        )
    return gmvae.predict_proba(dataset.X)


def _write(output: Path, answers: np.ndarray, probabilities: np.ndarray, paths: list[str] | None) -> None:
    from labelwise.study.results import write_csv

    rows: list[dict[str, Any]] = [
        {"index": index, "label": label, "probability": f"{probability:.4f}"}
        for index, (label, probability) in enumerate(zip(answers, probabilities, strict=True))
    ]
    names = ["index", "label", "probability"]
    if paths is not None:
        names.append("path")
        for row, path in zip(rows, paths, strict=True):
            row["path"] = path
    write_csv(output, names, rows)


def _summary(names: Decoder, answers: np.ndarray, y: np.ndarray, dataset: Dataset) -> dict[str, Any]:
    """What came out; accuracy on the items without a label where the data know their classes."""
    import numpy as np

    unlabeled = np.array([label == -1 for label in y])
    summary: dict[str, Any] = {
        "n_samples": len(y),
        "n_labeled": names.n_labeled_,
        "classes": [str(label) for label in names.classes_],
        "n_components": names.n_features_in_,
        "n_unnamed_components": len(names.unnamed_components_),
        "n_without_answer": int((answers == "").sum()),
        "classes_without_label": None,
        "accuracy": None,
    }
    if dataset.y is None or dataset.names is None:
        return summary
    known = set(dataset.names)
    if known >= set(summary["classes"]):
        summary["classes_without_label"] = sorted(known - set(summary["classes"]))
        truth = np.array(dataset.names, dtype=object)[dataset.y]
        answered = unlabeled & (answers != "")
        if answered.any():
            summary["accuracy"] = float((answers[answered] == truth[answered]).mean())
    return summary


def _report(summary: dict[str, Any], output: Path, json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps({"predictions": str(output), **summary}))
        return
    typer.echo(
        f"{output}: {summary['n_samples']:,} items answered from {summary['n_labeled']:,} labels "
        f"of {len(summary['classes'])} classes"
    )
    if summary["n_unnamed_components"]:
        typer.echo(
            f"{summary['n_unnamed_components']} of {summary['n_components']} components hold no labelled item"
        )
    if summary["classes_without_label"]:
        typer.echo(f"never answered, for want of a label: {', '.join(summary['classes_without_label'])}")
    if summary["n_without_answer"]:
        typer.echo(f"{summary['n_without_answer']:,} items got no label")
    if summary["accuracy"] is not None:
        typer.echo(f"accuracy on the answered items without a label: {summary['accuracy']:.1%}")
