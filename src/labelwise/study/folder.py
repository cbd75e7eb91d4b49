"""A run folder: which study it belongs to, and what `study.json` says about it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.damage import parse_json
from labelwise.data import Dataset
from labelwise.errors import StorageError, StudyError
from labelwise.storage import differing, fingerprint, write_text
from labelwise.study.protocol import Parts, Study

# What a study must agree on with a run folder to resume it; draws, seeds, budgets and methods may grow.
_FIXED = ("dataset", "held_out", "label_column", "model")
_VERSIONS = ("labelwise", "numpy", "scipy", "scikit-learn", "torch", "xgboost", "xgboost-cpu", "joblib")


def claim_folder(study: Study, dataset: Dataset, parts: Parts, output: Path) -> None:
    """Make a run folder, or check that an existing one belongs to this study.

    Raises
    ------
    StudyError
        If the folder belongs to another study or holds something else.
    StorageError
        If it cannot be written.
    """
    data = _describe(dataset, parts)
    settings = study.as_dict()
    if os.path.exists(output / "study.json"):
        _check_owner(settings, data, output)
    elif os.path.exists(output) and (not output.is_dir() or any(output.iterdir())):
        raise StudyError(f"{output} is not empty and not a run folder: choose another folder with -o")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write {output}: {error.strerror}; choose another folder with -o"
        ) from error
    write_notes(output, study=settings, data=data, versions=versions())


def _describe(dataset: Dataset, parts: Parts) -> dict[str, Any]:
    if dataset.y is None or dataset.names is None:
        raise StudyError("there are no classes to score with")
    counts = np.bincount(dataset.y[parts.pool], minlength=len(dataset.names))
    return {
        "name": dataset.name,
        "n_pool": len(parts.pool),
        "n_held_out": len(parts.held_out),
        "item_shape": list(dataset.X.shape[1:]),
        "classes": {name: int(count) for name, count in zip(dataset.names, counts, strict=True)},
        "fingerprint": fingerprint(dataset.X[parts.pool].reshape(len(parts.pool), -1)),
    }


def _check_owner(settings: dict[str, Any], data: dict[str, Any], output: Path) -> None:
    before = read_notes(output)
    there = {name: before["study"].get(name) for name in _FIXED} | {"data": before["data"]["fingerprint"]}
    here = {name: settings[name] for name in _FIXED} | {"data": data["fingerprint"]}
    # The place of the data does not matter, only what they are.
    there["dataset"], here["dataset"] = before["data"]["name"], data["name"]
    if differences := differing(there, here):
        raise StudyError(
            f"{output} belongs to another study ({'; '.join(differences)}): choose another folder with -o"
        )


def versions() -> dict[str, str]:
    """Versions of what results depend on."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read_notes(output: Path) -> dict[str, Any]:
    """Read `study.json` of a run folder.

    Raises
    ------
    StudyError
        If there is none, or it is damaged.
    """
    place = output / "study.json"
    try:
        notes: dict[str, Any] = parse_json(place.read_text(encoding="utf-8"))
        if not {"study", "data"} <= notes.keys():
            raise ValueError("it is incomplete")
        return notes
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StudyError(f"{place} cannot be read: {error}; run the study in another folder") from error


def write_notes(output: Path, **notes: Any) -> None:
    """Add to `study.json` of a run folder.

    Raises
    ------
    StorageError
    """
    place = output / "study.json"
    text = json.dumps({**(read_notes(output) if place.exists() else {}), **notes}, indent=2)
    write_text(place, text + "\n")
