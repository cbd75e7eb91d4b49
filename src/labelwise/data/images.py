"""A folder of images as one array."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelwise.data.dataset import Dataset
from labelwise.data.signatures import first_line
from labelwise.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["EXTENSIONS", "read_images"]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Endings of the files that count as images, in any case."""

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


class _UnreadableError(Exception):
    """One image cannot be used; the text says why."""


def read_images(folder: Path, *, skip_unreadable: bool = False) -> Dataset:
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
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("reading images", "pillow", "data") from error
    found = _find(folder)
    if not found:
        raise DataError(f"{folder} holds no images: looked for {', '.join(EXTENSIONS)}, subfolders included")
    X, paths, skipped = _stack(folder, found, skip_unreadable)
    y, names = _classes(paths)
    return Dataset(X, y, names, folder.resolve().name, paths=paths, skipped=skipped)


def _stack(
    folder: Path, found: list[str], skip_unreadable: bool
) -> tuple[NDArray[Any], list[str], list[tuple[str, str]]]:
    """Read images into one array; also the paths that are in it, and those that are not, with the reason."""
    X: NDArray[Any] | None = None
    paths: list[str] = []
    skipped: list[tuple[str, str]] = []
    for relative in found:
        try:
            pixels = _read_one(folder / relative)
        except _UnreadableError as error:
            if not skip_unreadable:
                raise DataError(
                    f"{folder / relative} {error}: remove it, or skip such files with on_unreadable='skip' "
                    "(on the command line: --skip-unreadable)"
                ) from error
            skipped.append((relative, str(error)))
            continue
        if X is None:
            X = np.empty((len(found), *pixels.shape), np.uint8)
        elif pixels.shape != X.shape[1:]:
            raise DataError(
                f"{folder / relative} is {_size(pixels.shape)} but {paths[0]} is {_size(X.shape[1:])}: "
                "all images of a folder must be alike, so convert them to one size and colour first"
            )
        X[len(paths)] = pixels
        paths.append(relative)
    if X is None:
        raise DataError(f"{folder}: none of its {len(found):,} images can be read; the first {skipped[0][1]}")
    return X[: len(paths)], paths, skipped


def _find(folder: Path) -> list[str]:
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name).relative_to(folder).as_posix()
            for name in files
            if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        ]
    return sorted(found)


def _read_one(path: Path) -> NDArray[Any]:
    """Read one image as (height, width) or (height, width, 3), uint8."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(path) as image:
            if image.mode not in _GREY + _COLOUR:
                raise _UnreadableError(
                    f"has more than 8 bits a pixel (mode {image.mode}); convert it to 8 bits"
                )
            upright = PIL.ImageOps.exif_transpose(image)
            return np.asarray(_flatten(upright))
    except PIL.Image.DecompressionBombError as error:
        raise _UnreadableError("is larger than Pillow reads for safety") from error
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
        raise _UnreadableError(f"cannot be read as an image ({_reason(error, path)})") from error


def _flatten(image: Image) -> Image:
    """Convert to 8-bit grey or to RGB, over white where the image is clear."""
    import PIL.Image

    mode = "L" if image.mode in _GREY else "RGB"
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


def _classes(paths: list[str]) -> tuple[NDArray[Any] | None, list[str] | None]:
    parts = [PurePosixPath(path).parts for path in paths]
    names = sorted({part[0] for part in parts})
    if any(len(part) != 2 for part in parts) or len(names) < 2:
        return None, None
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[part[0]] for part in parts], np.int64), names
