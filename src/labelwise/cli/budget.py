"""`labelwise budget`: how many labels are needed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelwise.cli.options import JsonOption
from labelwise.errors import ParameterError

if TYPE_CHECKING:
    from labelwise.planning.budget import Coverage, LabelBudget


def budget(
    project: Annotated[
        Path | None,
        typer.Argument(metavar="[PROJECT]", help="A project: use its items and the sizes of its components."),
    ] = None,
    n_samples: Annotated[
        int | None, typer.Option(help="Items in the pool; default with PROJECT: its own.")
    ] = None,
    components: Annotated[
        int | None, typer.Option(help="Components of equal size; 100 if not given.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Probability that every component gets a label.")] = 0.95,
    n_labels: Annotated[
        int | None, typer.Option(help="Say what this many random labels cover instead.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say how many labels give every component a name.

    Without PROJECT, all components are taken to be of equal size.

    Example: labelwise budget --n-samples 145600 --components 100

    Example: labelwise budget mnist.labelwise
    """
    from labelwise.planning.budget import label_budget, label_coverage

    if project is not None and components is not None:
        raise ParameterError("give PROJECT or --components, not both: a project knows its components")
    shares = None
    if project is not None:
        shares, trained_on = _shares(project)
        n_samples = trained_on if n_samples is None else n_samples
        components = len(shares)
    budgets = {"equal components": label_budget(n_samples, components, confidence)}
    if shares is not None:
        budgets["the project's components"] = label_budget(n_samples, confidence=confidence, weights=shares)
    coverage = None
    if n_labels is not None:
        size = {"weights": shares} if shares is not None else {"n_components": components}
        coverage = label_coverage(n_labels, n_samples, **size)
    if json_output:
        result = {
            "budgets": {name: asdict(found) for name, found in budgets.items()},
            "coverage": None if coverage is None else asdict(coverage),
        }
        typer.echo(json.dumps(result))
        return
    for name, found in budgets.items():
        _print_budget(name, found)
    if coverage is not None:
        _print_coverage(coverage)


def _shares(path: Path) -> tuple[list[float], int]:
    from labelwise.project import Project

    project = Project.open(path)
    return [float(share) for share in project.gmvae.shares_], len(project)


def _print_budget(name: str, found: LabelBudget) -> None:
    pool = "" if found.n_samples is None else f" in {found.n_samples:,} items"
    typer.echo(
        f"{found.n_components} components{pool} ({name}), all named with probability {found.confidence:.1%}:"
    )
    if found.n_ignored:
        typer.echo(f"  {found.n_ignored} components hold less than one item and do not count")
    rows: list[tuple[str, int | None]] = [
        ("items chosen, one in each component", found.chosen),
        ("random items, exact", found.finite),
        ("random items, union bound", found.finite_bound),
        ("random, with replacement, exact", found.random),
        ("random, with replacement, union bound", found.random_bound),
    ]
    for words, count in rows:
        if count is not None:
            share = "" if found.n_samples is None else f"  {count / found.n_samples:.2%} of the items"
            typer.echo(f"  {words:<39}{count:>9,}{share}")


def _print_coverage(coverage: Coverage) -> None:
    typer.echo(f"{coverage.n_labels:,} random labels:")
    typer.echo(f"  every component has one with probability {coverage.probability:.1%}")
    typer.echo(
        f"  on average {coverage.n_uncovered:.1f} components have none; they hold "
        f"{coverage.mass_uncovered:.1%} of the items"
    )
