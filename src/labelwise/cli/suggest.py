"""`labelwise suggest`: which items are worth a label."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.items import open_items
from labelwise.cli.options import ModelArgument, NoNumberColumnOption, SkipUnreadableOption
from labelwise.errors import LabelError, ParameterError, StorageError

if TYPE_CHECKING:
    from labelwise.planning.suggest import Suggestion


def suggest(
    model: ModelArgument,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="The items to choose from, as for `labelwise train`.")
    ],
    budget: Annotated[int, typer.Option(min=1, help="How many items to suggest.")] = 10,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV index,label (or path,label): the labels so far; their items are left out."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="CSV to write: index, component, reason (and path).")
    ] = Path("to_label.csv"),
    label_column: NoNumberColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search, which looks at random items.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the suggestions as JSON.")] = False,
) -> None:
    """Say which items of DATA to label, the most useful first, and why.

    Each stands for many others. With --labels, those come first that would settle most doubts.

    `index` counts the items of DATA from 0. Fill in a column `label`, and the file serves as --labels.

    Example: labelwise suggest mnist.labelwise mnist --budget 73 -o to_label.csv
    """
    _spare_labels(output)
    from labelwise.data import read_labels
    from labelwise.planning.suggest import suggest_from

    gmvae, dataset = open_items(model, data, label_column=label_column, skip_unreadable=skip_unreadable)
    n_samples, n_labeled, y = len(dataset.X), 0, None
    if labels is not None:
        y = read_labels(labels, n_samples=n_samples, paths=dataset.paths)
        n_labeled = sum(label != -1 for label in y)
    if n_labeled == n_samples:
        raise LabelError(
            f"all {n_samples} items of {dataset.name} have a label: there is none left to suggest"
        )
    if budget > n_samples - n_labeled:
        raise ParameterError(
            f"--budget {budget} is more than the {n_samples - n_labeled} items of {dataset.name} "
            "without a label: ask for fewer"
        )
    rows = _rows(suggest_from(gmvae.encode(dataset.X), budget, y=y, random_state=seed), dataset.paths)
    _write(output, rows)
    if json_output:
        summary = {"output": str(output), "n_samples": n_samples, "n_labeled": n_labeled}
        typer.echo(json.dumps({**summary, "suggestions": rows}))
        return
    typer.echo(
        f"{output}: {budget:,} of {n_samples - n_labeled:,} items without a label, the most useful first"
    )
    collected = labels or output
    fill = "Fill in a column `label`" + (f" and add what it says to {labels}" if labels is not None else "")
    typer.echo(f"{fill}; then:")
    typer.echo(f"  labelwise decode {model} {data} --labels {collected} -o predictions.csv")


def _spare_labels(output: Path) -> None:
    """Refuse to replace a file that a person filled in: other files can be written again, labels cannot."""
    try:
        with output.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            first = next(csv.reader(file), [])
    except (OSError, csv.Error):
        return  # nothing there, or nothing of ours; writing says what is wrong
    if "label" in [cell.strip() for cell in first]:
        raise StorageError(f"{output} has a column 'label', which would be lost: choose another name with -o")


def _rows(suggestions: list[Suggestion], paths: list[str] | None) -> list[dict[str, Any]]:
    return [
        {"index": found.index, "component": found.component, "reason": found.reason}
        | ({} if paths is None else {"path": paths[found.index]})
        for found in suggestions
    ]


def _write(output: Path, rows: list[dict[str, Any]]) -> None:
    from labelwise.storage import write_csv

    write_csv(output, list(rows[0]), rows)
