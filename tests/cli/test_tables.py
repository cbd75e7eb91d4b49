"""A .csv with categories and gaps, from training to answers."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest

from cli.conftest import labelwise, write_labels
from labelwise import Project

# The first column counts the rows, which the program says.
pytestmark = pytest.mark.filterwarnings("default::labelwise.errors.FeatureWarning")

N = 90
TRUTH = np.array(["cat", "dog", "dog"] * (N // 3))
SMALL = ("--components", 4, "--latent", 2, "--hidden", 16, "--epochs", 30)


def animals():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": range(N),
            "weight": rng.normal(np.where(TRUTH == "dog", 20, 4), 1),
            "sound": np.where(TRUTH == "dog", "bark", "meow"),
            "age": rng.integers(1, 9, N),
        }
    )
    frame.loc[::9, "weight"] = np.nan
    return frame


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project of the animals with labels for some, and what training said."""
    folder = tmp_path_factory.mktemp("animals")
    data, project = folder / "animals.csv", folder / "animals.lw"
    animals().assign(kind=TRUTH).to_csv(data, index=False)
    outcome = labelwise("train", data, "-o", project, "--label-column", "kind", *SMALL)
    assert outcome.code == 0
    labelwise("label", project, write_labels(folder / "l.csv", dict(enumerate(TRUTH[:12]))))
    return folder, outcome


def schema_of(folder):
    manifest = json.loads(labelwise("info", folder / "animals.lw", "--json").out)
    return manifest["model"]["featurizer"]["schema"]


def test_training_says_what_became_of_the_columns(made):
    _, outcome = made
    assert "2 numbers, 1 category, 1 column left out" in outcome.out
    assert "left out as names of rows: 'number'" in outcome.err


def test_info_shows_the_schema(made):
    folder, _ = made
    words = labelwise("info", folder / "animals.lw").out
    assert "1 category" in words
    assert "'number'" in words
    assert [column["kind"] for column in schema_of(folder)] == ["left out", "number", "category", "number"]


def test_new_rows_are_answered(made, tmp_path):
    folder, _ = made
    # Without gaps, numbers alone would come as an array: columns keep their names all the same.
    animals().dropna().assign(more="x").to_csv(tmp_path / "new.csv", index=False)
    answers = tmp_path / "p.csv"
    assert labelwise("decode", folder / "animals.lw", tmp_path / "new.csv", "-o", answers).code == 0
    with answers.open() as file:
        found = [row["label"] for row in csv.DictReader(file)]
    assert (np.array(found) == TRUTH[animals()["weight"].notna()]).mean() > 0.9


def test_a_table_without_a_column_is_refused(made, tmp_path):
    folder, _ = made
    animals().drop(columns="sound").to_csv(tmp_path / "new.csv", index=False)
    assert "'sound'" in labelwise("decode", folder / "animals.lw", tmp_path / "new.csv").reason()


def test_an_edited_schema(made, tmp_path):
    folder, _ = made
    schema = schema_of(folder)
    schema[3] = {"name": "age", "kind": "left out", "reason": "it does not matter"}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    train = ("train", folder / "animals.csv", *SMALL, "-o")
    assert labelwise(*train, tmp_path / "p.lw", "--schema", tmp_path / "schema.json").code == 0
    assert "'age': it does not matter" in labelwise("info", tmp_path / "p.lw").out
    both = ("--schema", tmp_path / "schema.json", "--features", "none")
    assert "--features none" in labelwise(*train, tmp_path / "q.lw", *both).reason()
    (tmp_path / "bad.json").write_text("[{}")
    for name in ("bad.json", "gone.json"):
        assert name in labelwise(*train, tmp_path / "q.lw", "--schema", tmp_path / name).reason()
        assert not (tmp_path / "q.lw").exists()


@pytest.mark.parametrize("features", ["auto", "table"])
def test_several_numbers_of_components_are_compared(made, tmp_path, features):
    folder, _ = made
    grid = ("--components", "2,3", *SMALL[2:], "--features", features, "--label-column", "kind")
    outcome = labelwise("train", folder / "animals.csv", "-o", tmp_path / "p.lw", *grid)
    assert outcome.code == 0, outcome.err
    assert "* " in outcome.err


def test_the_same_command_again_repeats_nothing(made):
    folder, _ = made
    again = ("train", folder / "animals.csv", "-o", folder / "animals.lw", "--label-column", "kind", *SMALL)
    assert "complete already" in labelwise(*again, "--resume").err


def test_a_study_of_it_is_refused(made, tmp_path):
    folder, _ = made
    study = ("study", "--dataset", folder / "animals.csv", "-o", tmp_path / "r")
    assert "animals.csv" in labelwise(*study, "--label-column", "kind").reason()


def test_labels_stay_with_rows_that_moved_and_columns_whose_type_changed(made, tmp_path):
    folder, _ = made
    project = Project.open(folder / "animals.lw")
    before = project.labels()
    frame = animals().iloc[::-1].assign(kind=TRUTH[::-1])
    frame.loc[50, "age"] = np.nan  # whole numbers come as floats now
    frame.to_csv(tmp_path / "moved.csv", index=False)
    assert "1 new, 1 gone" in project.update(tmp_path / "moved.csv")
    assert list(project.labels()) == list(before[::-1])
