"""The program `labelwise`: commands, exit codes, one-line errors."""

from __future__ import annotations

import importlib.metadata
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import Annotated

import typer

from labelwise.cli.audit import audit
from labelwise.cli.budget import budget
from labelwise.cli.decode import decode
from labelwise.cli.demo import demo
from labelwise.cli.export import export
from labelwise.cli.forecast import forecast
from labelwise.cli.info import info
from labelwise.cli.label import label
from labelwise.cli.name import name
from labelwise.cli.pack import pack
from labelwise.cli.refine import refine
from labelwise.cli.study import study
from labelwise.cli.suggest import suggest
from labelwise.cli.train import train
from labelwise.cli.update import update
from labelwise.errors import LabelwiseError, ParameterError, one_line
from labelwise.nn.launch import started
from labelwise.storage import HALVES

app = typer.Typer(
    name="labelwise",
    help="Learn the structure of unlabelled data first; name it afterwards, with a handful of labels.",
    epilog="Exit codes: 0 done, 1 failed (one line on stderr says why), 2 wrong use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    demo,
    train,
    suggest,
    name,
    label,
    decode,
    refine,
    forecast,
    audit,
    export,
    info,
    update,
    pack,
    budget,
    study,
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"labelwise {importlib.metadata.version('labelwise')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    command = context.invoked_subcommand
    if started().size > 1 and command != "train":
        raise ParameterError(
            f"torchrun starts several processes, and only labelwise train shares its work among them: run "
            f"labelwise {command} without torchrun"
        )


def main() -> None:
    """Run the command line; every error of labelwise becomes one line and exit code 1."""
    warnings.showwarning = _show_warning  # this process is ours
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=HALVES)  # names of files may have what the terminal does not
    rank, size = started()
    who = f"process {rank} of {size}: " if rank else ""
    try:
        with _silence() if rank else nullcontext():  # the first process speaks for all
            app()
    except LabelwiseError as error:
        typer.echo(f"labelwise: {who}{error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        if not rank:
            typer.echo("labelwise: stopped", err=True)
        sys.exit(1)


@contextmanager
def _silence() -> Iterator[None]:
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    typer.echo(f"labelwise: warning: {one_line(str(message))}", err=True)
