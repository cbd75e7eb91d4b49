"""`labelwise refine`: teach a student what a decoder answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.answers import quality_line, source_lines, summarise_answers
from labelwise.cli.options import DecoderName, DeviceOption, JsonOption, ProjectArgument

if TYPE_CHECKING:
    from labelwise.project import Answers, Project


def refine(
    project: ProjectArgument,
    decoder: Annotated[
        DecoderName, typer.Option(help="The teacher; auto compares the others on the labels.")
    ] = DecoderName.auto,
    rounds: Annotated[
        int, typer.Option(min=2, help="Rounds at most; training ends earlier when answers no longer change.")
    ] = 5,
    rehearsal: Annotated[
        bool | None,
        typer.Option(
            help="First compare a student with the decoder on labels that neither has seen.",
            show_default="from 100 labels on, unless it continues",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from scratch instead of from the last student.")
    ] = False,
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the student and of the labels held back.")] = 0,
    json_output: JsonOption = False,
) -> None:
    """Train a student on a decoder's answers, and use it if it helps.

    For images it is a compact network that learns from altered views of all items; that takes minutes. For
    texts, tables, and photos that a pre-trained model has read, it is logistic regression, and takes seconds.
    From then on, labelwise decode uses the student instead of the decoder. After adding labels, run refine
    again: a network continues from the last one.

    A student that does not help is not kept, and the decoder still answers.

    Example: labelwise refine birds.labelwise
    """
    import numpy as np

    from labelwise.progress import Progress
    from labelwise.project import Project
    from labelwise.student import LinearStudent, student_for

    with Project.open(project) as opened:
        template = student_for(opened.gmvae, max_rounds=rounds, device=device, random_state=seed)
        if isinstance(template, LinearStudent) and (fresh or device != "auto"):
            raise typer.BadParameter(
                f"{'--fresh' if fresh else '--device'} is for images, whose student is a network: here it is "
                "logistic regression, which always starts from scratch, on the CPU; leave it out"
            )
        before = opened.answers(decoder.value) if decoder is not DecoderName.auto else opened.answers()
        with Progress() as listen:
            found = opened.refine(
                template, decoder=decoder.value, rehearse=rehearsal, fresh=fresh, listen=listen
            )
        answers = opened.answers() if found.student is not None else before
        scored = np.array([label == -1 for label in opened.labels()])
        truth = opened.pool.truth()
        summary = {
            "project": str(project),
            "student": found.student is not None,
            "verdict": found.verdict,
            **answers.about,
            **summarise_answers(answers, truth, scored),
            "accuracy_before": summarise_answers(before, truth, scored)["accuracy"],
        }
        if json_output:
            typer.echo(json.dumps(summary))
        else:
            _report(summary, opened, answers)


def _report(summary: dict[str, Any], project: Project, answers: Answers) -> None:
    typer.echo(summary["verdict"])
    if not summary["student"]:
        for line in source_lines(answers.about, project):
            typer.echo(line)
    if summary["classes_without_label"]:
        names = ", ".join(summary["classes_without_label"])
        typer.echo(f"classes without a label, which are never predicted: {names}")
    if summary["accuracy"] is not None:
        typer.echo(
            f"accuracy on the items without a label: {summary['accuracy']:.1%}, "
            f"before {summary['accuracy_before']:.1%}"
        )
        typer.echo(quality_line(summary))
    typer.echo("next:")
    typer.echo(f"  labelwise decode {project.path} -o predictions.csv")
