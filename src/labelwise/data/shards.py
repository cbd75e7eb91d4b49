"""Folders of files that hold items: which they are, in order."""

from __future__ import annotations

import os
from pathlib import Path

from labelwise.data.catalogue import dataset_names
from labelwise.data.images import EXTENSIONS
from labelwise.data.tables import COLUMNAR, TABLES, holds_rows
from labelwise.errors import DataError

__all__ = ["files_of", "has_columns", "shards_of"]

_SHARDS = (".npz", ".npy", ".csv", ".jsonl", ".txt", *COLUMNAR)


def files_of(source: str | Path) -> list[str | Path]:
    """Shards of a folder; of anything else, the source itself."""
    path = Path(source).expanduser()
    # `Path.is_dir` fails where a name is too long for a file.
    is_folder = source not in dataset_names() and os.path.isdir(path)
    return [*shards_of(path)] or [path] if is_folder else [source]


def has_columns(source: str | os.PathLike[str]) -> bool:
    """Whether items are in files with named columns, which options can name."""
    if source in dataset_names():
        return False
    path = Path(os.path.expanduser(source))
    files = shards_of(path) if os.path.isdir(path) else [path]
    return any(file.suffix.lower() in TABLES for file in files)


def shards_of(folder: Path) -> list[Path]:
    """Files of one kind that hold items; none where the folder may hold images.

    Programs that write from many places at once leave tables without rows among the others: those are not
    shards, unless all are.
    """
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if any(entry.is_dir() or entry.suffix.lower() in EXTENSIONS for entry in entries):
        return []
    found = [entry for entry in entries if entry.suffix.lower() in _SHARDS]
    if gone := next((file for file in found if not file.exists()), None):
        raise DataError(f"{gone} is a link that leads nowhere: remove it, or bring back its file")
    kinds = sorted({file.suffix.lower() for file in found})
    if len(kinds) > 1:
        raise DataError(f"{folder} has {' and '.join(kinds)} files: put those of one kind into a folder")
    return [*filter(holds_rows, found)] or found
