"""The journal keeps what it confirmed, whatever happens in the middle of a line."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from labelwise.errors import LabelError, StorageError
from labelwise.project.journal import Decision, Journal, check_how, check_label

DIGEST = "0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.jsonl"


@pytest.fixture
def journal(path):
    """Three labels and the name of a component."""
    journal = Journal(path)
    journal.append("label", items=(3,), digests=(DIGEST,), label="wren", by="ana", how="random")
    journal.append("label", items=("a/ü b.jpg", "b.jpg"), label="Zaunkönig, klein", how="suggested")
    journal.append("name", component=0, model="f00", label="robin", by="bo", how="suggested")
    journal.append("label", items=(3,), digests=(DIGEST,), label=None, how="correction")
    return journal


def labels_of(journal):
    return [decision.label for decision in journal.in_effect()]


def said(journal):
    return [(decision.action, decision.label, decision.of) for decision in journal.decisions]


class TestAppending:
    def test_a_new_reader_sees_every_field(self, journal, path):
        assert Journal(path).decisions == journal.decisions
        first, _, name, last = journal.decisions
        assert (first.items, first.digests, first.label, first.by) == ((3,), (DIGEST,), "wren", "ana")
        assert (name.component, name.model, last.label, last.how) == (0, "f00", None, "correction")
        assert [decision.id for decision in journal.decisions] == [1, 2, 3, 4]

    def test_a_line_is_on_disk_before_it_is_confirmed(self, path, monkeypatch):
        flushed = {}
        monkeypatch.setattr(os, "fsync", lambda d: flushed.update({os.fstat(d).st_ino: path.read_bytes()}))
        Journal(path).append("label", items=(1,), label="wren", how="random")
        assert flushed[path.stat().st_ino] == path.read_bytes()
        assert json.loads(path.read_bytes())["label"] == "wren"

    def test_the_name_of_a_new_file_is_on_disk_as_well(self, path, monkeypatch):
        flushed = []
        monkeypatch.setattr(os, "fsync", lambda d: flushed.append(os.fstat(d).st_ino))
        Journal(path).append("label", items=(1,), label="wren", how="random")
        assert flushed == [path.stat().st_ino, path.parent.stat().st_ino]

    def test_each_line_is_json_with_what_was_said_alone(self, journal, path):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert set(lines[0]) == {"id", "action", "items", "digests", "label", "by", "time", "how"}
        assert set(lines[2]) == {"id", "action", "component", "model", "label", "by", "time", "how"}
        assert lines[2]["component"] == 0

    def test_lines_are_never_changed(self, journal, path):
        before = path.read_bytes()
        journal.undo()
        journal.append("label", items=(1,), label="x", how="random")
        assert path.read_bytes().startswith(before)

    def test_no_file_is_no_decision(self, path):
        assert Journal(path).decisions == []
        assert not path.exists()


class TestTornLines:
    def test_at_every_byte_of_the_last_line(self, journal, path):
        content = path.read_bytes()
        start = content[:-1].rfind(b"\n") + 1
        for length in range(start, len(content)):
            path.write_bytes(content[:length])
            assert Journal(path).decisions == journal.decisions[:-1], length

    def test_the_next_line_takes_the_place_of_what_was_cut(self, journal, path):
        content = path.read_bytes()
        start = content[:-1].rfind(b"\n") + 1
        for length in range(start, len(content), 7):
            path.write_bytes(content[:length])
            Journal(path).append("label", items=(9,), label="new", how="random")
            assert path.read_bytes()[:start] == content[:start]
            assert [d.label for d in Journal(path).decisions] == ["wren", "Zaunkönig, klein", "robin", "new"]

    @pytest.mark.parametrize("n_lines", [1, 2, 3, 4])
    def test_no_byte_of_a_first_line_is_a_decision(self, journal, path, n_lines):
        content = b"".join(path.read_bytes().splitlines(keepends=True)[:n_lines])
        path.write_bytes(content[:-1])
        assert len(Journal(path).decisions) == n_lines - 1


class TestDamage:
    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"{",
            b"[1]",
            b"7",
            b"\xff\xfe",
            b'{"id": 77, "action": "label", "items": [1], "label": "x"}',
            b'{"id": ID, "action": "forget"}',
            b'{"id": ID, "action": "label", "items": [1], "label": 5}',
            b'{"id": ID, "action": "label", "items": "abc", "label": "x"}',
            b'{"id": ID, "action": "label", "items": [1.5], "label": "x"}',
            b'{"id": ID, "action": "label", "items": [], "label": "x"}',
            b'{"id": ID, "action": "label", "items": [1], "digests": ["xyz"], "label": "x"}',
            b'{"id": ID, "action": "label", "items": [1], "digests": [12], "label": "x"}',
            b'{"id": ID, "action": "name", "label": "x"}',
            b'{"id": ID, "action": "undo", "of": 99}',
            b'{"id": ID, "action": "redo"}',
            b'{"id": ID, "action": "label", "items": [1], "label": "x", "mood": "glad"}',
        ],
    )
    def test_a_damaged_line_is_named(self, journal, path, number, broken):
        lines = path.read_bytes().splitlines(keepends=True)
        lines[number - 1] = broken.replace(b"ID", str(number).encode()) + b"\n"
        path.write_bytes(b"".join(lines))
        with pytest.raises(StorageError, match=rf"labels\.jsonl, line {number} ") as caught:
            Journal(path)
        assert "\n" not in str(caught.value)

    def test_a_lost_line_in_the_middle(self, journal, path):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:1] + lines[2:]))
        with pytest.raises(StorageError, match="line 2 has id 3"):
            Journal(path)

    def test_a_folder_in_its_place(self, path):
        path.mkdir()
        with pytest.raises(StorageError, match=r"labels\.jsonl cannot be read"):
            Journal(path)

    @pytest.mark.parametrize("harm", ["cut", "remove"])
    def test_lines_that_vanish_while_it_is_open_are_not_made_up(self, journal, path, harm):
        if harm == "cut":
            path.write_bytes(path.read_bytes()[:-20])
        else:
            path.unlink()
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(StorageError, match=r"labels\.jsonl"):
            journal.append("label", items=(1,), label="x", how="random")
        assert (path.read_bytes() if path.exists() else None) == before


class TestFullDisk:
    @pytest.mark.parametrize("written", [0, 1, 20])
    def test_leaves_the_journal_as_it_was(self, journal, path, monkeypatch, written):
        content, decisions = path.read_bytes(), list(journal.decisions)
        write = os.write
        calls = []

        def full(descriptor, line):
            if written and not calls:
                calls.append(write(descriptor, line[:written]))
                return written
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="no space left on device"):
            journal.append("label", items=(1,), label="x", how="random")
        monkeypatch.undo()
        assert path.read_bytes() == content
        assert journal.decisions == decisions
        assert journal.append("label", items=(1,), label="x", how="random").id == 5
        assert len(Journal(path).decisions) == 5

    def test_a_disk_that_cannot_flush_has_saved_nothing(self, journal, path, monkeypatch):
        content = path.read_bytes()

        def broken(descriptor):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(StorageError, match=os.strerror(errno.EIO).lower()):
            journal.append("label", items=(1,), label="x", how="random")
        assert path.read_bytes() == content

    def test_with_a_real_limit(self, journal, path):
        content = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 30, hard))
        try:
            with pytest.raises(StorageError, match=os.strerror(errno.EFBIG).lower()):
                journal.append("label", items=(1,), label="x", how="random")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == content
        assert Journal(path).decisions == journal.decisions


class TestUndoAndRedo:
    def test_are_lines_of_their_own(self, journal):
        assert journal.undo(by="ana").id == 4
        assert labels_of(journal) == ["wren", "Zaunkönig, klein", "robin"]
        assert journal.undo().id == 3
        assert journal.redo(by="bo").id == 3
        assert labels_of(journal) == ["wren", "Zaunkönig, klein", "robin"]
        assert journal.redo().id == 4
        assert labels_of(journal) == ["wren", "Zaunkönig, klein", "robin", None]
        assert said(journal)[4:] == [
            ("undo", None, 4),
            ("undo", None, 3),
            ("redo", None, 3),
            ("redo", None, 4),
        ]
        assert [decision.by for decision in journal.decisions[4:]] == ["ana", "", "bo", ""]

    def test_survive_a_new_process(self, journal, path):
        journal.undo()
        journal.undo()
        again = Journal(path)
        assert labels_of(again) == ["wren", "Zaunkönig, klein"]
        assert again.redo().label == "robin"
        assert labels_of(again) == ["wren", "Zaunkönig, klein", "robin"]

    def test_a_new_decision_leaves_nothing_to_redo(self, journal):
        journal.undo()
        journal.append("label", items=(1,), label="new", how="random")
        with pytest.raises(LabelError, match="redo"):
            journal.redo()
        assert labels_of(journal) == ["wren", "Zaunkönig, klein", "robin", "new"]

    def test_a_redone_decision_can_be_undone_again(self, journal):
        journal.undo()
        journal.redo()
        assert journal.undo().id == 4
        assert labels_of(journal) == ["wren", "Zaunkönig, klein", "robin"]

    def test_until_nothing_is_left(self, journal):
        assert [journal.undo().id for _ in range(4)] == [4, 3, 2, 1]
        size = len(journal.decisions)
        with pytest.raises(LabelError, match="undo"):
            journal.undo()
        assert len(journal.decisions) == size
        assert [journal.redo().id for _ in range(4)] == [1, 2, 3, 4]
        with pytest.raises(LabelError, match="redo"):
            journal.redo()


class TestSeveralProcesses:
    def test_refresh_sees_lines_of_others(self, journal, path):
        other = Journal(path)
        journal.append("label", items=(7,), label="new", how="random")
        assert len(other.decisions) == 4
        other.refresh()
        assert other.decisions == journal.decisions
        other.refresh()
        assert len(other.decisions) == 5

    def test_half_a_line_of_another_is_waited_for(self, journal, path):
        other = Journal(path)
        line = b'{"id": 5, "action": "label", "items": [1], "label": "x", "how": "random"}\n'
        with path.open("ab") as file:
            file.write(line[:30])
            file.flush()
            other.refresh()
            assert len(other.decisions) == 4
            file.write(line[30:])
        other.refresh()
        assert other.decisions[-1] == Decision(5, "label", items=(1,), label="x", how="random")

    def test_lines_of_others_are_not_written_over(self, journal, path):
        other = Journal(path)
        journal.append("label", items=(7,), label="mine", how="random")
        assert other.append("label", items=(8,), label="theirs", how="random").id == 6
        assert [decision.label for decision in Journal(path).decisions[-2:]] == ["mine", "theirs"]

    def test_all_confirmed_lines_survive_a_kill(self, path):
        code = """
import sys
from pathlib import Path
from labelwise.project.journal import Journal
journal = Journal(Path(sys.argv[1]))
while True:
    decision = journal.append("label", items=(len(journal.decisions),), label="x" * 2000, how="random")
    print(decision.id, flush=True)
"""
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        try:
            for _ in range(20):
                assert process.stdout.readline()
        finally:
            process.send_signal(signal.SIGKILL)
            rest, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL
        confirmed = int(rest.split()[-1]) if rest.endswith(b"\n") and rest.split() else 20
        journal = Journal(path)
        assert len(journal.decisions) >= confirmed >= 20
        assert [decision.items for decision in journal.decisions[:confirmed]] == [
            (i,) for i in range(confirmed)
        ]
        assert journal.append("label", items=(0,), label="after", how="random").label == "after"
        assert Journal(path).decisions == journal.decisions


class TestChecks:
    @pytest.mark.parametrize("how", ["random", "suggested", "correction", "imported"])
    def test_how_items_may_be_chosen(self, how):
        check_how(how)

    @pytest.mark.parametrize("how", ["", "guessed", None])
    def test_how_they_may_not(self, how):
        with pytest.raises(LabelError, match="suggested") as caught:
            check_how(how)
        assert repr(how) in str(caught.value)

    def test_labels_are_text(self):
        assert [check_label(label) for label in (" wren ", 7, None, "zéro, ou rien")] == [
            "wren",
            "7",
            None,
            "zéro, ou rien",
        ]

    @pytest.mark.parametrize("label", ["", "  ", "-1", -1])
    def test_no_label_is_no_text(self, label):
        with pytest.raises(LabelError) as caught:
            check_label(label)
        assert repr(label) in str(caught.value)
