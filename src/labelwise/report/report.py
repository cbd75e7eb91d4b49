"""`report.html`: one file that needs no network, with the answer first."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.errors import MissingExtraError
from labelwise.planning.budget import label_budget
from labelwise.report.findings import COMPARED, Gain, paired_gains
from labelwise.report.gallery import CloseUp
from labelwise.report.interactive import curve_json, data_url, map_json
from labelwise.report.sentences import answers, interval_words
from labelwise.storage import write_text
from labelwise.study.folder import read_notes
from labelwise.study.ladder import Rung, climb
from labelwise.study.methods import SOFT, label_of
from labelwise.study.protocol import Study
from labelwise.study.results import Cell, Summary, read_cells, summarise


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
    environment.filters["label"] = label_of
    notes = read_notes(output)
    text = environment.get_template("report.html.j2").render(
        title=f"How many labels? {close.dataset.name}",
        answers=answers(study, summaries, cells),
        table=_table(summaries),
        held_out=_table(summaries, held_out=True),
        compared=[method.label for method in COMPARED],
        gains=_gain_rows(cells),
        ladder=ladder_rows(climb(summaries)),
        images={name: data_url(path.read_bytes()) for name, path in drawn.items()},
        shown_labels=close.n_labeled,
        purity=close.components.mean_purity,
        budget=label_budget(len(close.rows), close.encoding.n_components),
        own_budget=label_budget(len(close.rows), weights=close.gmvae.shares_),
        failures=[cell for cell in cells if cell.error],
        notes=notes,
        settings=json.dumps(notes["study"], indent=2),
        study=study,
        interval=interval_words(study),
        plotly=get_plotlyjs(),
        curve=curve_json(summaries, study.target),
        maps=map_json(close),
    )
    path = output / "report.html"
    write_text(path, text)
    return path


def _table(summaries: Sequence[Summary], *, held_out: bool = False) -> dict[str, Any] | None:
    """Rows of methods, columns of budgets, the best of each column marked; None without any value."""
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
        seconds = f"{min(cost):.2g} to {max(cost):.2g}"
        rows.append({"method": label_of(method), "cells": texts, "seconds": seconds})
    return {"budgets": [f"{n:,}" for n in budgets], "rows": rows}


def _gain_rows(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Soft decoding minus each of `COMPARED`, by budget."""
    columns = [paired_gains(cells, SOFT.id, other.id) for other in COMPARED]
    by_budget: dict[int, list[Gain | None]] = {}
    for number, column in enumerate(columns):
        for gain in column:
            by_budget.setdefault(gain.n_labeled, [None] * len(columns))[number] = gain

    def points(gain: Gain | None) -> str:
        if gain is None:
            return "-"
        band = "" if math.isnan(gain.half_width) else f" ± {100 * gain.half_width:.1f}"
        return f"{100 * gain.mean:+.1f}{band}"

    return [
        {"labels": f"{n:,}", "gains": [points(gain) for gain in gains]}
        for n, gains in sorted(by_budget.items())
    ]


def ladder_rows(rungs: Sequence[Rung]) -> list[list[str]]:
    """Labels, step, method, accuracy, gain over what, gain over label spreading, seconds."""

    def points(gain: float) -> str:
        return "" if math.isnan(gain) else f"{100 * gain:+.1f}"

    return [
        [
            f"{rung.n_labeled:,}",
            rung.step.label,
            label_of(rung.method),
            f"{100 * rung.mean:.1f}"
            + ("" if math.isnan(rung.half_width) else f" ± {100 * rung.half_width:.1f}"),
            "" if rung.base is None else f"{points(rung.gain)} over {rung.base.label}",
            points(rung.over_peer),
            f"{rung.seconds:.2g}",
        ]
        for rung in rungs
    ]
