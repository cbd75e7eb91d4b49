"""What `decode` and `refine` share: decoders by name, files of answers, and what summaries say of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from labelwise.data import Dataset
    from labelwise.decoding import Decoder

_SHOWN = 5


class DecoderName(StrEnum):
    """Values of --decoder: the names in `labelwise.decoding.DECODERS`, which takes long to import."""

    auto = "auto"
    poisson = "poisson"
    spreading = "spreading"
    bayes = "bayes"
    related = "related"
    soft = "soft"
    hard = "hard"


def write_answers(path: Path, columns: Mapping[str, Sequence[Any]], paths: list[str] | None) -> None:
    """Write a CSV with a line for each item: its index, `columns`, and its path in a folder of images.

    Raises
    ------
    StorageError
    """
    from labelwise.storage import write_csv

    n_samples = len(next(iter(columns.values())))
    table = {"index": range(n_samples), **columns} | ({} if paths is None else {"path": paths})
    write_csv(
        path, list(table), [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    )


def as_text(probabilities: np.ndarray) -> list[str]:
    """Probabilities as files of answers have them."""
    return [f"{probability:.4f}" for probability in probabilities]


def describe_decoder(name: str, decoder: Decoder, y: np.ndarray, paths: list[str] | None) -> dict[str, Any]:
    """What the summary says of a fitted decoder, and of labels that it doubts."""
    doubtful = [
        {"index": int(row), "label": str(y[row])} | ({} if paths is None else {"path": paths[row]})
        for row in getattr(decoder, "doubtful_labels_", ())
    ]
    return {
        "decoder": name,
        "choice": getattr(decoder, "choice_", None),
        "reason": getattr(decoder, "reason_", None),
        "doubtful_labels": doubtful,
    }


def decoder_lines(summary: Mapping[str, Any]) -> list[str]:
    """Say what `describe_decoder` found."""
    lines = [f"decoder: {summary['decoder']}"]
    if summary["choice"] is not None:
        lines = [f"decoder: {summary['choice']}, which auto chose: {summary['reason']}"]
    if doubtful := summary["doubtful_labels"]:
        named = [f"{label.get('path', label['index'])} ({label['label']})" for label in doubtful[:_SHOWN]]
        more = f" and {len(doubtful) - _SHOWN} more" if len(doubtful) > _SHOWN else ""
        lines.append(f"doubtful labels: {', '.join(named)}{more}")
    return lines


def compare_with_truth(
    answers: np.ndarray, classes: Sequence[str], dataset: Dataset, scored: np.ndarray
) -> tuple[list[str] | None, float | None]:
    """Classes without a label, and the accuracy of the answers in the rows `scored`.

    Both are None where the data do not know their classes, or labels are no names of classes.
    """
    import numpy as np

    if dataset.y is None or dataset.names is None or not set(dataset.names) >= set(classes):
        return None, None
    truth = np.array(dataset.names, dtype=object)[dataset.y]
    scored = scored & (answers != "")
    accuracy = float((answers[scored] == truth[scored]).mean()) if scored.any() else None
    return sorted(set(dataset.names) - set(classes)), accuracy
