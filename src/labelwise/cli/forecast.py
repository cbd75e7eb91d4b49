"""`labelwise forecast`: what accuracy to expect, and what more labels would buy."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from labelwise.cli.options import JsonOption, ProjectArgument

if TYPE_CHECKING:
    from labelwise.planning.forecast import Forecast


def forecast(
    project: ProjectArgument,
    further: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Number of further labels; can be given several times.", show_default="10, 50, 100"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the splits of the labels.")] = 0,
    json_output: JsonOption = False,
) -> None:
    """Estimate the accuracy of PROJECT's predictions from its labels alone, now and with more of them.

    The decoder that answers is fitted to parts of the labels and scored on the others. The estimate assumes
    random labels: suggested ones are worth more at first, and say less about the rest.

    Example: labelwise forecast birds.labelwise
    """
    from labelwise.project import Project

    with Project.open(project) as opened:
        found = opened.forecast(tuple(further or (10, 50, 100)), random_state=seed)
        n_suggested = sum(decision.how == "suggested" for _, decision in opened.labeled().values())
    if json_output:
        values = {
            name: value if isinstance(value, str) else value.tolist() for name, value in asdict(found).items()
        }
        typer.echo(json.dumps({**values, "n_suggested": n_suggested}))
        return
    _print(found)
    if n_suggested:
        typer.echo(
            f"{n_suggested:,} of the labels were suggested, and the estimate assumes random ones: "
            "it may be far too low"
        )


def _print(forecast: Forecast) -> None:
    typer.echo(f"Accuracy of {forecast.decoder} decoding, estimated from the labels alone (95 % interval):")
    for number, count in enumerate(forecast.n_labels):
        gain = (
            "" if number == 0 else f"   {forecast.gain[number]:+.1%} with {count - forecast.n_labels[0]} more"
        )
        typer.echo(
            f"  {count:>6,} labels: {forecast.accuracy[number]:6.1%} "
            f"({forecast.low[number]:.1%} to {forecast.high[number]:.1%}){gain}"
        )
