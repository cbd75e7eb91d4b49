"""`labelwise info`: what a project, or a saved model, is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from labelwise.cli.options import JsonOption
from labelwise.errors import StorageError

_SHOWN = 10  # classes


def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="PROJECT", help="Folder of a project, a model, an answerer or a student."),
    ],
    json_output: JsonOption = False,
) -> None:
    """Show what PROJECT holds: data, model, labels, answers. Also for a saved model, answerer or student.

    Example: labelwise info birds.labelwise
    """
    from labelwise.damage import damage_told
    from labelwise.storage import read_manifest

    manifest = read_manifest(path)
    with damage_told(path):
        if manifest["kind"] == "project":
            lines, content = _of_project(path)
        else:
            if manifest["kind"] not in _KINDS:
                raise StorageError(
                    f"{path} holds a {manifest['kind']}, which is part of a project: give the project"
                )
            lines, content = _KINDS[manifest["kind"]](manifest), manifest
    if json_output:
        typer.echo(json.dumps(content))
        return
    for name, value in lines:
        typer.echo(f"{name:<14}{value}")


def _of_project(path: Path) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    from labelwise.project import Project
    from labelwise.storage import read_manifest

    project = Project.open(path)
    source, labeled, groups = project.source, project.labeled(), project.groups()
    classes = Counter(label for label, _ in labeled.values())
    model = read_manifest(path / "model")
    answerer = read_manifest(path / "answerer") if (path / "answerer").exists() else None
    lost = [group for group in groups if not group.now]
    where = "given as arrays" if source.place is None else source.place
    where += "" if source.place is None or source.is_there else " (not there now)"
    shown = ", ".join(f"{label} {count}" for label, count in classes.most_common(_SHOWN))
    more = f", … {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    pool = project.pool
    what = f"items of {'x'.join(map(str, pool.item_shape))}" if pool.item_shape else pool.kind
    lines = [
        ("data", f"{source.name}: {len(project):,} {what}"),
        ("from", where),
        ("labels", f"{len(labeled):,} of {len(classes)} classes: {shown}{more}" if labeled else "none yet"),
        ("decisions", f"{len(project.journal.decisions):,} in {path / 'labels.jsonl'}"),
        ("named groups", ", ".join(f"{c}: {name}" for c, name in sorted(project.names().items())) or "none"),
        ("answers by", "nothing yet" if answerer is None else _answerer_words(answerer)),
        *_lines(model)[1:],
    ]
    if lost:
        words = ", ".join(f"{group.component} ({group.label})" for group in lost)
        lines.append(("lost names", f"no component of this model matches: {words}"))
    gone = project.lost_labels()
    if gone:
        words = ", ".join(f"{item} ({label})" for item, label in gone[:_SHOWN])
        lines.append(("lost labels", f"{len(gone):,} for items that are gone: {words}"))
    content = {
        "path": str(path),
        "data": source.as_json(),
        "n_samples": len(project),
        "n_labeled": len(labeled),
        "classes": dict(classes),
        "names": project.names(),
        "lost_names": [vars(group) for group in lost],
        "n_lost_labels": len(gone),
        "n_decisions": len(project.journal.decisions),
        "answerer": None if answerer is None else answerer["kind"],
        "model": model,
    }
    return lines, content


def _answerer_words(manifest: dict[str, Any]) -> str:
    if manifest["kind"] in ("student", "linear-student"):
        return f"a {manifest['kind'].replace('-', ' ')}"
    decoder = manifest["decoder"]
    choice = decoder["fitted"].get("choice_")
    return f"decoder {decoder['name']}" + (f": {choice['value']}" if choice else "")


def _answerer_lines(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    classes = [str(label) for label in manifest["classes"]]
    more = f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    return [
        ("answerer", _answerer_words(manifest)),
        ("classes", f"{len(classes)}: {', '.join(classes[:_SHOWN])}{more}"),
        ("written by", f"labelwise {manifest['labelwise']}, format {manifest['format']}"),
    ]


def _feature_lines(values: dict[str, Any] | None) -> list[tuple[str, str]]:
    from labelwise.features.schema import listed
    from labelwise.features.table import TableFeaturizer

    if values is None:
        return []
    lines = [("features", values["description"])]
    if values["name"] != TableFeaturizer.name:
        return lines
    featurizer = TableFeaturizer.of_state(values, {})
    out = [column for column in featurizer.schema_.columns if column.kind == "left out"]
    for reason in dict.fromkeys(column.reason for column in out):
        names = [column.name for column in out if column.reason == reason]
        lines.append(("left out", f"{listed(names)}: {reason}"))
    return lines


def _lines(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    architecture, training, last = manifest["architecture"], manifest["training"], manifest["history"][-1]
    data = manifest["extra"].get("data", {})
    shares = sorted(manifest["shares"])
    hidden = "-".join(map(str, architecture["hidden"]))
    shape = "x".join(map(str, architecture["item_shape"]))
    what = "items" if manifest.get("featurizer") is None else "features"
    trained_on = f"{data['name']}, {data['n_samples']:,} {what} of {shape}" if data else f"{what} of {shape}"
    return [
        ("trained on", trained_on),
        ("model", f"{architecture['n_components']} components, {architecture['n_latent']} latent dimensions"),
        *_feature_lines(manifest.get("featurizer")),
        ("objective", f"{architecture['objective']}, {architecture['likelihood']} likelihood"),
        ("encoder", f"{architecture['encoder']}, hidden {hidden}"),
        ("augment", str(training.get("augment", manifest["parameters"]["augment"]) or "none")),
        (
            "training",
            f"{training['n_epochs']} epochs, batches of {training['batch_size']}, seed {training['seed']}",
        ),
        (
            "loss",
            f"{last['loss']:.2f} nats an item: reconstruction {last['reconstruction']:.2f}, "
            f"KL z {last['kl_z']:.2f}, KL c {last['kl_c']:.2f}",
        ),
        (
            "components",
            f"{last['n_active_components']} active; shares from {shares[0]:.2%} to {shares[-1]:.2%} of items",
        ),
        ("written by", f"labelwise {manifest['labelwise']}, format {manifest['format']}"),
    ]


def _student_lines(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    parameters, history, check = manifest["parameters"], manifest["history"], manifest["check"]
    classes = [str(label) for label in manifest["classes"]]
    more = f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    shape = "x".join(map(str, manifest["item_shape"]))
    if manifest["kind"] == "student":
        steps = f"of {parameters['n_steps']} steps, batches of {parameters['batch_size']} and labels"
        training = [("augment", str(manifest["augment"] or "none"))]
    else:
        steps, training = f"of logistic regression, C={parameters['C']:g}", []
    training.append(("training", f"{len(history)} rounds {steps}"))
    return [
        ("student for", f"items of {shape}"),
        ("classes", f"{len(classes)}: {', '.join(classes[:_SHOWN])}{more}"),
        *training,
        (
            "last round",
            f"{history[-1]['changed']:.1%} of the answers changed, "
            f"mean largest probability {history[-1]['sure']:.2f}",
        ),
        (
            "check",
            "none: there were too few labels to hold some back"
            if check is None
            else f"right on {check['student']} of {check['n_labels']} labels that were held back, "
            f"the decoder on {check['teacher']}",
        ),
        ("written by", f"labelwise {manifest['labelwise']}, format {manifest['format']}"),
    ]


_KINDS = {
    "gmvae": _lines,
    "student": _student_lines,
    "linear-student": _student_lines,
    "answerer": _answerer_lines,
}
