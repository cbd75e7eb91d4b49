"""What items are called by the decisions in effect, followed line by line."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from labelwise.project.journal import Decision, Journal
from labelwise.project.pool import Pool

Said = tuple[str | None, Decision]
"""What an item was called, and by which decision; None takes a label away."""


class CurrentLabels:
    """Labels of rows, and names of components, as the journal has them now.

    Each line of the journal is read once, and changes what it is about and nothing else: a decision and undo
    cost the same at the first line and at the twenty-thousandth.

    Parameters
    ----------
    journal : Journal
    pool : Pool

    Attributes
    ----------
    counts : Counter
        Number of rows of each label.
    """

    def __init__(self, journal: Journal, pool: Pool) -> None:
        self._journal = journal
        self._pool = pool
        self._n_read = 0
        self._said: dict[int, list[Said]] = {}  # all that holds of a row, in order
        self._labeled: dict[int, tuple[str, Decision]] = {}
        self._disputed: dict[int, dict[str, str]] = {}
        self._naming: dict[int, Decision] = {}
        self._lock = threading.Lock()  # answers are made in another thread than decisions
        self.counts: Counter[str] = Counter()

    def follow(self) -> None:
        """Read lines that have come since."""
        with self._lock:
            while self._n_read < len(self._journal.decisions):
                self._read(self._journal.decisions[self._n_read])
                self._n_read += 1

    def __len__(self) -> int:
        """Count rows that have a label."""
        return len(self._labeled)

    def __contains__(self, row: object) -> bool:
        """Whether a row has a label."""
        return row in self._labeled

    def label(self, row: int) -> str | None:
        """Label of a row; None where it has none."""
        found = self._labeled.get(row)
        return None if found is None else found[0]

    def decision(self, row: int) -> Decision | None:
        """The decision that gave a row its label."""
        found = self._labeled.get(row)
        return None if found is None else found[1]

    def labeled(self) -> dict[int, tuple[str, Decision]]:
        """Rows that have a label, with the label and the decision that gave it; yours to change."""
        with self._lock:
            return dict(self._labeled)

    def disputed(self) -> dict[int, dict[str, str]]:
        """Rows that two people called differently: the latest label by each of them; yours to change."""
        with self._lock:
            return dict(sorted(self._disputed.items()))

    def naming(self) -> list[Decision]:
        """Decisions in effect that name components, in order."""
        with self._lock:
            return [decision for _, decision in sorted(self._naming.items())]

    def _read(self, line: Decision) -> None:
        if line.action in ("label", "name"):
            self._add(line)
        elif line.of is not None:
            decision = self._journal.decisions[line.of - 1]
            if line.action == "undo":
                self._remove(decision)
            elif line.action == "redo":
                self._remove(decision)  # it may hold already, where another program wrote the line
                self._add(decision)

    def _add(self, decision: Decision) -> None:
        if decision.action == "name":
            self._naming[decision.id] = decision
        elif decision.action == "label":
            rows = self._pool.rows_of(decision)
            for row, label in zip(rows, decision.each, strict=True):
                if row is not None:
                    said = self._said.setdefault(row, [])
                    is_later = not said or said[-1][1].id <= decision.id
                    said.append((label, decision))
                    if not is_later:
                        said.sort(key=lambda each: each[1].id)
            self._settle(rows)

    def _remove(self, decision: Decision) -> None:
        if decision.action == "name":
            self._naming.pop(decision.id, None)
        elif decision.action == "label":
            rows = self._pool.rows_of(decision)
            for row in rows:
                if row is not None:
                    said = self._said.get(row, [])
                    self._said[row] = [each for each in said if each[1].id != decision.id]
            self._settle(rows)

    def _settle(self, rows: Iterable[int | None]) -> None:
        """Draw from what is said of rows what they are called."""
        for row in dict.fromkeys(rows):
            if row is None:
                continue
            said = self._said[row]
            before = self._labeled.pop(row, None)
            if before is not None:
                self._count(before[0], -1)
            label, decision = said[-1] if said else (None, None)
            if label is not None and decision is not None:
                self._labeled[row] = label, decision
                self._count(label, 1)
            self._dispute(row, said)
            if not said:
                del self._said[row]

    def _count(self, label: str, change: int) -> None:
        self.counts[label] += change
        if not self.counts[label]:
            del self.counts[label]

    def _dispute(self, row: int, said: list[Said]) -> None:
        names: dict[str, str] = {}
        for label, decision in said:
            if label is None:  # taken away: what was said before counts no more
                names = {}
            else:
                names[decision.by] = label
        if len(set(names.values())) > 1:
            self._disputed[row] = names
        else:
            self._disputed.pop(row, None)
