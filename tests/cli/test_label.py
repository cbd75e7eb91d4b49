"""`labelwise label`: what people say goes into the journal of a project, and out of it."""

from __future__ import annotations

import json

import pytest

from cli.conftest import LABELED, TRUTH, labelwise, read_table, write_labels
from labelwise import Project


@pytest.fixture
def label(project):
    """Run the command on a project without labels."""
    return lambda *arguments: labelwise("label", project, *arguments)


def journal(project):
    """What was said, in order: item or component, label, who and how."""
    return [
        (d.action, list(d.items) or d.component, d.label, d.by, d.how)
        for d in Project(project).journal.decisions
    ]


class TestIn:
    def test_labels_of_a_file_are_decisions(self, label, project, tmp_path):
        file = write_labels(tmp_path / "l.csv", {3: "wren", 5: "", 7: "zéro, ou rien"})
        outcome = label(file, "--by", "ana", "--how", "random")
        assert (outcome.code, outcome.err) == (0, "")
        assert journal(project) == [
            ("label", [3], "wren", "ana", "random"),
            ("label", [7], "zéro, ou rien", "ana", "random"),
        ]
        assert "2 new or changed labels" in outcome.out

    def test_the_same_again_changes_nothing(self, label, project, tmp_path):
        file = write_labels(tmp_path / "l.csv", {3: "wren", 7: "owl"})
        label(file)
        before = (project / "labels.jsonl").read_bytes()
        assert label(file).code == 0
        assert (project / "labels.jsonl").read_bytes() == before
        label(write_labels(tmp_path / "l.csv", {3: "robin", 7: "owl"}))
        assert journal(project)[2:] == [("label", [3], "robin", "", "imported")]

    def test_a_list_of_suggestions_is_known_as_such(self, label, project, tmp_path):
        (tmp_path / "l.csv").write_text("index,component,reason,label\n3,1,typical,wren\n7,,,owl\n")
        label(tmp_path / "l.csv")
        assert [how for *_, how in journal(project)] == ["suggested", "imported"]

    def test_annotations_of_label_studio(self, label, project, tmp_path):
        result = [{"type": "choices", "value": {"choices": ["wren"]}}]
        tasks = [{"data": {"index": 7}, "annotations": [{"result": result, "completed_by": 4}]}]
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        assert label(tmp_path / "export.json").code == 0
        assert journal(project) == [("label", [7], "wren", "4", "imported")]

    def test_names_of_components(self, label, project):
        component = int(Project(project).encoding.top[0])
        assert label("--name", f"{component}=wren, small", "--by", "ana").code == 0
        assert Project(project).names() == {component: "wren, small"}
        assert journal(project) == [("name", component, "wren, small", "ana", "suggested")]
        assert label("--name", f"{component}=").code == 0
        assert Project(project).names() == {}

    def test_undo_and_redo(self, label, project, tmp_path):
        label(write_labels(tmp_path / "l.csv", {3: "wren", 7: "owl"}))
        outcome = label("--undo")
        assert "7 is owl" in outcome.out
        assert sorted(Project(project).labeled()) == [3]
        label("--redo", "--by", "ana")
        assert sorted(Project(project).labeled()) == [3, 7]
        assert journal(project)[-1][3] == "ana"


class TestOut:
    def test_as_a_table(self, labelled, tmp_path):
        assert labelwise("label", labelled, "--to", tmp_path / "out.csv").code == 0
        rows = read_table(tmp_path / "out.csv")
        assert [(row["index"], row["label"]) for row in rows] == [(str(i), str(TRUTH[i])) for i in LABELED]
        assert list(rows[0]) == ["index", "label", "how", "by", "time"]

    def test_and_in_again(self, labelled, label, project, tmp_path):
        labelwise("label", labelled, "--to", tmp_path / "out.csv")
        assert label(tmp_path / "out.csv").code == 0
        assert Project(project).labels().tolist() == Project(labelled).labels().tolist()

    def test_as_tasks_with_predictions(self, labelled, tmp_path):
        assert labelwise("label", labelled, "--to", tmp_path / "out.json").code == 0
        tasks = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
        assert sum("annotations" in task for task in tasks) == len(LABELED)
        assert sum("predictions" in task for task in tasks) == len(tasks) == 300

    def test_after_what_goes_in(self, label, tmp_path):
        label(write_labels(tmp_path / "l.csv", {3: "wren"}), "--to", tmp_path / "out.csv")
        assert [row["label"] for row in read_table(tmp_path / "out.csv")] == ["wren"]


def test_json_counts_what_there_is(label, tmp_path, project):
    component = int(Project(project).encoding.top[0])
    file = write_labels(tmp_path / "l.csv", {3: "wren", 7: "owl"})
    found = json.loads(label(file, "--name", f"{component}=robin", "--json").out)
    assert found.pop("done")
    assert found == {
        "project": str(project),
        "n_labeled": 2,
        "n_named": 1,
        "classes": ["owl", "robin", "wren"],
    }


class TestRefusal:
    @pytest.mark.parametrize(
        ("arguments", "values"),
        [
            ([], ["LABELS", "--name", "--undo", "--redo", "--to"]),
            (["--undo", "--redo"], ["--undo", "--redo"]),
            (["--undo"], ["undo"]),
            (["--redo"], ["redo"]),
            (["--name", "wren"], ["--name wren", "7=wren"]),
            (["--name", "x=wren"], ["--name x=wren"]),
            (["--name", "12=wren"], ["12", "0 to 11"]),
            (["--to", "nowhere/l.csv"], ["nowhere", "does not exist"]),
            (["--to", "l.csv", "--how", "random"], ["--how random"]),
            (["--undo", "--how", "random"], ["--how random"]),
            (["--to", "l.csv", "--by", "ana"], ["--by ana"]),
            (["gone.csv"], ["gone.csv cannot be read"]),
            (["gone.json"], ["gone.json cannot be read"]),
        ],
    )
    def test_is_one_line_and_nothing_is_written(
        self, label, project, tmp_path, monkeypatch, arguments, values
    ):
        monkeypatch.chdir(tmp_path)
        reason = label(*arguments).reason()
        for value in values:
            assert value in reason
        assert journal(project) == []
        assert not (tmp_path / "l.csv").exists()

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("index,name\n0,a\n", ["no column 'label'", "'index', 'name'"]),
            ("number,label\n0,a\n", ["no column 'index'", "'number', 'label'"]),
            ("", ["empty", "index,label"]),
            ("index,label\n", ["has no labels", "column 'label'"]),
            ("index,label\n0,\n1,\n", ["has no labels", "column 'label'"]),
            ("index,label\n4,a\n300,a\n", ["line 3", "no item 300", "0 to 299"]),
            ("index,label\n4,a\n-1,a\n", ["line 3", "no item -1"]),
            ("index,label\n4,a\nfive,a\n", ["line 3", "'five'"]),
            ("index,label\n4,a\n5,-1\n", ["'-1'"]),
            ("index,label\n5,a\n6,b\n5,b\n", ["line 4", "'b'", "'a' in line 2"]),
        ],
    )
    def test_of_a_faulty_file_is_of_all_of_it(self, label, project, tmp_path, text, values):
        path = tmp_path / "labels.csv"
        path.write_text(text)
        reason = label(path).reason()
        for value in values:
            assert value in reason
        assert journal(project) == []

    def test_a_way_of_choosing_that_nobody_knows_is_wrong_use(self, label, tmp_path):
        outcome = label(write_labels(tmp_path / "l.csv", {3: "wren"}), "--how", "guessed")
        assert (outcome.code, "'--how'" in outcome.err) == (2, True)

    def test_a_project_that_another_process_changes(self, label, project, tmp_path):
        with Project(project) as other:
            other.label(3, "theirs")
            reason = label(write_labels(tmp_path / "l.csv", {4: "mine"})).reason()
        assert str(project) in reason
        assert [row[2] for row in journal(project)] == ["theirs"]
