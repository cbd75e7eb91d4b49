"""Labels that are followed line by line are those that reading the whole journal gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from labelwise.errors import LabelError
from labelwise.project.current import CurrentLabels
from labelwise.project.journal import Journal
from project.conftest import n_lines

PEOPLE, NAMES, N_ROWS = ("ana", "bo"), ("a", "b", "c", None), 6
POOL = SimpleNamespace(rows_of=lambda decision: [row if row < N_ROWS else None for row in decision.items])


def in_effect(journal):
    """Decisions that hold, read from the first line on."""
    undone = set()
    for decision in journal.decisions:
        if decision.action == "undo":
            undone.add(decision.of)
        elif decision.action == "redo":
            undone.discard(decision.of)
    return [each for each in journal.decisions if each.action in ("label", "name") and each.id not in undone]


def said_in(journal):
    """What each person called each row, and the label that holds."""
    said, labels = {}, {}
    for decision in in_effect(journal):
        if decision.action != "label":
            continue
        for row, label in zip(decision.items, decision.each, strict=True):
            if row >= N_ROWS:
                continue
            if label is None:
                said.pop(row, None)
                labels.pop(row, None)
            else:
                said.setdefault(row, {})[decision.by] = label
                labels[row] = label, decision
    return said, labels


def act(journal, rng):
    """Any line that a person or another program may write."""
    kind = rng.choice(["label", "each", "name", "undo", "redo", "odd undo", "odd redo"])
    by = str(rng.choice(PEOPLE))
    rows = tuple(rng.integers(N_ROWS + 1, size=rng.integers(1, 4)).tolist())
    if kind == "label":
        journal.append("label", items=rows, label=NAMES[rng.integers(4)], by=by, how="random")
    elif kind == "each":
        journal.append("label", items=rows, labels=tuple(rng.choice(list("abc"), len(rows)).tolist()), by=by)
    elif kind == "name":
        journal.append("name", component=int(rng.integers(3)), model="m", label="a", by=by)
    elif kind in ("undo", "redo"):
        try:
            getattr(journal, kind)(by)
        except LabelError:
            return
    elif journal.decisions:  # of any line, also of one that was taken back before
        journal.append(kind.split()[1], of=int(rng.integers(len(journal.decisions))) + 1)


@pytest.mark.parametrize("seed", range(20))
def test_following_is_reading_all(tmp_path, seed):
    rng = np.random.default_rng(seed)
    journal = Journal(tmp_path / "labels.jsonl")
    current = CurrentLabels(journal, POOL)
    for _ in range(60):
        act(journal, rng)
        if rng.random() < 0.7:
            current.follow()
    current.follow()
    held = in_effect(journal)
    said, labels = said_in(journal)
    for read in (journal, Journal(journal.path)):
        assert read.in_effect() == held
        assert list(read.latest()) == held[::-1]
        assert read.n_in_effect == len(held)
        assert [read.holds(line.id) for line in read.decisions] == [line in held for line in read.decisions]
    assert current.labeled() == labels
    assert [(row in current, current.label(row)) for row in labels] == [(True, n) for n, _ in labels.values()]
    assert current.disputed() == {row: names for row, names in said.items() if len(set(names.values())) > 1}
    assert current.naming() == [decision for decision in held if decision.action == "name"]
    names = [name for name, _ in labels.values()]
    assert current.counts == {name: names.count(name) for name in names}


def test_undo_costs_the_same_however_long_the_journal_is(tmp_path):
    journal = Journal(tmp_path / "labels.jsonl")
    current = CurrentLabels(journal, POOL)

    def take_back(row):
        journal.undo()
        current.follow()
        assert current.label(row) is None

    costs = []
    for row in (0, 5):
        journal.append("label", items=(row,), label="a")
        current.follow()
        costs.append(n_lines(lambda row=row: take_back(row)))
        for number in range(400):
            journal.append("label", items=(1 + number % 4,), label=f"name {number % 7}")
    assert costs[0] == costs[1]
