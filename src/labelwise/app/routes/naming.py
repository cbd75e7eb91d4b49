"""Decisions: sheets, single items, undo and redo."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from labelwise.app import telling
from labelwise.app.bodies import LabelBody, PersonBody, SheetBody, SplitBody
from labelwise.app.session import Session
from labelwise.errors import LabelError

_N_AHEAD = 2  # the sheet on the page, and the next, which it shows without waiting


def make_router(session: Session) -> APIRouter:
    """Routes about decisions."""
    router = APIRouter(prefix="/api", tags=["decisions"])
    _add_proposals(router, session)
    _add_decisions(router, session)
    return router


def _add_proposals(router: APIRouter, session: Session) -> None:
    """What to name next."""

    @router.get("/state")
    def state() -> dict[str, Any]:
        """Where the project stands."""
        return telling.state(session)

    @router.get("/sheets")
    def sheets(n: Annotated[int, Query(ge=1, le=10)] = _N_AHEAD) -> dict[str, Any]:
        """The next sheets; fewer while they are being made."""
        found = _answer(session, n)
        session.want()
        return found

    @router.post("/skip")
    def skip(body: SheetBody) -> dict[str, Any]:
        """Leave a sheet without a name."""
        with session.lock:
            session.queue.skip(body.sheet)
            session.want()
            return _answer(session)

    @router.post("/split")
    def split(body: SplitBody) -> dict[str, Any]:
        """Make tighter sheets of a mixed one."""
        with session.lock:
            waiting = session.queue.find(body.sheet)
            parts = session.project.split(waiting.sheet.items.tolist(), body.n_parts)
            session.queue.put_first(parts, body.sheet)
            return _answer(session)

    @router.get("/suggestions")
    def suggestions(n: Annotated[int, Query(ge=1, le=200)] = 20) -> list[dict[str, Any]]:
        """Single items worth a label."""
        n_free = len(session.project) - len(session.project.current)
        if not n_free:
            return []
        found = session.project.suggest(min(n, n_free))
        shown = telling.items(session, [each.index for each in found])
        return [{**item, "reason": each.reason} for item, each in zip(shown, found, strict=True)]


def _add_decisions(router: APIRouter, session: Session) -> None:
    """What is said of it, and what was said before."""

    @router.post("/label")
    def label(body: LabelBody) -> dict[str, Any]:
        """Record a decision; the answer means that it is on disk."""
        with session.lock:
            session.check_rows(body.items)
            _check_conflict(session, body)
            if body.labels is not None:
                if body.label is not None:
                    raise LabelError("label and labels say the same twice: give one of them")
                session.project.confirm(body.items, body.labels, by=body.by, how=body.how)
            else:
                session.project.label_items(body.items, body.label, by=body.by, how=body.how)
            session.decided(body.sheet)
            return _answer(session)

    @router.post("/undo")
    def undo(body: PersonBody) -> dict[str, Any]:
        """Take back the latest decision, and show its items again."""
        with session.lock:
            decision = session.project.undo(by=body.by)
            session.put_back(decision)
            session.decided()
            return {**_answer(session), "undone": telling.told(session, decision)}

    @router.post("/redo")
    def redo(body: PersonBody) -> dict[str, Any]:
        """Restore the decision that was taken back last."""
        with session.lock:
            decision = session.project.redo(by=body.by)
            session.decided()
            return {**_answer(session), "redone": telling.told(session, decision)}

    @router.get("/history")
    def history(
        before: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
        n: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[dict[str, Any]]:
        """Decisions, the latest first."""
        return telling.history(session, before, n)

    @router.get("/disputes")
    def disputes() -> list[dict[str, Any]]:
        """Items that two people called differently."""
        with session.lock:
            said = dict(list(session.project.disputed().items())[:500])
            shown = telling.items(session, list(said))
        return [{**item, "said": names} for item, names in zip(shown, said.values(), strict=True)]


def _answer(session: Session, n: int = _N_AHEAD) -> dict[str, Any]:
    return {"revision": session.revision, "sheets": telling.sheets(session, n)}


def _check_conflict(session: Session, body: LabelBody) -> None:
    """Refuse to write over what somebody else said since the page looked.

    Raises
    ------
    HTTPException
    """
    if body.seen is None:
        return
    labeled = session.project.current
    found = {row: labeled.decision(row) for row in body.items}
    new = [row for row, decision in found.items() if decision is not None and decision.id > body.seen]
    wanted = dict(zip(body.items, body.labels or itertools.repeat(body.label), strict=False))
    other = {row: str(labeled.label(row)) for row in new if labeled.label(row) != wanted[row]}
    if other:
        names = ", ".join(sorted(set(other.values())))
        reason = f"{len(other)} of these items were named {names} meanwhile, in another window"
        raise HTTPException(409, {"error": reason, "rows": list(other), "labels": list(other.values())})
