"""`labelwise label`: labels into a project, and out of it."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.options import JsonOption, ProjectArgument
from labelwise.errors import ParameterError
from labelwise.places import check_file

if TYPE_CHECKING:
    from labelwise.project import Decision, Project


class How(StrEnum):
    """Values of --how."""

    random = "random"
    suggested = "suggested"
    correction = "correction"
    imported = "imported"


def label(
    project: ProjectArgument,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[LABELS]",
            help="CSV index,label (path,label for a folder of images), or a JSON export of Label Studio.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Write all labels to this .csv, or tasks for Label Studio to this .json."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="COMPONENT=NAME", help="Name a whole component; can be repeated."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the latest decision.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Redo the decision undone last.")] = False,
    by: Annotated[str, typer.Option(help="Who decided.")] = "",
    how: Annotated[
        How | None,
        typer.Option(
            help="How the items were chosen.", show_default="suggested for rows with a reason, else imported"
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Record labels in PROJECT's journal, or write them to a file.

    The journal keeps every decision. Rows without a label are skipped; labels that the project already has
    change nothing.

    Example: labelwise label birds.labelwise to_label.csv --by ana

    Example: labelwise label birds.labelwise --name 7=wren --to labels.csv
    """
    wanted = [file is not None, bool(name), undo, redo, to is not None]
    if not any(wanted):
        raise ParameterError("say what to do: give LABELS, --name, --undo, --redo or --to")
    if how is not None and file is None and not name:
        raise ParameterError(f"--how {how.value} only applies to new labels: give LABELS or --name")
    if by and not any(wanted[:-1]):
        raise ParameterError(f"--by {by} only applies to decisions: give LABELS, --name, --undo or --redo")
    if undo and redo:
        raise ParameterError("--undo and --redo cancel each other: give one of them")
    names = [_parse(text) for text in name or []]
    if to is not None:
        check_file(to, "--to")
    from labelwise.project import Project

    with Project.open(project) as opened:
        lines = _record(
            opened, file, names, undo=undo, redo=redo, by=by, how=None if how is None else how.value
        )
        if to is not None:
            lines.append(f"wrote {opened.export_labels(to):,} labels to {to}")
        y, given = opened.labels(), opened.names()
        counts = {
            "n_labeled": sum(label != -1 for label in y),
            "n_named": len(given),
            "classes": sorted({str(label) for label in y if label != -1} | set(given.values())),
        }
    if json_output:
        typer.echo(json.dumps({"project": str(project), "done": lines, **counts}))
        return
    for line in lines:
        typer.echo(line)
    plural = "" if counts["n_named"] == 1 else "s"
    named = f", {counts['n_named']:,} named component{plural}" if counts["n_named"] else ""
    typer.echo(f"{project} has {counts['n_labeled']:,} labels{named}, {len(counts['classes'])} classes")


def _record(
    project: Project,
    file: Path | None,
    names: list[tuple[int, str | None]],
    *,
    undo: bool,
    redo: bool,
    by: str,
    how: str | None,
) -> list[str]:
    # All or nothing: what would be refused below is refused before anything is recorded.
    if file is not None:
        project.check_labels(file)
    for component, text in names:
        project.check_name(component, text)
    lines = []
    if undo:
        lines.append(f"took back: {_told(project.undo(by=by))}")
    if redo:
        lines.append(f"restored: {_told(project.redo(by=by))}")
    if file is not None:
        n_new = project.import_labels(file, by=by, how=how)
        lines.append(f"{n_new:,} new or changed labels from {file}")
    options: dict[str, Any] = {} if how is None else {"how": how}
    lines += [_told(project.name(component, text, by=by, **options)) for component, text in names]
    return lines


def _parse(text: str) -> tuple[int, str | None]:
    component, found, label = text.partition("=")
    if not found or not component.strip().isdigit():
        raise ParameterError(f"--name {text} must be COMPONENT=NAME, such as 7=wren")
    return int(component), label.strip() or None


def _told(decision: Decision) -> str:
    what = (
        f"component {decision.component}"
        if decision.action == "name"
        else ", ".join(map(str, decision.items[:3])) + (" …" if len(decision.items) > 3 else "")
    )
    told = ", ".join(sorted({label for label in decision.each if label})) or decision.label
    return f"{what}: no longer named" if told is None else f"{what} is {told}"
