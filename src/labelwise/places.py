"""Places to write to, looked at before the work that fills them."""

from __future__ import annotations

import os
from pathlib import Path

from labelwise.damage import reason_of
from labelwise.errors import StorageError


def check_file(path: Path, option: str) -> None:
    """Refuse, before the work that fills it, a file that could not be written; `option` is what names it.

    Raises
    ------
    StorageError
    """
    check_folder_of(path, option)
    if os.path.isdir(path):
        raise StorageError(f"{path} is a folder: name a file with {option}")


def check_outside(path: Path, source: Path) -> None:
    """Refuse to write among the items that are read, where the result would be taken for some of them.

    Raises
    ------
    StorageError
    """
    if os.path.isdir(source) and path.resolve().is_relative_to(source.resolve()):
        raise StorageError(f"{path} lies in {source}, whose items are read: name a place outside of it")


def check_folder_of(path: Path, option: str) -> None:
    """As `check_file`, for what may be a folder.

    Raises
    ------
    StorageError
    """
    if not path.name:
        raise StorageError(f"{str(path)!r} is no name of a file or folder: give one with {option}")
    folder = path.absolute().parent
    if not os.path.isdir(folder):
        raise StorageError(f"folder {folder} does not exist: create it first")
    if not os.access(folder, os.W_OK):
        raise StorageError(f"folder {folder} is not writable: choose another with {option}")
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # a name that is too long, or with a zero byte
        raise StorageError(
            f"{path} cannot be written ({reason_of(error)}): choose another name with {option}"
        ) from error
