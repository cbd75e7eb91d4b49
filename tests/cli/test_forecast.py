"""`labelwise forecast`: accuracy now and with more labels, from the labels alone."""

from __future__ import annotations

import json

import pytest

from cli.conftest import labelwise, write_labels
from labelwise import Project

# So few labels for so small a model: a true one may look wrong.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")


@pytest.fixture(scope="module")
def found(labelled_once):
    return json.loads(labelwise("forecast", labelled_once, "--further", 20, "--seed", 1, "--json").out)


def test_json_is_what_the_library_says(found, labelled_once):
    expected = Project(labelled_once).forecast((20,), random_state=1)
    assert found["n_labels"] == expected.n_labels.tolist() == [43, 63]
    assert found["accuracy"] == expected.accuracy.tolist()
    assert found["low"][0] <= found["accuracy"][0] <= found["high"][0]
    assert found["accuracy"][0] > 0.4


def test_words_say_the_same(found, labelled_once):
    outcome = labelwise("forecast", labelled_once, "--further", 20, "--seed", 1)
    assert (outcome.code, outcome.err) == (0, "")
    first, now, more = outcome.out.splitlines()
    assert found["decoder"] in first
    assert now.split()[:2] == ["43", "labels:"]
    assert f"{found['accuracy'][0]:.1%}" in now
    assert f"{found['accuracy'][1]:.1%}" in more
    assert "20 more" in more


def test_suggested_labels_are_counted_and_said_to_mislead(found, project, tmp_path):
    assert found["n_suggested"] == 0
    rows = json.loads(labelwise("suggest", project, "--budget", 12, "-o", tmp_path / "s.csv", "--json").out)
    chosen = {each["index"]: "ab"[place % 2] for place, each in enumerate(rows["suggestions"])}
    labels = write_labels(tmp_path / "l.csv", chosen)
    labelwise("label", project, labels, "--how", "suggested")
    outcome = labelwise("forecast", project)
    assert "12 of the labels were suggested" in outcome.out.splitlines()[-1]
    assert json.loads(labelwise("forecast", project, "--json").out)["n_suggested"] == 12


def test_too_few_labels(project, tmp_path):
    assert labelwise("forecast", project).reason().startswith(f"{project} has no labels")
    labelwise("label", project, write_labels(tmp_path / "l.csv", {0: "a", 1: "b"}))
    assert "2 labels" in labelwise("forecast", project).reason()


@pytest.mark.parametrize(("option", "value"), [("--further", 0), ("--further", "x"), ("--seed", -1)])
def test_numbers_that_cannot_be_are_wrong_use(labelled_once, option, value):
    outcome = labelwise("forecast", labelled_once, option, value)
    assert (outcome.code, f"'{option}'" in outcome.err) == (2, True)
