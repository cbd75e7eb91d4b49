"""Labels in and out of a project: CSV, and tasks of Label Studio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labelwise.data.label_studio import make_tasks, read_annotations
from labelwise.data.labels import LabelRow, read_label_rows
from labelwise.errors import LabelError
from labelwise.storage import write_csv, write_json

if TYPE_CHECKING:
    from labelwise.project.answers import Answers
    from labelwise.project.labelling import Labelling


def import_labels(project: Labelling, path: Path, *, by: str, how: str | None) -> int:
    """Take labels from a file; see `Project.import_labels`. All of it is checked before any is taken."""
    pool = project.pool
    read = read_annotations if path.suffix.lower() == ".json" else read_label_rows
    rows: list[LabelRow] = read(path, n_samples=len(pool), paths=pool.paths)
    before = {row: label for row, (label, _) in project.labeled().items()}
    changed = [row for row in rows if before.get(row.row) != row.label]
    for each in changed:
        project.label(
            pool.identity(each.row),
            each.label,
            by=each.by or by,
            how=how or ("suggested" if each.was_suggested else "imported"),
        )
    return len(changed)


def export_labels(project: Labelling, path: Path, answer: Callable[[], Answers]) -> int:
    """Write labels to a file; see `Project.export_labels`. `answer` gives the predictions, if any."""
    labeled = dict(sorted(project.labeled().items()))
    if path.suffix.lower() == ".json":
        try:
            answers = answer()
        except LabelError:
            answers = None  # nothing is labelled yet: tasks without predictions
        labels = {row: (label, decision.by) for row, (label, decision) in labeled.items()}
        predictions = None if answers is None else (answers.labels, answers.confidence)
        write_json(path, make_tasks(len(project), project.pool.paths, labels, predictions))
        return len(labeled)
    key = "index" if project.pool.paths is None else "path"
    rows = [
        {key: project.pool.identity(row), "label": label, "how": d.how, "by": d.by, "time": d.time}
        for row, (label, d) in labeled.items()
    ]
    write_csv(path, [key, "label", "how", "by", "time"], rows)
    return len(labeled)
