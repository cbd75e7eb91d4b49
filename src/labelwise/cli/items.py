"""New items for a model that knows what items look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from labelwise.errors import DataError

if TYPE_CHECKING:
    from labelwise.data import Dataset


def read_items(
    data: str,
    item_shape: tuple[int, ...] | None,
    *,
    label_column: str | None = None,
    text_column: str | None = None,
    skip_unreadable: bool = False,
    like: Mapping[str, Any],
) -> Dataset:
    """Load DATA for a model of items of `item_shape`; images that are skipped are listed on stderr.

    Columns of a frame are known by their names, whatever their number. `like` has options of `load_dataset`
    that the model's own items were read with; those given beside it go before them.

    Raises
    ------
    StorageError, DataError
        If it cannot be read, or the items are of another shape.
    """
    from labelwise.data import load_dataset

    dataset = load_dataset(
        data,
        **reading_options(
            data,
            label_column=label_column,
            text_column=text_column,
            skip_unreadable=skip_unreadable,
            like=like,
        ),
    )
    for path, reason in dataset.skipped:
        typer.echo(f"skipped {path}: {reason}", err=True)
    if like.get("as_frame") or item_shape is None:
        return dataset  # what makes features of them knows them
    if tuple(dataset.X.shape[1:]) != tuple(item_shape):
        raise DataError(
            f"{dataset.name} has items of shape {dataset.X.shape[1:]}, but the model was trained on items of "
            f"shape {tuple(item_shape)}: use data of the same kind"
        )
    return dataset


def reading_options(
    data: str,
    *,
    label_column: str | None = None,
    text_column: str | None = None,
    skip_unreadable: bool = False,
    like: Mapping[str, Any],
) -> dict[str, Any]:
    """Options of `load_dataset` for new items, as for `read_items`."""
    from labelwise.data.shards import has_columns

    return {
        "label_column": label_column,
        "text_column": text_column or (like.get("text_column") if has_columns(data) else None),
        "on_unreadable": "skip" if skip_unreadable else "raise",
        "as_frame": like.get("as_frame", False),
        "as_photos": like.get("as_photos", False),
    }
