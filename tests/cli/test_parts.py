"""`labelwise decode --part-size` and `labelwise pack`: more items than memory holds."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cli.conftest import TINY, X, labelwise

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


class TestParts:
    def test_parts_in_a_folder_and_again_after_a_break(self, labelled, tmp_path):
        np.save(tmp_path / "new.npy", X)
        command = ("decode", labelled, tmp_path / "new.npy", "-o", tmp_path / "answers", "--part-size", 120)
        outcome = labelwise(*command)
        assert f"{tmp_path / 'answers'}: 300 items answered, 10 classes; 3 parts" in outcome.out
        labelwise("decode", labelled, tmp_path / "new.npy", "-o", tmp_path / "whole.csv")
        whole = pd.read_csv(tmp_path / "whole.csv", dtype={"label": str})
        assert pd.read_parquet(tmp_path / "answers")["label"].tolist() == whole["label"].tolist()
        (tmp_path / "answers/part-00001.parquet").unlink()
        found = json.loads(labelwise(*command, "--json").out)
        assert (found["n_samples"], found["n_parts"], found["n_resumed"]) == (300, 3, 2)

    def test_an_answerer_answers_in_parts_too(self, labelled, tmp_path):
        np.save(tmp_path / "new.npy", X)
        assert labelwise("decode", labelled, "-o", tmp_path / "own.csv").code == 0  # keeps its answerer
        answers = tmp_path / "answers"
        outcome = labelwise(
            "decode", labelled / "answerer", tmp_path / "new.npy", "-o", answers, "--part-size", 1000
        )
        assert "1 part" in outcome.out
        assert len(pd.read_parquet(answers)) == 300

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (["--risk", "0.1"], "--part-size cannot be combined with --risk"),
            (["--labels", "a.csv", "--truth", "b.csv"], "with --labels or --truth"),
        ],
    )
    def test_what_needs_all_items_is_refused(self, labelled, tmp_path, options, reason):
        np.save(tmp_path / "new.npy", X)
        command = ("decode", labelled, tmp_path / "new.npy", "-o", tmp_path / "a", "--part-size", 10)
        assert reason in labelwise(*command, *options).reason()
        assert not (tmp_path / "a").exists()

    def test_the_items_of_the_project_come_at_once(self, labelled):
        assert "give DATA" in labelwise("decode", labelled, "--part-size", 10).reason()
        assert "--part-size" in labelwise("decode", labelled, "--overwrite").reason()


def test_nothing_is_written_among_what_is_read(labelled, tmp_path):
    (tmp_path / "shards").mkdir()
    np.save(tmp_path / "shards/0.npy", X)
    within = tmp_path / "shards"
    for command in (
        ("pack", within, "-o", within / "all.npy"),
        ("decode", labelled, within, "-o", within / "answers", "--part-size", 100),
    ):
        assert "name a place outside of it" in labelwise(*command).reason()
    assert [file.name for file in within.iterdir()] == ["0.npy"]


def test_columns_are_of_tables_alone(labelled, tmp_path):
    (tmp_path / "shards").mkdir()
    np.save(tmp_path / "shards/0.npy", X)
    command = ("decode", labelled, tmp_path / "shards", "-o", tmp_path / "a", "--part-size", 100)
    assert "text_column='said' is for" in labelwise(*command, "--text-column", "said").reason()


def test_shards_are_packed_and_trained_on(tmp_path):
    (tmp_path / "shards").mkdir()
    for number in range(3):
        np.savez(tmp_path / f"shards/{number}.npz", X=X[100 * number : 100 * number + 100])
    outcome = labelwise("pack", tmp_path / "shards", "-o", tmp_path / "all.npy")
    assert outcome.out == f"{tmp_path / 'all.npy'}: 300 items of 8x8, uint8, 0 MB\n"
    np.testing.assert_array_equal(np.load(tmp_path / "all.npy"), X)
    trained = labelwise("train", tmp_path / "all.npy", "-o", tmp_path / "all.labelwise", *TINY, "--epochs", 3)
    assert trained.code == 0, trained
    assert "must end in .npy" in labelwise("pack", tmp_path / "shards", "-o", tmp_path / "all.npz").reason()


def test_jobs_are_for_parts(labelled, tmp_path):
    np.save(tmp_path / "new.npy", X)
    command = ("decode", labelled, tmp_path / "new.npy", "-o", tmp_path / "a")
    assert "are for --part-size" in labelwise(*command, "--jobs", 2).reason()
    assert "--jobs 0 must be" in labelwise(*command, "--part-size", 100, "--jobs", 0).reason()
    assert "--backend dask" in labelwise(*command, "--part-size", 100, "--address", "tcp://x:1").reason()
    outcome = labelwise(*command, "--part-size", 100, "--jobs", 2)
    assert outcome.code == 0, outcome
    assert f"{len(X):,} items answered" in outcome.out
