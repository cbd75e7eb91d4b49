"""Items as a person sees them: pictures, texts, or rows of a table with what is unusual in them."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelwise.data.photos import Photos
from labelwise.data.texts import is_texts
from labelwise.data.unusual import Usual
from labelwise.errors import MissingExtraError

# Large enough to tell birds apart on a sheet; a wall of thousands needs less.
LARGE, SMALL = 320, 64
_MOST_CACHED = 4000  # photos of the wall, some kilobytes each


class Items:
    """The items of a project, ready to be shown.

    Parameters
    ----------
    X : array, frame, texts or Photos
        As `Project.items` reads them.

    Attributes
    ----------
    kind : {"images", "texts", "rows"}
    """

    def __init__(self, X: Any) -> None:
        self._X = X
        self._small: OrderedDict[int, Any] = OrderedDict()
        self.kind = _kind(X)
        self._usual = Usual(X) if self.kind == "rows" else None
        self._scale = _scale(X) if self.kind == "images" and not isinstance(X, Photos) else (0.0, 1.0)

    @property
    def columns(self) -> list[str]:
        """Of a table."""
        return [] if self._usual is None else self._usual.columns

    @property
    def side(self) -> int:
        """Width and height of a cell of `sprite`, in pixels."""
        if self.kind != "images" or isinstance(self._X, Photos):
            return SMALL
        return int(min(SMALL, max(self._X.shape[1:3])))

    def shown(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """What is not a picture, as JSON values: a text, or cells with marks."""
        if self._usual is not None:
            both = zip(self._usual.rows(rows), self._usual.marks(rows), strict=True)
            return [{"cells": cells, "marks": marks} for cells, marks in both]
        if self.kind == "texts":
            return [{"text": str(self._X[row])} for row in rows]
        return [{} for _ in rows]

    def picture(self, row: int) -> bytes:
        """One image as PNG, photos at most 320 pixels wide and high."""
        image = self._image(row)
        if isinstance(self._X, Photos):
            image.thumbnail((LARGE, LARGE))
        return _as_png(image)

    def sprite(self, rows: Sequence[int], n_columns: int) -> bytes:
        """Several images in one PNG, `n_columns` in a line of square cells."""
        from PIL import Image

        side = self.side
        n_lines = -(-len(rows) // n_columns)
        sheet = Image.new("RGB" if self._is_colour else "L", (side * n_columns, side * n_lines))
        for place, row in enumerate(rows):
            cell = self._cell(row, side)
            x, y = place % n_columns * side, place // n_columns * side
            sheet.paste(cell, (x + (side - cell.width) // 2, y + (side - cell.height) // 2))
        return _as_png(sheet)

    def _cell(self, row: int, side: int) -> Any:
        if row in self._small:
            return self._small[row]
        image = self._image(row)
        image.thumbnail((side, side))
        if isinstance(self._X, Photos):  # arrays are as quick as a cache
            self._small[row] = image
            if len(self._small) > _MOST_CACHED:
                self._small.popitem(last=False)
        return image

    @property
    def _is_colour(self) -> bool:
        return isinstance(self._X, Photos) or (self._X.ndim == 4 and self._X.shape[3] >= 3)

    def _image(self, row: int) -> Any:
        try:
            from PIL import Image
        except ImportError as error:
            raise MissingExtraError("showing images", "pillow", "app") from error
        if isinstance(self._X, Photos):
            return self._X[row]
        low, high = self._scale
        values = np.asarray(self._X[row], dtype=np.float32)
        pixels = np.clip((values - low) * (255 / max(high - low, 1e-12)), 0, 255).astype(np.uint8)
        if pixels.ndim == 3:
            pixels = pixels[:, :, :3] if pixels.shape[2] >= 3 else pixels[:, :, 0]
        return Image.fromarray(pixels)


def _kind(X: Any) -> str:
    if isinstance(X, Photos):
        return "images"
    if is_texts(X):
        return "texts"
    return "images" if not hasattr(X, "iloc") and np.ndim(X) > 2 else "rows"


def _scale(X: np.ndarray) -> tuple[float, float]:
    """Values that are black and white."""
    if X.dtype == np.uint8:
        return 0.0, 255.0
    return float(X.min()), float(X.max())


def _as_png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)  # it only travels within the machine
    return buffer.getvalue()
