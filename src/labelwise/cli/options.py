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


class Backend(StrEnum):
    """Values of --backend."""

    loky = "loky"
    dask = "dask"


ProjectArgument = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="Project folder, as made by `labelwise train`.")
]


def _check_features(value: str) -> str:
    from labelwise.features import NAMED

    if not NAMED.accepts(value):
        raise typer.BadParameter(f"{value!r} must be {NAMED.describe()}")
    return value


FeaturesOption = Annotated[
    str,
    typer.Option(
        metavar="[auto|table|none|text:MODEL|image:MODEL]",
        callback=_check_features,
        help="What items become first. table: columns by an inferred schema. auto: that for a table in which "
        "something is no number, or missing. text:MODEL, image:MODEL: features by a pre-trained model of "
        "sentence-transformers or timm, from a folder; hub:NAME in place of it downloads one.",
    ),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
NoNumberColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of a table or a .jsonl that holds classes; it is not learned."),
]
ClassColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of a table or a .jsonl that holds the classes."),
]
TextColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of a table or a .jsonl that holds the texts to learn."),
]
NewTextColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of DATA that holds the texts.", show_default="as in the project's own data"),
]
SkipUnreadableOption = Annotated[
    bool, typer.Option("--skip-unreadable", help="Skip images that cannot be read, and list them.")
]
BackendOption = Annotated[
    Backend, typer.Option(help="loky: processes on this machine. dask: a Dask cluster.")
]
AddressOption = Annotated[
    str | None, typer.Option(help="Address of the Dask scheduler, such as tcp://host:8786.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
