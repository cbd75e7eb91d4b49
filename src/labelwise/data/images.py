"""A folder of images as one array, and what any reader of images needs."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from labelwise.data.dataset import Dataset
from labelwise.errors import DataError, MissingExtraError, first_line
from labelwise.scratch import scratch_array

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "EXTENSIONS",
    "UnreadableError",
    "classes_of_folders",
    "find_images",
    "open_image",
    "read_each",
    "read_images",
]

T = TypeVar("T")

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Endings of the files that count as images, in any case."""

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


class UnreadableError(Exception):
    """One image cannot be used; the text says why."""


def read_images(folder: Path, found: list[str] | None = None, *, skip_unreadable: bool = False) -> Dataset:
    """Read every image below a folder, in the order of their relative paths.

    Grey and black-and-white images give (n, height, width), all others (n, height, width, 3), uint8. Clear
    pixels are laid over white; a photograph is turned as its camera says; of an animation the first frame
    counts. Hidden files are left alone.

    Where every image lies in a subfolder directly below `folder`, and there are at least two of those, the
    subfolders are the classes. In any other layout there are no labels.

    Parameters
    ----------
    folder : Path
        Where to look, subfolders included.
    found : list of str, default=None
        Some of what `find_images` found, where the others are not wanted.
    skip_unreadable : bool, default=False
        Whether to leave out images that cannot be read, and list them in `skipped`, instead of failing.

    Returns
    -------
    dataset : Dataset
        With `paths`, and with `y` and `names` where subfolders are classes.

    Raises
    ------
    DataError
        If there is no image, one cannot be read, or they differ in size or in colour.
    MissingExtraError
        If Pillow is not installed.
    """
    X: NDArray[Any] | None = None
    paths: list[str] = []
    skipped: list[tuple[str, str]] = []
    found = find_images(folder) if found is None else found
    for relative, pixels in read_each(folder, found, _read_one, skipped if skip_unreadable else None):
        if X is None:
            X = scratch_array((len(found), *pixels.shape), np.uint8)
        elif pixels.shape != X.shape[1:]:
            raise DataError(
                f"{folder / relative} is {_size(pixels.shape)} but {paths[0]} is {_size(X.shape[1:])}: "
                "all images of a folder must be alike, so convert them to one size and colour first, or let "
                "a pre-trained model read them: --features image:…"
            )
        X[len(paths)] = pixels
        paths.append(relative)
    assert X is not None  # noqa: S101 (there is one image at least)
    y, names = classes_of_folders(paths)
    return Dataset(X[: len(paths)], y, names, folder.resolve().name, paths=paths, skipped=skipped)


def find_images(folder: Path) -> list[str]:
    """Paths of the images below a folder, relative to it, in order.

    Raises
    ------
    DataError
        If there is none.
    MissingExtraError
        If Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("reading images", "pillow", "data") from error
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name).relative_to(folder).as_posix()
            for name in files
            if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        ]
    if not found:
        raise DataError(
            f"{folder} holds no images: looked for {', '.join(EXTENSIONS)}, subfolders included; files of "
            "rows or texts must lie in the folder itself"
        )
    return sorted(found)


def read_each(
    folder: Path, found: list[str], read: Callable[[Path], T], skipped: list[tuple[str, str]] | None
) -> Iterator[tuple[str, T]]:
    """What `read` makes of each image; those that cannot be read are put into `skipped`, with the reason.

    Raises
    ------
    DataError
        If one cannot be read and `skipped` is None, or if none can be read.
    """
    n_read = 0
    for relative in found:
        try:
            content = read(folder / relative)
        except UnreadableError as error:
            if skipped is None:
                raise DataError(
                    f"{folder / relative} {error}: remove it, or skip such files with on_unreadable='skip' "
                    "(on the command line: --skip-unreadable)"
                ) from error
            skipped.append((relative, str(error)))
            continue
        n_read += 1
        yield relative, content
    if not n_read and skipped:
        raise DataError(f"{folder}: none of its {len(found):,} images can be read; the first {skipped[0][1]}")


def _read_one(path: Path) -> NDArray[Any]:
    """Read one image as (height, width) or (height, width, 3), uint8."""
    return np.asarray(open_image(path, path, None))


def open_image(
    path: Path, source: Path | IO[bytes], mode: str | None, *, draft: tuple[int, int] | None = None
) -> Image:
    """Read the whole of an image, upright, over white where it is clear.

    Parameters
    ----------
    path : Path
        What to call it.
    source : Path or binary file
    mode : str or None
        "RGB"; None takes "L" for grey and black-and-white images, and "RGB" for others.
    draft : (int, int), default=None
        A smaller size will do where that is quicker.

    Raises
    ------
    UnreadableError
    """
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(source) as image:
            if image.mode not in _GREY + _COLOUR:
                raise UnreadableError(
                    f"has more than 8 bits a pixel (mode {image.mode}); convert it to 8 bits"
                )
            if draft is not None:
                image.draft(None, draft)
            upright = PIL.ImageOps.exif_transpose(image)
            return _flatten(upright, mode or ("L" if upright.mode in _GREY else "RGB"))
    except PIL.Image.DecompressionBombError as error:
        raise UnreadableError("is larger than Pillow reads for safety") from error
    # A damaged file can fail anywhere inside a decoder.
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        LookupError,
        TypeError,
        struct.error,
        zlib.error,
    ) as error:
        raise UnreadableError(f"cannot be read as an image ({_reason(error, path)})") from error


def _flatten(image: Image, mode: str) -> Image:
    """Convert to 8-bit grey or to RGB, over white where the image is clear."""
    import PIL.Image

    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        over = image.convert("RGBA")
        page = PIL.Image.new("RGBA", image.size, "white")
        page.alpha_composite(over)
        return page.convert(mode)
    return image.convert(mode)


def _reason(error: Exception, path: Path) -> str:
    if path.is_file() and path.stat().st_size == 0:
        return "the file is empty"
    text = first_line(error)
    return "unknown format" if text.startswith("cannot identify image file") else text


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]} in {'colour' if len(shape) == 3 else 'grey'}"


def classes_of_folders(paths: list[str]) -> tuple[NDArray[Any] | None, list[str] | None]:
    """Classes of images whose folders are classes; None where they are not."""
    parts = [PurePosixPath(path).parts for path in paths]
    names = sorted({part[0] for part in parts})
    if any(len(part) != 2 for part in parts) or len(names) < 2:
        return None, None
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[part[0]] for part in parts], np.int64), names
