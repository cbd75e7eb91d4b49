"""`labelwise pack`: many files of items in one that need not be read into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelwise.cli.items import reading_options
from labelwise.cli.options import SkipUnreadableOption
from labelwise.errors import ParameterError
from labelwise.places import check_file


def pack(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Folder of images of one size, or of .npz, .npy, .parquet, .arrow, .feather or .csv files; "
            "or one such file.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help=".npy file to write.")],
    label_column: Annotated[
        str | None, typer.Option(help="Column of a table that holds classes, and is left out.")
    ] = None,
    skip_unreadable: SkipUnreadableOption = False,
) -> None:
    """Write all items of DATA into one .npy file, without holding more than 10,000 of them in memory.

    The other commands map such a file from disk, so that they can be given more items than memory holds.
    Classes and paths are not kept: items are known by their row.

    Example: labelwise pack shards/ -o all.npy
    """
    if output.suffix.lower() != ".npy":
        raise ParameterError(f"-o {output} must end in .npy")
    check_file(output, "-o")
    from labelwise.data.packing import pack as pack_items
    from labelwise.progress import Progress

    reading = reading_options(data, label_column=label_column, skip_unreadable=skip_unreadable, like={})
    with Progress() as listen:
        items = pack_items(data, output, listen=listen, **reading)
    typer.echo(
        f"{output}: {len(items):,} items of {'x'.join(map(str, items.shape[1:]))}, {items.dtype}, "
        f"{items.nbytes / 1e6:,.0f} MB"
    )
