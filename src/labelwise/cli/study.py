"""`labelwise study`: how many labels are needed, measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.options import AddressOption, Backend, BackendOption, ClassColumnOption
from labelwise.errors import ParameterError

if TYPE_CHECKING:
    from labelwise.study.protocol import Study


def study(
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY.toml", help="What to study; or give --dataset alone."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data, by name or path: studied by the published protocol, or in place of the file's data."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Run folder.  Default: the name of the study + .run"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Train one model with this seed, instead of the study's seeds.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Cells to run at a time; -1 for one per core.")] = -1,
    backend: BackendOption = Backend.loky,
    address: AddressOption = None,
    label_column: ClassColumnOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Measure accuracy against the number of labels, for labelwise and the usual peers.

    Trains the models, runs every method on every combination of budget, label draw and model seed, and writes
    results.csv, summary.csv, figures and report.html to the run folder.

    To resume a study that was stopped, run the same command again. Draws, seeds, budgets and methods can be
    added to a finished one.

    Example: labelwise study --dataset digits -o digits.run

    Example: labelwise study studies/mnist.toml -o mnist.run
    """
    from labelwise.progress import Progress
    from labelwise.study.run import run_study
    from labelwise.workers import Workers

    if address is not None and backend is not Backend.dask:
        raise ParameterError("--address is for --backend dask")
    wanted = _wanted(plan, dataset, label_column)
    if seed is not None:
        wanted = replace(wanted, model_seeds=(seed,))
    if output is None:
        output = Path(f"{plan.stem if plan else Path(wanted.dataset).stem}.run")
    try:
        with Progress() as listen:
            run_study(wanted, output, Workers(jobs, backend.value, address), listen=listen)
        _draw(wanted, output)
    except KeyboardInterrupt:
        typer.echo("labelwise: stopped; run the same command again to resume", err=True)
        raise typer.Exit(1) from None
    _report(wanted, output, json_output)


def _wanted(plan: Path | None, dataset: str | None, label_column: str | None) -> Study:
    from labelwise.study.protocol import default_study, read_study

    if plan is None:
        if dataset is None:
            raise ParameterError("give a STUDY.toml, or --dataset NAME for the published protocol")
        return default_study(dataset, label_column)
    wanted = read_study(plan)
    wanted = wanted if dataset is None else replace(wanted, dataset=dataset)
    return wanted if label_column is None else replace(wanted, label_column=label_column)


def _draw(wanted: Study, output: Path) -> None:
    from labelwise.report.gallery import draw_figures, look_closely
    from labelwise.report.report import write_report

    typer.echo("drawing figures and writing the report", err=True)
    close = look_closely(wanted, output)
    write_report(wanted, output, close, draw_figures(wanted, output, close))


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()
    }


def _report(wanted: Study, output: Path, json_output: bool) -> None:
    from labelwise.report.sentences import answers
    from labelwise.study.results import as_record, read_cells, summarise

    cells = read_cells(output / "results.csv")
    summaries = summarise(cells)
    if json_output:
        rows = [_without_nan(as_record(row)) for row in summaries]
        typer.echo(json.dumps({"run": str(output), "summary": rows}))
        return
    for line in answers(wanted, summaries, cells):
        typer.echo(line)
    typer.echo(
        f"{output}/: report.html, results.csv, summary.csv, study.json, figure_1..3.png, figures/, models/"
    )
