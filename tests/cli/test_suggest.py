"""`labelwise suggest`: a list of items to label, and the way from there to predictions."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from cli.conftest import (
    LABELED,
    TRUTH,
    X,
    finish,
    labelwise,
    read_table,
    start_labelwise,
    write_labels,
)
from labelwise import Project, suggest
from labelwise.data import read_labels

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


@pytest.fixture
def ask(project, tmp_path):
    """Ask for suggestions; where that fails, nothing new may be left."""

    def ask(*arguments, of=project, output=None):
        output = output or tmp_path / "to_label.csv"
        before = output.read_bytes() if output.exists() else None
        outcome = labelwise("suggest", of, "-o", output, *arguments)
        if outcome.code != 0:
            assert (output.read_bytes() if output.exists() else None) == before
        assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".part")] == []
        return outcome

    return ask


def fill_in(path, label):
    """Add a column of labels to a list, as a person would; returns the indices of its items."""
    rows = read_table(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], "label"])
        writer.writeheader()
        writer.writerows(row | {"label": label(int(row["index"]))} for row in rows)
    return [int(row["index"]) for row in rows]


class TestList:
    def test_it_holds_what_the_library_suggests_in_that_order(self, ask, project, tmp_path):
        assert ask("--budget", 15).code == 0
        rows = read_table(tmp_path / "to_label.csv")
        assert list(rows[0]) == ["index", "component", "reason"]
        gmvae = Project(project).gmvae
        assert [int(row["index"]) for row in rows] == suggest(gmvae, X, 15, random_state=0).tolist()
        homes = gmvae.predict(X)
        for row in rows:
            assert int(row["component"]) == homes[int(row["index"])]
            assert f"component {row['component']}" in row["reason"]

    def test_ten_are_written_to_to_label_csv_if_nothing_is_said(self, trained, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        outcome = labelwise("suggest", trained[0])
        assert (outcome.code, outcome.err) == (0, "")
        assert [entry.name for entry in tmp_path.iterdir()] == ["to_label.csv"]
        assert len(read_table(tmp_path / "to_label.csv")) == 10

    @pytest.mark.parametrize("given", ["in the project", "for this call"])
    def test_items_with_labels_are_left_out_and_the_labels_tell_what_is_in_doubt(
        self, ask, project, labelled, labels, tmp_path, given
    ):
        if given == "in the project":
            assert ask("--budget", 40, of=labelled).code == 0
        else:
            assert ask("--budget", 40, "--labels", labels).code == 0
            assert Project(project).labeled() == {}
        rows = read_table(tmp_path / "to_label.csv")
        assert not {int(row["index"]) for row in rows} & set(LABELED)
        assert len({row["index"] for row in rows}) == 40
        assert not any(row["reason"].startswith("typical") for row in rows)

    def test_all_that_is_left_can_be_asked_for(self, ask, labelled, tmp_path):
        assert ask("--budget", 300 - len(LABELED), of=labelled).code == 0
        rows = read_table(tmp_path / "to_label.csv")
        assert sorted(int(row["index"]) for row in rows) == sorted(set(range(300)) - set(LABELED))

    def test_the_program_gives_the_same_list_each_time(self, ask, trained, tmp_path):
        assert ask("--budget", 12, "--seed", 5).code == 0
        other = tmp_path / "other.csv"
        outcome = finish(start_labelwise("suggest", trained[0], "--budget", 12, "--seed", 5, "-o", other))
        assert (outcome.code, outcome.err) == (0, "")
        assert other.read_bytes() == (tmp_path / "to_label.csv").read_bytes()

    def test_asking_again_does_not_search_again(self, ask, monkeypatch, tmp_path):
        assert ask("--budget", 12).code == 0
        first = (tmp_path / "to_label.csv").read_bytes()
        monkeypatch.setattr(
            "labelwise.planning.suggest.suggest_from", lambda *_, **__: pytest.fail("searched again")
        )
        assert ask("--budget", 12).code == 0
        assert (tmp_path / "to_label.csv").read_bytes() == first


class TestOutput:
    def test_words_say_what_was_written_and_what_comes_next(self, ask, project, tmp_path):
        outcome = ask("--budget", 12)
        assert (outcome.code, outcome.err) == (0, "")
        first, *_, last = outcome.out.splitlines()
        assert first.startswith(f"{tmp_path / 'to_label.csv'}: 12 items")
        assert last.strip() == f"labelwise label {project} {tmp_path / 'to_label.csv'}"

    def test_json_holds_the_list_too(self, ask, labelled, tmp_path):
        outcome = ask("--budget", 6, "--json", of=labelled)
        assert (outcome.code, outcome.err) == (0, "")
        rows = read_table(tmp_path / "to_label.csv")
        assert json.loads(outcome.out) == {
            "output": str(tmp_path / "to_label.csv"),
            "n_samples": 300,
            "n_labeled": len(LABELED),
            "suggestions": [
                {"index": int(row["index"]), "component": int(row["component"]), "reason": row["reason"]}
                for row in rows
            ],
        }
        assert len(rows) == 6


class TestRoundTrip:
    def test_a_list_with_a_column_of_labels_is_a_file_of_labels(self, ask, project, tmp_path):
        ask("--budget", 30)
        path = tmp_path / "to_label.csv"
        chosen = fill_in(path, lambda row: str(TRUTH[row]))
        assert labelwise("label", project, path, "--by", "ana").code == 0
        opened = Project(project)
        assert sorted(opened.labeled()) == sorted(chosen)
        assert {decision.how for _, decision in opened.labeled().values()} == {"suggested"}
        outcome = labelwise("decode", project, "--json", "-o", tmp_path / "p.csv")
        assert outcome.code == 0, outcome
        summary = json.loads(outcome.out)
        assert summary["n_labeled"] == 30
        assert summary["accuracy"] > 0.5  # guessing gives 0.1

    def test_rows_that_nobody_filled_in_change_nothing(self, ask, tmp_path):
        ask("--budget", 20)
        path = tmp_path / "to_label.csv"
        chosen = fill_in(path, lambda row: str(TRUTH[row]) if TRUTH[row] < 5 else "")
        y = read_labels(path, n_samples=300)
        assert [row for row in range(300) if y[row] != -1] == sorted(r for r in chosen if TRUTH[r] < 5)

    def test_labels_of_a_first_list_ask_for_a_second_one_without_its_items(self, ask, project, tmp_path):
        ask("--budget", 20)
        first = fill_in(tmp_path / "to_label.csv", lambda row: str(TRUTH[row]))
        labelwise("label", project, tmp_path / "to_label.csv")
        second = tmp_path / "more.csv"
        assert ask("--budget", 20, output=second).code == 0
        assert not set(first) & {int(row["index"]) for row in read_table(second)}

    def test_a_list_that_was_filled_in_is_never_written_over(self, ask, tmp_path):
        ask("--budget", 5)
        assert ask("--budget", 6).code == 0  # without labels there is nothing to lose
        path = tmp_path / "to_label.csv"
        fill_in(path, lambda row: str(TRUTH[row]))
        reason = ask("--budget", 5).reason()
        assert str(path) in reason
        assert "'label'" in reason
        assert ask("--budget", 5, "--labels", path).code == 1


class TestSheets:
    def test_are_a_list_to_fill_in(self, ask, project, tmp_path):
        outcome = ask("--sheets", 4)
        assert (outcome.code, outcome.err) == (0, "")
        path = tmp_path / "to_label.csv"
        rows = read_table(path)
        assert list(rows[0]) == ["sheet", "index", "component", "prediction", "reason"]
        assert sorted({row["sheet"] for row in rows}) == ["1", "2", "3", "4"]
        expected = [int(row) for sheet in Project(project).sheets(4) for row in sheet.items]
        assert [int(row["index"]) for row in rows] == expected
        assert f"{len(rows)} items in 4 sheets" in outcome.out
        fill_in(path, lambda row: str(TRUTH[row]))
        assert labelwise("label", project, path).code == 0
        opened = Project(project)
        assert sorted(opened.labeled()) == sorted(expected)
        assert {decision.how for _, decision in opened.labeled().values()} == {"suggested"}

    def test_come_with_predictions_once_there_are_labels(self, ask, labelled, tmp_path):
        found = json.loads(ask("--sheets", 2, "--json", of=labelled).out)["suggestions"]
        assert {row["prediction"] for row in found} <= {str(number) for number in range(10)}
        assert [row["index"] for row in found] == [
            int(row["index"]) for row in read_table(tmp_path / "to_label.csv")
        ]

    def test_more_than_there_are_items(self, ask):
        assert "301" in ask("--sheets", 301).reason()


class TestRefusal:
    @pytest.mark.parametrize(("more", "n_left"), [(False, 300), (True, 300 - len(LABELED))])
    def test_more_than_are_left(self, ask, project, labelled, more, n_left):
        reason = ask("--budget", n_left + 1, of=labelled if more else project).reason()
        assert f"--budget {n_left + 1}" in reason
        assert f"{n_left} items" in reason

    def test_nothing_left(self, ask, tmp_path):
        labels = write_labels(tmp_path / "all.csv", {row: str(TRUTH[row]) for row in range(300)})
        assert "300 items" in ask("--budget", 1, "--labels", labels).reason()

    @pytest.mark.parametrize(
        ("option", "value"), [("--budget", 0), ("--budget", "many"), ("--sheets", 0), ("--seed", -1)]
    )
    def test_numbers_that_cannot_be_are_wrong_use(self, ask, option, value):
        outcome = ask(option, value)
        assert (outcome.code, outcome.out) == (2, "")
        assert f"'{option}'" in outcome.err

    @pytest.mark.parametrize("more", [["--budget", 5], ["--labels", "l.csv"]])
    def test_sheets_are_something_else(self, ask, more):
        assert "--sheets" in ask("--sheets", 3, *more).reason()

    def test_no_project(self, ask, tmp_path):
        assert str(tmp_path / "nothing") in ask(of=tmp_path / "nothing").reason()

    @pytest.mark.parametrize(("content", "value"), [({300: "a"}, "item 300"), ({3: "", 4: ""}, "'label'")])
    def test_faulty_labels(self, ask, tmp_path, content, value):
        path = write_labels(tmp_path / "labels.csv", content)
        reason = ask("--labels", path).reason()
        assert str(path) in reason
        assert value in reason

    def test_a_folder_that_is_missing_is_told_before_the_work(self, ask, tmp_path):
        assert str(tmp_path / "nowhere") in ask(output=tmp_path / "nowhere" / "to_label.csv").reason()


class TestImages:
    @pytest.fixture
    def scans(self, project, tmp_path):
        """A project of images in one folder, one of which cannot be read."""
        image = pytest.importorskip("PIL.Image")
        (tmp_path / "scans").mkdir()
        for number, pixels in enumerate(X[:60]):
            image.fromarray(pixels).save(tmp_path / "scans" / f"{number:03}.png")
        (tmp_path / "scans" / "025.png").write_bytes(b"no image at all")
        arguments = ["train", tmp_path / "scans", "-o", tmp_path / "q", "--model", project / "model"]
        assert "025.png" in labelwise(*arguments).reason()
        outcome = labelwise(*arguments, "--skip-unreadable")
        assert outcome.code == 0, outcome
        assert any(line.startswith("skipped 025.png: ") for line in outcome.err.splitlines())
        return tmp_path / "q"

    def test_paths_are_named_and_serve_for_labels(self, ask, scans, tmp_path):
        outcome = ask("--budget", 20, of=scans)
        assert (outcome.code, outcome.err) == (0, "")
        path = tmp_path / "to_label.csv"
        rows = read_table(path)
        assert list(rows[0]) == ["index", "component", "reason", "path"]
        paths = [f"{number:03}.png" for number in range(60) if number != 25]
        assert [row["path"] for row in rows] == [paths[int(row["index"])] for row in rows]
        fill_in(path, lambda row: f"digit {TRUTH[int(paths[row].removesuffix('.png'))]}")
        assert labelwise("label", scans, path).code == 0
        assert labelwise("label", scans, "--to", tmp_path / "out.csv").code == 0
        assert {row["path"]: row["label"] for row in read_table(tmp_path / "out.csv")} == {
            row["path"]: f"digit {TRUTH[int(row['path'][:3])]}" for row in rows
        }
        outcome = labelwise("decode", scans, "--json", "-o", tmp_path / "p.csv")
        assert json.loads(outcome.out)["n_labeled"] == 20
        assert [row["path"] for row in read_table(tmp_path / "p.csv")] == paths

    def test_new_images_may_be_skipped_too(self, scans, tmp_path):
        labels = write_labels(tmp_path / "l.csv", {"000.png": "zero", "059.png": "other"}, key="path")
        assert labelwise("label", scans, labels).code == 0
        image = pytest.importorskip("PIL.Image")
        (tmp_path / "new").mkdir()
        image.fromarray(X[70]).save(tmp_path / "new" / "a.png")
        (tmp_path / "new" / "b.png").write_bytes(b"no image at all")
        arguments = ["decode", scans, tmp_path / "new", "-o", tmp_path / "p.csv"]
        assert "b.png" in labelwise(*arguments).reason()
        outcome = labelwise(*arguments, "--skip-unreadable")
        assert outcome.code == 0
        assert outcome.err.startswith("skipped b.png: ")
        assert [row["path"] for row in read_table(tmp_path / "p.csv")] == ["a.png"]

    def test_a_path_that_is_no_image(self, scans, tmp_path):
        labels = write_labels(tmp_path / "l.csv", {"999.png": "zero"}, key="path")
        reason = labelwise("label", scans, labels).reason()
        for value in (f"{labels}, line 2", "'999.png'", "'000.png'"):
            assert value in reason


def test_a_table_with_a_column_of_classes(tmp_path):
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'y' if a > 0 else 'x'}" for a, b in rng.standard_normal((80, 2))]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    tiny = ["--components", 3, "--latent", 2, "--hidden", 8, "--layers", 1, "--epochs", 2]
    arguments = ["train", data, "-o", tmp_path / "m", *tiny]
    outcome = labelwise(*arguments, "--label-column", "kind")
    assert outcome.code == 0, outcome
    assert "80 rows" in outcome.err.splitlines()[0]
    # The column need not be named again.
    outcome = labelwise("suggest", tmp_path / "m", "--budget", 7, "-o", tmp_path / "l.csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert len(read_table(tmp_path / "l.csv")) == 7
    fill_in(tmp_path / "l.csv", lambda row: rows[row].rpartition(",")[2])
    assert labelwise("label", tmp_path / "m", tmp_path / "l.csv").code == 0
    summary = json.loads(labelwise("decode", tmp_path / "m", "-o", tmp_path / "p.csv", "--json").out)
    assert summary["accuracy"] is not None
    new = [tmp_path / "m", data, "-o", tmp_path / "p.csv", "--label-column", "kind"]
    assert labelwise("decode", *new).code == 0
    assert len(read_table(tmp_path / "p.csv")) == 80
