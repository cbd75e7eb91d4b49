"""The audit finds what was planted, and nothing where nothing is."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cli.conftest import digits, labelwise, read_table, write_labels
from labelwise import GMVAE
from labelwise.diagnostics.audit import measure_drift, mixed_components, served
from labelwise.project import Project


class TestServed:
    components = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    groups = np.array([0, 0, 1, 0, 0, 0, 1, 1, 0, -1])
    right = np.array([1, 0, 1, np.nan, 1, 1, 0, 0, 1, 1])
    answered = np.array([True] * 8 + [False] * 2)

    def test_counts_by_hand(self):
        a, b = served("group", self.groups, ["a", "b"], self.components, self.right, self.answered, 4)
        assert (a.kind, a.name, a.n, b.n) == ("group", "a", 6, 3)
        assert a.share == pytest.approx(6 / 9)
        assert a.accuracy == pytest.approx(4 / 5)
        assert b.accuracy == pytest.approx(1 / 3)
        assert (a.answered, b.answered) == (pytest.approx(5 / 6), 1)
        # a is the largest in components 0 and 1, b in 2; component 3 is empty.
        assert (a.at_home, b.at_home) == (pytest.approx(5 / 6), pytest.approx(2 / 3))
        assert (a.component_share, b.component_share) == (pytest.approx(2 / 3), pytest.approx(1 / 3))

    def test_a_class_without_items_has_no_row(self):
        rows = served("class", self.groups, ["a", "b", "c"], self.components, self.right, self.answered, 4)
        assert [row.name for row in rows] == ["a", "b"]

    def test_without_known_answers_there_is_no_accuracy(self):
        nothing = np.full(10, np.nan)
        rows = served("class", self.groups, ["a", "b"], self.components, nothing, self.answered, 4)
        assert all(math.isnan(row.accuracy) for row in rows)


def test_mixed_components_by_hand():
    components = np.array([0] * 10 + [1] * 8 + [2] * 4)
    classes = np.array([0] * 8 + [1] * 2 + [0] * 4 + [1] * 3 + [2] + [2] * 3 + [0])
    (large, small) = mixed_components(components, classes, ["a", "b", "c"], 4)
    assert (large.component, large.n, large.first, large.second) == (1, 8, "a", "b")
    assert (large.first_share, large.second_share) == (0.5, 0.375)
    assert (small.component, small.first, small.second, small.second_share) == (2, "c", "a", 0.25)


@pytest.fixture(scope="module")
def digits_model():
    X, truth = digits(1500)
    model = GMVAE(
        15,
        n_latent=6,
        n_hidden=64,
        n_layers=1,
        max_epochs=60,
        batch_size=64,
        learning_rate=3e-3,
        random_state=0,
    )
    return model.fit(X[:900]), X, truth


class TestDrift:
    def test_items_of_the_same_kind(self, digits_model):
        model, X, _ = digits_model
        drift = measure_drift(model, X[:900])
        assert drift.shares_w == pytest.approx(0, abs=0.05)
        assert drift.elbo_superiority == pytest.approx(0.5, abs=0.01)
        assert (drift.shares_size, drift.elbo_size) == ("negligible", "negligible")
        assert "nothing" in drift.advice
        assert drift.elbo_p > 0.5

    def test_other_proportions(self, digits_model):
        model, X, truth = digits_model
        drift = measure_drift(model, X[:900][np.isin(truth[:900], (0, 1, 2, 3))])
        assert drift.shares_size == "large"
        assert drift.shares_p < 1e-6
        assert "proportions" in drift.advice

    def test_another_kind(self, digits_model):
        model, X, _ = digits_model
        drift = measure_drift(model, X[900:, ::-1, ::-1].transpose(0, 2, 1).copy())
        assert drift.elbo_size == "large"
        assert drift.elbo_superiority > 0.7
        assert drift.elbo_p < 1e-6
        assert "worse" in drift.advice

    def test_it_survives_saving(self, digits_model, tmp_path):
        model, X, _ = digits_model
        model.save(tmp_path / "m")
        assert measure_drift(GMVAE.load(tmp_path / "m"), X[:200]) == measure_drift(model, X[:200])


@pytest.fixture(scope="module")
def files(digits_model, tmp_path_factory):
    """Two projects of one model, with and without labels; new data with classes, truth and groups."""
    folder = tmp_path_factory.mktemp("audit")
    model, X, truth = digits_model
    for name in ("labelled", "bare"):
        project = Project.create(folder / name, X[:900], gmvae=model)
        if name == "labelled":
            for row in range(120):
                project.label(row, str(truth[row]))
    np.savez(folder / "new.npz", X=X[900:], y=truth[900:])
    np.savez(folder / "items.npz", X=X[900:])
    write_labels(folder / "truth.csv", {i: str(truth[900 + i]) for i in range(120)})
    write_labels(folder / "groups.csv", {i: "left" if i % 3 else "right, <b>" for i in range(600)})
    return folder


class TestCommand:
    def test_all_of_it(self, files):
        arguments = ["audit", files / "labelled", files / "new.npz", "--groups", files / "groups.csv"]
        arguments += ["--abstain", 0.2, "-o", files / "audit.csv"]
        outcome = labelwise(*arguments)
        assert (outcome.code, outcome.err) == (0, "")
        assert "600 items" in outcome.out
        assert "group left" in outcome.out
        found = json.loads(labelwise(*arguments, "--json").out)
        rows = found["served"]
        assert [row["name"] for row in rows] == [*"0123456789", "left", "right, <b>"]
        assert sum(row["n"] for row in rows[:10]) == 600
        assert all(row["accuracy"] is None or 0 <= row["accuracy"] <= 1 for row in rows)
        assert all(0 < row["answered"] <= 1 for row in rows)
        table = read_table(files / "audit.csv")
        assert [row["name"] for row in table] == [row["name"] for row in rows]
        assert {row["kind"] for row in table} == {"class", "group"}

    def test_true_classes_come_from_a_file_too(self, files):
        arguments = [
            "audit",
            files / "labelled",
            files / "items.npz",
            "--truth",
            files / "truth.csv",
            "--json",
        ]
        rows = json.loads(labelwise(*arguments).out)["served"]
        assert sum(row["n"] for row in rows) == 120
        right = sum(row["n"] * row["accuracy"] for row in rows) / 120
        assert right > 0.7

    def test_without_labels_there_is_no_accuracy(self, files):
        found = json.loads(labelwise("audit", files / "bare", files / "new.npz", "--json").out)
        assert {row["accuracy"] for row in found["served"]} == {None}
        assert set(found["drift"]) >= {"shares_w", "elbo_superiority", "advice"}

    def test_other_data_are_refused(self, files, tmp_path):
        np.savez(tmp_path / "wide.npz", X=np.zeros((20, 9, 9), np.uint8))
        assert "(9, 9)" in labelwise("audit", files / "bare", tmp_path / "wide.npz").reason()

    def test_a_wrong_probability_is_refused(self, files):
        outcome = labelwise("audit", files / "bare", files / "new.npz", "--abstain", 2)
        assert "--abstain 2" in outcome.reason()
