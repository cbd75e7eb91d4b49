"""What the interactive plots of `report.html` draw, for plotly."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelwise.report.figures.style import line_of
from labelwise.report.gallery import CloseUp
from labelwise.study.methods import label_of
from labelwise.study.results import Summary

_DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}


def data_url(content: bytes) -> str:
    """A PNG image as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def curve_json(summaries: Sequence[Summary], target: float) -> dict[str, Any]:
    """Data and layout of the curve."""
    lines = []
    for number, method in enumerate(dict.fromkeys(row.method for row in summaries)):
        rows = [row for row in summaries if row.method == method and row.n_cells]
        line = line_of(method, number)
        bands = [0 if math.isnan(row.half_width) else round(100 * row.half_width, 2) for row in rows]
        lines.append(
            {
                "name": label_of(method),
                "x": [row.n_labeled for row in rows],
                "y": [round(100 * row.mean, 2) for row in rows],
                "error_y": {"type": "data", "array": bands, "thickness": 1, "width": 2},
                "mode": "lines+markers",
                "line": {"color": line.color, "dash": _DASHES[line.dashes], "width": 1.2 * line.width},
                "hovertemplate": "%{y:.1f}% with %{x:,} labels",
            }
        )
    at_target = {"xref": "paper", "x0": 0, "x1": 1, "y0": 100 * target, "y1": 100 * target}
    layout = {
        "height": 520,
        "margin": {"t": 20, "r": 20},
        "xaxis": {"type": "log", "title": {"text": "labels"}},
        "yaxis": {"range": [0, 100], "title": {"text": "accuracy on items without a label, %"}},
        "shapes": [{"type": "line", "line": {"dash": "dash", "width": 1}, **at_target}],
        "hovermode": "closest",
        "plot_bgcolor": "white",
    }
    return {"data": lines, "layout": layout}


def map_json(close: CloseUp) -> dict[str, Any]:
    """The latent map: points, what they are, and one sheet of all items to show under the pointer."""
    rows = close.map_rows
    points = {name: np.round(values, 3).tolist() for name, values in close.maps.items()}
    return {
        "points": points,
        "names": close.names,
        "classes": close.truth[rows].tolist(),
        "components": close.encoding.top[rows].tolist(),
        "answers": close.decoded.soft_answers[rows].tolist(),
        "rows": rows.tolist(),
        "sheet": _sheet(close.images(rows)) if close.is_images else None,
    }


def _sheet(images: np.ndarray, n_columns: int = 50) -> dict[str, Any]:
    """All images side by side as one PNG."""
    from PIL import Image

    n_rows = math.ceil(len(images) / n_columns)
    height, width = images.shape[1:3]
    blank = np.ones((n_rows * n_columns - len(images), *images.shape[1:]))
    # Ink is dark on paper, as in the figures; colour pictures stay as they are.
    shown = images if images.ndim == 4 and images.shape[3] >= 3 else 1 - images.reshape(images.shape[:3])
    tiles = np.concatenate([shown, blank.reshape(-1, *shown.shape[1:])])
    sheet = tiles.reshape(n_rows, n_columns, *tiles.shape[1:]).swapaxes(1, 2)
    pixels = np.round(255 * np.clip(sheet, 0, 1)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.reshape(n_rows * height, n_columns * width, *pixels.shape[4:])).save(buffer, "PNG")
    return {
        "url": data_url(buffer.getvalue()),
        "columns": n_columns,
        "width": int(width),
        "height": int(height),
    }
