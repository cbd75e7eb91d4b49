"""`labelwise audit`: who is served badly, and whether the data drifted."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.items import open_items
from labelwise.cli.options import ClassColumnOption, ModelArgument
from labelwise.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np

    from labelwise.diagnostics.audit import Drift, MixedComponent, Served


def audit(
    model: ModelArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Items to look at; with classes for accuracy.")],
    labels: Annotated[
        Path | None, typer.Option(help="CSV index,label (or path,label): the labels that name components.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="CSV index,label (or path,label): the group of each item.")
    ] = None,
    abstain: Annotated[
        float, typer.Option(help="An answer with a probability below this counts as none, 0..1.")
    ] = 0.0,
    label_column: ClassColumnOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV to write: one row a class and group.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing in this one is random.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Check MODEL on DATA: drift, mixed components, and accuracy, coverage and abstention by class and group.

    Accuracy needs --labels to name the components, and classes in DATA to compare with; labelled items are
    left out of it.

    Example: labelwise audit mnist.labelwise mnist --labels labels.csv --groups writers.csv
    """
    if not 0 <= abstain <= 1:
        raise ParameterError(f"--abstain {abstain:g} must be a probability from 0 to 1")
    import numpy as np

    from labelwise.data import read_labels
    from labelwise.diagnostics.audit import measure_drift, mixed_components, served

    gmvae, dataset = open_items(model, data, label_column=label_column)
    drift = measure_drift(gmvae, dataset.X)
    encoding = gmvae.encode(dataset.X)
    n_components, n_samples = encoding.n_components, len(dataset.X)
    right, answered = np.full(n_samples, math.nan), np.ones(n_samples, dtype=bool)
    if labels is not None:
        y = read_labels(labels, n_samples=n_samples, paths=dataset.paths)
        right, answered = _answers(encoding, y, dataset.y, dataset.names, abstain)
    rows: list[Served] = []
    mixed: list[MixedComponent] = []
    if dataset.y is not None and dataset.names is not None:
        rows += served("class", dataset.y, dataset.names, encoding.top, right, answered, n_components)
        mixed = mixed_components(encoding.top, dataset.y, dataset.names, n_components)
    if groups is not None:
        given = read_labels(groups, n_samples=n_samples, paths=dataset.paths)
        names = sorted({str(group) for group in given if group != -1})
        codes = np.array([-1 if group == -1 else names.index(str(group)) for group in given])
        rows += served("group", codes, names, encoding.top, right, answered, n_components)
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
    _print_served(rows, has_labels=labels is not None)
    _print_mixed(mixed)


def _answers(
    encoding: Any, y: np.ndarray, truth: np.ndarray | None, names: list[str] | None, abstain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each item is answered rightly (NaN where that is not known), and whether it is answered."""
    import numpy as np

    from labelwise.decoding import SoftDecoder

    decoder = SoftDecoder().fit(encoding, y)
    probabilities = decoder.predict_proba(encoding)
    answered = probabilities.max(axis=1) >= abstain
    right = np.full(len(y), math.nan)
    if truth is not None and names is not None:
        answers = decoder.classes_[probabilities.argmax(axis=1)]
        scored = answered & np.array([label == -1 for label in y])
        right[scored] = answers[scored] == np.array(names, dtype=object)[truth[scored]]
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
        typer.echo(f"  few components for their size: {names}; more components, or labels chosen there, help")


def _print_mixed(mixed: list[MixedComponent]) -> None:
    if not mixed:
        return
    typer.echo(f"{len(mixed)} components hold two classes; the largest:")
    for row in mixed[:8]:
        typer.echo(
            f"  component {row.component}: {row.n:,} items, {row.first_share:.0%} {row.first}, "
            f"{row.second_share:.0%} {row.second}"
        )
