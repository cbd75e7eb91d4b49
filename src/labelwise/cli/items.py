"""A model and the items that it is asked about, for every command that takes both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from labelwise.errors import DataError

if TYPE_CHECKING:
    from labelwise.data import Dataset
    from labelwise.gmvae import GMVAE


def open_items(
    model: Path,
    data: str,
    *,
    label_column: str | None = None,
    skip_unreadable: bool = False,
    device: str = "auto",
) -> tuple[GMVAE, Dataset]:
    """Load MODEL and DATA; images that are skipped are named on stderr.

    Raises
    ------
    StorageError, DataError
        If one of them cannot be read, or the items are not of the model's shape.
    """
    from labelwise.gmvae import GMVAE

    gmvae = GMVAE.load(model, device=device)
    dataset = read_items(data, gmvae.item_shape_, label_column=label_column, skip_unreadable=skip_unreadable)
    return gmvae, dataset


def read_items(
    data: str,
    item_shape: tuple[int, ...],
    *,
    label_column: str | None = None,
    skip_unreadable: bool = False,
) -> Dataset:
    """Load DATA for a model of items of `item_shape`; images that are skipped are named on stderr.

    Raises
    ------
    StorageError, DataError
        If it cannot be read, or the items are of another shape.
    """
    from labelwise.data import load_dataset

    on_unreadable = "skip" if skip_unreadable else "raise"
    dataset = load_dataset(data, label_column=label_column, on_unreadable=on_unreadable)
    for path, reason in dataset.skipped:
        typer.echo(f"skipped {path}: {reason}", err=True)
    if tuple(dataset.X.shape[1:]) != tuple(item_shape):
        raise DataError(
            f"{dataset.name} has items of shape {dataset.X.shape[1:]}, but the model was trained on items of "
            f"shape {tuple(item_shape)}: use data of the same kind"
        )
    return dataset


def holds_student(model: Path) -> bool:
    """Whether MODEL is a student that `labelwise refine` saved, and no model of components.

    Raises
    ------
    StorageError
        If it is neither.
    """
    from labelwise.storage import read_manifest

    return bool(read_manifest(model)["kind"] == "student")
