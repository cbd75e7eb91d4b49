"""Arguments and options that several commands take, with one help text each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `labelwise train` saved.")]
ModelOrStudentArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Folder that `labelwise train` or `refine` saved.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
NoNumberColumnOption = Annotated[
    str | None, typer.Option(help="Column of a .csv or .parquet that holds labels, not numbers to learn.")
]
ClassColumnOption = Annotated[
    str | None, typer.Option(help="Column of a .csv or .parquet that holds the classes.")
]
SkipUnreadableOption = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read, and name them.")
]
