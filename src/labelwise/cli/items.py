"""New items for a model that knows what items look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from labelwise.errors import DataError

if TYPE_CHECKING:
    from labelwise.data import Dataset


def read_items(
    data: str,
    item_shape: tuple[int, ...],
    *,
    label_column: str | None = None,
    skip_unreadable: bool = False,
    as_frame: bool = False,
) -> Dataset:
    """Load DATA for a model of items of `item_shape`; images that are skipped are listed on stderr.

    Columns of a frame are known by their names, whatever their number.

    Raises
    ------
    StorageError, DataError
        If it cannot be read, or the items are of another shape.
    """
    from labelwise.data import load_dataset

    on_unreadable = "skip" if skip_unreadable else "raise"
    dataset = load_dataset(data, label_column=label_column, on_unreadable=on_unreadable, as_frame=as_frame)
    for path, reason in dataset.skipped:
        typer.echo(f"skipped {path}: {reason}", err=True)
    if not as_frame and tuple(dataset.X.shape[1:]) != tuple(item_shape):
        raise DataError(
            f"{dataset.name} has items of shape {dataset.X.shape[1:]}, but the model was trained on items of "
            f"shape {tuple(item_shape)}: use data of the same kind"
        )
    return dataset
