"""Labels, predictions and the answerer, out of the page; labels into it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from labelwise.app.session import Session
from labelwise.errors import LabelError

_TYPES = {
    "labels.csv": "text/csv; charset=utf-8",
    "predictions.csv": "text/csv; charset=utf-8",
    "predictions.parquet": "application/vnd.apache.parquet",
    "label-studio.json": "application/json",
    "answerer.zip": "application/zip",
}
FileName = Literal[
    "labels.csv", "predictions.csv", "predictions.parquet", "label-studio.json", "answerer.zip"
]


def make_router(session: Session) -> APIRouter:
    """Routes about files."""
    router = APIRouter(prefix="/api", tags=["files"])

    @router.get("/files/{name}", response_class=Response)
    def out(name: FileName) -> Response:
        """A file to keep."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            _write(session, path)
            content = path.read_bytes()
        file_name = (
            f"{session.project.path.stem}-{name}".encode("ascii", "replace").decode().replace("?", "_")
        )
        headers = {
            "content-disposition": f'attachment; filename="{_plain(file_name)}"',
            "cache-control": "no-store",
        }
        return Response(content, media_type=_TYPES[name], headers=headers)

    @router.post("/labels/file")
    async def into(
        request: Request,
        kind: Annotated[Literal["csv", "json"], Query()],
        by: Annotated[str, Query(max_length=100)] = "",
    ) -> dict[str, Any]:
        """Take labels from a file, which is the body: a CSV, or JSON of Label Studio."""
        from starlette.concurrency import run_in_threadpool

        content = await request.body()
        return await run_in_threadpool(_take, session, content, kind, by)

    return router


def _write(session: Session, path: Path) -> None:
    project = session.project
    if path.name.startswith("predictions"):
        project.export_predictions(path)
    elif path.suffix == ".zip":
        folder = path.parent / f"{project.path.stem}.answerer"
        project.answerer.save(folder)
        shutil.make_archive(str(path.with_suffix("")), "zip", path.parent, folder.name)
    else:
        project.export_labels(path)


def _take(session: Session, content: bytes, kind: str, by: str) -> dict[str, Any]:
    if not content.strip():
        raise LabelError("the file is empty: choose one with labels")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"labels.{kind}"
        path.write_bytes(content)
        with session.lock:
            n_new = session.project.import_labels(path, by=by)
            session.decided()
    return {"n_new": n_new, "revision": session.revision}


def _plain(name: str) -> str:
    """A file name without what ends a header's text."""
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
