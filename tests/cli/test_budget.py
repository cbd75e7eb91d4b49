"""`labelwise budget`: numbers for people and for machines, and what it refuses."""

from __future__ import annotations

import json

import pytest

from cli.conftest import labelwise


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
    assert set(found) == {"budgets", "coverage"}


def test_a_project_brings_its_own_components(trained):
    found = json.loads(labelwise("budget", trained[0], "--json").out)["budgets"]
    (own,) = (budget for name, budget in found.items() if name != "equal components")
    assert own["n_samples"] == found["equal components"]["n_samples"] == 300
    assert own["n_components"] + own["n_ignored"] == found["equal components"]["n_components"] == 12
    assert own["random"] > found["equal components"]["random"]


def test_more_items_of_the_same_kind(trained):
    found = json.loads(labelwise("budget", trained[0], "--n-samples", 5000, "--json").out)["budgets"]
    assert {budget["n_samples"] for budget in found.values()} == {5000}


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (["PROJECT", "--components", 5], ["PROJECT", "--components"]),
        (["PROJECT", "--n-samples", 0], ["n_samples=0"]),
        (["--n-samples", 5], ["n_samples=5", "n_components=100"]),
        (["--confidence", 95], ["confidence=95.0", "0", "1"]),
        (["--n-samples", 200, "--n-labels", 500], ["n_labels=500", "n_samples=200"]),
        (["--n-labels", -1], ["n_labels=-1"]),
        (["nowhere"], ["nowhere"]),
    ],
)
def test_wrong_questions_are_refused(trained, arguments, values):
    reason = labelwise("budget", *[trained[0] if word == "PROJECT" else word for word in arguments]).reason()
    for value in values:
        assert value in reason
