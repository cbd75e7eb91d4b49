"""`labels.jsonl`: every decision that a person made, one line each, never changed and never lost.

A line is on disk before `Journal.append` returns. Undo and redo are lines of their own. A last line that was
cut off, as by a crash in the middle of writing, was never confirmed to anybody: it is dropped.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from labelwise.damage import parse_json
from labelwise.errors import LabelError, StorageError
from labelwise.labels import UNLABELED
from labelwise.storage import HALVES

__all__ = ["HOWS", "Decision", "Identity", "Journal"]

HOWS = ("random", "suggested", "correction", "imported")
"""How the items of a decision may have been chosen."""

Identity = str | int
"""What identifies an item: the path of an image, or the row of a table."""

_DIGEST = re.compile("[0-9a-f]{16}")
_ACTIONS = ("label", "name", "undo", "redo")
_UNREADABLE = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode that no name has: they break lines and files
_LISTS = ("items", "digests", "labels")


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the journal.

    Attributes
    ----------
    id : int
        Rises by one from line to line, from 1.
    action : "label", "name", "undo" or "redo"
        Label items, name a component, or take back or restore the decision `of`.
    items : tuple of (str or int)
        Paths of images, or rows of a table; several where one decision covers a sheet.
    digests : tuple of str
        For rows of a table: a hash of each, by which it is found again when rows are added or reordered.
    component : int or None
    model : str or None
        Fingerprint of the model whose component it is.
    label : str or None
        None removes a label or a name.
    labels : tuple of str
        In place of `label`: one for each item, where one decision confirms several classes.
    by : str
        Who decided.
    time : str
        When, in UTC: 2026-11-24T17:05:12Z.
    how : str
        How the items were chosen: one of `HOWS`; empty for undo and redo.
    of : int or None
        For undo and redo: the decision that is meant.
    """

    id: int
    action: str
    items: tuple[Identity, ...] = ()
    digests: tuple[str, ...] = ()
    component: int | None = None
    model: str | None = None
    label: str | None = None
    by: str = ""
    time: str = ""
    how: str = ""
    of: int | None = None
    labels: tuple[str, ...] = ()

    @property
    def each(self) -> tuple[str | None, ...]:
        """What each of the items is called."""
        return self.labels or (self.label,) * len(self.items)


class Journal:
    """The decisions in a file, and those of them that are in effect.

    What holds is kept up to date line by line: a day has thousands of them, and undo looks at one.

    Parameters
    ----------
    path : Path
        Need not exist yet.

    Raises
    ------
    StorageError
        If the file cannot be read, or a line of it other than a cut-off last one is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.decisions: list[Decision] = []
        self._holding: dict[int, Decision] = {}  # in effect, by their id, in its order
        self._undone: list[int] = []  # what redo would restore, the next one last
        self._size = 0  # bytes of the file that hold whole lines
        self.refresh()

    def refresh(self) -> None:
        """Read what other processes have appended since."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._size:
                    raise StorageError(
                        f"{self.path} has lost lines since it was read: open the project again"
                    )
                file.seek(self._size)
                content = file.read()
        except FileNotFoundError:
            if self._size:
                raise StorageError(f"{self.path} is gone: restore it from a copy") from None
            return
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {error.strerror or error}") from error
        for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
            self._take(self._read(line))
            self._size += len(line)  # line by line: what comes before a damaged one is read once

    def append(self, action: str, **fields: Any) -> Decision:
        """Write a decision to disk and return it.

        Parameters
        ----------
        action : str
        **fields
            Attributes of `Decision`, but for `id` and `time`.

        Raises
        ------
        StorageError
            If it cannot be written; the journal is then as it was.
        """
        self.refresh()  # lines that others wrote must not be written over
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        decision = Decision(id=len(self.decisions) + 1, action=action, time=now, **fields)
        kept = {name: value for name, value in asdict(decision).items() if value not in (None, "", ())}
        line = json.dumps(kept, ensure_ascii=False).encode(errors=HALVES) + b"\n"
        try:
            self._write(line)
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path}: {(error.strerror or str(error)).lower()}; "
                "the decision was not saved"
            ) from error
        self._size += len(line)
        self._take(decision)
        return decision

    @property
    def n_in_effect(self) -> int:
        """Number of decisions that hold."""
        return len(self._holding)

    def holds(self, number: int) -> bool:
        """Whether the decision with this id is in effect."""
        return number in self._holding

    def in_effect(self) -> list[Decision]:
        """Decisions that hold, in order: those that were not undone, or redone since."""
        return list(self._holding.values())

    def latest(self) -> Iterator[Decision]:
        """Decisions that hold, the latest first; not while lines are added."""
        return reversed(self._holding.values())

    def undo(self, by: str = "") -> Decision:
        """Take back the latest decision in effect.

        Raises
        ------
        LabelError
            If there is none.
        """
        self.refresh()  # the latest may be another's
        last = next(self.latest(), None)
        if last is None:
            raise LabelError("there is nothing to undo")
        self.append("undo", of=last.id, by=by)
        return last

    def redo(self, by: str = "") -> Decision:
        """Restore the decision that was undone last, unless others were made since.

        Raises
        ------
        LabelError
            If there is none.
        """
        self.refresh()
        if not self._undone:
            raise LabelError("there is nothing to redo")
        of = self._undone[-1]
        self.append("redo", of=of, by=by)
        return self.decisions[of - 1]

    def _take(self, decision: Decision) -> None:
        """Add a line, and what it changes of what holds."""
        self.decisions.append(decision)
        if decision.action in ("label", "name"):
            self._holding[decision.id] = decision
            self._undone.clear()
        elif decision.action == "undo" and decision.of is not None:
            self._holding.pop(decision.of, None)
            self._undone.append(decision.of)
        elif decision.of is not None:
            if self._undone:
                self._undone.pop()
            self._restore(self.decisions[decision.of - 1])

    def _restore(self, decision: Decision) -> None:
        if decision.action not in ("label", "name"):
            return
        is_last = decision.id > next(reversed(self._holding), 0)
        self._holding[decision.id] = decision
        if not is_last:  # only where another program wrote the line
            self._holding = dict(sorted(self._holding.items()))

    def _write(self, line: bytes) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(descriptor, self._size)  # what a crash left of a line
            try:
                os.lseek(descriptor, self._size, os.SEEK_SET)
                while line:
                    line = line[os.write(descriptor, line) :]
                os.fsync(descriptor)
                if not self._size:
                    _flush_folder(self.path.parent)
            except OSError:
                os.ftruncate(descriptor, self._size)  # a full disk may have taken a part of it
                raise
        finally:
            os.close(descriptor)

    def _read(self, line: bytes) -> Decision:
        number = len(self.decisions) + 1
        try:
            fields: Mapping[str, Any] = parse_json(line)
            lists = {name: _as_tuple(fields[name]) for name in _LISTS if name in fields}
            decision = Decision(**{**fields, **lists})
        except (ValueError, TypeError) as error:
            raise StorageError(
                f"{self.path}, line {number} is damaged: restore the file from a copy"
            ) from error
        if fault := _fault(decision, number):
            raise StorageError(f"{self.path}, line {number} {fault}: restore the file from a copy")
        return decision


def _fault(decision: Decision, number: int) -> str:
    """What is wrong with a line; empty if nothing is. Types are those that JSON gave, not those declared."""
    label: Any = decision.label
    if decision.id != number:
        return f"has id {decision.id!r}"
    if decision.action not in _ACTIONS:
        return f"has action {decision.action!r}"
    if not isinstance(label, str | None):
        return f"has label {decision.label!r}"
    for name in ("by", "time", "how"):
        if not isinstance(getattr(decision, name), str):
            return f"has {name} {getattr(decision, name)!r}"
    if any(not isinstance(item, get_args(Identity)) or isinstance(item, bool) for item in decision.items):
        return "names items by neither path nor row"
    if not all(isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in decision.digests):
        return "has a digest that is none"
    if decision.action == "label" and not decision.items:
        return "labels no item"
    if decision.labels and (len(decision.labels) != len(decision.items) or label is not None):
        return "has not one label for each item"
    if not all(isinstance(each, str) for each in decision.labels):
        return f"has labels {decision.labels!r}"
    if decision.action == "name" and not (
        isinstance(decision.component, int) and isinstance(decision.model, str)
    ):
        return "names no component"
    if decision.action in ("undo", "redo") and not (
        isinstance(decision.of, int) and 0 < decision.of < number
    ):
        return f"is an {decision.action} of {decision.of!r}"
    return ""


def _as_tuple(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(values)


def _flush_folder(folder: Path) -> None:
    """Put the name of a new file on disk too."""
    if os.name == "nt":  # Windows opens no folders; NTFS keeps names in a journal of its own
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_label(label: Any) -> str | None:
    """A label as text; None stays None.

    Raises
    ------
    LabelError
        If it is empty, or the text that stands for no label.
    """
    if label is None:
        return None
    text = str(label).strip()
    if not text or text == str(UNLABELED):
        raise LabelError(f"label {label!r} is not a name: pass text, or None to take a label away")
    if not _UNREADABLE.isdisjoint(map(unicodedata.category, text)):
        raise LabelError(f"label {label!r} has line breaks or control characters: leave them out")
    return text


def check_how(how: str, allowed: Sequence[str] = HOWS) -> None:
    """Refuse an unknown way of choosing.

    Raises
    ------
    LabelError
    """
    if how not in allowed:
        raise LabelError(f"how={how!r} must be one of {', '.join(allowed)}")
