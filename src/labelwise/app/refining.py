"""Refining in the background, with progress and cancel."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labelwise.errors import LabelError, LabelwiseError
from labelwise.events import Cancellable, Cancelled, Event

if TYPE_CHECKING:
    from labelwise.project import Answers, Project

_LOG = logging.getLogger(__name__)


class Refining:
    """A student that is taught while the person goes on.

    Parameters
    ----------
    project : Project
    changed : callable
        Called when there is progress.
    take : callable
        Gets the student's answers, if it helps, and the number of lines the journal had when it began.
    """

    def __init__(
        self, project: Project, changed: Callable[[], object], take: Callable[[Answers, int], object]
    ) -> None:
        self._project = project
        self._changed = changed
        self._take = take
        self._listen: Cancellable | None = None
        self._lock = threading.Lock()
        self.state: dict[str, Any] = {"running": False}

    def start(self) -> None:
        """Begin.

        Raises
        ------
        LabelError
            If there are no labels yet, or it has begun.
        """
        with self._lock:
            if self.state["running"]:
                raise LabelError("a student is being taught already: wait until it is done, or cancel it")
            if not len(self._project.current) and not self._project.names():
                raise LabelError("there are no labels yet: name a sheet first")
            self._listen = Cancellable(self._on_event)
            self.state = {"running": True, "fraction": 0.0, "message": "starting"}
        threading.Thread(target=self._run, args=(self._listen,), name="refine", daemon=True).start()
        self._changed()

    def cancel(self) -> None:
        """End it at its next step."""
        if self._listen is not None:
            self._listen.cancel()

    def _on_event(self, event: Event) -> None:
        message = event.message or self.state.get("message", "")
        self.state = {"running": True, "fraction": event.fraction, "stage": event.stage, "message": message}
        self._changed()

    def _run(self, listen: Cancellable) -> None:
        revision = len(self._project.journal.decisions)
        try:
            before = self._project.live_answers()
            found = self._project.refine(listen=listen)
        except Cancelled:
            self.state = {"running": False, "verdict": "cancelled: the answers are as they were"}
        except LabelwiseError as error:
            self.state = {"running": False, "verdict": str(error)}
        except Exception as error:  # noqa: BLE001 (whatever it is, the page must learn that it ended)
            _LOG.exception("refining failed")
            self.state = {"running": False, "verdict": f"refining failed: {error}"}
        else:
            self.state = {"running": False, "verdict": found.verdict, "kept": found.student is not None}
            if found.student is not None:
                now = self._project.live_answers()
                n_changed = int((now.labels != before.labels).sum())
                self.state["changes"] = f"{n_changed:,} of {len(now.labels):,} answers changed"
                self._take(now, revision)
        self._changed()
