"""`labelwise info`: what a saved model is."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from labelwise.cli.items import holds_student
from labelwise.cli.options import ModelOrStudentArgument
from labelwise.errors import StorageError

_SHOWN = 10  # classes


def info(
    model: ModelOrStudentArgument,
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing in this one is random.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Say what MODEL is: data, settings, training, components; or, of a student, how it did.

    Example: labelwise info mnist.labelwise
    """
    from labelwise.storage import load_folder

    is_student = holds_student(model)
    manifest, _ = load_folder(model, "student" if is_student else "gmvae")
    try:
        lines = _student_lines(manifest) if is_student else _lines(manifest)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise StorageError(
            f"{model} is damaged: its manifest is not complete; restore it from a copy or train again"
        ) from error
    if json_output:
        typer.echo(json.dumps(manifest))
        return
    for name, value in lines:
        typer.echo(f"{name:<14}{value}")


def _lines(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    architecture, training, last = manifest["architecture"], manifest["training"], manifest["history"][-1]
    data = manifest["extra"].get("data", {})
    shares = sorted(manifest["shares"])
    hidden = "-".join(map(str, architecture["hidden"]))
    shape = "x".join(map(str, architecture["item_shape"]))
    trained_on = f"{data['name']}, {data['n_samples']:,} items of {shape}" if data else f"items of {shape}"
    return [
        ("trained on", trained_on),
        ("model", f"{architecture['n_components']} components, {architecture['n_latent']} latent dimensions"),
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
    return [
        ("student for", f"items of {shape}"),
        ("classes", f"{len(classes)}: {', '.join(classes[:_SHOWN])}{more}"),
        ("augment", str(manifest["augment"] or "none")),
        (
            "training",
            f"{len(history)} rounds of {parameters['n_steps']} steps, "
            f"batches of {parameters['batch_size']} and labels",
        ),
        (
            "last round",
            f"{history[-1]['changed']:.1%} of the answers changed, "
            f"mean largest probability {history[-1]['sure']:.2f}",
        ),
        (
            "check",
            "none: there were too few labels to keep some back"
            if check is None
            else f"right on {check['student']} of {check['n_labels']} labels that were kept back, "
            f"the decoder on {check['teacher']}",
        ),
        ("written by", f"labelwise {manifest['labelwise']}, format {manifest['format']}"),
    ]
