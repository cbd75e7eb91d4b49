"""`labelwise study`: how many labels are needed, measured."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelwise.cli.options import ClassColumnOption
from labelwise.errors import ParameterError

if TYPE_CHECKING:
    from labelwise.study.protocol import Study


def study(
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY.toml", help="What to study; see --dataset for the default."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data to study, by name or path: with the published protocol, or in place of the plan's."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Run folder.  Default: the study's name + .run")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Train one model with this seed, instead of the study's seeds.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Cells at a time; -1 for one a core.")] = -1,
    backend: Annotated[
        Literal["loky", "dask"], typer.Option(help="loky: processes of this machine. dask: a Dask cluster.")
    ] = "loky",
    address: Annotated[
        str | None, typer.Option(help="Of the Dask scheduler, such as tcp://host:8786.")
    ] = None,
    label_column: ClassColumnOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Measure how much accuracy how many labels give, against the usual peers.

    Trains the models, sweeps labelled fractions x label draws x model seeds over all methods, and writes
    results.csv, summary.csv, figures and report.html to the run folder.

    A study that was stopped goes on where it was: run the same command again. More draws, seeds, budgets or
    methods are added to what is there.

    Example: labelwise study --dataset digits -o digits.run

    Example: labelwise study studies/mnist.toml -o mnist.run
    """
    from labelwise.study.results import read_cells, summarise
    from labelwise.study.run import Workers, run_study

    if address is not None and backend != "dask":
        raise ParameterError("--address is for --backend dask")
    wanted = _wanted(plan, dataset, label_column)
    if seed is not None:
        wanted = replace(wanted, model_seeds=(seed,))
    if output is None:
        output = Path(f"{plan.stem if plan else Path(wanted.dataset).stem}.run")
    try:
        run_study(wanted, output, Workers(jobs, backend, address), say=_say)
        _draw(wanted, output)
    except KeyboardInterrupt:
        typer.echo("labelwise: stopped; run the same command again to go on", err=True)
        raise typer.Exit(1) from None
    summaries = summarise(read_cells(output / "results.csv"))
    if json_output:
        typer.echo(json.dumps({"run": str(output), "summary": [asdict(row) for row in summaries]}))
        return
    from labelwise.report.report import answers

    for line in answers(wanted, summaries, read_cells(output / "results.csv")):
        typer.echo(line)
    typer.echo(
        f"{output}/: report.html, results.csv, summary.csv, study.json, figure_1..3.png, figures/, models/"
    )


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

    _say("drawing figures and writing the report")
    close = look_closely(wanted, output)
    write_report(wanted, output, close, draw_figures(wanted, output, close))


def _say(line: str) -> None:
    typer.echo(line, err=True)
