"""Tasks of Label Studio (https://labelstud.io/guide/task_format): predictions out, annotations in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from labelwise.damage import parse_json
from labelwise.data.labels import LabelRow, find_item
from labelwise.errors import LabelError, StorageError

__all__ = ["make_tasks", "read_annotations"]

_MODEL_VERSION = "labelwise"
_LOCAL = "/data/local-files/?d="  # how Label Studio addresses files of its own machine


def make_tasks(
    n_samples: int,
    paths: Sequence[str] | None,
    labels: Mapping[int, tuple[str, str]],
    predictions: tuple[np.ndarray, np.ndarray] | None,
    texts: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Make one task an item, with what a person said as an annotation and the answer as a prediction.

    The labelling configuration needs a `Choices` tag of the name "label" for an object of the name "item":
    ``<View><Image name="item" value="$image"/><Choices name="label" toName="item">…</Choices></View>``.

    Parameters
    ----------
    n_samples : int
    paths : sequence of str or None
        Of images, relative to their folder.
    labels : mapping of int to (str, str)
        Label of a row, and who gave it.
    predictions : (labels, probabilities) or None
        Of all items; a label may be None.
    texts : ndarray of shape (n_samples,), dtype object, or None
        Items that are texts: the object of the configuration is then
        ``<Text name="item" value="$text"/>``.

    Returns
    -------
    list of dict
    """
    tasks = []
    for row in range(n_samples):
        data: dict[str, Any] = {"index": row}
        if paths is not None:
            data |= {"path": paths[row], "image": _LOCAL + quote(paths[row])}
        if texts is not None:
            data["text"] = texts[row]
        task: dict[str, Any] = {"data": data}
        if row in labels:
            label, by = labels[row]
            task["annotations"] = [{"result": _result(label), "completed_by": by}]
        if predictions is not None and predictions[0][row] is not None:
            score = round(float(predictions[1][row]), 4)
            result = _result(str(predictions[0][row]))
            task["predictions"] = [{"model_version": _MODEL_VERSION, "score": score, "result": result}]
        tasks.append(task)
    return tasks


def _result(label: str) -> list[dict[str, Any]]:
    return [{"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [label]}}]


def read_annotations(path: Path, *, n_samples: int, paths: Sequence[str] | None) -> list[LabelRow]:
    """Read what people chose, from a JSON export of Label Studio.

    Of several annotations of a task the latest counts; cancelled ones do not. Items are known by the "path"
    or "index" of their task's data, or by the end of the image's address.

    Raises
    ------
    LabelError
        If the file is no such export, an annotation holds not exactly one choice, a task names no item, or
        nothing is annotated.
    StorageError
        If it cannot be opened.
    """
    try:
        tasks = parse_json(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise LabelError(f"{path} is not JSON: {error}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise LabelError(f"{path} is not a list of tasks: export it from Label Studio as JSON")
    known = {} if paths is None else {name: row for row, name in enumerate(paths)}
    rows: dict[int, LabelRow] = {}
    for number, task in enumerate(tasks):
        where = f"{path}, task {task.get('id', number)}"
        found = _annotation(task, where)
        if found is None:
            continue
        row = LabelRow(_item(task, n_samples, known, where), found[0], by=found[1])
        before = rows.setdefault(row.row, row)
        if before.label != row.label:
            raise LabelError(
                f"{where}: its item is labelled {row.label!r}, but {before.label!r} in an earlier task: keep "
                "one of the two"
            )
    if not rows:
        raise LabelError(f"{path} has no annotations: choose a label for at least one task")
    return list(rows.values())


def _annotation(task: Mapping[str, Any], where: str) -> tuple[str, str] | None:
    given = _dicts(task.get("annotations") or task.get("completions"))
    given = [each for each in given if not each.get("was_cancelled")]
    if not given:
        return None
    # Of equal times the last in the file.
    latest = max(given[::-1], key=lambda each: str(each.get("updated_at") or each.get("created_at") or ""))
    values = [part["value"] for part in _dicts(latest.get("result")) if isinstance(part.get("value"), dict)]
    chosen = [value["choices"] for value in values if value.get("choices")]
    choices = [choice for one in chosen for choice in (one if isinstance(one, list) else [one])]
    if len(choices) != 1 or not isinstance(choices[0], str) or not choices[0].strip():
        raise LabelError(f"{where}: has {len(choices)} choices {choices!r}: choose exactly one label")
    by = latest.get("completed_by") or ""
    return choices[0].strip(), str(by.get("email") or "") if isinstance(by, dict) else str(by)


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _item(task: Mapping[str, Any], n_samples: int, known: Mapping[str, int], where: str) -> int:
    data = task.get("data")
    data = data if isinstance(data, dict) else {}
    if known and "path" not in data and isinstance(data.get("image"), str):
        data = {**data, "path": _known_end(data["image"].removeprefix(_LOCAL), known)}
    if known and "path" in data:
        return find_item("path", str(data["path"]), n_samples, known, where)
    if "index" in data:
        return find_item("index", str(data["index"]), n_samples, known, where)
    raise LabelError(f"{where}: its data identify no item: they need an index{' or a path' if known else ''}")


def _known_end(address: str, known: Mapping[str, int]) -> str:
    """The path of an image at the end of its address; the file's name where none is known."""
    end = ""
    for spelling in (address, unquote(address)):
        end = spelling
        while end not in known and "/" in end:
            end = end.split("/", 1)[1]
        if end in known:
            break
    return end
