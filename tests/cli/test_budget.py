"""`labelwise budget`: numbers for people and for machines, and what it refuses."""

from __future__ import annotations

import json

import pytest

from cli.conftest import labelwise, write_labels


def test_the_published_numbers():
    outcome = labelwise("budget", "--n-samples", 145600, "--components", 100, "--confidence", 0.95)
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split() for line in outcome.out.splitlines()]
    chosen, bound = (
        next(line for line in lines if words in " ".join(line)) for words in ("chosen", "replacement, union")
    )
    assert chosen[-5:-3] == ["100", "0.07%"]
    assert bound[-5:-3] == ["757", "0.52%"]


def test_json_holds_the_same_and_the_other_way_round():
    outcome = labelwise("budget", "--n-samples", 145600, "--n-labels", 291, "--json")
    found = json.loads(outcome.out)
    assert found["budgets"]["equal components"]["random_bound"] == 757
    assert found["coverage"]["n_labels"] == 291
    assert 0 < found["coverage"]["mass_uncovered"] < 0.06
    assert found["forecast"] is None


def test_a_model_brings_its_own_components(trained):
    model, _ = trained
    found = json.loads(labelwise("budget", model, "--json").out)["budgets"]
    own = found["the model's components"]
    assert own["n_samples"] == 300
    assert own["n_components"] + own["n_ignored"] == found["equal components"]["n_components"] == 12
    assert own["random"] > found["equal components"]["random"]


def test_labels_tell_what_more_of_them_would_buy(trained, place, labels):
    model, _ = trained
    arguments = ["budget", model, place / "digits.npz", "--labels", labels, "--seed", 1]
    outcome = labelwise(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert "43 labels:" in outcome.out
    assert "by 100 more" in outcome.out
    found = json.loads(labelwise(*arguments, "--json").out)["forecast"]
    assert found["n_labels"] == [43, 53, 93, 143]
    assert found == json.loads(labelwise(*arguments, "--json").out)["forecast"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--labels", "labels.csv"], "--labels needs MODEL and DATA"),
        (["MODEL", "--components", 5], "give MODEL or --components, not both"),
        (["MODEL", "digits"], "DATA is only looked at with --labels"),
        (["--n-samples", 5], "n_samples=5 is less than n_components=100"),
        (["--confidence", 95], "confidence=95.0 must be a number between 0 and 1"),
        (["--n-samples", 200, "--n-labels", 500], "n_labels=500 is more than the n_samples=200"),
        (["--n-labels", -1], "n_labels=-1 must be an integer of at least 0"),
    ],
)
def test_wrong_questions_are_refused(trained, arguments, reason):
    model, _ = trained
    outcome = labelwise("budget", *[model if word == "MODEL" else word for word in arguments])
    assert reason in outcome.reason()


def test_too_few_labels_are_refused(trained, place, tmp_path):
    model, _ = trained
    few = write_labels(tmp_path / "few.csv", {0: "a", 1: "b"})
    outcome = labelwise("budget", model, place / "digits.npz", "--labels", few)
    assert "2 labels are too few" in outcome.reason()
