"""`labelwise update`: the data of a project as they are now."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from labelwise.cli.options import JsonOption, ProjectArgument


def update(
    project: ProjectArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Where the items are now, if they have moved."),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Encode PROJECT's data as they are now, with the same model.

    Labels stay with their items: images are known by their paths, rows of a table by what they contain. To
    train a new model on the changed data, use labelwise train --overwrite instead.

    Example: labelwise update birds.labelwise
    """
    from labelwise.project import Project

    with Project(project) as opened:
        changes = opened.update(data)
        lost = opened.lost_labels()
        n_samples, n_labeled = len(opened), len(opened.labeled())
    if json_output:
        result = {"changes": changes, "n_samples": n_samples, "n_labeled": n_labeled, "n_lost": len(lost)}
        typer.echo(json.dumps(result))
        return
    typer.echo(f"{project}: {changes or 'nothing has changed'}")
    typer.echo(f"{n_samples:,} items, {n_labeled:,} labels")
    if lost:
        shown = ", ".join(f"{item} ({label})" for item, label in lost[:5])
        typer.echo(
            f"{len(lost):,} labels belong to items that are gone: {shown}{', …' if len(lost) > 5 else ''}"
        )
