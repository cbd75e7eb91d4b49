"""`labelwise export`: what answers, as one ONNX file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.items import read_items
from labelwise.cli.options import JsonOption, NewTextColumnOption, SkipUnreadableOption
from labelwise.errors import ParameterError
from labelwise.places import check_file

if TYPE_CHECKING:
    from labelwise.export import Exported

_SHOWN = 8  # inputs


def export(
    project: Annotated[
        Path, typer.Argument(metavar="PROJECT", help="Folder of a project, or of a saved answerer.")
    ],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="Items on which to compare the file with labelwise; without DATA, the project's own.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("model.onnx"),
    compact: Annotated[
        bool,
        typer.Option(
            "--compact",
            help="Approximate: a small network in place of the nearest items of the pool, whose positions "
            "are then left out. It learns from the items; some are kept back to say how well.",
        ),
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="With --compact: seed of the network.", show_default="0")
    ] = None,
    text_column: NewTextColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write the project's answerer as one ONNX file: items in, label and probabilities out.

    Featurizer, encoder or student, decoder, calibration and class names are in the file. Without --compact
    nothing is approximated: where answers come from the nearest items of the pool, the file holds their
    positions in the model, but no items. It runs in any program that reads ONNX, without labelwise and torch.

    Texts and photos that a pre-trained model reads are the exception: the file begins at the features that
    this makes, and its input is called features.

    The file is first compared with labelwise itself, on up to 512 items, and is not written if a probability
    differs by more than 0.0001. It takes pixels as 0..255 (uint8) or as 0..1, as those items have them.

    Example: labelwise export birds.labelwise -o birds.onnx

    Example: labelwise export birds.answerer new/ -o birds.onnx
    """
    from labelwise.storage import read_manifest

    check_file(output, "-o")
    if data is None and (text_column or skip_unreadable):
        raise ParameterError("--text-column and --skip-unreadable only apply to new items: give DATA")
    if seed is not None and not compact:
        raise ParameterError("--seed is for --compact only: add it, or leave --seed out")
    options = {"compact": compact, "random_state": seed or 0}
    reading = {"text_column": text_column, "skip_unreadable": skip_unreadable}
    if read_manifest(project)["kind"] == "project":
        found = _of_project(project, data, output, reading, options)
    else:
        found = _of_answerer(project, data, output, reading, options)
    if json_output:
        typer.echo(json.dumps({**asdict(found), "how": found.how}))
    else:
        _report(found)


def _of_project(
    path: Path, data: str | None, output: Path, reading: dict[str, Any], options: dict[str, Any]
) -> Exported:
    from labelwise.project import Project

    with Project.open(path) as project:
        items = None
        if data is not None:
            like = project.source.options
            items = read_items(data, project.pool.item_shape, like=like, **reading).X
        return project.export(output, items=items, **options)


def _of_answerer(
    path: Path, data: str | None, output: Path, reading: dict[str, Any], options: dict[str, Any]
) -> Exported:
    from labelwise.answerer import load
    from labelwise.export import export_onnx
    from labelwise.features import reading as as_read_for

    answerer = load(path)  # says what else the folder may hold
    if data is None:
        raise ParameterError(
            f"{path} is an answerer, which holds no items to compare the file on: give some, as in "
            f"labelwise export {path} DATA -o {output}"
        )
    featurizer = answerer.featurizer_
    item_shape = answerer.item_shape_ if featurizer is None else None
    dataset = read_items(data, item_shape, like=as_read_for(featurizer), **reading)
    return export_onnx(answerer, output, dataset.X, **options)


def _report(found: Exported) -> None:
    n_classes = len(found.classes)
    typer.echo(f"{found.path}: {found.answerer}, {n_classes} classes, {found.n_bytes / 1e6:.1f} MB")
    compared, whose = "exact", "labelwise's own"
    if found.agreement is not None:
        typer.echo(
            f"distilled: a network gives {found.agreement:.1%} of {found.n_kept_back:,} items that were kept "
            "back the same label as labelwise"
        )
        compared, whose = "compared", "those of this network in torch"
    typer.echo(
        f"{compared}: on {found.n_checked:,} items, no probability differs from {whose} by more than "
        f"{found.difference:.1e}"
    )
    for each in found.inputs[:_SHOWN]:
        shape = " x ".join(["n", *map(str, each["shape"])])
        typer.echo(f"input {each['name']}: {each['type']}, {shape}; {each['meaning']}")
    if len(found.inputs) > _SHOWN:
        typer.echo(f"and {len(found.inputs) - _SHOWN} more inputs")
    if found.begins == "features":
        typer.echo("the pre-trained model that makes features of items is not in the file")
    typer.echo("outputs label and probabilities")
