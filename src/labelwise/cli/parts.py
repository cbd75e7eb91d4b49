"""`labelwise decode --part-size`: answers for more items than memory holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from labelwise.cli.items import reading_options
from labelwise.places import check_folder_of
from labelwise.progress import Progress
from labelwise.storage import read_manifest

if TYPE_CHECKING:
    from labelwise.answerer import Answerer


def decode_parts(
    project: Path,
    data: str,
    output: Path,
    reading: Mapping[str, Any],
    *,
    json_output: bool,
    **options: Any,
) -> None:
    """Answer for the items in `data` a part at a time, into the folder `output`.

    `options` are those of `predict_parts`.
    """
    from labelwise.project.parts import predict_parts

    check_folder_of(output, "-o")
    answerer, like = _answerer(project)
    with Progress() as listen:
        found = predict_parts(
            answerer, data, output, listen=listen, **options, **reading_options(data, like=like, **reading)
        )
    if json_output:
        typer.echo(json.dumps(asdict(found)))
        return
    before = f", {found.n_resumed:,} of them from before" if found.n_resumed else ""
    typer.echo(
        f"{found.path}: {found.n_samples:,} items answered, {len(found.classes)} classes; "
        f"{found.n_parts:,} {'part' if found.n_parts == 1 else 'parts'}{before}"
    )
    if found.n_without_answer:
        typer.echo(f"{found.n_without_answer:,} items are left without a label")


def _answerer(path: Path) -> tuple[Answerer, Mapping[str, Any]]:
    """What answers, and how its own items were read."""
    from labelwise.answerer import load
    from labelwise.features import reading
    from labelwise.project import Project

    if read_manifest(path)["kind"] == "project":
        with Project.open(path) as project:
            return project.answerer, project.source.options
    answerer = load(path)
    return answerer, reading(answerer.featurizer_)
