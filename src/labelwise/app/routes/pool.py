"""The items of the pool: as pictures, and what is answered for all of them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Path, Query, Response

from labelwise.app import telling
from labelwise.app.session import Session
from labelwise.errors import LabelError

MOST_CELLS = 400  # of a sprite
LABELED, DOUBTFUL, DISPUTED, DIFFERENT = 1, 2, 4, 8
NO_CODE = 0xFFFF
_IMMUTABLE = {"cache-control": "private, max-age=86400"}
_FRESH = {"cache-control": "no-store"}

Rows = Annotated[str, Query(max_length=MOST_CELLS * 11, pattern="^[0-9]+(,[0-9]+)*$")]


def make_router(session: Session) -> APIRouter:
    """Routes about items."""
    router = APIRouter(prefix="/api", tags=["items"])

    @router.get("/items")
    def items(rows: Rows) -> list[dict[str, Any]]:
        """Some items with what is known of them."""
        return telling.items(session, _parsed(session, rows))

    @router.get("/picture/{row}", response_class=Response)
    def picture(row: Annotated[int, Path(ge=0, lt=2**31)]) -> Response:
        """An item as PNG."""
        session.check_rows([row])
        _need_images(session)
        return Response(session.items.picture(row), media_type="image/png", headers=_IMMUTABLE)

    @router.get("/sprite", response_class=Response)
    def sprite(rows: Rows, columns: Annotated[int, Query(ge=1, le=64)] = 16) -> Response:
        """Several items in one PNG, in square cells."""
        _need_images(session)
        content = session.items.sprite(_parsed(session, rows), columns)
        return Response(content, media_type="image/png", headers=_IMMUTABLE)

    @router.get("/answers", response_class=Response)
    def answers() -> Response:
        """Answers for all items: 2 bytes class, 1 byte probability, 1 byte flags each, in that order.

        The header X-Classes has the names, as JSON in ASCII. All items come each time, not only those that
        changed: a decision moves the probability of more than half of them.
        """
        return _answers(session)

    @router.get("/map", response_class=Response)
    def positions() -> Response:
        """Two coordinates of each item, float32; 202 while they are being made."""
        session.want_map()
        if session.layout is None:
            return Response(status_code=202)
        content = np.ascontiguousarray(session.layout, dtype="<f4").tobytes()
        return Response(content, media_type="application/octet-stream", headers=_FRESH)

    @router.get("/components", response_class=Response)
    def components() -> Response:
        """Component of each item, 2 bytes."""
        content = session.project.encoding.top.astype("<u2").tobytes()
        return Response(content, media_type="application/octet-stream", headers=_FRESH)

    return router


def _parsed(session: Session, rows: str) -> list[int]:
    found = [int(row) for row in rows.split(",")]
    if len(found) > MOST_CELLS:
        raise LabelError(f"{len(found)} items at once are too many: ask for at most {MOST_CELLS}")
    session.check_rows(found)
    return found


def _need_images(session: Session) -> None:
    if session.items.kind != "images":
        raise HTTPException(404, {"error": f"the items are {session.items.kind}, which have no pictures"})


def _answers(session: Session) -> Response:
    import json

    with session.lock:
        answers, graph, labeled = session.answers, session.graph, session.project.labeled()
        disputed = session.project.disputed()
    n = len(session.project)
    codes, confidence = np.full(n, NO_CODE, dtype="<u2"), np.zeros(n, dtype=np.uint8)
    flags, names = np.zeros(n, dtype=np.uint8), []
    if answers is not None:
        names = [str(each) for each in answers.classes]
        codes[:] = answers.probabilities.argmax(axis=1)
        codes[answers.labels == None] = NO_CODE  # noqa: E711 (item by item)
        confidence[:] = np.round(answers.confidence * 255)
        flags[answers.about.get("doubtful_labels", [])] |= DOUBTFUL
        if graph is not None:
            flags[answers.labels != graph.labels] |= DIFFERENT
            flags[list(labeled)] &= 0xFF ^ DIFFERENT  # there a person has the last word
    place = {name: code for code, name in enumerate(names)}
    for row, (label, _) in labeled.items():
        if label not in place:  # given since the answers were made
            place[label] = len(names)
            names.append(label)
        codes[row], confidence[row] = place[label], 255
    flags[list(labeled)] |= LABELED
    flags[list(disputed)] |= DISPUTED
    content = codes.tobytes() + confidence.tobytes() + flags.tobytes()
    headers = {**_FRESH, "x-classes": json.dumps(names)}
    return Response(content, media_type="application/octet-stream", headers=headers)
