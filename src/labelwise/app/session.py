"""What the server knows while the page is open: a project, and work on it in the background.

All that must outlive the server is in the project; what is kept here can be made again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labelwise.app.items import Items
from labelwise.app.queue import Queue
from labelwise.app.refining import Refining
from labelwise.app.worker import Worker
from labelwise.errors import LabelError, ParameterError

if TYPE_CHECKING:
    from labelwise.planning.forecast import Forecast
    from labelwise.project import Answers, Decision, Project

_N_SHEETS = 8  # proposed at a time: later ones know the labels of earlier ones
_FEW_SHEETS = 2  # are left when more are made for somebody who skips
_MOST_FORECAST = (10, 50, 100)
_IDLE = 8.0  # seconds without a decision, after which the slow and better answers are made


class Session:
    """A project on a page.

    Parameters
    ----------
    project : Project
        Open; it is claimed, so that no other process changes it meanwhile.
    items : array-like, default=None
        The items, where the project cannot read them itself.

    Attributes
    ----------
    lock : RLock
        Held by whoever reads the journal together with the queue, or changes one of them.
    news : int
        Rises whenever the page should look again.
    """

    def __init__(self, project: Project, items: Any = None) -> None:
        project.claim()
        self.project = project
        self.items = Items(project.items().X if items is None else project.checked(items))
        self.lock = threading.RLock()
        self.queue = Queue()
        self.queue.replace(project.last_sheets())
        self.news = 0
        self.answers: Answers | None = None
        self.answers_revision = 0
        self.graph: Answers | None = None  # what it answers, where a student is asked first
        self.graph_revision = 0
        self._best_revision = 0  # of the best answers that can be had
        self.forecast: Forecast | None = None
        self.layout: np.ndarray | None = None
        self.refining = Refining(project, self.tell, self.take_answers)
        self._forecast_revision = 0
        self._sheets_know = (-1, 0)  # decisions, and items that were skipped
        self._last_decision = time.monotonic()
        self.is_closed = False
        self._quick = Worker(
            {"sheets": self._make_sheets, "answers": self._answer, "graph": self._ask_graph}, self.tell
        )
        self._slow = Worker({"better answers": self._answer_well, "accuracy": self._estimate}, self.tell)
        self._drawing = Worker({"map": self._lay_out}, self.tell)
        self._places: tuple[int, dict[str, int]] = (0, {})
        # Sheets of last time are on the page at once; what makes new ones is loaded when it has them.
        if not len(self.queue):
            self.want()

    def close(self) -> None:
        """End work in the background, and let others change the project."""
        self.is_closed = True
        self.refining.cancel()
        self._quick.stop()
        self._slow.stop()
        self._drawing.stop()
        self.project.close()

    def tell(self) -> None:
        """Let the page look again."""
        self.news += 1

    @property
    def revision(self) -> int:
        """Number of lines in the journal."""
        return len(self.project.journal.decisions)

    @property
    def busy(self) -> list[str]:
        """What is being made."""
        return [*self._quick.busy, *self._slow.busy, *self._drawing.busy]

    @property
    def faults(self) -> dict[str, str]:
        """What could not be made, and why."""
        return {**self._quick.faults, **self._slow.faults, **self._drawing.faults}

    def places(self) -> dict[str, int]:
        """Places of all names in the order in which they were first given, which never changes."""
        with self.lock:
            n_read, places = self._places
            new = self.project.journal.decisions[n_read:]
            for decision in new:
                for name in (*decision.each, decision.label):
                    if name is not None:
                        places.setdefault(name, len(places))
            self._places = n_read + len(new), places
            return places

    def want(self) -> None:
        """Make what has changed with the labels."""
        n_decisions, n_skipped = self._sheets_know
        is_short = len(self.queue) <= _FEW_SHEETS and n_skipped != len(self.queue.skipped)
        if n_decisions != self.revision or is_short:
            self._quick.want("sheets")
        if self.revision:
            if self.answers is None or self.answers_revision != self.revision:
                self._quick.want("answers")
            if self._best_revision != self.revision:
                self._slow.want("better answers")
            if self._forecast_revision != self.revision:
                self._slow.want("accuracy")

    def want_map(self) -> None:
        """Make the map, which takes its time and is not always looked at."""
        if self.layout is None:
            self._drawing.want("map")

    def decided(self, sheet: int | None = None) -> None:
        """Go on after a decision; `sheet` is done with."""
        with self.lock:
            self._last_decision = time.monotonic()
            if sheet is not None:
                self.queue.done(sheet)
            self.tell()
        self.want()

    def put_back(self, decision: Decision) -> list[int]:
        """Show the items of a decision that was taken back once more; returns their rows."""
        if decision.action != "label":
            return []
        rows = [row for row in self.project.pool.rows_of(decision) if row is not None]
        labeled = self.project.current
        free = [row for row in rows if row not in labeled]
        if free:
            component = int(self.project.encoding.top[free[0]])
            self.queue.put_back(free, component, [each for each in decision.each if each])
        return rows

    def check_rows(self, rows: Sequence[int]) -> None:
        """Refuse rows that no item has.

        Raises
        ------
        LabelError
        """
        for row in rows:
            self.project.pool.row(row)

    def take_answers(self, answers: Answers, revision: int) -> None:
        """Show answers, unless there are newer ones."""
        with self.lock:
            if revision >= self.answers_revision:
                self._show(answers, revision)
        self.tell()

    def _show(self, answers: Answers | None, revision: int) -> None:
        self.answers, self.answers_revision = answers, revision
        if not self._is_students():
            self.graph = None
        elif self.graph is None or self.graph_revision != revision:
            self._quick.want("graph")

    def _is_students(self) -> bool:
        return self.answers is not None and self.answers.about.get("answerer") == "student"

    def _make_sheets(self) -> None:
        with self.lock:
            shown, revision = self.queue.pending(), self.revision
            n_skipped = len(self.queue.skipped)
            n_free = len(self.project) - len(set(self.project.labeled()) | set(shown))
        n_wanted = min(_N_SHEETS, n_free)
        found = []
        if n_wanted > 0:
            found = self.project.sheets(n_wanted, shown=shown, random_state=revision)
        with self.lock:
            self._sheets_know = revision, n_skipped
            self.queue.replace(found)
            self.queue.drop_labelled(self.project.current)

    def _answer(self) -> None:
        revision = self.revision
        try:
            self.take_answers(self.project.live_answers(), revision)
        except LabelError:  # all was taken back
            with self.lock:
                self._show(None, revision)

    def _ask_graph(self) -> None:
        revision = self.revision
        if not self._is_students():  # no longer: all was taken back, or a class is new to it
            return
        try:
            found = self.project.graph_answers()
        except LabelError:  # taken back meanwhile
            return
        with self.lock:
            if self._is_students():
                self.graph, self.graph_revision = found, revision

    def _wait_for_a_pause(self) -> int:
        """Leave the processor to the person who labels."""
        while not self.is_closed and time.monotonic() - self._last_decision < _IDLE:
            time.sleep(0.2)
        return self.revision

    def _answer_well(self) -> None:
        revision = self._wait_for_a_pause()
        if self.is_closed or self._best_revision == revision:
            return
        self._best_revision = revision  # first: what fails is not tried again at once
        if len(self.project.current) or self.project.names():
            self.take_answers(self.project.answers(), revision)

    def _estimate(self) -> None:
        revision = self._wait_for_a_pause()
        if self.is_closed or self._forecast_revision == revision:
            return
        try:
            self.forecast = self.project.forecast(_MOST_FORECAST)
        except (LabelError, ParameterError):  # too few labels, or of one class
            self.forecast = None
        self._forecast_revision = revision

    @property
    def forecast_revision(self) -> int:
        """Lines in the journal when the accuracy was estimated."""
        return self._forecast_revision

    def _lay_out(self) -> None:
        self.layout = self.project.layout()
