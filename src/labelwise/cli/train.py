"""`labelwise train`: learn the structure of data."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.options import DeviceOption, NoNumberColumnOption, SkipUnreadableOption
from labelwise.cli.places import check_folder_of
from labelwise.errors import CheckpointError, MissingExtraError, ParameterError, StorageError

if TYPE_CHECKING:
    from labelwise.data import Dataset
    from labelwise.gmvae import GMVAE


class Objective(StrEnum):
    """Values of --objective."""

    collapsed = "collapsed"
    exact = "exact"


class Augment(StrEnum):
    """Values of --augment."""

    auto = "auto"
    none = "none"
    affine = "affine"
    elastic = "elastic"


class Encoder(StrEnum):
    """Values of --encoder."""

    auto = "auto"
    dense = "dense"
    conv = "conv"


class Likelihood(StrEnum):
    """Values of --likelihood."""

    auto = "auto"
    bernoulli = "bernoulli"
    gaussian = "gaussian"


class Init(StrEnum):
    """Values of --init."""

    kmeans = "kmeans"
    random = "random"


class Precision(StrEnum):
    """Values of --precision."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A data set's name, or a .npz, .npy, .csv, .parquet or folder of images."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to save the model to.")],
    components: Annotated[
        str,
        typer.Option(
            metavar="K", help="Components: a number; several (20,50,100) to be compared; or auto, a grid."
        ),
    ] = "100",
    labels: Annotated[
        Path | None,
        typer.Option(help="With several: labels (index,label) that help to choose by cross-validation."),
    ] = None,
    latent: Annotated[int, typer.Option(help="Dimensions of the latent space.")] = 32,
    hidden: Annotated[int, typer.Option(help="Width of the hidden layers.")] = 512,
    layers: Annotated[int, typer.Option(help="Hidden layers.")] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the data.", show_default="about 4,000 steps, at least 20 passes"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Items a step.", show_default="about 256 batches a pass, of 32 to 512 items"),
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    objective: Annotated[
        Objective,
        typer.Option(help="collapsed: component summed out. exact: as published, K times the cost."),
    ] = Objective.collapsed,
    augment: Annotated[
        Augment,
        typer.Option(
            help="affine: random views, as for handwriting. elastic: bent ones too. auto: affine where views "
            "look like other images."
        ),
    ] = Augment.auto,
    encoder: Annotated[
        Encoder, typer.Option(help="auto: convolutions for images of 16x16 and more.")
    ] = Encoder.auto,
    likelihood: Annotated[
        Likelihood, typer.Option(help="auto: bernoulli for pixels, gaussian for columns of numbers.")
    ] = Likelihood.auto,
    init: Annotated[Init, typer.Option(help="Where components start.")] = Init.kmeans,
    precision: Annotated[Precision, typer.Option(help="Of the networks in training.")] = Precision.auto,
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bits on the same CPU.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")] = False,
    label_column: NoNumberColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder for TensorBoard logs.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Learn the structure of DATA without labels and save it.

    A checkpoint lies beside the model (MODEL.checkpoint) while training runs: after a crash or Ctrl-C,
    the same command with --resume goes on and ends with the same bits.

    With several --components, two models of each are trained on part of the data and compared on the rest:
    by cross-validation on --labels, or by the evidence and the agreement of the two.

    Example: labelwise train mnist -o mnist.labelwise
    """
    from labelwise.data import load_dataset
    from labelwise.gmvae import GMVAE, TensorBoard
    from labelwise.nn.callbacks import Callback

    grid = _grid(components)
    if labels is not None and len(grid) == 1:
        raise ParameterError("--labels only helps to choose among several --components; training takes none")
    gmvae = GMVAE(
        grid[0] if grid else 100,
        n_latent=latent,
        n_hidden=hidden,
        n_layers=layers,
        max_epochs="auto" if epochs is None else epochs,
        batch_size="auto" if batch_size is None else batch_size,
        learning_rate=learning_rate,
        objective=objective.value,
        augment=None if augment is Augment.none else augment.value,
        encoder=encoder.value,
        likelihood=likelihood.value,
        init=init.value,
        precision=precision.value,
        device=device,
        random_state=seed,
        verbose=1,
    )
    checkpoint = output.with_name(output.name + ".checkpoint")
    _check_place(output, checkpoint, resume=resume, overwrite=overwrite)
    on_unreadable = "skip" if skip_unreadable else "raise"
    dataset = load_dataset(data, label_column=label_column, on_unreadable=on_unreadable)
    typer.echo(dataset.describe(), err=True)
    for path, reason in dataset.skipped:
        typer.echo(f"skipped {path}: {reason}", err=True)
    if len(grid) != 1 and not (output.exists() and not checkpoint.exists() and resume):
        gmvae.set_params(n_components=_choose(gmvae, dataset, grid, labels, output))
    source = {"source": data, "name": dataset.name, "n_samples": len(dataset.X)}
    if resume and output.exists() and not checkpoint.exists():
        _check_same_run(output, gmvae, dataset)
        typer.echo(f"{output} is complete already", err=True)
        if json_output:
            typer.echo(json.dumps({"model": str(output), "complete_already": True}))
        return
    callbacks: list[Callback] = [TensorBoard(tensorboard)] if tensorboard else []
    start = time.perf_counter()
    try:
        gmvae.fit(dataset.X, checkpoint=checkpoint, resume=resume, callbacks=callbacks)
    except KeyboardInterrupt:
        way = "add --resume to the same command to go on" if checkpoint.exists() else "no epoch was finished"
        typer.echo(f"labelwise: stopped; {way}", err=True)
        raise typer.Exit(1) from None
    gmvae.save(output, extra={"data": {**source, "fingerprint": _fingerprint(dataset)}})
    checkpoint.unlink(missing_ok=True)
    _report(gmvae, output, data, time.perf_counter() - start, json_output)


def _grid(components: str) -> list[int]:
    """Numbers of components; none for "auto"."""
    if components == "auto":
        return []
    try:
        grid = [int(part) for part in components.split(",")]
    except ValueError:
        grid = [0]
    if min(grid) < 1 or len(set(grid)) < len(grid):
        raise ParameterError(
            f"--components {components} must be a number above 0, several different ones with commas, or auto"
        )
    return sorted(grid)


def _choose(gmvae: GMVAE, dataset: Dataset, grid: list[int], labels: Path | None, output: Path) -> int:
    """Compare numbers of components, write table and picture beside the model, and return the best."""
    import shutil
    from dataclasses import asdict, fields

    from labelwise.data import read_labels
    from labelwise.diagnostics.components import Candidate, auto_grid, compare_components
    from labelwise.report.figures import plot_choice
    from labelwise.storage import write_beside, write_csv

    y = None if labels is None else read_labels(labels, n_samples=len(dataset.X), paths=dataset.paths)
    parameters = {**gmvae.get_params(), "verbose": 0}
    folder = output.with_name(output.name + ".candidates")
    rows = compare_components(
        dataset.X,
        grid or auto_grid(len(dataset.X)),
        parameters=parameters,
        folder=folder,
        y=y,
        say=lambda line: typer.echo(line, err=True),
    )
    for row in rows:
        accuracy = "" if row.accuracy != row.accuracy else f", accuracy {row.accuracy:.1%}"
        typer.echo(
            f"{'* ' if row.chosen else '  '}{row.n_components:>5} components: ELBO {row.elbo:.2f} nats, "
            f"stability {row.stability:.2f}{accuracy}",
            err=True,
        )
    table = output.with_name(output.name + ".components.csv")
    write_csv(table, [field.name for field in fields(Candidate)], [asdict(row) for row in rows])
    try:
        figure = plot_choice(rows, f"How many components? {dataset.name}")
    except MissingExtraError as error:
        typer.echo(f"no picture of the choice: {error}", err=True)
    else:
        picture = output.with_name(output.name + ".components.png")
        write_beside(picture, lambda temporary: figure.savefig(temporary, format="png"))
    shutil.rmtree(folder, ignore_errors=True)
    chosen = next(row.n_components for row in rows if row.chosen)
    typer.echo(f"chosen: {chosen} components; {table} has the figures", err=True)
    return chosen


def _check_place(output: Path, checkpoint: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse, before any work, a place that cannot be written or holds something."""
    check_folder_of(output)
    if resume or overwrite:
        return
    if output.exists():
        raise StorageError(f"{output} exists: choose another name with -o, or add --overwrite")
    if checkpoint.exists():
        raise StorageError(
            f"{checkpoint} is an unfinished run: add --resume to go on, or --overwrite to start anew"
        )


def _check_same_run(output: Path, gmvae: GMVAE, dataset: Dataset) -> None:
    from labelwise.storage import differing, read_manifest

    manifest = read_manifest(output)
    there = {**manifest["parameters"], "data": manifest["extra"].get("data", {}).get("fingerprint")}
    here: dict[str, Any] = {**gmvae.get_params(), "data": _fingerprint(dataset)}
    if differences := differing(there, here):
        raise CheckpointError(
            f"{output} belongs to another run ({'; '.join(differences)}): "
            "choose another name with -o, or use --overwrite instead of --resume"
        )


def _fingerprint(dataset: Dataset) -> str:
    from labelwise.storage import fingerprint

    return fingerprint(dataset.X)


def _report(gmvae: GMVAE, output: Path, data: str, seconds: float, json_output: bool) -> None:
    last = gmvae.history_[-1]
    if json_output:
        result = {
            "model": str(output),
            "seconds": round(seconds, 1),
            "n_epochs": gmvae.n_epochs_,
            "augment": gmvae.augment_,
            **last,
        }
        typer.echo(json.dumps(result))
        return
    views = f" of {gmvae.augment_} views" if gmvae.augment_ else ""
    typer.echo(f"saved {output} after {gmvae.n_epochs_} epochs{views}, {seconds:.0f} s")
    typer.echo("next: write some labels to labels.csv (columns index,label), then")
    typer.echo(f"  labelwise decode {output} {data} --labels labels.csv -o predictions.csv")
