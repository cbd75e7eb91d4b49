"""`labelwise update`, and what other commands say of data that have changed."""

from __future__ import annotations

import json
import os
import warnings

import numpy as np
import pytest

from cli.conftest import LABELED, TRUTH, X, labelwise, read_table
from labelwise import Project
from labelwise.errors import DataChangedWarning


@pytest.fixture
def data(tmp_path, labelled):
    """A file of its own for the project, which stays what it was."""
    np.savez(tmp_path / "own.npz", X=X, y=TRUTH)
    assert labelwise("update", labelled, tmp_path / "own.npz").code == 0
    return tmp_path / "own.npz"


def told(*arguments):
    """Run a command; on a terminal each warning is told, and pytest would make an error of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataChangedWarning)
        return labelwise(*arguments)


def test_data_that_moved(labelled, data):
    assert Project(labelled).source.place == str(data)
    assert len(Project(labelled).labeled()) == len(LABELED)


@pytest.mark.parametrize("command", ["decode", "suggest", "info", "forecast", "label"])
def test_changed_data_are_told_by_every_command_and_answers_are_as_they_were(
    labelled, data, tmp_path, command
):
    np.savez(data, X=X[7:], y=TRUTH[7:])
    more = ["--to", tmp_path / "labels.csv"] if command == "label" else []
    more += ["-o", tmp_path / "out.csv"] if command in ("decode", "suggest") else []
    outcome = told(command, labelled, *more)
    assert outcome.code == 0
    (line,) = [line for line in outcome.err.splitlines() if "warning" in line]
    for value in (str(data), "7 gone", f"labelwise update {labelled}"):
        assert value in line
    if command == "decode":
        assert len(read_table(tmp_path / "out.csv")) == 300


def test_takes_the_data_as_they_are_now(labelled, data):
    np.savez(data, X=X[7:], y=TRUTH[7:])
    outcome = labelwise("update", labelled)
    assert (outcome.code, outcome.err) == (0, "")
    assert "7 gone" in outcome.out
    assert f"0 ({TRUTH[0]})" in outcome.out  # the label that is lost
    project = Project.open(labelled)
    assert {row: label for row, (label, _) in project.labeled().items()} == {
        i - 7: str(TRUTH[i]) for i in LABELED if i
    }
    assert "lost labels" in labelwise("info", labelled).out


def test_json(labelled, data):
    np.savez(data, X=X[7:], y=TRUTH[7:])
    assert json.loads(labelwise("update", labelled, "--json").out) == {
        "changes": "7 gone",
        "n_samples": 293,
        "n_labeled": len(LABELED) - 1,
        "n_lost": 1,
    }
    assert json.loads(labelwise("update", labelled, "--json").out)["changes"] == ""


def test_a_touched_file_of_the_same_content_is_no_change(labelled, data):
    os.utime(data, ns=(1, 1))
    outcome = labelwise("info", labelled)
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("harm", ["gone", "shape", "garbage"])
def test_what_cannot_be_taken_leaves_the_project(labelled, data, harm):
    if harm == "gone":
        data.unlink()
    elif harm == "shape":
        np.savez(data, X=X[:, :4])
    else:
        data.write_bytes(b"garbage")
    reason = labelwise("update", labelled).reason()
    assert "own.npz" in reason
    assert len(Project(labelled).labeled()) == len(LABELED)
