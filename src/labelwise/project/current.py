"""What items are called by the decisions in effect, followed line by line."""

from __future__ import annotations

import threading
from collections import Counter

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
        self._said: dict[int, list[Said]] = {}  # of a row, in order, undone or not
        self._labeled: dict[int, tuple[str, Decision]] = {}
        self._disputed: dict[int, dict[str, str]] = {}
        self._naming: list[Decision] = []
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
            return [decision for decision in self._naming if self._journal.holds(decision.id)]

    def _read(self, line: Decision) -> None:
        if line.action == "name":
            self._naming.append(line)
        elif line.action == "label":
            for row, label in zip(self._pool.rows_of(line), line.each, strict=True):
                if row is not None:
                    self._said.setdefault(row, []).append((label, line))
            self._settle(line)
        elif line.of is not None:
            self._settle(self._journal.decisions[line.of - 1])

    def _settle(self, decision: Decision) -> None:
        """Draw from what is said of the rows of a decision, and holds, what they are called."""
        if decision.action != "label":
            return
        for row in dict.fromkeys(self._pool.rows_of(decision)):
            if row is None:
                continue
            said = [each for each in self._said[row] if self._journal.holds(each[1].id)]
            before = self._labeled.get(row)
            label, latest = said[-1] if said else (None, None)
            if label is not None and latest is not None:
                self._labeled[row] = label, latest
                self._count(label, 1)
            else:
                self._labeled.pop(row, None)
            if before is not None:
                self._count(before[0], -1)
            self._dispute(row, said)

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
