"""What the page and scripts add to labels: confirming, disputes, formulas, sheets that wait, the map."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from labelwise import Project
from labelwise.data.labels import read_labels
from labelwise.errors import LabelError, StorageError
from labelwise.project.journal import Journal
from labelwise.storage import as_cell, of_cell, write_csv
from project.conftest import NAMES, label


class TestConfirming:
    def test_each_item_gets_its_own_label_in_one_decision(self, project):
        decision = project.confirm([1, 2, 3], ["a", "b", "a"], by="ana", how="suggested")
        assert len(project.journal.decisions) == 1
        assert decision.label is None
        assert {row: name for row, (name, _) in project.labeled().items()} == {1: "a", 2: "b", 3: "a"}
        assert project.undo() == decision
        assert not project.labeled()

    def test_one_label_for_all_is_written_once(self, project):
        assert project.confirm([1, 2], ["a", "a"]).labels == ()

    def test_a_new_reader_sees_the_same(self, project):
        project.confirm([1, 2], ["a", "b"])
        assert Journal(project.path / "labels.jsonl").decisions == project.journal.decisions

    @pytest.mark.parametrize(("items", "labels"), [([1, 2], ["a"]), ([1], [""]), ([], []), ([1], [None])])
    def test_what_is_no_confirmation(self, project, items, labels):
        with pytest.raises(LabelError):
            project.confirm(items, labels)
        assert not project.journal.decisions

    @pytest.mark.parametrize("name", ["a\nb", "a\x00", "\ud800", "a\u2028b"])
    def test_a_name_that_would_break_lines(self, project, name):
        with pytest.raises(LabelError, match="control characters"):
            project.label(1, name)

    @pytest.mark.parametrize("line", ['"labels": ["a"]', '"labels": ["a", 1]', '"labels": "ab"'])
    def test_a_damaged_line_is_named(self, tmp_path, line):
        path = tmp_path / "labels.jsonl"
        path.write_text(f'{{"id": 1, "action": "label", "items": [1, 2], {line}}}\n')
        with pytest.raises(StorageError, match="line 1"):
            Journal(path)


class TestDisputes:
    def test_two_people_who_differ(self, project):
        project.label(1, "a", by="ana")
        project.label(1, "b", by="bo")
        project.label(2, "a", by="ana")
        project.label(2, "a", by="bo")
        assert project.disputed() == {1: {"ana": "a", "bo": "b"}}

    def test_one_who_changed_their_mind(self, project):
        project.label(1, "a", by="ana")
        project.label(1, "b", by="ana")
        assert project.disputed() == {}

    def test_it_is_settled_when_one_gives_in(self, project):
        project.label(1, "a", by="ana")
        project.label(1, "b", by="bo")
        project.label(1, "b", by="ana")
        assert project.disputed() == {}


class TestFormulas:
    @pytest.mark.parametrize("name", ["=cmd()", "@x", "-a", "+SUM(1)", "=1", "'=1"])
    def test_a_spreadsheet_would_not_run_it_and_it_comes_back(self, project, tmp_path, name):
        project.label(1, name)
        project.export_labels(tmp_path / "l.csv")
        with (tmp_path / "l.csv").open() as file:
            (row,) = csv.DictReader(file)
        assert row["label"] == f"'{name}"
        project.undo()
        assert project.import_labels(tmp_path / "l.csv") == 1
        assert project.labeled()[1][0] == name

    def test_nor_the_name_of_a_file(self, tmp_path):
        paths = ["=1.png", "b.png"]
        rows = [{"path": path, "label": label} for path, label in zip(paths, "xy", strict=True)]
        write_csv(tmp_path / "l.csv", ["path", "label"], rows)
        assert (tmp_path / "l.csv").read_text() == "path,label\n'=1.png,x\nb.png,y\n"
        assert read_labels(tmp_path / "l.csv", n_samples=2, paths=paths).tolist() == ["x", "y"]

    @pytest.mark.parametrize("name", ["-1", "+2.5", "wren", "'quoted'", "a=b"])
    def test_other_text_stays_as_it_is(self, name):
        assert as_cell(name) == name == of_cell(name)


class TestPredictions:
    def test_csv_and_parquet_say_the_same(self, labelled, tmp_path):
        assert labelled.export_predictions(tmp_path / "p.csv") == len(labelled)
        labelled.export_predictions(tmp_path / "p.parquet")
        one, other = pd.read_csv(tmp_path / "p.csv"), pd.read_parquet(tmp_path / "p.parquet")
        assert list(one.columns) == list(other.columns) == ["index", "label", "probability"]
        assert (one.label == other.label).all()
        np.testing.assert_allclose(one.probability, other.probability, atol=1e-4)

    def test_live_answers_are_those_of_auto_once_these_are_known(self, labelled):
        quick = labelled.live_answers()
        assert quick.about["decoder"] == "poisson"
        assert (quick.labels == NAMES).mean() > 0.5  # chance is 0.1
        labelled.answers()
        assert labelled.live_answers().about["decoder"] == "auto"


class TestSheets:
    def test_what_is_shown_is_not_proposed_again(self, project):
        first = project.sheets(3, random_state=0)
        rows = {int(row) for sheet in first for row in sheet.items}
        again = project.sheets(3, shown=sorted(rows), random_state=0)
        assert rows.isdisjoint(int(row) for sheet in again for row in sheet.items)

    def test_whoever_comes_back_finds_the_last_ones(self, project):
        made = project.sheets(4)
        project.label_items(made[0].items.tolist(), "zero")
        project.close()
        found = Project.open(project.path).last_sheets()
        assert [sheet.items.tolist() for sheet in found] == [sheet.items.tolist() for sheet in made[1:]]
        assert [sheet.reason for sheet in found] == [sheet.reason for sheet in made[1:]]

    @pytest.mark.parametrize("text", ["", "{", '{"key": 1}', '{"key": [], "sheets": [1]}'])
    def test_a_damaged_file_of_them_is_made_again(self, project, text):
        (project.path / "sheets.json").write_text(text)
        assert project.last_sheets() == []

    def test_a_mixed_one_is_split_into_purer_ones(self, project):
        rows = [np.flatnonzero(name == NAMES)[:3] for name in ("zero", "one")]
        parts = project.split(np.concatenate(rows).tolist())
        shown = [{NAMES[row] for row in part.items if row in np.concatenate(rows)} for part in parts]
        assert sorted(map(len, shown)) == [1, 1]
        assert all(len(part.items) == 5 for part in parts)
        assert len(set(np.concatenate([part.items for part in parts]))) == 10

    def test_one_item_cannot_be_split(self, project):
        with pytest.raises(LabelError, match="1 item"):
            project.split([3])


class TestShares:
    def test_the_named_share_grows_with_components(self, project):
        assert project.named_share() == 0
        top = project.encoding.top
        label(project, [0])
        assert project.named_share() == pytest.approx((top == top[0]).mean())
        other = int(next(each for each in top if each != top[0]))
        project.name(other, "x")
        assert project.named_share() == pytest.approx(((top == top[0]) | (top == other)).mean())


class TestMap:
    def test_it_is_made_once(self, project, monkeypatch):
        made = project.layout()
        assert made.shape == (len(project), 2)
        assert np.abs(made).max() <= 1
        monkeypatch.setattr("labelwise.graph.layout.lay_out", lambda *_, **__: pytest.fail("made again"))
        np.testing.assert_array_equal(project.layout(), made)

    def test_items_of_a_class_lie_together(self, project):
        positions = project.layout()
        distances = np.linalg.norm(positions[:, None] - positions[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        assert (NAMES[distances.argmin(axis=1)] == NAMES).mean() > 0.6  # chance is 0.1
