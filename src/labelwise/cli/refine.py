"""`labelwise refine`: teach a student what a decoder answers."""

from __future__ import annotations

import json
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
from labelwise.cli.items import holds_student, open_items
from labelwise.cli.options import DeviceOption, ModelArgument, NoNumberColumnOption, SkipUnreadableOption
from labelwise.cli.places import check_folder_of
from labelwise.errors import StorageError

if TYPE_CHECKING:
    import numpy as np

    from labelwise.data import Dataset
    from labelwise.decoding import Decoder


def refine(
    model: ModelArgument,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="The items to learn from, as for `labelwise train`.")
    ],
    labels: Annotated[
        Path, typer.Option(help="CSV with columns index,label (path,label for a folder of images).")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to save the student to; an older one is replaced.")
    ] = Path("student.labelwise"),
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="CSV to write: index, label, probability, teacher_label, teacher_probability (and path).",
            show_default="predictions.csv beside the student",
        ),
    ] = None,
    decoder: Annotated[
        DecoderName, typer.Option(help="The teacher; auto compares the others on the labels.")
    ] = DecoderName.auto,
    rounds: Annotated[
        int, typer.Option(min=2, help="Rounds end earlier where the answers no longer change.")
    ] = 5,
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the student and of the labels kept back.")] = 0,
    label_column: NoNumberColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Teach a compact network, the student, what a decoder answers for DATA, and keep it if that helps.

    It learns from changed views of all items, and answers new items without MODEL or labels
    (labelwise decode STUDENT DATA). From 100 labels on, a rehearsal without a tenth of them compares it
    with the decoder first.

    Where the student does not help, its folder is not written, and predictions are the decoder's.

    Example: labelwise refine mnist.labelwise mnist --labels labels.csv -o mnist.student
    """
    predictions = output.with_name("predictions.csv") if predictions is None else predictions
    _check_places(output, predictions)
    import numpy as np

    from labelwise.data import read_labels
    from labelwise.decoding import DECODERS
    from labelwise.student import Student
    from labelwise.student import refine as teach

    gmvae, dataset = open_items(
        model, data, label_column=label_column, skip_unreadable=skip_unreadable, device=device
    )
    y = read_labels(labels, n_samples=len(dataset.X), paths=dataset.paths)
    teacher = DECODERS[decoder.value]()
    encoding = gmvae.encode(dataset.X)
    teacher.fit(encoding, y)
    template = Student(
        gmvae.augment_,
        likelihood=gmvae.likelihood_,
        max_rounds=rounds,
        device=device,
        random_state=seed,
        verbose=1,
    )
    refinement = teach(template, teacher, dataset.X, encoding, y)
    taught = teacher.predict_proba(encoding)
    student = refinement.student
    if student is not None:
        student.save(output)
    best = taught if student is None else student.answers_
    columns = {
        "label": teacher.classes_[best.argmax(axis=1)],
        "probability": as_text(best.max(axis=1)),
        "teacher_label": teacher.classes_[taught.argmax(axis=1)],
        "teacher_probability": as_text(taught.max(axis=1)),
    }
    write_answers(predictions, columns, dataset.paths)
    summary = {
        "student": None if student is None else str(output),
        "verdict": refinement.verdict,
        "predictions": str(predictions),
        "n_samples": len(y),
        "n_labeled": teacher.n_labeled_,
        "classes": [str(label) for label in teacher.classes_],
        **describe_decoder(decoder.value, teacher, y, dataset.paths),
        **_accuracies(columns, teacher, dataset, np.array([label == -1 for label in y])),
    }
    if json_output:
        typer.echo(json.dumps(summary))
    else:
        _report(summary, output, data)


def _check_places(output: Path, predictions: Path) -> None:
    check_folder_of(output)
    check_folder_of(predictions, "--predictions")
    if output.exists() and not holds_student(output):
        raise StorageError(f"{output} is no student, and stays as it is: choose another name with -o")


def _accuracies(
    columns: dict[str, Any], teacher: Decoder, dataset: Dataset, unlabeled: np.ndarray
) -> dict[str, Any]:
    classes = [str(label) for label in teacher.classes_]
    without, accuracy = compare_with_truth(columns["label"], classes, dataset, unlabeled)
    _, before = compare_with_truth(columns["teacher_label"], classes, dataset, unlabeled)
    return {"classes_without_label": without, "accuracy": accuracy, "teacher_accuracy": before}


def _report(summary: dict[str, Any], output: Path, data: str) -> None:
    typer.echo(
        f"{summary['predictions']}: {summary['n_samples']:,} items answered from "
        f"{summary['n_labeled']:,} labels of {len(summary['classes'])} classes"
    )
    for line in decoder_lines(summary):
        typer.echo(line)
    typer.echo(summary["verdict"])
    if summary["classes_without_label"]:
        typer.echo(f"never answered, for want of a label: {', '.join(summary['classes_without_label'])}")
    if summary["accuracy"] is not None:
        typer.echo(
            f"accuracy on the items without a label: {summary['accuracy']:.1%}, "
            f"the decoder's {summary['teacher_accuracy']:.1%}"
        )
    if summary["student"] is None:
        older = f"; {output} is that of an earlier run" if output.exists() else ""
        typer.echo(f"no student was saved, and the answers are the decoder's{older}")
    else:
        typer.echo(f"saved {output}; it answers new items of the same kind:")
        typer.echo(f"  labelwise decode {output} {data} -o predictions.csv")
