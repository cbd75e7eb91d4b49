"""Labels in files and in the journal: what is written is read again, whatever text it is."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from labelwise.data import read_labels
from labelwise.errors import LabelError, ParameterError
from labelwise.labels import UNLABELED
from labelwise.project.journal import Journal, check_label
from labelwise.randomness import draw_seed, numpy_generator, torch_generator
from labelwise.storage import as_cell, of_cell
from properties.strategies import SEEDS, tried

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("=+-@'\t\r0.1", max_size=6)
NAMES = st.text(min_size=1)  # empty ones are refused before
N_ITEMS = 8


@given(ANY_TEXT)
def test_a_cell_holds_its_text_and_no_formula(text):
    assert of_cell(as_cell(text)) == text
    cell = as_cell(text)
    is_number = cell[1:].strip("0123456789.") == ""
    assert not cell.startswith(("=", "@", "\t", "\r"))
    assert not cell.startswith(("+", "-")) or is_number


@given(st.none() | st.integers() | st.floats() | ANY_TEXT)
def test_a_label_is_text_of_one_line_or_none(label):
    text = tried(check_label, label)
    if text is None:
        return
    assert label is not None
    assert text == text.strip() != ""
    assert text.encode()
    assert len(text.splitlines()) == 1
    assert check_label(text) == text


@given(st.dictionaries(st.integers(0, N_ITEMS - 1), ANY_TEXT, max_size=N_ITEMS))
def test_labels_in_a_file_are_those_that_were_written(tmp_path, labels):
    rows = io.StringIO()
    csv.writer(rows).writerows([("index", "label"), *((row, as_cell(text)) for row, text in labels.items())])
    (tmp_path / "labels.csv").write_bytes(rows.getvalue().encode("utf-8", "surrogatepass"))
    y = tried(read_labels, tmp_path / "labels.csv", n_samples=N_ITEMS)
    if y is None:
        return
    for row in range(N_ITEMS):
        wanted = labels.get(row, "").strip()
        assert y[row] == (wanted or UNLABELED) or y[row] == of_cell(as_cell(labels[row]).strip())


@given(st.binary(max_size=200) | st.from_regex(rb"index,label\n([0-9],[a-c]?\n){0,5}", fullmatch=True))
def test_any_file_of_labels_is_read_or_refused(tmp_path, content):
    (tmp_path / "labels.csv").write_bytes(content)
    y = tried(read_labels, tmp_path / "labels.csv", n_samples=N_ITEMS)
    if y is None:
        return
    assert y.shape == (N_ITEMS,)
    assert any(label != UNLABELED for label in y)


@given(SEEDS, st.lists(st.integers(0, 100), max_size=3))
def test_equal_seeds_give_equal_streams(seed, purpose):
    first, second = (numpy_generator(draw_seed(seed), *purpose).random(4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch_generator(seed, *purpose).initial_seed() == torch_generator(seed, *purpose).initial_seed()


@given(st.integers() | st.floats() | st.booleans() | st.text() | st.none())
def test_a_seed_is_drawn_or_refused(random_state):
    try:
        seed = draw_seed(random_state)
    except ParameterError:
        return
    assert 0 <= seed < 2**63
    assert random_state is None or seed == random_state


class JournalMachine(RuleBasedStateMachine):
    """A journal beside a list of decisions that hold and a stack of those that were undone."""

    decisions = Bundle("decisions")

    def __init__(self):
        super().__init__()
        self.path = None
        self.holding, self.undone = [], []

    @initialize(folder=st.uuids())
    def start(self, folder):
        place = self.root / folder.hex
        place.mkdir(exist_ok=True)
        self.path = place / "labels.jsonl"
        self.path.unlink(missing_ok=True)
        self.journal = Journal(self.path)

    @rule(items=st.lists(st.integers(0, 9) | ANY_TEXT, min_size=1, max_size=3), label=NAMES, by=ANY_TEXT)
    def label(self, items, label, by):
        made = self.journal.append("label", items=tuple(items), label=label, by=by, how="random")
        self.holding.append(made.id)
        self.undone = []

    @rule()
    def undo(self):
        if not self.holding:
            with pytest.raises(LabelError):
                self.journal.undo()
            return
        assert self.journal.undo().id == self.holding[-1]
        self.undone.append(self.holding.pop())

    @rule()
    def redo(self):
        if not self.undone:
            with pytest.raises(LabelError):
                self.journal.redo()
            return
        assert self.journal.redo().id == self.undone[-1]
        self.holding.append(self.undone.pop())

    @rule(cut=st.integers(1, 30))
    def is_cut_off_in_the_middle_of_a_line(self, cut):
        with self.path.open("ab") as file:
            file.write(b'{"id": 99, "action": "label", "items"'[:cut])

    @rule()
    def is_read_again(self):
        before = self.journal.decisions
        self.journal = Journal(self.path)
        assert self.journal.decisions == before

    def teardown(self):
        if self.path is None:
            return
        for journal in (self.journal, Journal(self.path)):
            assert [decision.id for decision in journal.in_effect()] == self.holding


def test_a_journal_is_a_stack_of_decisions(tmp_path):
    JournalMachine.root = tmp_path
    run_state_machine_as_test(JournalMachine, settings=settings(stateful_step_count=20))
