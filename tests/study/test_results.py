"""Means, intervals and tables of results, against scipy and the csv module."""

from __future__ import annotations

import csv
import math
from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from labelwise.errors import StorageError
from labelwise.study.results import Cell, Summary, summarise, t_half_width, write_csv, write_rows

COLUMNS = [
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
]


def cell(accuracy, *, method="soft", model_seed=0, draw=0, n_labeled=30, dataset="digits"):
    return Cell(dataset, model_seed, draw, n_labeled, n_labeled / 1000, method, accuracy, 10, 20, 0.1)


def scipy_half_width(values, confidence=0.95):
    low, high = stats.t.interval(confidence, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    return (high - low) / 2


@pytest.mark.parametrize("n", [2, 3, 5, 30])
@pytest.mark.parametrize("confidence", [0.95, 0.5, 0.99])
def test_half_width_is_that_of_scipy(n, confidence):
    values = np.random.default_rng(n).normal(0.8, 0.05, n)
    expected = scipy_half_width(values, confidence)
    assert t_half_width(values, confidence) == pytest.approx(expected, rel=1e-12)


def test_half_width_is_at_95_percent_by_default():
    # Student's t with 4 degrees of freedom: 2.776 (any table); standard deviation of 1..5: sqrt(2.5).
    assert t_half_width(np.arange(1.0, 6.0)) == pytest.approx(2.776 * math.sqrt(2.5 / 5), rel=1e-3)


@pytest.mark.parametrize("values", [[], [0.8]])
def test_fewer_than_two_values_have_no_interval(values):
    assert math.isnan(t_half_width(np.array(values)))


class TestSummarise:
    def test_draws_on_one_model(self):
        values = [0.81, 0.84, 0.79, 0.9, 0.77]
        (row,) = summarise([cell(value, draw=draw) for draw, value in enumerate(values)])
        assert row == Summary("digits", 30, "soft", row.mean, row.half_width, 5)
        assert row.mean == pytest.approx(sum(values) / 5)
        assert row.half_width == pytest.approx(scipy_half_width(values))

    def test_several_models_count_as_one_value_each(self):
        table = {0: [0.8, 0.9, 0.7], 1: [0.6, 0.5], 5: [0.75, 0.85, 0.8, 0.7]}
        cells = [
            cell(value, model_seed=seed, draw=draw)
            for seed, values in table.items()
            for draw, value in enumerate(values)
        ]
        (row,) = summarise(cells)
        means = [sum(values) / len(values) for values in table.values()]
        assert row.mean == pytest.approx(sum(means) / 3)
        assert row.half_width == pytest.approx(scipy_half_width(means))
        assert row.n_cells == 9

    def test_one_value_has_a_mean_but_no_interval(self):
        (row,) = summarise([cell(0.5)])
        assert row.mean == 0.5
        assert math.isnan(row.half_width)

    def test_groups_by_data_budget_and_method_in_the_order_of_appearance(self):
        cells = [
            cell(0.1, method="soft"),
            cell(0.2, method="hard"),
            cell(0.3, method="soft", draw=1),
            cell(0.4, method="soft", n_labeled=60),
            cell(0.5, method="soft", dataset="mnist"),
        ]
        rows = summarise(cells)
        assert [(row.dataset, row.n_labeled, row.method, row.n_cells) for row in rows] == [
            ("digits", 30, "soft", 2),
            ("digits", 30, "hard", 1),
            ("digits", 60, "soft", 1),
            ("mnist", 30, "soft", 1),
        ]
        assert [row.mean for row in rows] == pytest.approx([0.2, 0.2, 0.4, 0.5])

    def test_nothing(self):
        assert summarise([]) == []


class TestTables:
    def test_cells_have_the_agreed_columns(self):
        assert [field.name for field in fields(Cell)] == COLUMNS

    def test_rows_come_back_as_they_were(self, tmp_path):
        cells = [cell(1 / 3, draw=0), cell(0.5, draw=1, dataset='a "quoted", name')]
        write_rows(tmp_path / "results.csv", cells)
        with (tmp_path / "results.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == COLUMNS
        assert [float(row["accuracy"]) for row in rows] == [1 / 3, 0.5]
        assert [row["draw"] for row in rows] == ["0", "1"]
        assert rows[1]["dataset"] == 'a "quoted", name'

    def test_summaries_are_written_too(self, tmp_path):
        write_rows(tmp_path / "summary.csv", summarise([cell(0.5), cell(0.7, draw=1)]))
        lines = (tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines()
        assert lines[0] == "dataset,n_labeled,method,mean,half_width,n_cells"
        assert lines[1].startswith("digits,30,soft,0.6,")
        assert len(lines) == 2

    def test_the_very_bytes(self, tmp_path):
        path = tmp_path / "table.csv"
        path.write_text("what was there before")
        write_csv(path, ["a", "b"], [{"b": "ü, and more", "a": 1}, {"a": "two\nlines", "b": ""}])
        assert path.read_bytes() == 'a,b\n1,"ü, and more"\n"two\nlines",\n'.encode()
        assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]

    def test_a_missing_folder(self, tmp_path):
        path = tmp_path / "nowhere" / "table.csv"
        with pytest.raises(StorageError) as caught:
            write_csv(path, ["a"], [{"a": 1}])
        assert str(caught.value) == f"cannot write {path}: no such file or directory"

    def test_a_failure_half_way_leaves_what_was_there(self, tmp_path):
        path = tmp_path / "table.csv"
        path.write_text("before")
        with pytest.raises(ValueError, match="b"):
            write_csv(path, ["a"], [{"a": 1}, {"b": 2}])
        assert path.read_text() == "before"
        assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
