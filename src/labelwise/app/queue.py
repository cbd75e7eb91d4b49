"""Sheets that wait for a person: those on the page, and the next."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labelwise.errors import LabelError
from labelwise.planning.sheet import Sheet


@dataclass(eq=False)
class Waiting:
    """A sheet with a number, by which the page speaks of it.

    Attributes
    ----------
    id : int
    sheet : Sheet
    is_given : bool
        Whether the page has it: then it stays, whatever is proposed since.
    """

    id: int
    sheet: Sheet
    is_given: bool = False


class Queue:
    """Sheets in the order in which they are worth a decision."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._waiting: list[Waiting] = []
        self.skipped: set[int] = set()  # rows that the person did not want to name

    def __len__(self) -> int:
        return len(self._waiting)

    def first(self, n: int) -> list[Waiting]:
        """The next sheets, which stay in the queue until they are `done`."""
        found = self._waiting[:n]
        for each in found:
            each.is_given = True
        return found

    def find(self, number: int) -> Waiting:
        """The sheet of this number.

        Raises
        ------
        LabelError
            If it is done.
        """
        for each in self._waiting:
            if each.id == number:
                return each
        raise LabelError(f"sheet {number} is done: go on with the next")

    def pending(self) -> list[int]:
        """Rows that a person looks at, or skipped: they need not be proposed again."""
        given = (each.sheet.items.tolist() for each in self._waiting if each.is_given)
        return sorted(self.skipped.union(*given))

    def replace(self, sheets: Iterable[Sheet]) -> None:
        """Put new proposals in place of those that nobody has seen."""
        kept = [each for each in self._waiting if each.is_given]
        taken = {int(row) for each in kept for row in each.sheet.items} | self.skipped
        new = [sheet for sheet in sheets if taken.isdisjoint(sheet.items.tolist())]
        self._waiting = [*kept, *(Waiting(next(self._ids), sheet) for sheet in new)]

    def done(self, number: int) -> None:
        """Take a sheet out; unknown ones were done in another tab."""
        self._waiting = [each for each in self._waiting if each.id != number]

    def skip(self, number: int) -> None:
        """Take a sheet out, and propose its items no more."""
        for each in self._waiting:
            if each.id == number:
                self.skipped.update(each.sheet.items.tolist())
        self.done(number)

    def put_first(self, sheets: Sequence[Sheet], number: int | None = None) -> None:
        """Put sheets at the front, in place of sheet `number`."""
        if number is not None:
            self.done(number)
        self._waiting = [*(Waiting(next(self._ids), sheet) for sheet in sheets), *self._waiting]

    def put_back(self, rows: Sequence[int], component: int, labels: Sequence[str]) -> None:
        """Show items of a decision that was taken back, with what they were called."""
        self.skipped.difference_update(rows)
        for each in list(self._waiting):
            if set(rows) & set(each.sheet.items.tolist()):
                self.done(each.id)
                rows = list(dict.fromkeys([*rows, *each.sheet.items.tolist()]))
        reason = f"taken back: {', '.join(dict.fromkeys(labels))}" if labels else "taken back"
        items = np.array(rows, dtype=np.int64)
        self.put_first([Sheet(component, items, None, len(rows), reason)])

    def drop_labelled(self, labeled: Container[int]) -> None:
        """Take out sheets of which all items have a label by now, as from another tab."""
        self._waiting = [
            each for each in self._waiting if not all(int(row) in labeled for row in each.sheet.items)
        ]
