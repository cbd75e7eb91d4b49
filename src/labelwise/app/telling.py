"""What the page is told, as JSON values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from labelwise.app.queue import Waiting

if TYPE_CHECKING:
    from labelwise.app.session import Session
    from labelwise.project import Decision

_N_LATEST = 300  # decisions that count as recent, some minutes of work: older names are typed


def state(session: Session) -> dict[str, Any]:
    """Where the project stands."""
    with session.lock:
        project, labeled, places = session.project, session.project.current, session.places()
        counts = dict.fromkeys(project.names().values(), 0) | labeled.counts
        return {
            "project": project.path.name.removesuffix(".labelwise"),
            "n_items": len(project),
            "kind": session.items.kind,
            "columns": session.items.columns,
            "side": session.items.side,
            "revision": session.revision,
            "n_decisions": project.journal.n_in_effect,
            "n_labeled": len(labeled),
            "named_share": project.named_share(),
            "classes": [{"name": name, "n": n, "place": places[name]} for name, n in sorted(counts.items())],
            "latest": latest_names(project.journal.latest()),
            "answers": _about_answers(session),
            "forecast": forecast(session),
            "busy": session.busy,
            "faults": session.faults,
            "refining": session.refining.state,
            "has_map": session.layout is not None,
        }


def latest_names(latest: Iterable[Decision], n: int = 30) -> list[str]:
    """Names in the order in which they were last given, the latest first."""
    found: dict[str, None] = {}
    for decision in itertools.islice(latest, _N_LATEST):
        for label in decision.each or (decision.label,):
            if label is not None:
                found.setdefault(label)
        if len(found) >= n:
            break
    return list(found)[:n]


def _about_answers(session: Session) -> dict[str, Any] | None:
    answers = session.answers
    if answers is None:
        return None
    about = answers.about
    by = "student" if about.get("answerer") == "student" else about.get("choice") or about.get("decoder")
    return {
        "revision": session.answers_revision,
        "by": by,
        "graph_revision": None if session.graph is None else session.graph_revision,
        "classes": [str(each) for each in answers.classes],
        "confidence": float(answers.confidence.mean()),
    }


def forecast(session: Session) -> dict[str, Any] | None:
    """What accuracy to expect, now and with more labels."""
    found = session.forecast
    if found is None:
        return None
    names = ("n_labels", "accuracy", "low", "high", "gain")
    return {
        "revision": session.forecast_revision,
        **{name: [float(each) for each in getattr(found, name)] for name in names},
    }


def sheets(session: Session, n: int) -> list[dict[str, Any]]:
    """The next sheets with their items."""
    with session.lock:
        session.queue.drop_labelled(session.project.current)
        return [_sheet(session, waiting) for waiting in session.queue.first(n)]


def _sheet(session: Session, waiting: Waiting) -> dict[str, Any]:
    sheet = waiting.sheet
    rows = [int(row) for row in sheet.items]
    predictions = [None] * len(rows) if sheet.predictions is None else [str(p) for p in sheet.predictions]
    shown = items(session, rows)
    for item, prediction in zip(shown, predictions, strict=True):
        item["prediction"] = prediction
    return {
        "id": waiting.id,
        "component": sheet.component,
        "n_items": sheet.n_items,
        "reason": sheet.reason,
        "items": shown,
    }


def items(session: Session, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Items with what is known of them."""
    session.check_rows(rows)
    labeled, answers, graph = session.project.current, session.answers, session.graph
    found = []
    for row, shown in zip(rows, session.items.shown(rows), strict=True):
        name = str(session.project.pool.identity(row))
        item = {"row": row, "name": name, "label": labeled.label(row), **shown}
        if answers is not None:
            item["answer"] = None if answers.labels[row] is None else str(answers.labels[row])
            item["probability"] = round(float(answers.probabilities[row].max()), 4)
        if graph is not None and graph.labels[row] is not None:
            item["graph"] = str(graph.labels[row])
        found.append(item)
    return found


def history(session: Session, before: int | None, n: int) -> list[dict[str, Any]]:
    """Decisions, the latest first."""
    with session.lock:
        journal = session.project.journal
        decisions = journal.decisions
        stop = len(decisions) if before is None else min(max(before - 1, 0), len(decisions))
        chosen = decisions[max(stop - n, 0) : stop][::-1]
        return [{**told(session, each), "holds": journal.holds(each.id)} for each in chosen]


def told(session: Session, decision: Decision) -> dict[str, Any]:
    """A decision."""
    pool = session.project.pool
    rows = [row for row in pool.rows_of(decision) if row is not None] if decision.action == "label" else []
    return {
        "id": decision.id,
        "action": decision.action,
        "rows": rows[:12],
        "n_items": len(decision.items),
        "component": decision.component,
        "labels": sorted({each for each in (*decision.each, decision.label) if each}),
        "by": decision.by,
        "time": decision.time,
        "how": decision.how,
        "of": decision.of,
    }
