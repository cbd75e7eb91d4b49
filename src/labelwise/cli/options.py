"""Arguments and options that several commands take, with one help text each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class DecoderName(StrEnum):
    """Values of --decoder: the names in `labelwise.decoding.DECODERS`, which takes long to import."""

    auto = "auto"
    poisson = "poisson"
    spreading = "spreading"
    linear = "linear"
    product = "product"
    linear_student = "linear-student"
    bayes = "bayes"
    related = "related"
    soft = "soft"
    hard = "hard"


ProjectArgument = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="Project folder, as made by `labelwise train`.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
NoNumberColumnOption = Annotated[
    str | None, typer.Option(help="Column of a .csv or .parquet that holds classes; it is not learned.")
]
ClassColumnOption = Annotated[
    str | None, typer.Option(help="Column of a .csv or .parquet that holds the classes.")
]
SkipUnreadableOption = Annotated[
    bool, typer.Option("--skip-unreadable", help="Skip images that cannot be read, and list them.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
