"""A folder of photos of any size, read one by one when they are needed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelwise.data.dataset import Dataset
from labelwise.data.images import UnreadableError, classes_of_folders, find_images, open_image, read_each
from labelwise.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Photos", "read_photos"]

_DIGEST_BYTES = 16
_DRAFT = (64, 64)  # pixels: JPEG files are unpacked at about this size to see whether they are whole


class Photos:
    """Photos in files: a sequence of images of any size, in colour.

    Parameters
    ----------
    folder : Path
    paths : list of str
        Relative to the folder.
    digests : list of bytes
        Hash of each file, 16 bytes.

    Examples
    --------
    >>> from labelwise import load_dataset
    >>> photos, _, _ = load_dataset("photos/", as_photos=True)  # doctest: +SKIP
    >>> photos[0].size                                          # doctest: +SKIP
    (640, 480)
    """

    def __init__(self, folder: Path, paths: list[str], digests: list[bytes]) -> None:
        self.folder = folder
        self.paths = paths
        self.digests = digests

    @property
    def shape(self) -> tuple[int]:
        """(n_samples,); photos have no shape in common."""
        return (len(self.paths),)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Any) -> Any:
        """One photo as an image of Pillow, or some of the photos.

        Raises
        ------
        DataError
            If a photo cannot be read any more.
        """
        if isinstance(rows, (int, np.integer)):
            return self._image(int(rows))
        chosen = np.arange(len(self))[rows]
        return type(self)(self.folder, [self.paths[i] for i in chosen], [self.digests[i] for i in chosen])

    def __iter__(self) -> Iterator[Image]:
        return (self._image(row) for row in range(len(self)))

    def _image(self, row: int) -> Image:
        path = self.folder / self.paths[row]
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest() != self.digests[row]:
            raise DataError(f"{path} has changed since the folder was read: read it again")
        return open_image(path, io.BytesIO(content), "RGB")


def read_photos(folder: Path, found: list[str] | None = None, *, skip_unreadable: bool = False) -> Dataset:
    """Look at every image below a folder, in the order of their relative paths.

    Which files count, what is done about those that cannot be read, and which folders are classes is as for
    `labelwise.data.images.read_images`. Each image is given in colour, over white where it is clear, and
    turned as its camera says.

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
        With `X` a `Photos`.

    Raises
    ------
    DataError
        If there is no image, or one cannot be read.
    MissingExtraError
        If Pillow is not installed.
    """
    found = find_images(folder) if found is None else found
    digests: list[bytes] = []
    paths: list[str] = []
    skipped: list[tuple[str, str]] = []
    for path, digest in read_each(folder, found, _look_at, skipped if skip_unreadable else None):
        paths.append(path)
        digests.append(digest)
    y, names = classes_of_folders(paths)
    photos = Photos(folder.absolute(), paths, digests)
    return Dataset(photos, y, names, folder.resolve().name, paths=paths, skipped=skipped)


def _look_at(path: Path) -> bytes:
    """Hash of a file that is an image to its end."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror or error})") from error
    open_image(path, io.BytesIO(content), "RGB", draft=_DRAFT)
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
