"""Labels of items and names of components, given by people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from labelwise.data.labels import LabelRow
from labelwise.errors import LabelError
from labelwise.project import builder, exchange
from labelwise.project.current import CurrentLabels
from labelwise.project.folder import ProjectFolder
from labelwise.project.groups import Group, match_names
from labelwise.project.journal import Decision, Identity, check_how, check_label
from labelwise.project.pool import no_labels


class Labelling(ProjectFolder):
    """Labels of items and names of components, in and out of the journal."""

    def label(self, item: Identity, label: str | None, *, by: str = "", how: str | None = None) -> Decision:
        """Label an item.

        Parameters
        ----------
        item : str or int
            Path of an image, relative to its folder, or a row.
        label : str or None
            None removes its label.
        by : str
            Who says so.
        how : {"random", "suggested", "correction", "imported"}, default=None
            How the item was chosen; None takes "suggested" if `suggest` or `sheets` named it here, else
            "imported".

        Returns
        -------
        Decision
            It is on disk.

        Raises
        ------
        LabelError
            If there is no such item, or the label is empty.
        StorageError
            If it cannot be written, or another process is changing the project.
        """
        return self.label_items([item], label, by=by, how=how)

    def label_items(
        self, items: Sequence[Identity], label: str | None, *, by: str = "", how: str | None = None
    ) -> Decision:
        """Label several items in one decision, as for a sheet; parameters are those of `label`."""
        text = check_label(label)
        return self._record(items, by, how, label=text)

    def confirm(
        self, items: Sequence[Identity], labels: Sequence[str], *, by: str = "", how: str | None = None
    ) -> Decision:
        """Label several items in one decision, each with its own label, as where predictions are right.

        Parameters
        ----------
        items : sequence of str or int
        labels : sequence of str
            One for each item.
        by : str
        how : str, default=None
            As for `label`.

        Returns
        -------
        Decision
            It is on disk.

        Raises
        ------
        LabelError
            If there is not one label for each item, or one is no name.
        """
        if len(items) != len(labels):
            raise LabelError(f"{len(items)} items and {len(labels)} labels: give one label for each item")
        names = [check_label(label) for label in labels]
        if None in names:
            raise LabelError("a label to confirm is missing: take labels away with label_items(items, None)")
        if len(set(names)) == 1:
            return self._record(items, by, how, label=names[0])
        return self._record(items, by, how, labels=tuple(names))

    def _record(
        self,
        items: Sequence[Identity],
        by: str,
        how: str | None,
        *,
        label: str | None = None,
        labels: tuple[str | None, ...] = (),
    ) -> Decision:
        rows = [self.pool.row(item) for item in items]
        if not rows:
            raise LabelError("a decision needs at least one item")
        if how is None:
            how = "suggested" if self.suggested.issuperset(rows) else "imported"
        check_how(how)
        self.claim()
        described = self.pool.described(rows)
        return self.journal.append("label", label=label, labels=labels, by=by, how=how, **described)

    def name(self, component: int, label: str | None, *, by: str = "", how: str = "suggested") -> Decision:
        """Name a whole component; None removes its name.

        Raises
        ------
        LabelError
            If there is no such component, or the name is empty.
        """
        check_how(how)
        text = self.check_name(component, label)
        self.claim()
        return self.journal.append(
            "name", component=int(component), model=self.model_id, label=text, by=by, how=how
        )

    def check_name(self, component: int, label: str | None) -> str | None:
        """A name as text, if `name` would take it; None stays None.

        Raises
        ------
        LabelError
        """
        from labelwise.decoding.targets import add_names

        text = check_label(label)
        # Refuses a component that does not exist, also where its name is taken away.
        add_names(self.encoding, np.empty(0), np.empty(0, dtype=np.int64), {component: text or "no longer"})
        return text

    def undo(self, *, by: str = "") -> Decision:
        """Undo the latest decision, and return it."""
        self.claim()
        return self.journal.undo(by)

    def redo(self, *, by: str = "") -> Decision:
        """Redo the decision that was undone last, and return it."""
        self.claim()
        return self.journal.redo(by)

    def labels(self) -> np.ndarray:
        """Label of each item, shape (n_samples,), dtype object; -1 where it has none."""
        y = no_labels(len(self))
        for row, (label, _) in self.labeled().items():
            y[row] = label
        return y

    def labeled(self) -> dict[int, tuple[str, Decision]]:
        """Rows that have a label, with the label and the decision that gave it."""
        return self.current.labeled()

    def disputed(self) -> dict[int, dict[str, str]]:
        """Rows that two people called differently: the latest label by each of them, by their names."""
        return self.current.disputed()

    @property
    def current(self) -> CurrentLabels:
        """What items are called now, without a copy of all of it."""
        self._current.follow()
        return self._current

    @cached_property
    def _current(self) -> CurrentLabels:
        return CurrentLabels(self.journal, self.pool)

    def named_share(self) -> float:
        """Share of the items that belong to a component with a name, or with a labelled item."""
        known = np.zeros(self.encoding.n_components, dtype=bool)
        known[self.encoding.top[list(self.labeled())]] = True
        known[list(self.names())] = True
        return float(known[self.encoding.top].mean())

    def lost_labels(self) -> list[tuple[Identity, str]]:
        """Labels of items that are gone from the data, by the items' names."""
        return [
            (item, label)
            for decision in self.journal.in_effect()
            if decision.action == "label"
            for item, row, label in zip(
                decision.items, self.pool.rows_of(decision), decision.each, strict=True
            )
            if row is None and label is not None
        ]

    def names(self) -> dict[int, str]:
        """Names of whole components, as far as they hold for today's model."""
        return self._matched()[0]

    def groups(self) -> list[Group]:
        """Every name that a component was given, with what became of it in today's model."""
        return self._matched()[1]

    def import_labels(self, path: str | os.PathLike[str], *, by: str = "", how: str | None = None) -> int:
        """Take labels from a CSV (index,label or path,label) or a JSON file of Label Studio.

        A row with a reason, as `labelwise suggest` writes one, counts as suggested; others as imported,
        unless `how` says otherwise.

        Returns
        -------
        int
            Number of new or changed labels. What says the same as before is no new decision.
        """
        if how is not None:
            check_how(how)
        rows = self.check_labels(path)  # all of it is checked before any is taken
        before = {row: label for row, (label, _) in self.labeled().items()}
        changed = [each for each in rows if before.get(each.row) != check_label(each.label)]
        for each in changed:
            chosen = how or ("suggested" if each.was_suggested else "imported")
            self.label(self.pool.identity(each.row), each.label, by=each.by or by, how=chosen)
        return len(changed)

    def check_labels(self, path: str | os.PathLike[str]) -> list[LabelRow]:
        """Labels of a file, if `import_labels` would take them.

        Raises
        ------
        LabelError, StorageError
        """
        rows = exchange.read_file(Path(path), self.pool)
        for each in rows:
            check_label(each.label)
        return rows

    def _matched(self) -> tuple[dict[int, str], list[Group]]:
        given = self.current.naming()
        if not given:
            return {}, []
        folder = self.path / builder.COMPONENTS
        return match_names(given, self.model_id, self.pool.digests, self.encoding.top, folder)

    def with_names(self, y: np.ndarray) -> np.ndarray:
        """Labels `y`, with those of typical items of named components added."""
        names = self.names()
        if not names:
            return y
        from labelwise.decoding.targets import add_names, split_labels

        labels, labeled = split_labels(y, len(self), may_be_none=True)
        labels, labeled = add_names(self.encoding, labels, labeled, names)
        filled = no_labels(len(self))
        filled[labeled] = labels
        return filled

    @cached_property
    def suggested(self) -> set[int]:
        """Rows that were suggested in this process."""
        return set()
