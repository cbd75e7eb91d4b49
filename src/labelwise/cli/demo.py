"""`labelwise demo`: the whole story on embedded data, offline, in under a minute."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np

    from labelwise.decoding import HardDecoder
    from labelwise.encoding import Encoding
    from labelwise.gmvae import GMVAE
    from labelwise.project import Project
    from labelwise.study.methods import MethodSpec
    from labelwise.study.results import Cell, Summary

_N_COMPONENTS = 30
# Small networks and many epochs for few, small images: as benchmarks/fewer/digits.toml.
_SETTINGS: dict[str, Any] = {
    "n_components": _N_COMPONENTS,
    "n_latent": 8,
    "n_hidden": 128,
    "n_layers": 2,
    "max_epochs": 150,
    "batch_size": 64,
    "learning_rate": 2e-3,
}
_N_DRAWS = 5
_SAMPLES_SHOWN = 8


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder to write.")] = Path(
        "labelwise-demo"
    ),
    labels: Annotated[
        int, typer.Option(min=1, max=1000, help="Random labels to name the clusters with.")
    ] = 36,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the model.")] = 0,
    page: Annotated[bool, typer.Option("--page", help="Then open the page on what was made.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Learn 1,797 handwritten digits without labels, then name the clusters with a few.

    Writes results.csv, summary.csv, figure_1.png and a project, digits.labelwise, to a run folder.
    """
    from labelwise.decoding import HardDecoder
    from labelwise.errors import ParameterError, StorageError
    from labelwise.progress import Progress
    from labelwise.project import Project
    from labelwise.study.results import as_record, summarise, write_rows
    from labelwise.study.sweep import draw_labels

    if page and json_output:
        raise ParameterError("--page and --json exclude each other: give one of them")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write {output}: {error.strerror}; choose another folder with -o"
        ) from error
    typer.echo("1. Learning the structure of 1,797 handwritten digits. No label is looked at.", err=True)
    place = output / "digits.labelwise"
    with Progress() as listen:
        project = Project.create(
            place, "digits", overwrite=True, listen=listen, random_state=seed, **_SETTINGS
        )
    truth = project.pool.y
    assert truth is not None  # noqa: S101 (the digits know their classes)
    y = draw_labels(truth, labels, draw=0)
    hard = HardDecoder().fit(project.encoding, y)
    typer.echo(f"2. Naming its {_N_COMPONENTS} components with {labels} random labels.", err=True)
    if not json_output:
        _print_names(hard, project.encoding, y)
    cells = _compare(project, truth, labels, seed)
    summary = summarise(cells)
    write_rows(output / "results.csv", cells)
    write_rows(output / "summary.csv", summary)
    _draw_components(project.gmvae, hard, output / "figure_1.png")
    if json_output:
        typer.echo(json.dumps([as_record(row) for row in summary]))
        return
    _print_table(summary, labels, len(truth))
    _print_next_steps(output)
    if page:
        from labelwise.app.serving import serve

        with project:
            serve(project, say=typer.echo)


def _compare(project: Project, truth: np.ndarray, n_labels: int, seed: int) -> list[Cell]:
    """Several methods on the same draws of labels."""
    import numpy as np

    from labelwise.planning.suggest import suggest_from
    from labelwise.study.features import Task, View
    from labelwise.study.results import CellKey
    from labelwise.study.sweep import score_cell

    X = project.items().X
    suggested = [
        [found.index for found in suggest_from(project.encoding, n_labels, random_state=draw)]
        for draw in range(_N_DRAWS)
    ]
    task = Task(View(X.reshape(len(X), -1), encoding=project.encoding, suggested=np.array(suggested)))
    return [
        score_cell(CellKey(method.id, seed, n_labels, draw), task, truth, truth[:0], "digits")
        for draw in range(_N_DRAWS)
        for method in _methods()
    ]


def _methods() -> tuple[MethodSpec, ...]:
    from labelwise.study import methods

    return (
        methods.HARD_PUBLISHED,
        methods.HARD,
        methods.SOFT,
        methods.POISSON,
        methods.SOFT_SUGGESTED,
        methods.POISSON_SUGGESTED,
        methods.LOGISTIC,
    )


def _print_names(hard: HardDecoder, encoding: Encoding, y: np.ndarray) -> None:
    """One line a class: which components answer it, and on how many labels that rests."""
    unnamed = set(hard.unnamed_components_.tolist())
    home = Counter(encoding.top[y != -1].tolist())
    for label in hard.classes_:
        members = [c for c, name in enumerate(hard.component_names_) if name == label]
        words = [f"{c} (borrowed)" if c in unnamed else f"{c} ({home[c]})" for c in members]
        typer.echo(f"   digit {label}: components {', '.join(words) if words else 'none'}")
    typer.echo(
        f"   In brackets the number of labels in a component; {len(unnamed)} components hold none and "
        "borrow the name of the nearest that does."
    )


def _print_table(summary: list[Summary], labels: int, n_samples: int) -> None:
    from labelwise.study.methods import label_of

    typer.echo(f"3. Accuracy on the other {n_samples - labels:,} items, {_N_DRAWS} draws of {labels} labels:")
    for row in summary:
        typer.echo(f"   {label_of(row.method):<22}{row.mean:6.1%} ± {row.half_width:.1%}")
    typer.echo("   mean and 95 % interval (Student's t over the draws, one model)")
    typer.echo("   suggested: labels of the items that `labelwise suggest` names, not of random ones")


def _draw_components(gmvae: GMVAE, hard: HardDecoder, path: Path) -> None:
    import numpy as np

    from labelwise.report.figures import plot_component_samples
    from labelwise.storage import write_beside

    order = sorted(range(_N_COMPONENTS), key=lambda c: (hard.component_names_[c], -gmvae.shares_[c]))
    unnamed = set(hard.unnamed_components_.tolist())
    images = np.stack([gmvae.sample(_SAMPLES_SHOWN, component=c, random_state=c)[0] for c in order])
    captions = [
        f"{hard.component_names_[c]}{'*' if c in unnamed else ' '} {gmvae.shares_[c]:5.1%}  #{c}"
        for c in order
    ]
    figure = plot_component_samples(
        images,
        captions,
        "Samples from each component: name (* borrowed from the nearest named one), share of items, number",
    )
    write_beside(path, lambda temporary: figure.savefig(temporary, format="png"))


def _print_next_steps(output: Path) -> None:
    typer.echo(f"4. Written to {output}/: figure_1.png, results.csv, summary.csv, digits.labelwise")
    typer.echo("Next, name some digits yourself, in your browser:")
    typer.echo(f"   labelwise name {output}/digits.labelwise")
    typer.echo("or learn from your own data (.npz, .npy, .csv, .parquet or a folder of images):")
    typer.echo("   labelwise train DATA -o my.labelwise")
    typer.echo("   labelwise name my.labelwise")
    typer.echo("   labelwise decode my.labelwise -o predictions.csv")
