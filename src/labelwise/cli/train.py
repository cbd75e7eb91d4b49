"""`labelwise train`: learn the structure of data."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.cli.options import (
    DeviceOption,
    FeaturesOption,
    NoNumberColumnOption,
    SkipUnreadableOption,
    TextColumnOption,
)
from labelwise.cli.settings import Augment, Encoder, Init, Likelihood, Objective, Precision
from labelwise.damage import parse_json
from labelwise.errors import CheckpointError, DataError, MissingExtraError, ParameterError, StorageError
from labelwise.nn.checkpoint import is_unfinished
from labelwise.nn.launch import started
from labelwise.places import check_folder_of

if TYPE_CHECKING:
    from labelwise.data import Dataset
    from labelwise.features.table import TableFeaturizer
    from labelwise.gmvae import GMVAE
    from labelwise.project import Project
    from labelwise.project.source import Source


# What a project that takes a trained model still needs to know.
_NOT_OF_TRAINING = {
    "data",
    "output",
    "overwrite",
    "model",
    "device",
    "label_column",
    "text_column",
    "skip_unreadable",
    "json_output",
}


def train(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A data set's name; an .npz, .npy, .csv, .parquet, .arrow, .feather, .txt or .jsonl file; "
            "a folder of such files of one kind, or of images.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new project.")],
    components: Annotated[
        str | None,
        typer.Option(
            metavar="K",
            help="Number of components; several (20,50,100) to compare; or auto, a grid.",
            show_default="100; of fewer than 1,600 items one for every 16, at least 10",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV index,label: choose among several --components by cross-validation."),
    ] = None,
    latent: Annotated[int, typer.Option(help="Dimensions of the latent space.")] = 32,
    hidden: Annotated[
        int | None,
        typer.Option(help="Width of the hidden layers.", show_default="512, small tables less, down to 128"),
    ] = None,
    layers: Annotated[int, typer.Option(help="Hidden layers.")] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the data.",
            show_default="about 4,000 steps, small tables fewer",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Items per step.", show_default="about 256 batches per pass, small tables fewer"),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Highest learning rate.", show_default="0.001, small tables up to 0.005"),
    ] = None,
    features: FeaturesOption = "auto",
    schema: Annotated[
        Path | None,
        typer.Option(help="JSON file of a schema to use; labelwise info --json shows one to edit."),
    ] = None,
    objective: Annotated[
        Objective,
        typer.Option(help="collapsed: components summed out. exact: as published, at K times the cost."),
    ] = Objective.collapsed,
    augment: Annotated[
        Augment,
        typer.Option(
            help="How images may change and stay what they are. affine: rotated, sheared, shifted. elastic: "
            "bent too. strokes: thinner or thicker too. photo: cropped, mirrored, other colours. auto: what "
            "looks like other images."
        ),
    ] = Augment.auto,
    encoder: Annotated[
        Encoder, typer.Option(help="auto: convolutions for images of 16x16 and more.")
    ] = Encoder.auto,
    likelihood: Annotated[
        Likelihood, typer.Option(help="auto: bernoulli for pixels, gaussian for columns of numbers.")
    ] = Likelihood.auto,
    init: Annotated[Init, typer.Option(help="How components are initialised.")] = Init.kmeans,
    precision: Annotated[
        Precision, typer.Option(help="Precision of the networks in training.")
    ] = Precision.auto,
    device: DeviceOption = "auto",
    seed: Annotated[
        int, typer.Option(help="Random seed; the same one gives the same bits on the same CPU.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the last checkpoint.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Retrain an existing project; its labels are kept.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="Use this saved model (GMVAE.save) instead of training one.")
    ] = None,
    label_column: NoNumberColumnOption = None,
    text_column: TextColumnOption = None,
    skip_unreadable: SkipUnreadableOption = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder for TensorBoard logs.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Learn the structure of DATA without labels, and start a project with it.

    Training keeps a checkpoint beside the project (PROJECT.checkpoint). After a crash or Ctrl-C, run the same
    command with --resume: it ends with the same bits as an uninterrupted run.

    With several --components, two models of each are trained on part of the data and compared on the rest:
    by cross-validation on --labels, or by the evidence and the agreement of the two.

    torchrun starts several processes, on one machine or on many, which share each batch: all need the data,
    and the first one writes the project.

    Example: labelwise train photos/ -o birds.labelwise

    Example: labelwise train mail.csv --text-column body --features text:models/minilm -o mail.labelwise

    Example: torchrun --nproc-per-node 4 -m labelwise train photos/ -o birds.labelwise
    """
    grid = [] if components is None else _grid(components)
    compares = components is not None and len(grid) != 1
    _check_together(context, compares=compares)
    checkpoint = Path(f"{output}.checkpoint")
    if started().rank == 0:
        _check_place(output, checkpoint, resume=resume, overwrite=overwrite)
    from labelwise.gmvae import GMVAE
    from labelwise.nn.processes import joined
    from labelwise.project.source import Source

    featurizer = None if schema is None else _read_schema(schema)
    trained = None if model is None else GMVAE.load(model, device=device)
    source = Source.of(data, label_column=label_column, skip_unreadable=skip_unreadable)
    read_for = featurizer or (features if trained is None else trained.featurizer_)
    dataset, source = _read(replace(source, text_column=text_column), read_for)
    gmvae = GMVAE(
        grid[0] if grid else None,
        n_latent=latent,
        features=featurizer or features,
        n_hidden="auto" if hidden is None else hidden,
        n_layers=layers,
        max_epochs="auto" if epochs is None else epochs,
        batch_size="auto" if batch_size is None else batch_size,
        learning_rate="auto" if learning_rate is None else learning_rate,
        objective=objective.value,
        augment=None if augment is Augment.none else augment.value,
        encoder=encoder.value,
        likelihood=likelihood.value,
        init=init.value,
        precision=precision.value,
        device=device,
        random_state=seed,
    )
    group = context.with_resource(joined())
    complete = group.follow(resume and os.path.exists(output) and not is_unfinished(checkpoint))
    if trained is not None:
        gmvae = trained
    elif compares and not complete:
        gmvae.set_params(n_components=_choose(gmvae, dataset, grid, labels, output))
    if not group.is_first:
        if not complete:
            gmvae.fit(dataset.X)
        return
    if complete:
        _check_same_run(output, gmvae, dataset, chosen=compares)
        typer.echo(f"{output} is complete already", err=True)
        if json_output:
            typer.echo(json.dumps({"project": str(output), "complete_already": True}))
        return
    start = time.perf_counter()
    options = {"source": source, "gmvae": gmvae, "overwrite": overwrite or resume, "resume": resume}
    try:
        project = _create(output, dataset, tensorboard, options)
    except KeyboardInterrupt:
        typer.echo(f"labelwise: stopped; {_way_on(checkpoint)}", err=True)
        raise typer.Exit(1) from None
    _report(project, time.perf_counter() - start, is_trained=model is None, json_output=json_output)


def _check_together(context: typer.Context, *, compares: bool) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    ParameterError
    """
    model, labels, schema, features = (
        context.params[name] for name in ("model", "labels", "schema", "features")
    )
    if model is not None:
        _refuse_settings(context)
    if labels is not None and not compares:
        raise ParameterError("--labels only helps to choose among several --components: leave it out")
    if started().size > 1 and (model is not None or compares):
        raise ParameterError(
            "several processes train one model: choose one number for --components, and no --model"
        )
    if schema is not None and features not in ("auto", "table"):
        raise ParameterError(f"--schema {schema} says what columns become: leave out --features {features}")


def _read(source: Source, read_for: Any) -> tuple[Dataset, Source]:
    """Read the data as their features need them, and say what they are."""
    from labelwise.features import reading

    dataset, source = replace(source, **reading(read_for)).load()
    typer.echo(dataset.describe(), err=True)
    for path, reason in dataset.skipped:
        typer.echo(f"skipped {path}: {reason}", err=True)
    return dataset, source


def _way_on(checkpoint: Path) -> str:
    kept = is_unfinished(checkpoint)
    return "add --resume to the same command to resume" if kept else "nothing was finished"


def _read_schema(path: Path) -> TableFeaturizer:
    from labelwise.features.schema import Schema
    from labelwise.features.table import TableFeaturizer

    try:
        values = parse_json(path.read_text(encoding="utf-8"))
        return TableFeaturizer(Schema.of_json(values))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path} cannot be used as a schema: {reason}") from error


def _refuse_settings(context: typer.Context) -> None:
    """Refuse settings of training beside --model, which is trained already."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in _NOT_OF_TRAINING
        and parameter.name is not None
        and (source := context.get_parameter_source(parameter.name)) is not None
        and source.name == "COMMANDLINE"
    ]
    if given:
        raise ParameterError(f"--model brings a trained model: leave out {', '.join(given)}")


def _create(output: Path, dataset: Dataset, tensorboard: Path | None, options: dict[str, Any]) -> Project:
    from labelwise.events import tell_all
    from labelwise.gmvae import TensorBoard
    from labelwise.progress import Progress
    from labelwise.project import Project

    logs = [TensorBoard(tensorboard)] if tensorboard else []
    with Progress() as drawn:
        return Project.create(output, dataset, listen=tell_all(drawn, *logs), **options)


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
    from labelwise.progress import Progress
    from labelwise.report.figures import plot_choice
    from labelwise.storage import write_beside, write_csv

    y = None if labels is None else read_labels(labels, n_samples=len(dataset.X), paths=dataset.paths)
    parameters = {**gmvae.get_params(), "verbose": 0}
    folder = output.with_name(output.name + ".candidates")
    with Progress() as listen:
        rows = compare_components(
            dataset.X,
            grid or auto_grid(len(dataset.X)),
            parameters=parameters,
            folder=folder,
            y=y,
            listen=listen,
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
    """Refuse, before any work, a place that cannot be written or is taken."""
    check_folder_of(output, "-o")
    if resume or overwrite:
        return
    if os.path.exists(output):
        raise StorageError(f"{output} exists: choose another name with -o, or add --overwrite")
    if is_unfinished(checkpoint):
        raise StorageError(
            f"{checkpoint} is an unfinished run: add --resume to resume it, or --overwrite to start again"
        )


def _check_same_run(output: Path, gmvae: GMVAE, dataset: Dataset, *, chosen: bool) -> None:
    """Refuse to take a finished project of other settings or data for this run's."""
    from labelwise.project import Project
    from labelwise.project.pool import Pool
    from labelwise.storage import differing

    project = Project(output)
    there = {**project.gmvae.get_params(), "data": project.pool.fingerprint}
    here: dict[str, Any] = {**gmvae.get_params(), "data": Pool.of(dataset).fingerprint}
    if chosen:  # by a comparison, which need not be made again
        here["n_components"] = there["n_components"]
    if differences := differing(there, here):
        raise CheckpointError(
            f"{output} belongs to another run ({'; '.join(differences)}): "
            "choose another name with -o, or use --overwrite instead of --resume"
        )


def _report(project: Project, seconds: float, *, is_trained: bool, json_output: bool) -> None:
    gmvae = project.gmvae
    if json_output:
        result = {
            "project": str(project.path),
            "seconds": round(seconds, 1),
            "n_epochs": gmvae.n_epochs_,
            "augment": gmvae.augment_,
            **gmvae.history_[-1],
        }
        typer.echo(json.dumps(result))
        return
    views = f" of {gmvae.augment_} views" if gmvae.augment_ else ""
    training = f" after {gmvae.n_epochs_} epochs{views}" if is_trained else ""
    typer.echo(f"saved {project.path}{training}, {seconds:.0f} s")
    if gmvae.featurizer_ is not None:
        typer.echo(f"features: {gmvae.featurizer_.describe()}")
    if n_labels := len(project.labeled()):
        typer.echo(f"its {n_labels:,} labels were kept")
    typer.echo("next, find out what to label:")
    typer.echo(f"  labelwise suggest {project.path} --budget 20 -o to_label.csv")
