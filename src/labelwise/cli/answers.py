"""Predictions as files, and what summaries say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from labelwise.project import Answers, Project

_SHOWN = 5


_UNKNOWN = {"accuracy": None, "macro_f1": None, "lowest_recall": None}


def summarise_answers(answers: Answers, truth: np.ndarray | None, scored: np.ndarray) -> dict[str, Any]:
    """Numbers of a summary; accuracy on the answered items `scored`, where their classes are known.

    Parameters
    ----------
    answers : Answers
    truth : ndarray of shape (n_samples,), dtype object, or None
        Names of classes; -1 where one is not known.
    scored : ndarray of shape (n_samples,), bool
    """
    answered = answers.labels != None  # noqa: E711 (item by item)
    classes = [str(label) for label in answers.classes]
    summary: dict[str, Any] = {
        "classes": classes,
        "n_samples": len(answered),
        "n_without_answer": int((~answered).sum()),
        "share_answered": float(answered.mean()),
        "expected_error": float(1 - answers.confidence[answered].mean()) if answered.any() else None,
        "classes_without_label": None,
        **_UNKNOWN,
    }
    if truth is None:
        return summary
    known = truth != -1
    names = {str(name) for name in truth[known]}
    if names >= set(classes):  # else labels are not names of these classes
        counted = scored & answered & known
        summary["classes_without_label"] = sorted(names - set(classes))
        if counted.any():
            summary |= _quality(answers.labels[counted].astype(str), truth[counted].astype(str))
    return summary


def _quality(labels: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Accuracy, macro F1 over the true classes, and the class that is recalled least."""
    import numpy as np
    from sklearn.metrics import f1_score, recall_score

    classes, counts = np.unique(truth, return_counts=True)
    of_classes = {"labels": classes, "zero_division": 0.0}
    recall = recall_score(truth, labels, average=None, **of_classes)
    least = int(np.lexsort((counts, recall))[0])
    return {
        "accuracy": float((labels == truth).mean()),
        "macro_f1": float(f1_score(truth, labels, average="macro", **of_classes)),
        "lowest_recall": {
            "class": str(classes[least]),
            "recall": float(recall[least]),
            "n_samples": int(counts[least]),
        },
    }


def quality_line(summary: Mapping[str, Any]) -> str:
    """Say what `summarise_answers` found beside the accuracy."""
    least = summary["lowest_recall"]
    return (
        f"macro F1 {summary['macro_f1']:.2f}; least recalled class: {least['class']}, "
        f"{least['recall']:.1%} of {least['n_samples']:,}"
    )


def source_lines(about: Mapping[str, Any], project: Project | None) -> list[str]:
    """Say what answered, and which labels it doubts."""
    if about["answerer"] == "student":
        lines = [
            f"answered by the student ({about['verdict']})" if "verdict" in about else "answered by a student"
        ]
        if about.get("n_newer"):
            lines.append(f"{about['n_newer']} labels are newer than the student: labelwise refine adds them")
        return lines
    lines = [f"decoder: {about['decoder']}"]
    if about["choice"] is not None:
        lines = [f"decoder: {about['choice']}, chosen by auto: {about['reason']}"]
    doubtful = about["doubtful_labels"]
    if doubtful and project is not None:
        y = project.labels()
        named = [f"{project.pool.identity(row)} ({y[row]})" for row in doubtful[:_SHOWN]]
        more = f" and {len(doubtful) - _SHOWN} more" if len(doubtful) > _SHOWN else ""
        lines.append(f"doubtful labels, worth a second look: {', '.join(named)}{more}")
    if about["n_unnamed_components"]:
        lines.append(
            f"{about['n_unnamed_components']} of {about['n_components']} components hold no labelled item"
        )
    return lines
