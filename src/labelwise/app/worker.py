"""Work in the background: what takes seconds, so that no key press waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from labelwise.errors import LabelwiseError
from labelwise.events import Cancelled

_LOG = logging.getLogger(__name__)


class Worker:
    """One thread that does what was asked for, the first of a list first.

    What is asked for again while it waits is done once.

    Parameters
    ----------
    jobs : mapping of str to callable
        What can be asked for, the most urgent first.
    changed : callable
        Called after each piece of work.
    """

    def __init__(self, jobs: dict[str, Callable[[], object]], changed: Callable[[], object]) -> None:
        self._jobs = jobs
        self._changed = changed
        self._wanted: set[str] = set()
        self._doing = ""
        self._stopped = False
        self._condition = threading.Condition()
        self.faults: dict[str, str] = {}
        # It must not keep the program alive: what it makes can be made again.
        threading.Thread(target=self._run, name="labelwise", daemon=True).start()

    def want(self, *names: str) -> None:
        """Ask for work."""
        with self._condition:
            self._wanted.update(names)
            self._condition.notify()

    def stop(self) -> None:
        """Do nothing more after what is being done."""
        with self._condition:
            self._stopped = True
            self._condition.notify()

    @property
    def busy(self) -> list[str]:
        """What is being done, and what waits."""
        with self._condition:
            return sorted(self._wanted | ({self._doing} if self._doing else set()))

    def _run(self) -> None:
        while True:
            with self._condition:
                self._doing = ""
                self._condition.wait_for(lambda: self._stopped or self._wanted)
                if self._stopped:
                    return
                self._doing = next(name for name in self._jobs if name in self._wanted)
                self._wanted.discard(self._doing)
            self._changed()
            self._do(self._doing)
            with self._condition:
                self._doing = ""
            self._changed()

    def _do(self, name: str) -> None:
        self.faults.pop(name, None)
        try:
            self._jobs[name]()
        except Cancelled:
            pass
        except LabelwiseError as error:
            self.faults[name] = str(error)
        except Exception as error:  # noqa: BLE001 (one fault must not end all further work)
            _LOG.exception("%s failed", name)
            self.faults[name] = f"{name} failed: {error}"
