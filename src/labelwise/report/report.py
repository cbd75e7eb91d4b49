"""`report.html`: one file that needs no network, with the answer first."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.errors import MissingExtraError
from labelwise.planning.budget import label_budget
from labelwise.report.figures.style import line_of
from labelwise.report.findings import (
    HARD,
    PUBLISHED_HARD,
    SOFT,
    Gain,
    LabelsNeeded,
    best_peers,
    exchanges,
    labels_needed,
    paired_gains,
)
from labelwise.report.gallery import CloseUp
from labelwise.storage import write_text
from labelwise.study.ladder import Rung, climb
from labelwise.study.methods import METHODS
from labelwise.study.protocol import Study
from labelwise.study.results import Cell, Summary, read_cells, summarise
from labelwise.study.run import read_notes

_DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}
_OURS = tuple(name for name, method in METHODS.items() if method.uses_model)


def write_report(study: Study, output: Path, close: CloseUp, drawn: dict[str, Path]) -> Path:
    """Write `report.html` of a finished run.

    Parameters
    ----------
    study : Study
    output : Path
        Run folder with results.
    close : CloseUp
    drawn : dict of str to Path
        Figures by name, as `draw_figures` returns them.

    Returns
    -------
    Path

    Raises
    ------
    MissingExtraError
        If Jinja2 or plotly is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("the report", str(error.name), "study") from None
    cells = read_cells(output / "results.csv")
    summaries = summarise(cells)
    environment = Environment(loader=PackageLoader("labelwise.report", "templates"), autoescape=True)
    notes = read_notes(output)
    text = environment.get_template("report.html.j2").render(
        title=f"How many labels? {close.dataset.name}",
        answers=answers(study, summaries, cells),
        table=_table(summaries),
        held_out=_table(summaries, held_out=True),
        gains=_gain_rows(cells),
        ladder=ladder_rows(climb(summaries)),
        images={name: _data_url(path.read_bytes()) for name, path in drawn.items()},
        shown_labels=close.n_labeled,
        purity=close.components.mean_purity,
        budget=label_budget(len(close.rows), close.encoding.posteriors.shape[1]),
        own_budget=label_budget(len(close.rows), weights=close.gmvae.shares_),
        failures=[cell for cell in cells if cell.error],
        notes=notes,
        settings=json.dumps(notes["study"], indent=2),
        study=study,
        interval=_interval_words(study),
        plotly=get_plotlyjs(),
        curve=_curve_json(summaries, study.target),
        maps=_map_json(close),
    )
    path = output / "report.html"
    write_text(path, text)
    return path


def answers(study: Study, summaries: Sequence[Summary], cells: Sequence[Cell]) -> list[str]:
    """Say in sentences what came out, whatever it is."""
    needed = {row.method: row for row in labels_needed(summaries, study.target)}
    n_pool = round(summaries[0].n_labeled / summaries[0].fraction)
    lines = [_reached(needed[name], study.target, n_pool) for name in (SOFT, HARD) if name in needed]
    lines += [
        _compared(needed, peer) for peer in ("XGBoost", "XGBoost, tuned", "label spreading") if peer in needed
    ]
    for peer in ("XGBoost", "label spreading"):
        traded = [row for row in exchanges(summaries, SOFT, peer) if row.ratio > 1]
        if traded:
            best = max(traded, key=lambda row: row.ratio)
            lines.append(
                f"For the {best.accuracy:.1%} that soft decoding has with {best.n_labeled:,} labels, {peer} "
                f"needs {best.n_peer:,.0f}: {best.ratio:.1f} times as many, the most of all budgets."
            )
    for mine, other in best_peers(summaries, _OURS):
        winner, loser = (mine, other) if mine.mean >= other.mean else (other, mine)
        lines.append(
            f"At {mine.n_labeled:,} labels {winner.method} is best with {_percent(winner)}; "
            f"the best of the {'other methods' if winner is mine else 'methods on our model'} is "
            f"{loser.method} with {_percent(loser)}."
        )
    lines += _hole_lines(cells)
    return [line for line in lines if line]


def _reached(found: LabelsNeeded, target: float, n_pool: int) -> str:
    if math.isinf(found.n_labels):
        return f"{found.method.capitalize()} decoding does not reach {target:.0%} at any budget studied."
    about = "with at most" if found.is_bound else "with about"
    return (
        f"{found.method.capitalize()} decoding reaches {target:.0%} {about} {found.n_labels:,.0f} labels, "
        f"{found.n_labels / n_pool:.2%} of the items."
    )


def _compared(needed: dict[str, LabelsNeeded], peer: str) -> str:
    mine, other = needed.get(SOFT), needed[peer]
    if mine is None or math.isinf(mine.n_labels):
        return "" if math.isinf(other.n_labels) else f"{peer} reaches it with {other.n_labels:,.0f} labels."
    if math.isinf(other.n_labels):
        return f"{peer} does not reach it at any budget studied."
    ratio = other.n_labels / mine.n_labels
    if ratio >= 1:
        return f"{peer} needs {other.n_labels:,.0f}: {ratio:.1f} times as many."
    return f"{peer} needs {other.n_labels:,.0f}: {1 / ratio:.1f} times fewer."


def _hole_lines(cells: Sequence[Cell]) -> list[str]:
    """How much of the published gain of soft over hard is left once unnamed components get a fair name."""
    published = {gain.n_labeled: gain for gain in paired_gains(cells, SOFT, PUBLISHED_HARD)}
    fair = {gain.n_labeled: gain for gain in paired_gains(cells, SOFT, HARD)}
    shared = sorted(set(published) & set(fair))
    if not shared:
        return []
    largest = max(shared, key=lambda n: published[n].mean)
    gain, left = published[largest].mean, fair[largest].mean
    if gain <= 0:
        return ["Soft decoding beats hard decoding as published at no budget."]
    hole = "All" if left <= 0 else f"{1 - left / gain:.0%}"
    return [
        f"Soft decoding beats hard decoding as published by up to {100 * gain:.1f} points, at {largest:,} "
        f"labels. {hole} of that is the answer given by components that no label reached: "
        f"against hard decoding with the nearest name, {100 * left:+.1f} points are left."
    ]


def _percent(row: Summary) -> str:
    band = "" if math.isnan(row.half_width) else f" ± {100 * row.half_width:.1f}"
    return f"{100 * row.mean:.1f}{band} %"


def _interval_words(study: Study) -> str:
    if len(study.model_seeds) > 1:
        return (
            f"Means over {study.draws} label draws and {len(study.model_seeds)} model seeds. ± is half the "
            "95 % interval: Student's t with model seeds and draws as crossed random effects for methods on "
            "the model, over draws for the others."
        )
    return (
        f"Means over {study.draws} label draws on one model. ± is half the 95 % interval, Student's t over "
        "the draws; it does not cover what another model seed would change."
    )


def _table(summaries: Sequence[Summary], *, held_out: bool = False) -> dict[str, Any] | None:
    """Rows of methods, columns of budgets, the best of each column marked."""
    budgets = sorted({row.n_labeled for row in summaries})
    methods = list(dict.fromkeys(row.method for row in summaries))
    found = {(row.method, row.n_labeled): row for row in summaries}

    def value(row: Summary | None) -> tuple[float, float]:
        if row is None:
            return math.nan, math.nan
        return (row.mean_held_out, row.half_width_held_out) if held_out else (row.mean, row.half_width)

    means = np.array([[value(found.get((method, n)))[0] for n in budgets] for method in methods])
    if np.isnan(means).all():
        return None
    best = np.nanmax(np.where(np.isnan(means), -1, means), axis=0)
    rows = []
    for method, values in zip(methods, means, strict=True):
        texts = []
        for n, mean, top in zip(budgets, values, best, strict=True):
            band = value(found.get((method, n)))[1]
            text = "-" if math.isnan(mean) else f"{100 * mean:.1f}"
            texts.append((text, "" if math.isnan(band) else f"± {100 * band:.1f}", mean == top))
        cost = [found[method, n].seconds for n in budgets if (method, n) in found]
        rows.append({"method": method, "cells": texts, "seconds": f"{min(cost):.2g} to {max(cost):.2g}"})
    return {"budgets": [f"{n:,}" for n in budgets], "rows": rows}


def _gain_rows(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    columns = [
        paired_gains(cells, SOFT, other) for other in (PUBLISHED_HARD, HARD, "label spreading", "XGBoost")
    ]
    by_budget: dict[int, list[Gain | None]] = {}
    for number, column in enumerate(columns):
        for gain in column:
            by_budget.setdefault(gain.n_labeled, [None] * len(columns))[number] = gain
    return [
        {
            "labels": f"{n:,}",
            "gains": [
                "-"
                if gain is None
                else f"{100 * gain.mean:+.1f}"
                + ("" if math.isnan(gain.half_width) else f" ± {100 * gain.half_width:.1f}")
                for gain in gains
            ],
        }
        for n, gains in sorted(by_budget.items())
    ]


def ladder_rows(rungs: Sequence[Rung]) -> list[list[str]]:
    """Labels, step, method, accuracy, gain over what, gain over label spreading, seconds."""

    def points(gain: float) -> str:
        return "" if math.isnan(gain) else f"{100 * gain:+.1f}"

    return [
        [
            f"{rung.n_labeled:,}",
            rung.name,
            rung.method,
            f"{100 * rung.mean:.1f}"
            + ("" if math.isnan(rung.half_width) else f" ± {100 * rung.half_width:.1f}"),
            "" if rung.base is None else f"{points(rung.gain)} over {rung.base}",
            points(rung.over_peer),
            f"{rung.seconds:.2g}",
        ]
        for rung in rungs
    ]


def _data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def _curve_json(summaries: Sequence[Summary], target: float) -> dict[str, Any]:
    """Data and layout of the interactive curve, for plotly."""
    lines = []
    for number, method in enumerate(dict.fromkeys(row.method for row in summaries)):
        rows = [row for row in summaries if row.method == method and row.n_cells]
        line = line_of(method, number)
        lines.append(
            {
                "name": method,
                "x": [row.n_labeled for row in rows],
                "y": [round(100 * row.mean, 2) for row in rows],
                "error_y": {
                    "type": "data",
                    "array": [
                        0 if math.isnan(row.half_width) else round(100 * row.half_width, 2) for row in rows
                    ],
                    "thickness": 1,
                    "width": 2,
                },
                "mode": "lines+markers",
                "line": {"color": line.color, "dash": _DASHES[line.dashes], "width": 1.2 * line.width},
                "hovertemplate": "%{y:.1f} % with %{x:,} labels",
            }
        )
    layout = {
        "height": 520,
        "margin": {"t": 20, "r": 20},
        "xaxis": {"type": "log", "title": {"text": "labels"}},
        "yaxis": {"range": [0, 100], "title": {"text": "accuracy on items without a label, %"}},
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 100 * target,
                "y1": 100 * target,
                "line": {"dash": "dash", "width": 1},
            }
        ],
        "hovermode": "closest",
        "plot_bgcolor": "white",
    }
    return {"data": lines, "layout": layout}


def _map_json(close: CloseUp) -> dict[str, Any]:
    """The latent map: points, what they are, and one sheet of all items for the hover."""
    rows = close.map_rows
    points = {name: np.round(values, 3).tolist() for name, values in close.maps.items()}
    maps: dict[str, Any] = {
        "points": points,
        "names": close.names,
        "classes": close.truth[rows].tolist(),
        "components": close.encoding.posteriors[rows].argmax(axis=1).tolist(),
        "answers": np.searchsorted(np.arange(len(close.names)), close.decoded.soft_answers[rows]).tolist(),
        "rows": rows.tolist(),
        "sheet": None,
    }
    if close.is_images:
        maps["sheet"] = _sheet(close.images(rows))
    return maps


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
        "url": _data_url(buffer.getvalue()),
        "columns": n_columns,
        "width": int(width),
        "height": int(height),
    }
