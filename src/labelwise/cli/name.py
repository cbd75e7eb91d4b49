"""`labelwise name`: name groups of items in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from labelwise.cli.options import ProjectArgument


def name(
    project: ProjectArgument,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where to listen; the next free port if it is taken.")
    ] = 8790,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Open no browser; print what a remote machine needs.")
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the address as JSON; opens no browser.")
    ] = False,
) -> None:
    """Open a page on which to name the groups of PROJECT, at 127.0.0.1.

    It shows a few items of a group; type what they are. No code is needed on the page, and no internet.

    Example: labelwise name birds.labelwise
    """
    import json

    from labelwise.app.serving import serve
    from labelwise.project import Project

    def say(line: str) -> None:
        if not json_output:
            typer.echo(line)

    def ready(address: str) -> None:
        if json_output:
            typer.echo(json.dumps({"project": str(project), "address": address}))

    with Project.open(project) as opened:
        serve(opened, port=port, browser=not (no_browser or json_output), say=say, ready=ready)
    say(f"closed {project}")
