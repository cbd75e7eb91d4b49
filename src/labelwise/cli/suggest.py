"""`labelwise suggest`: which items are worth a label."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.options import JsonOption, ProjectArgument
from labelwise.errors import LabelError, ParameterError, StorageError
from labelwise.places import check_file

if TYPE_CHECKING:
    import numpy as np

    from labelwise.project import Project


def suggest(
    project: ProjectArgument,
    budget: Annotated[
        int | None, typer.Option(min=1, help="How many items to suggest.", show_default="10")
    ] = None,
    sheets: Annotated[
        int | None,
        typer.Option(
            min=1, help="Suggest this many sheets instead: tight groups, each shown by a few items."
        ),
    ] = None,
    rare: Annotated[
        bool,
        typer.Option("--rare", help="Look for rare classes: small components count as much as large ones."),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV index,label (or path,label) to use instead of the project's labels."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="CSV to write: index, component, reason (and path or text)."),
    ] = Path("to_label.csv"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search, which looks at random items.")] = 0,
    json_output: JsonOption = False,
) -> None:
    """Suggest which items of PROJECT to label next, the most useful first, with reasons.

    Each stands for many others. Once there are labels, items that would settle the most doubts come first.

    Add a column `label`, fill it in, and pass the file to labelwise label.

    Example: labelwise suggest mnist.labelwise --budget 73 -o to_label.csv
    """
    if sheets is not None and (budget is not None or labels is not None or rare):
        raise ParameterError("--sheets cannot be combined with --budget, --labels or --rare")
    check_file(output, "-o")
    _spare_labels(output)
    from labelwise.data import read_labels
    from labelwise.project import Project

    with Project.open(project) as opened:
        paths = opened.pool.paths
        y = opened.labels() if labels is None else read_labels(labels, n_samples=len(opened), paths=paths)
        if sheets is None:
            rows = _items(opened, budget or 10, y, None if labels is None else y, seed, rare=rare)
        else:
            rows = _sheets(opened, sheets, seed)
        _show(opened, rows)
    _write(output, rows)
    if json_output:
        n_labeled = sum(label != -1 for label in y)
        summary = {"output": str(output), "n_samples": len(y), "n_labeled": n_labeled}
        typer.echo(json.dumps({**summary, "suggestions": rows}))
        return
    what = f"{len(rows):,} items" if sheets is None else f"{len(rows):,} items in {sheets:,} sheets"
    typer.echo(f"{output}: {what}, the most useful first")
    typer.echo("Fill in a column `label`; then:")
    typer.echo(f"  labelwise label {project} {output}")


def _items(
    project: Project, budget: int, y: np.ndarray, given: np.ndarray | None, seed: int, *, rare: bool
) -> list[dict[str, Any]]:
    n_free = sum(label == -1 for label in y)
    if not n_free:
        raise LabelError(f"all {len(y)} items of {project.path} have a label: there is none left to suggest")
    if budget > n_free:
        raise ParameterError(
            f"--budget {budget} is more than the {n_free} items of {project.path} without a label: "
            "ask for fewer"
        )
    found = project.suggest(budget, rare=rare, random_state=seed, labels=given)
    return [{"index": each.index, "component": each.component, "reason": each.reason} for each in found]


def _sheets(project: Project, n_sheets: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    for number, sheet in enumerate(project.sheets(n_sheets, random_state=seed), start=1):
        for place, row in enumerate(sheet.items):
            prediction = "" if sheet.predictions is None else str(sheet.predictions[place])
            rows.append(
                {
                    "sheet": number,
                    "index": int(row),
                    "component": sheet.component,
                    "prediction": prediction,
                    "reason": sheet.reason,
                }
            )
    return rows


def _show(project: Project, rows: list[dict[str, Any]]) -> None:
    """Add what a person can look at: the path of an image, or the text itself."""
    for name, values in (("path", project.pool.paths), ("text", project.texts())):
        if values is not None:
            for row in rows:
                row[name] = values[row["index"]]


def _spare_labels(output: Path) -> None:
    """Refuse to replace a file that a person filled in: other files can be written again, labels cannot."""
    try:
        with output.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            first = next(csv.reader(file), [])
    except (OSError, csv.Error):
        return  # nothing there, or nothing of ours; writing says what is wrong
    if "label" in [cell.strip() for cell in first]:
        raise StorageError(f"{output} has a column 'label', which would be lost: choose another name with -o")


def _write(output: Path, rows: list[dict[str, Any]]) -> None:
    from labelwise.storage import write_csv

    if not rows:
        raise LabelError("there is nothing left to suggest: every item has a label")
    write_csv(output, list(rows[0]), rows)
