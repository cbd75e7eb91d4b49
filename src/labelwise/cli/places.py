"""Places to write to, looked at before the work that fills them."""

from __future__ import annotations

import os
from pathlib import Path

from labelwise.errors import StorageError


def check_folder_of(path: Path, option: str = "-o") -> None:
    """Refuse a file or folder that could not be written; `option` is what names it.

    Raises
    ------
    StorageError
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise StorageError(f"folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK):
        raise StorageError(f"folder {folder} is not writable: choose another with {option}")
