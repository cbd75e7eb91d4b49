"""Saved models and checkpoints. Files are written beside their place and renamed; nothing is ever unpickled.

A saved model is a folder: `manifest.json` (settings, format number, checksum of the weights) and
`weights.safetensors`. A checkpoint is one safetensors file with the same kind of JSON in its header.

FORMAT rises by one whenever a reader of the old number would misread the new files; readers of every
released number stay.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from labelwise.damage import parse_json, reason_of
from labelwise.errors import StorageError

FORMAT = 2  # models hold principal components of their items
_READABLE = (1, 2)
_FORMULA = re.compile(r"'*([=@\t\r]|[+-](?![0-9.]*$))")  # numbers may have signs
# What a keyboard, a file name or a .json gave may hold halves of characters, which UTF-8 has no place for;
# written so, they are what they were in JSON.
HALVES = "backslashreplace"
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"

Arrays = dict[str, np.ndarray]


def write_beside(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary neighbour of the file `path`, then put it in place at once.

    Raises
    ------
    StorageError
        If the folder is missing or not writable or the disk is full. What was at `path` is still there.
    """
    temporary = _neighbour(path, "part")
    try:
        write(temporary)
        _flush_to_disk(temporary)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write {path}: {reason_of(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step.

    Raises
    ------
    StorageError
    """

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8", errors=HALVES)

    write_beside(path, write)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file in one step.

    Raises
    ------
    StorageError
    """
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as a CSV file, in one step; text as `as_cell` has it.

    Raises
    ------
    StorageError
    """

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8", errors=HALVES) as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow({k: as_cell(v) if isinstance(v, str) else v for k, v in row.items()})

    write_beside(path, write)


def as_cell(text: str) -> str:
    """Text for a cell of a .csv: spreadsheets run what begins like a formula, unless a quote precedes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def of_cell(text: str) -> str:
    """What `as_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def save_folder(
    path: Path,
    manifest: Mapping[str, Any],
    weights: Arrays,
    *,
    fill: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write a folder of ours; an older one of the same kind is replaced once the new one is complete.

    Parameters
    ----------
    path : Path
    manifest : mapping
        JSON values; "kind" says what the folder is.
    weights : dict of str to ndarray
        May be empty: there is no file of weights then.
    fill : callable, optional
        Puts more into the new folder, whose path it gets, before that takes its place.

    Raises
    ------
    StorageError
        If it cannot be written, or if `path` is something else.
    """
    if os.path.exists(path):
        _refuse_to_replace(path, manifest["kind"])
    temporary = _neighbour(path, "part")
    try:
        temporary.mkdir()
        fill(temporary)
        full = {"format": FORMAT, **manifest}
        if weights:
            _write_bytes(temporary / WEIGHTS, save(weights))
            full["weights_sha256"] = _sha256(temporary / WEIGHTS)
        (temporary / MANIFEST).write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush_to_disk(file)
        _swap_folders(temporary, path)
    except (OSError, SafetensorError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot write {path}: {reason_of(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a folder beside `path`, then put it there, whatever was there before.

    Raises
    ------
    StorageError
        If it cannot be written; what was at `path` is still there.
    """
    temporary = _neighbour(path, "part")
    try:
        write(temporary)
        _swap_folders(temporary, path)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot write {path}: {reason_of(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse_to_replace(path: Path, kind: str) -> None:
    if not (path / MANIFEST).is_file():
        raise StorageError(f"{path} exists and is not a saved {kind}: choose another name or remove it")
    found = read_manifest(path)["kind"]
    if found != kind:
        raise StorageError(f"{path} holds a {found}, not a {kind}: choose another name or remove it")


def load_folder(path: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    """Read and verify a model folder.

    Parameters
    ----------
    path : Path
    kind : str
        What the manifest must say under "kind".

    Raises
    ------
    StorageError
        If the folder is missing, damaged, of another kind or from a newer labelwise.
    """
    manifest = read_manifest(path)
    if manifest["kind"] != kind:
        raise StorageError(f"{path} holds a {manifest['kind']}, not a {kind}")
    weights = path / WEIGHTS
    if "weights_sha256" not in manifest and not weights.exists():
        return manifest, {}
    if not weights.is_file():
        raise StorageError(f"{path} is damaged: {WEIGHTS} is missing; restore it from a copy or train again")
    if _sha256(weights) != manifest.get("weights_sha256"):
        raise StorageError(
            f"{path} is damaged: {WEIGHTS} is not what {MANIFEST} describes; "
            "restore it from a copy or train again"
        )
    arrays, _ = read_tensors(weights)
    return manifest, arrays


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a model folder of any kind.

    Raises
    ------
    StorageError
        If there is none, it is damaged, or its format number is unknown.
    """
    file = path / MANIFEST
    if not os.path.exists(path):  # also where the path is none, or too long
        raise StorageError(f"there is no saved model at {path}")
    if not file.is_file():
        raise StorageError(f"{path} is no saved model: it holds no {MANIFEST}")
    try:
        manifest = parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{file} is damaged ({reason_of(error)}): restore it from a copy or train again"
        ) from error
    if not isinstance(manifest, dict) or not {"format", "kind"} <= manifest.keys():
        raise StorageError(f"{file} is damaged (no format number): restore it from a copy or train again")
    _check_format(manifest["format"], path)
    return manifest


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest of the folder `path`, in one step.

    Raises
    ------
    StorageError
    """
    write_text(path / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def write_tensors(path: Path, arrays: Arrays, header: Mapping[str, Any]) -> None:
    """Write one safetensors file with a JSON header of our own, in one step.

    Raises
    ------
    StorageError
        If it cannot be written; what was at `path` is still there.
    """
    metadata = {"labelwise": json.dumps({"format": FORMAT, **header})}
    content = save(arrays, metadata=metadata)
    write_beside(path, lambda temporary: _write_bytes(temporary, content))


def read_tensors(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read a safetensors file and our JSON header, which is empty where the file has none.

    Raises
    ------
    StorageError
        If the file is missing, damaged, or its format number is unknown.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        header = parse_json(metadata.get("labelwise", "{}"))
        if not isinstance(header, dict):
            raise ValueError("its header is no JSON object")
    # Types of numbers that numpy does not have are an AttributeError or a TypeError.
    except (OSError, SafetensorError, ValueError, AttributeError, TypeError) as error:
        raise StorageError(f"{path} cannot be read: {reason_of(error)}") from error
    if header:
        _check_format(header.get("format"), path)
    return arrays, header


def fingerprint(X: np.ndarray) -> str:
    """Hash of all values of `X` and of their type, as rows of numbers."""
    digest = hashlib.blake2b(f"{X.dtype.str} {len(X)}".encode(), digest_size=16)
    for start in range(0, len(X), 8192):
        digest.update(np.ascontiguousarray(X[start : start + 8192]).data)
    return digest.hexdigest()


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two settings disagree about, in words: "name: before -> now"."""
    names = sorted(before.keys() | now.keys())
    return [
        f"{name}: {before.get(name)!r} there, {now.get(name)!r} here"
        for name in names
        if before.get(name) != now.get(name)
    ]


def plain(value: Any) -> Any:
    """A parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if not isinstance(value, (str, int, float, list, tuple, type(None))):
        return str(value)  # a torch.device
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _check_format(found: Any, path: Path) -> None:
    if found not in _READABLE:
        raise StorageError(
            f"{path} has format {found!r}, but this labelwise reads formats up to {FORMAT}: update labelwise"
        )


def _neighbour(path: Path, ending: str) -> Path:
    """Make up a name for a hidden file or folder beside `path`.

    Not one of tempfile's: those are readable by their owner alone, and what is renamed keeps that.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{ending}")


def _swap_folders(new: Path, place: Path) -> None:
    if not place.exists():
        new.rename(place)
        return
    old = _neighbour(place, "old")
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
