"""`labelwise budget`: how many labels are needed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelwise.errors import ParameterError

if TYPE_CHECKING:
    from labelwise.planning.budget import Coverage, LabelBudget
    from labelwise.planning.forecast import Forecast


def budget(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A trained model: use the sizes of its components.")
    ] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Its data, to estimate accuracy with --labels.")
    ] = None,
    n_samples: Annotated[
        int | None, typer.Option(help="Items in the pool; with MODEL, those it was trained on.")
    ] = None,
    components: Annotated[
        int | None, typer.Option(help="Equal components to be named; 100 if not given.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Wanted probability that all get a label.")] = 0.95,
    n_labels: Annotated[
        int | None, typer.Option(help="The other way round: what this many random labels reach.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels at hand (index,label): what accuracy do they give, and more?")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the estimate of accuracy.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say how many labels give every component a name.

    Without MODEL, components are taken as equally large.

    With MODEL, DATA and --labels: the accuracy to expect now, and with 10, 50 and 100 labels more.

    Example: labelwise budget --n-samples 145600 --components 100

    Example: labelwise budget mnist.labelwise mnist --labels labels.csv
    """
    from labelwise.planning.budget import label_budget, label_coverage

    if labels is not None and (model is None or data is None):
        raise ParameterError("--labels needs MODEL and DATA: labelwise budget MODEL DATA --labels labels.csv")
    if labels is None and data is not None:
        raise ParameterError("DATA is only looked at with --labels: add it, or leave DATA out")
    if model is not None and components is not None:
        raise ParameterError("give MODEL or --components, not both: a model knows its components")
    shares = None
    if model is not None:
        shares, trained_on = _shares(model)
        n_samples = n_samples or trained_on
        components = len(shares)
    budgets = {"equal components": label_budget(n_samples, components, confidence)}
    if shares is not None:
        budgets["the model's components"] = label_budget(n_samples, confidence=confidence, weights=shares)
    coverage = None
    if n_labels is not None:
        size = {"weights": shares} if shares is not None else {"n_components": components}
        coverage = label_coverage(n_labels, n_samples, **size)
    forecast = _forecast(model, data, labels, seed) if model and data and labels else None
    if json_output:
        typer.echo(json.dumps(_as_json(budgets, coverage, forecast)))
        return
    for name, found in budgets.items():
        _print_budget(name, found)
    if coverage is not None:
        _print_coverage(coverage)
    if forecast is not None:
        _print_forecast(forecast)


def _shares(model: Path) -> tuple[list[float], int | None]:
    from labelwise.errors import StorageError
    from labelwise.storage import load_folder

    manifest, _ = load_folder(model, "gmvae")
    try:
        n_samples = manifest["extra"].get("data", {}).get("n_samples")
        return [float(share) for share in manifest["shares"]], n_samples
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise StorageError(
            f"{model} is damaged: its manifest is not complete; restore it from a copy or train again"
        ) from error


def _forecast(model: Path, data: str, labels: Path, seed: int) -> Forecast:
    from labelwise.data import load_dataset, read_labels
    from labelwise.decoding import SoftDecoder
    from labelwise.gmvae import GMVAE
    from labelwise.planning.forecast import forecast_accuracy

    gmvae = GMVAE.load(model)
    dataset = load_dataset(data)
    y = read_labels(labels, n_samples=len(dataset.X), paths=dataset.paths)
    return forecast_accuracy(SoftDecoder(), gmvae.predict_proba(dataset.X), y, random_state=seed)


def _as_json(
    budgets: dict[str, LabelBudget], coverage: Coverage | None, forecast: Forecast | None
) -> dict[str, Any]:
    return {
        "budgets": {name: asdict(found) for name, found in budgets.items()},
        "coverage": None if coverage is None else asdict(coverage),
        "forecast": None
        if forecast is None
        else {name: values.tolist() for name, values in asdict(forecast).items()},
    }


def _print_budget(name: str, found: LabelBudget) -> None:
    pool = "" if found.n_samples is None else f" in {found.n_samples:,} items"
    typer.echo(f"{found.n_components} components{pool} ({name}), all named with {found.confidence:.1%}:")
    if found.n_ignored:
        typer.echo(f"  {found.n_ignored} components hold less than one item and are left out")
    rows: list[tuple[str, int | None]] = [
        ("items chosen, one in each component", found.chosen),
        ("random items, exact", found.finite),
        ("random items, union bound", found.finite_bound),
        ("random, with replacement, exact", found.random),
        ("random, with replacement, union bound", found.random_bound),
    ]
    for words, count in rows:
        if count is not None:
            share = "" if found.n_samples is None else f"  {count / found.n_samples:.2%} of the items"
            typer.echo(f"  {words:<39}{count:>9,}{share}")


def _print_coverage(coverage: Coverage) -> None:
    typer.echo(f"{coverage.n_labels:,} random labels:")
    typer.echo(f"  every component has one with probability {coverage.probability:.1%}")
    typer.echo(
        f"  without one are, on average, {coverage.n_uncovered:.1f} components "
        f"with {coverage.mass_uncovered:.1%} of the items"
    )


def _print_forecast(forecast: Forecast) -> None:
    typer.echo("Accuracy of soft decoding, estimated from the labels alone (95 % interval):")
    for number, count in enumerate(forecast.n_labels):
        gain = (
            "" if number == 0 else f"   {forecast.gain[number]:+.1%} by {count - forecast.n_labels[0]} more"
        )
        typer.echo(
            f"  {count:>6,} labels: {forecast.accuracy[number]:6.1%} "
            f"({forecast.low[number]:.1%} to {forecast.high[number]:.1%}){gain}"
        )
