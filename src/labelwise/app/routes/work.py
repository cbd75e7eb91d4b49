"""Work in the background: refining, and news of all of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from labelwise.app.session import Session

_LOOK = 0.1  # seconds between looks for news


def make_router(session: Session) -> APIRouter:
    """Routes about work."""
    router = APIRouter(prefix="/api", tags=["work"])

    @router.post("/refine")
    def refine() -> dict[str, Any]:
        """Teach a student in the background."""
        session.refining.start()
        return session.refining.state

    @router.post("/refine/cancel")
    def cancel() -> dict[str, Any]:
        """End that at its next step."""
        session.refining.cancel()
        return session.refining.state

    @router.get("/news", response_class=StreamingResponse)
    async def news(request: Request) -> StreamingResponse:
        """Server-sent events: what the page should look at again."""
        return StreamingResponse(_news(session, request), media_type="text/event-stream")

    return router


async def _news(session: Session, request: Request) -> AsyncIterator[str]:
    session.want()  # a page is open, at whatever view
    seen = -1
    while not session.is_closed and not await request.is_disconnected():
        if session.news != seen:
            seen = session.news
            told = {
                "revision": session.revision,
                "answers": session.answers_revision,
                "n_sheets": len(session.queue),
                "busy": session.busy,
                "refining": session.refining.state,
                "has_map": session.layout is not None,
            }
            yield f"data: {json.dumps(told)}\n\n"
        await asyncio.sleep(_LOOK)
