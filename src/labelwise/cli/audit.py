"""`labelwise audit`: who is served badly, and whether the data drifted."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.items import read_items
from labelwise.cli.options import (
    ClassColumnOption,
    JsonOption,
    NewTextColumnOption,
    ProjectArgument,
    SkipUnreadableOption,
)
from labelwise.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np

    from labelwise.diagnostics.audit import Drift, MixedComponent, Served
    from labelwise.project import Answers


def audit(
    project: ProjectArgument,
    data: Annotated[str, typer.Argument(metavar="NEW_DATA", help="New items to check.")],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="CSV index,label (or path,label): true classes of NEW_DATA.",
            show_default="the classes in NEW_DATA, if it has any",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(help="CSV index,label (or path,label): the group of each item of NEW_DATA."),
    ] = None,
    abstain: Annotated[
        float, typer.Option(help="Predictions with a probability below this count as abstentions, 0..1.")
    ] = 0.0,
    label_column: ClassColumnOption = None,
    text_column: NewTextColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV to write: one row for each class and group.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Check PROJECT on NEW_DATA: drift, mixed components, and accuracy and coverage by class and group.

    Predictions come from the labels in PROJECT; without labels, only drift and components are checked.

    Example: labelwise audit mnist.labelwise new/ --truth truth.csv --groups writers.csv
    """
    if not 0 <= abstain <= 1:
        raise ParameterError(f"--abstain {abstain:g} must be a probability from 0 to 1")
    import numpy as np

    from labelwise.data import read_labels
    from labelwise.diagnostics.audit import measure_drift, mixed_components, served
    from labelwise.project import Project

    opened = Project.open(project)
    dataset = read_items(
        data,
        opened.pool.item_shape,
        label_column=label_column,
        text_column=text_column,
        skip_unreadable=skip_unreadable,
        like=opened.source.options,
    )
    gmvae, n_samples = opened.gmvae, len(dataset.X)
    encoding = gmvae.encode(dataset.X)
    drift = measure_drift(gmvae, dataset.X)
    n_components = encoding.n_components
    y, names = dataset.y, dataset.names
    if truth is not None:
        y, names = _codes(read_labels(truth, n_samples=n_samples, paths=dataset.paths))
    has_labels = bool(opened.labeled() or opened.names())
    right, answered = np.full(n_samples, math.nan), np.ones(n_samples, dtype=bool)
    if has_labels:
        right, answered = _answers(opened.answer_new(dataset.X), y, names, abstain)
    rows: list[Served] = []
    mixed: list[MixedComponent] = []
    if y is not None and names is not None:
        rows += served("class", y, names, encoding.top, right, answered, n_components)
        mixed = mixed_components(encoding.top, y, names, n_components)
    if groups is not None:
        codes, found = _codes(read_labels(groups, n_samples=n_samples, paths=dataset.paths))
        rows += served("group", codes, found, encoding.top, right, answered, n_components)
    if output is not None:
        _write(output, rows)
    if json_output:
        typer.echo(
            json.dumps(
                {
                    "drift": asdict(drift),
                    "served": [_finite(asdict(row)) for row in rows],
                    "mixed_components": [asdict(row) for row in mixed],
                }
            )
        )
        return
    _print_drift(drift)
    _print_served(rows, has_labels=has_labels)
    _print_mixed(mixed)


def _codes(given: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Codes of names, -1 where there is none, and the names."""
    import numpy as np

    names = sorted({str(name) for name in given if name != -1})
    return np.array([-1 if name == -1 else names.index(str(name)) for name in given]), names


def _answers(
    answers: Answers, y: np.ndarray | None, names: list[str] | None, abstain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each prediction is right (NaN where that is not known), and whether there is one."""
    import numpy as np

    predicted = answers.abstain(abstain).labels
    answered = predicted != None  # noqa: E711 (item by item)
    right = np.full(len(predicted), math.nan)
    if y is not None and names is not None:
        scored = answered & (y >= 0)
        right[scored] = predicted[scored].astype(str) == np.array(names)[y[scored]]
    return right, answered


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()
    }


def _write(output: Path, rows: list[Served]) -> None:
    from dataclasses import fields

    from labelwise.diagnostics.audit import Served
    from labelwise.storage import write_csv

    write_csv(output, [field.name for field in fields(Served)], [asdict(row) for row in rows])


def _print_drift(drift: Drift) -> None:
    typer.echo(f"Drift of {drift.n:,} items against the training data:")
    typer.echo(
        f"  component shares: {drift.shares_size} difference (Cohen's w {drift.shares_w:.2f}, "
        f"p = {drift.shares_p:.2g})"
    )
    typer.echo(
        f"  evidence lower bound: {drift.elbo_size} difference (a training item is explained better with "
        f"probability {drift.elbo_superiority:.2f}; p = {drift.elbo_p:.2g})"
    )
    typer.echo(f"  {drift.advice}")


def _print_served(rows: list[Served], *, has_labels: bool) -> None:
    if not rows:
        return
    typer.echo("Classes and groups, worst first:")
    typer.echo(
        f"  {'':<22}{'items':>8}{'share':>8}{'accuracy':>10}{'answered':>10}{'at home':>9}{'components':>12}"
    )
    for row in sorted(rows, key=lambda row: (row.kind, row.accuracy, row.at_home)):
        accuracy = "-" if math.isnan(row.accuracy) else f"{row.accuracy:.1%}"
        answered = f"{row.answered:.1%}" if has_labels else "-"
        name = f"{row.kind} {row.name}"[:21]
        typer.echo(
            f"  {name:<22}{row.n:>8,}{row.share:>8.1%}{accuracy:>10}{answered:>10}{row.at_home:>9.1%}"
            f"{row.component_share:>12.1%}"
        )
    typer.echo("  at home: in components where it is the largest; components: share of those components")
    neglected = [row for row in rows if row.component_share < 0.5 * row.share]
    if neglected:
        names = ", ".join(f"{row.kind} {row.name}" for row in neglected)
        typer.echo(
            f"  few components for their size: {names}; more components, or more labels there, would help"
        )


def _print_mixed(mixed: list[MixedComponent]) -> None:
    if not mixed:
        return
    typer.echo(f"{len(mixed)} components hold two classes; the largest:")
    for row in mixed[:8]:
        typer.echo(
            f"  component {row.component}: {row.n:,} items, {row.first_share:.0%} {row.first}, "
            f"{row.second_share:.0%} {row.second}"
        )
