"""Texts in a .txt, .csv or .jsonl file, from training to answers."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

from cli.conftest import labelwise, read_table, write_labels
from labelwise import LinearStudent, load
from tiny_models import text_model

N = 90
TRUTH = ["cat", "dog"] * (N // 2)
TEXTS = [f"the {name}, {number}" for number, name in enumerate(["cat purr", '"dog" howl'] * (N // 2))]
SMALL = ("--components", 4, "--latent", 2, "--hidden", 16, "--epochs", 10, "--device", "cpu")


def write_table(path, texts, truth):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("kind", "text"), *zip(truth, texts, strict=True)])
    return path


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return text_model(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, model):
    """A folder with a project of a .csv, with labels for some, and what training said; not to be changed."""
    folder = tmp_path_factory.mktemp("animals")
    data, project = write_table(folder / "animals.csv", TEXTS, TRUTH), folder / "animals.lw"
    columns = ("--text-column", "text", "--label-column", "kind")
    outcome = labelwise("train", data, "-o", project, *columns, "--features", f"text:{model}", *SMALL)
    assert outcome.code == 0, outcome
    labels = write_labels(folder / "l.csv", dict(enumerate(TRUTH[:20])))
    assert labelwise("label", project, labels).code == 0
    return folder, outcome


def test_training_says_what_becomes_of_the_texts(made, model):
    folder, outcome = made
    assert "animals.csv: 90 texts, 2 classes" in outcome.err
    assert f"features of 90 texts by {model}" in outcome.err
    assert "weights" not in outcome.err.lower()  # bars of other libraries
    assert f"features: 16 features by text:{model.name}" in outcome.out
    words = labelwise("info", folder / "animals.lw").out
    assert "animals.csv: 90 texts" in words
    assert f"16 features by text:{model.name}" in words


def test_suggestions_show_the_text(made, tmp_path):
    folder, _ = made
    for options in (("--budget", 3), ("--sheets", 2)):
        output = tmp_path / f"{options[0]}.csv"
        found = labelwise("suggest", folder / "animals.lw", *options, "-o", output, "--json")
        rows = read_table(output)
        assert rows
        assert all(row["text"] == TEXTS[int(row["index"])] for row in rows)
        assert json.loads(found.out)["suggestions"][0]["text"] == rows[0]["text"]


def test_answers_show_the_text(made, tmp_path):
    folder, _ = made
    outcome = labelwise("decode", folder / "animals.lw", "-o", tmp_path / "p.csv")
    assert outcome.code == 0, outcome
    rows = read_table(tmp_path / "p.csv")
    assert [row["text"] for row in rows] == TEXTS
    assert np.mean([row["label"] == kind for row, kind in zip(rows, TRUTH, strict=True)]) > 0.9


@pytest.mark.parametrize("ending", ["txt", "jsonl", "csv"])
@pytest.mark.parametrize("asked", ["animals.lw", "animals.lw/answerer"])
def test_new_texts_of_any_file(made, tmp_path, ending, asked):
    folder, _ = made
    labelwise("decode", folder / "animals.lw", "-o", tmp_path / "old.csv")
    new, answers = tmp_path / f"new.{ending}", tmp_path / "p.csv"
    texts, truth = ["the cat purr, 7", 'the "dog" howl, 9'], ["cat", "dog"]
    if ending == "txt":
        new.write_text("\n".join(texts) + "\n")
    elif ending == "jsonl":
        new.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    else:
        write_table(new, texts, truth)
    column = () if ending == "txt" or asked == "animals.lw" else ("--text-column", "text")
    outcome = labelwise("decode", folder / asked, new, "-o", answers, *column)
    assert outcome.code == 0, outcome
    assert [(row["text"], row["label"]) for row in read_table(answers)] == list(
        zip(texts, truth, strict=True)
    )


def test_the_student_is_linear_and_answers_new_texts(made, tmp_path):
    project = shutil.copytree(made[0] / "animals.lw", tmp_path / "p.lw")
    outcome = labelwise("refine", project, "--rounds", 2, "--json")
    assert outcome.code == 0, outcome
    summary = json.loads(outcome.out)
    assert (summary["student"], summary["answerer"]) == (True, "student")
    assert summary["accuracy"] > 0.9
    assert isinstance(load(project), LinearStudent)
    words = labelwise("info", project).out
    assert "a linear student" in words
    assert "rounds of logistic regression, C=0.03" in labelwise("info", project / "answerer").out
    (tmp_path / "new.txt").write_text('the cat purr, 7\nthe "dog" howl, 9\n')
    assert labelwise("decode", project, tmp_path / "new.txt", "-o", tmp_path / "p.csv").code == 0
    assert [row["label"] for row in read_table(tmp_path / "p.csv")] == ["cat", "dog"]
    assert labelwise("refine", project, "--rounds", 2).code == 0  # it replaces the earlier one


@pytest.mark.parametrize("option", [("--fresh",), ("--device", "cpu")])
def test_options_of_the_network_are_refused(made, option):
    outcome = labelwise("refine", made[0] / "animals.lw", *option)
    assert outcome.code == 2
    assert option[0] in outcome.err


def test_tasks_for_label_studio_hold_the_text(made, tmp_path):
    folder, _ = made
    assert labelwise("label", folder / "animals.lw", "--to", tmp_path / "tasks.json").code == 0
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert [task["data"]["text"] for task in tasks] == TEXTS


def test_labels_stay_with_texts_that_moved(made, tmp_path):
    folder, _ = made
    project = shutil.copytree(folder / "animals.lw", tmp_path / "p.lw")
    write_table(tmp_path / "more.csv", ["the new one", *TEXTS], ["cat", *TRUTH])
    assert "1 new" in labelwise("update", project, tmp_path / "more.csv").out
    labelwise("label", project, "--to", tmp_path / "l.csv")
    found = {int(row["index"]): row["label"] for row in read_table(tmp_path / "l.csv")}
    assert found == {row + 1: TRUTH[row] for row in range(20)}


def test_an_audit_of_new_texts(made, tmp_path):
    folder, _ = made
    new = write_table(tmp_path / "new.csv", TEXTS[:30], TRUTH[:30])
    outcome = labelwise("audit", folder / "animals.lw", new, "--label-column", "kind", "--json")
    assert outcome.code == 0, outcome
    assert {row["name"] for row in json.loads(outcome.out)["served"]} == {"cat", "dog"}


def test_what_is_missing_is_told(made, model, tmp_path):
    folder, _ = made
    train = ("train", folder / "animals.csv", "-o", tmp_path / "q.lw", *SMALL)
    text = ("--text-column", "text")
    assert "'kind', 'text'" in labelwise(*train, "--features", f"text:{model}").reason(
        "animals.csv: 90 rows of 2 columns, no labels"
    )
    said = "animals.csv: 90 texts, no labels"
    assert "text:FOLDER" in labelwise(*train, *text).reason(said)
    gone = labelwise(*train, *text, "--features", f"text:{tmp_path}/gone").reason(said)
    assert f"{tmp_path}/gone" in gone
    assert "'body'" in labelwise(*train, "--text-column", "body").reason()
    outcome = labelwise(*train, *text, "--features", "txt:x")
    assert outcome.code == 2
    assert "'text:…'" in outcome.err
    assert not (tmp_path / "q.lw").exists()
    assert "--text-column" in labelwise("decode", folder / "animals.lw", *text).reason()


def test_numbers_of_a_kind_are_no_texts(made, tmp_path):
    folder, _ = made
    np.save(tmp_path / "new.npy", np.zeros((5, 16)))
    assert "shape (16,)" in labelwise("decode", folder / "animals.lw", tmp_path / "new.npy").reason()


def test_a_study_of_texts_is_refused(tmp_path):
    (tmp_path / "q.txt").write_text("\n".join(TEXTS))
    study = ("study", "--dataset", tmp_path / "q.txt", "-o", tmp_path / "r")
    assert "texts" in labelwise(*study).reason()
