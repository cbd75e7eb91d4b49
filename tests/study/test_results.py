"""Means, intervals and tables of results, against scipy and the csv module."""

from __future__ import annotations

import csv
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from labelwise.errors import StorageError
from labelwise.study.methods import METHODS, SOFT
from labelwise.study.results import (
    Cell,
    CellLog,
    Summary,
    as_record,
    interval_half_width,
    read_cells,
    summarise,
    t_half_width,
    write_csv,
    write_rows,
)

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
        assert isinstance(row, Summary)
        assert (row.dataset, row.n_labeled, row.method, row.n_cells) == ("digits", 30, "soft", 5)
        assert (row.fraction, row.seconds) == (0.03, pytest.approx(0.1))
        assert row.mean == pytest.approx(sum(values) / 5)
        assert row.half_width == pytest.approx(scipy_half_width(values))

    def test_models_and_draws_are_crossed_effects(self):
        # Two-way analysis of variance by sums over all pairs, for a table of 3 models x 4 draws.
        table = np.random.default_rng(0).normal(0.8, 0.05, (3, 4)) + np.array([[0.1], [0], [-0.1]])
        cells = [
            cell(table[seed, draw], model_seed=seed, draw=draw) for seed in range(3) for draw in range(4)
        ]
        (row,) = summarise(cells)
        assert row.mean == pytest.approx(table.mean())
        assert (row.n_cells, row.n_model_seeds, row.n_draws) == (12, 3, 4)
        of_models = 4 * table.mean(axis=1).var(ddof=1)
        of_draws = 3 * table.mean(axis=0).var(ddof=1)
        total = ((table - table.mean()) ** 2).sum()
        of_rest = (total - 2 * of_models - 3 * of_draws) / 6
        variance = of_models + of_draws - of_rest
        freedom = variance**2 / (of_models**2 / 2 + of_draws**2 / 3 + of_rest**2 / 6)
        assert row.half_width == pytest.approx(stats.t.ppf(0.975, freedom) * math.sqrt(variance / 12))

    def test_an_interval_over_models_and_draws_covers_the_truth_about_as_often_as_it_says(self):
        rng = np.random.default_rng(0)
        covered = 0
        for _ in range(1000):
            table = rng.normal(0, 1, (3, 1)) + rng.normal(0, 0.5, (1, 5)) + rng.normal(0, 0.5, (3, 5))
            covered += abs(table.mean()) <= interval_half_width(table)
        assert 920 <= covered <= 995

    def test_failed_cells_are_counted_and_left_out(self):
        failed = replace(cell(math.nan, draw=2), error="ValueError: no")
        (row,) = summarise([cell(0.8), cell(0.9, draw=1), failed])
        assert row.mean == pytest.approx(0.85)
        assert (row.n_cells, row.n_failed) == (2, 1)

    def test_a_table_with_holes_falls_back_on_the_means_of_draws(self):
        cells = [cell(0.8), cell(0.7, draw=1), cell(0.4, model_seed=1)]
        (row,) = summarise(cells)
        assert row.mean == pytest.approx(1.9 / 3)
        assert row.half_width == pytest.approx(scipy_half_width([0.6, 0.7]))

    def test_all_failed(self):
        (row,) = summarise([replace(cell(math.nan), error="ValueError: no")])
        assert math.isnan(row.mean)
        assert row.n_failed == 1

    def test_held_out_items_have_a_mean_of_their_own(self):
        cells = [replace(cell(0.8, draw=d), accuracy_held_out=0.7 + d / 10) for d in range(3)]
        (row,) = summarise(cells)
        assert row.mean_held_out == pytest.approx(0.8)
        assert row.half_width_held_out == pytest.approx(scipy_half_width([0.7, 0.8, 0.9]))

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
        names = [field.name for field in fields(Cell)]
        assert names[: len(COLUMNS)] == COLUMNS
        assert names[len(COLUMNS) :] == ["accuracy_held_out", "macro_f1", "error"]

    def test_rows_come_back_as_they_were(self, tmp_path):
        cells = [cell(1 / 3, draw=0), cell(0.5, draw=1, dataset='a "quoted", name')]
        write_rows(tmp_path / "results.csv", cells)
        with (tmp_path / "results.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0])[: len(COLUMNS)] == COLUMNS
        assert [float(row["accuracy"]) for row in rows] == [1 / 3, 0.5]
        assert [row["draw"] for row in rows] == ["0", "1"]
        assert rows[1]["dataset"] == 'a "quoted", name'

    def test_summaries_are_written_too(self, tmp_path):
        write_rows(tmp_path / "summary.csv", summarise([cell(0.5), cell(0.7, draw=1)]))
        lines = (tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("dataset,n_labeled,method,mean,half_width,n_cells,fraction,")
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
        assert str(path) in str(caught.value)

    def test_a_failure_half_way_leaves_what_was_there(self, tmp_path):
        path = tmp_path / "table.csv"
        path.write_text("before")
        with pytest.raises(ValueError, match="b"):
            write_csv(path, ["a"], [{"a": 1}, {"b": 2}])
        assert path.read_text() == "before"
        assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


RESULTS = sorted((Path(__file__).parents[2] / "benchmarks" / "results").glob("*/results.csv"))


class TestMethods:
    """In memory a method is its id; files hold its name."""

    def test_files_hold_names(self, tmp_path):
        cells = [cell(0.5, method="hard-published"), cell(0.6, method="xgboost-tuned")]
        write_rows(tmp_path / "results.csv", cells)
        log = CellLog(tmp_path / "results.csv")
        log.add(cell(0.7, method="poisson-typiclust"))
        write_rows(tmp_path / "summary.csv", summarise(cells))
        names = {}
        for table in ("results.csv", "summary.csv"):
            with (tmp_path / table).open(newline="", encoding="utf-8") as file:
                names[table] = [row["method"] for row in csv.DictReader(file)]
        assert names["results.csv"] == ["hard (as published)", "XGBoost, tuned", "poisson, TypiClust"]
        assert names["summary.csv"] == ["hard (as published)", "XGBoost, tuned"]
        assert as_record(cells[0])["method"] == "hard (as published)"
        found = [each.method for each in read_cells(tmp_path / "results.csv")]
        assert found == ["hard-published", "xgboost-tuned", "poisson-typiclust"]

    def test_a_method_of_another_version_keeps_its_name(self, tmp_path):
        write_rows(tmp_path / "results.csv", [cell(0.5, method="wizardry, tuned")])
        assert read_cells(tmp_path / "results.csv")[0].method == "wizardry, tuned"

    @pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
    def test_finished_studies_can_be_read(self, path, tmp_path):
        cells = read_cells(path)
        assert {each.method for each in cells} <= set(METHODS)
        assert SOFT.id in {each.method for each in cells}
        write_rows(tmp_path / "results.csv", cells)
        assert repr(read_cells(tmp_path / "results.csv")) == repr(cells)  # NaN differs from itself


class TestCellLog:
    def test_cells_come_back_as_they_were(self, tmp_path):
        log = CellLog(tmp_path / "results.csv")
        cells = [
            replace(cell(1 / 3), error="ValueError: a, b", dataset='"q"'),
            replace(cell(0.5, draw=1), accuracy_held_out=0.4, macro_f1=0.3),
        ]
        for each in cells:
            log.add(each)
        found = read_cells(tmp_path / "results.csv")
        assert found[0].error == cells[0].error
        assert math.isnan(found[0].accuracy_held_out)
        assert found[1] == cells[1]
        assert found[0].key == cells[0].key
        assert CellLog(tmp_path / "results.csv").cells[1] == cells[1]

    @pytest.mark.parametrize("n_bytes", [1, 10, 30])
    def test_a_line_that_was_cut_off_is_dropped_and_the_file_goes_on(self, tmp_path, n_bytes):
        path = tmp_path / "results.csv"
        log = CellLog(path)
        for draw in range(3):
            log.add(cell(0.5, draw=draw))
        path.write_bytes(path.read_bytes()[:-n_bytes])
        again = CellLog(path)
        assert [each.draw for each in again.cells] == [0, 1]
        again.add(cell(0.5, draw=2))
        assert [each.draw for each in read_cells(path)] == [0, 1, 2]

    def test_another_file_is_refused(self, tmp_path):
        path = tmp_path / "results.csv"
        path.write_text("a,b\n1,2\n")
        with pytest.raises(StorageError, match="table of results"):
            CellLog(path)
        assert path.read_text() == "a,b\n1,2\n"
