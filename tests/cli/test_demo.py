"""`labelwise demo` as a user runs it, once for all tests here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cli.conftest import finish, labelwise, read_table, start_labelwise

pytestmark = pytest.mark.slow

METHODS = [
    "hard (as published)",
    "hard",
    "soft",
    "poisson",
    "soft, suggested",
    "poisson, suggested",
    "logistic regression",
]
# Epochs that do for the answers to be looked at.
BRIEFLY = """
from labelwise.gmvae import GMVAE
fit = GMVAE.fit
GMVAE.fit = lambda self, X, **options: fit(self.set_params(max_epochs=30), X, **options)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The run folder and what the program said."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("demo") / "inner" / "run"
    outcome = finish(
        start_labelwise("demo", "-o", folder, "--json", "--labels", 40, setup=BRIEFLY), timeout=300
    )
    assert outcome.code == 0, outcome
    return folder, outcome


def test_everything_is_written(run):
    folder, _ = run
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "digits.labelwise",
        "figure_1.png",
        "results.csv",
        "summary.csv",
    ]
    assert (folder / "figure_1.png").read_bytes().startswith(b"\x89PNG")
    outcome = labelwise("info", folder / "digits.labelwise")
    assert outcome.code == 0
    assert "30 components" in outcome.out
    # It is a project, with which a user can go on.
    arguments = ["suggest", folder / "digits.labelwise", "--budget", 5, "-o", folder.parent / "to_label.csv"]
    assert labelwise(*arguments).code == 0


def test_results_have_the_agreed_columns_and_five_draws_a_method(run):
    rows = read_table(run[0] / "results.csv")
    assert list(rows[0]) == [
        "dataset",
        "model_seed",
        "draw",
        "n_labeled",
        "fraction",
        "method",
        "accuracy",
        "n_classes_seen",
        "n_components_named",
        "seconds",
        "accuracy_held_out",
        "macro_f1",
        "error",
    ]
    assert sorted((row["method"], row["draw"]) for row in rows) == sorted(
        (method, str(draw)) for method in METHODS for draw in range(5)
    )
    assert {(row["dataset"], row["model_seed"], row["n_labeled"]) for row in rows} == {("digits", "0", "40")}
    assert {float(row["fraction"]) for row in rows} == {40 / 1797}
    assert all(0.3 < float(row["accuracy"]) <= 1 for row in rows)  # guessing gives 0.1
    assert all(1 <= int(row["n_classes_seen"]) <= 10 for row in rows)
    for row in rows:
        n_named = int(row["n_components_named"])
        assert n_named == 0 if row["method"] == "logistic regression" else 1 <= n_named <= 30


def test_the_summary_is_that_of_the_results(run):
    folder, outcome = run
    cells = read_table(folder / "results.csv")
    summary = json.loads(outcome.out)
    assert [row["method"] for row in summary] == METHODS
    for row, written in zip(summary, read_table(folder / "summary.csv"), strict=True):
        values = [float(cell["accuracy"]) for cell in cells if cell["method"] == row["method"]]
        assert row["n_cells"] == len(values) == 5
        assert row["mean"] == pytest.approx(np.mean(values))
        # Student's t with 4 degrees of freedom at 95 %, from a table.
        assert row["half_width"] == pytest.approx(2.77645 * np.std(values, ddof=1) / np.sqrt(5), rel=1e-5)
        assert written == {name: str(value) for name, value in row.items()}


def test_progress_goes_to_stderr(run):
    lines = run[1].err.splitlines()
    assert lines[0].startswith("1. ")
    assert "1,797" in lines[0]
    assert lines[-1].startswith("2. ")
    assert "30 components" in lines[-1]
    assert "40 random labels" in lines[-1]
    assert any(line.startswith("epoch ") for line in lines)


def test_in_words(monkeypatch, tmp_path):
    """The whole text, on a model that is trained for a moment only."""
    pytest.importorskip("matplotlib")
    from labelwise.gmvae import GMVAE

    fit = GMVAE.fit
    monkeypatch.setattr(
        GMVAE, "fit", lambda self, X, **options: fit(self.set_params(max_epochs=10), X, **options)
    )
    monkeypatch.chdir(tmp_path)
    outcome = labelwise("demo")
    assert outcome.code == 0, outcome
    lines = outcome.out.splitlines()
    assert next(line for line in lines if "digit" in line).startswith("   digit 0: components")
    (start,) = [i for i, line in enumerate(lines) if line.startswith("3. ")]
    assert lines[start] == "3. Accuracy on the other 1,761 items, 5 draws of 36 labels:"
    rows = read_table(tmp_path / "labelwise-demo" / "summary.csv")
    assert lines[start + 1 : start + 1 + len(METHODS)] == [
        f"   {row['method']:<22}{float(row['mean']):6.1%} ± {float(row['half_width']):.1%}" for row in rows
    ]
    assert "4. Written to labelwise-demo/: figure_1.png, results.csv, summary.csv, digits.labelwise" in lines
