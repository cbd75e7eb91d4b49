"""Sheets that were proposed last: whoever comes back need not wait for new ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from labelwise.damage import parse_json
from labelwise.planning.sheet import Sheet
from labelwise.project.labelling import Labelling
from labelwise.storage import write_text

_SHEETS = "sheets.json"


def keep_sheets(project: Labelling, sheets: Sequence[Sheet]) -> None:
    """Write sheets down, if this process may change the project."""
    content = {"key": _key(project), "sheets": [_as_json(sheet) for sheet in sheets]}
    with project.may_keep() as may:
        if may:
            write_text(project.path / _SHEETS, json.dumps(content))


def kept_sheets(project: Labelling) -> list[Sheet]:
    """What was written down, without sheets of which an item has a label by now."""
    labeled = set(project.labeled())
    try:
        kept = parse_json((project.path / _SHEETS).read_text(encoding="utf-8"))
        if kept["key"] != _key(project):
            return []
        found = [_of_json(each) for each in kept["sheets"]]
    except (OSError, ValueError, LookupError, TypeError):
        return []  # nothing is lost: they are made again
    return [sheet for sheet in found if labeled.isdisjoint(sheet.items.tolist())]


def _key(project: Labelling) -> list[str]:
    return [project.model_id, project.pool.fingerprint]


def _as_json(sheet: Sheet) -> dict[str, Any]:
    predictions = None if sheet.predictions is None else [str(each) for each in sheet.predictions]
    return {**vars(sheet), "items": sheet.items.tolist(), "predictions": predictions}


def _of_json(content: dict[str, Any]) -> Sheet:
    predictions = content["predictions"]
    return Sheet(
        int(content["component"]),
        np.array(content["items"], dtype=np.int64),
        None if predictions is None else np.array(predictions, dtype=object),
        int(content["n_items"]),
        str(content["reason"]),
    )
