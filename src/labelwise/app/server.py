"""The server: addresses, errors, and the files of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from labelwise.app.guard import Guard
from labelwise.app.routes import files, naming, pool, work
from labelwise.app.session import Session
from labelwise.errors import LabelwiseError, StorageError

STATIC = Path(__file__).parent / "static"


def make_app(session: Session, token: str, port: int) -> Guard:
    """Make the application, with its guard around it.

    Parameters
    ----------
    session : Session
    token : str
    port : int
        At which it will be served.

    Returns
    -------
    Guard
        An ASGI application.
    """
    return Guard(make_api(session), token, port)


def make_api(session: Session) -> FastAPI:
    """Make what lies behind the guard."""
    # The pages that FastAPI makes of its description load scripts from elsewhere.
    api = FastAPI(title="labelwise", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    for routes in (naming, pool, files, work):
        api.include_router(routes.make_router(session))
    api.add_exception_handler(LabelwiseError, _refused)
    api.add_exception_handler(RequestValidationError, _misread)
    api.add_exception_handler(HTTPException, _stopped)

    @api.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-store"})

    api.mount("/static", StaticFiles(directory=STATIC), name="static")
    # FastAPI would otherwise prepare its routes during the first request, and meanwhile change
    # warning filters, which threads share.
    api.openapi()
    return api


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = 507 if isinstance(error, StorageError) else 400
    return JSONResponse({"error": str(error).encode("utf-8", "replace").decode()}, status)


async def _misread(_: Request, error: Exception) -> JSONResponse:
    """Say where a request is wrong, without what it held: that may be no valid text."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    first = problems[0] if problems else {"loc": (), "msg": "the request cannot be read"}
    where = ".".join(str(part) for part in first["loc"])
    text = f"{where}: {first['msg']}".encode("utf-8", "replace").decode()
    return JSONResponse({"error": text}, 422)


async def _stopped(_: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", 400)
    detail: Any = getattr(error, "detail", "")
    content = detail if isinstance(detail, dict) else {"error": str(detail)}
    return JSONResponse(content, status)
