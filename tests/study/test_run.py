"""Whole studies on small data: what is written, resuming, failing methods, clusters of processes."""

from __future__ import annotations

import csv
import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from labelwise.errors import StudyError
from labelwise.events import Cancelled
from labelwise.gmvae import GMVAE
from labelwise.graph.nearest import NearestPoints
from labelwise.study import run as run_module
from labelwise.study.features import model_task
from labelwise.study.methods import METHODS
from labelwise.study.protocol import make_study
from labelwise.study.results import read_cells
from labelwise.study.run import plan_cells, run_study
from labelwise.workers import Workers

FAST = ["hard (as published)", "hard", "soft", "k-means", "label spreading", "logistic regression"]  # by name
MODEL = {
    "n_components": 8,
    "n_latent": 3,
    "n_hidden": 32,
    "n_layers": 1,
    "max_epochs": 8,
    "learning_rate": 5e-3,
}
ONE = Workers(n_jobs=1)

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with blobs.npz: 260 rows of three classes in two groups each."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    groups = rng.integers(6, size=260)
    X = rng.normal(0, 5, (6, 5))[groups] + rng.normal(0, 1, (260, 5))
    np.savez(folder / "blobs.npz", X=X.astype(np.float32), y=groups % 3)
    return folder


@pytest.fixture(scope="module")
def study(place):
    return make_study(
        {
            "dataset": str(place / "blobs.npz"),
            "budgets": [6, 20],
            "draws": 2,
            "model_seeds": [0, 1],
            "methods": FAST,
            "held_out": 0.2,
            "model": MODEL,
        }
    )


@pytest.fixture(scope="module")
def finished(study, place):
    events = []
    run_study(study, place / "run", ONE, listen=events.append)
    return place / "run", events


def bare(cells):
    """Cells without what differs from run to run."""
    return sorted(
        (
            cell.key,
            round(cell.accuracy, 6),
            round(cell.accuracy_held_out, 6),
            cell.n_components_named,
            cell.error,
        )
        for cell in cells
    )


class TestFinished:
    def test_every_cell_is_there_once(self, study, finished):
        cells = read_cells(finished[0] / "results.csv")
        keys = [cell.key for cell in cells]
        assert len(keys) == len(set(keys)) == 2 * (3 * 2 * 2 + 3 * 2)
        assert set(keys) == set(plan_cells(study, [6, 20]))
        assert all(0 < cell.accuracy <= 1 and 0 < cell.accuracy_held_out <= 1 for cell in cells)
        assert {cell.model_seed for cell in cells if METHODS[cell.method].uses_model} == {0, 1}
        assert {cell.model_seed for cell in cells if not METHODS[cell.method].uses_model} == {-1}

    def test_the_summary_loads_in_pandas(self, finished):
        pandas = pytest.importorskip("pandas")
        summary = pandas.read_csv(finished[0] / "summary.csv")
        assert len(summary) == 2 * len(FAST)
        assert summary["mean"].between(0, 1).all()
        assert (summary["n_failed"] == 0).all()

    def test_notes_hold_settings_versions_and_counts(self, study, finished):
        notes = json.loads((finished[0] / "study.json").read_text())
        assert notes["study"] == json.loads(json.dumps(study.as_dict()))
        assert notes["data"]["n_pool"] == 208
        assert notes["data"]["n_held_out"] == 52
        assert sum(notes["data"]["classes"].values()) == 208
        assert {"python", "labelwise", "torch", "scikit-learn"} <= set(notes["versions"])

    def test_running_it_again_repeats_nothing(self, study, finished):
        before = (finished[0] / "results.csv").read_bytes()
        with mock.patch.object(run_module, "score_cell", side_effect=AssertionError):
            run_study(study, finished[0], ONE)
        assert (finished[0] / "results.csv").read_bytes() == before

    def test_results_call_methods_by_name(self, finished):
        with (finished[0] / "results.csv").open(newline="") as file:
            assert list(dict.fromkeys(row["method"] for row in csv.DictReader(file))) == FAST

    def test_events_count_cells_up_to_the_end(self, finished):
        assert {event.stage for event in finished[1]} == {"study", "training", "encoding"}
        events = [event for event in finished[1] if event.stage == "study"]
        fractions = [event.fraction for event in events]
        assert fractions == sorted(fractions)
        assert [event.fraction for event in events if event.fraction == 1] == [1.0]
        assert events[-1].fraction == 1
        counts = [int(event.numbers["cells"]) for event in events]
        assert sorted(set(counts)) == list(range(37))
        assert {event.numbers["n_cells"] for event in events} == {36}

    def test_events_say_what_is_left(self, finished):
        assert any(event.message.startswith("model 1: cell 12 of 12,") for event in finished[1])


class TestResume:
    def test_lost_cells_are_run_again_and_come_out_the_same(self, study, place, finished, tmp_path):
        rows = (finished[0] / "results.csv").read_text().splitlines(keepends=True)
        other = tmp_path / "run"
        run_study(replace(study, draws=1, methods=("soft", "kmeans")), other, ONE)
        (other / "results.csv").write_text("".join(rows[:9]) + rows[9][:20])
        events = []
        run_study(study, other, ONE, listen=events.append)
        assert "8 of 36 cells" in events[0].message
        assert events[0].numbers == {"cells": 8, "n_cells": 36}
        assert bare(read_cells(other / "results.csv")) == bare(read_cells(finished[0] / "results.csv"))

    def test_more_draws_methods_and_seeds_are_added(self, study, place, tmp_path):
        small = replace(study, draws=1, methods=("soft",), model_seeds=(0,), budgets=(6,))
        run_study(small, tmp_path / "run", ONE)
        assert len(read_cells(tmp_path / "run" / "results.csv")) == 1
        run_study(replace(small, draws=2, methods=("soft", "hard")), tmp_path / "run", ONE)
        assert len(read_cells(tmp_path / "run" / "results.csv")) == 4

    def test_killed_while_cells_run(self, study, place, finished, tmp_path):
        """kill -9 between cells: what was finished stays, the rest is run."""
        settings = json.dumps(study.as_dict())
        code = f"""
import json, sys, time
from pathlib import Path
from labelwise.study import run
from labelwise.study.protocol import make_study
settings = json.loads({settings!r})
score = run.score_cell
def slowly(*arguments):
    time.sleep(0.05)
    return score(*arguments)
run.score_cell = slowly
run.run_study(make_study(settings), Path(sys.argv[1]), run.Workers(n_jobs=1))
"""
        process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "run")])
        results = tmp_path / "run" / "results.csv"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if results.exists() and results.read_text().count("\n") > 4:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = read_cells(results)
        assert 3 <= len(kept) < 36
        with mock.patch.object(run_module.GMVAE, "fit", side_effect=AssertionError):
            run_study(study, tmp_path / "run", ONE)
        cells = read_cells(results)
        assert bare(cells) == bare(read_cells(finished[0] / "results.csv"))
        assert {cell.seconds for cell in kept} <= {cell.seconds for cell in cells}

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_cancelled_between_cells(self, study, finished, tmp_path, jobs):
        """A listener ends the study: what was finished stays, and the same call runs the rest."""

        def listen(event):
            if event.numbers.get("cells") == 5:
                raise Cancelled("enough")

        with pytest.raises(Cancelled, match="enough"):
            run_study(study, tmp_path / "run", Workers(n_jobs=jobs), listen=listen)
        kept = read_cells(tmp_path / "run" / "results.csv")
        assert len(kept) == 5
        assert (tmp_path / "run" / "summary.csv").read_text().count("\n") > 1
        with mock.patch.object(run_module.GMVAE, "fit", side_effect=AssertionError):
            run_study(study, tmp_path / "run", Workers(n_jobs=jobs))
        cells = read_cells(tmp_path / "run" / "results.csv")
        assert bare(cells) == bare(read_cells(finished[0] / "results.csv"))
        assert {cell.seconds for cell in kept} <= {cell.seconds for cell in cells}

    def test_cancelled_while_the_second_model_is_trained(self, study, tmp_path):
        stages = []

        def listen(event):
            stages.append(event.stage)
            begun = "".join(stage[0] for stage in stages).count("st") == 2
            if begun and event.fraction > 0.5:
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            run_study(study, tmp_path / "run", ONE, listen=listen)
        assert (tmp_path / "run" / "models" / "seed-0.labelwise").is_dir()
        assert not (tmp_path / "run" / "models" / "seed-1.labelwise").exists()
        assert read_cells(tmp_path / "run" / "results.csv") == []

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"held_out": "none"}, "held_out"),
            ({"model": {**MODEL, "n_components": 9}}, "model"),
        ],
    )
    def test_another_study_is_not_mixed_in(self, study, finished, change, words):
        before = (finished[0] / "results.csv").read_bytes()
        with pytest.raises(StudyError, match=f"another study .*{words}"):
            run_study(replace(study, **change), finished[0], ONE)
        assert (finished[0] / "results.csv").read_bytes() == before

    def test_other_data_are_not_mixed_in(self, study, finished, tmp_path):
        with np.load(study.dataset) as stored:
            np.savez(tmp_path / "blobs.npz", X=stored["X"] + 1, y=stored["y"])
        with pytest.raises(StudyError, match="data: "):
            run_study(replace(study, dataset=str(tmp_path / "blobs.npz")), finished[0], ONE)

    def test_a_folder_of_something_else_is_left_alone(self, study, tmp_path):
        (tmp_path / "thesis.tex").write_text("x")
        with pytest.raises(StudyError, match="not a run folder"):
            run_study(study, tmp_path, ONE)
        assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
        with pytest.raises(StudyError, match="not a run folder"):
            run_study(study, tmp_path / "thesis.tex", ONE)
        assert (tmp_path / "thesis.tex").read_text() == "x"


def test_a_method_that_fails_is_marked_and_the_study_goes_on(study, tmp_path):
    def fail(task, y, seed):
        raise ValueError("out of luck")

    broken = replace(METHODS["kmeans"], run=fail)
    with mock.patch.dict(METHODS, {"kmeans": broken}):
        run_study(replace(study, model_seeds=(0,)), tmp_path / "run", ONE)
    cells = read_cells(tmp_path / "run" / "results.csv")
    failed = [cell for cell in cells if cell.error]
    assert {cell.method for cell in failed} == {"kmeans"}
    assert {cell.error for cell in failed} == {"ValueError: out of luck"}
    assert all(math.isnan(cell.accuracy) for cell in failed)
    with (tmp_path / "run" / "summary.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "k-means"]
    assert [row["n_failed"] for row in rows] == ["2", "2"]
    events = []
    run_study(replace(study, model_seeds=(0,)), tmp_path / "run", ONE, listen=events.append)
    assert "4 cells failed" in events[0].message
    again = read_cells(tmp_path / "run" / "results.csv")
    assert len(again) == len(cells)
    assert not any(cell.error for cell in again)


def test_slow_methods_get_fewer_draws_at_large_budgets(study):
    few = replace(study, slow_labels=10, slow_draws=1, draws=3)
    keys = plan_cells(few, [6, 20])
    count = {(key.method, key.n_labeled): 0 for key in keys}
    for key in keys:
        count[key.method, key.n_labeled] += 1
    assert count["logistic", 6] == 3
    assert count["logistic", 20] == 1
    assert count["kmeans", 20] == 3
    assert count["soft", 20] == 6


@pytest.mark.long  # the same workers answer parts in tests/project/test_parts.py
def test_a_dask_cluster_of_two_processes_gives_the_same(study, finished, tmp_path):
    pytest.importorskip("distributed")
    # A process of its own: the cluster's libraries change warnings and signals of the process they live in.
    code = """
import json, sys
from pathlib import Path
from distributed import LocalCluster
from labelwise.study.protocol import make_study
from labelwise.study.run import run_study
from labelwise.workers import Workers
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        workers = Workers(backend="dask", address=cluster.scheduler_address)
        run_study(make_study(json.loads(sys.argv[2])), Path(sys.argv[1]), workers)
        ran = cluster.scheduler.workers.values()
        print(sum(worker.metrics.get("task_counts", {}).get("memory", 0) >= 0 for worker in ran))
"""
    script = tmp_path / "dask_study.py"
    script.write_text(code)
    result = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(tmp_path / "run"), json.dumps(study.as_dict())],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == "2"
    assert bare(read_cells(tmp_path / "run" / "results.csv")) == bare(read_cells(finished[0] / "results.csv"))


def test_a_scheduler_that_does_not_answer(study, tmp_path):
    pytest.importorskip("distributed")
    code = """
import sys
from pathlib import Path
from labelwise.study.protocol import default_study
from labelwise.study.run import run_study
from labelwise.workers import Workers
from labelwise.errors import ProcessError
workers = Workers(backend="dask", address="tcp://127.0.0.1:9", timeout=2)
try:
    run_study(default_study("digits"), Path(sys.argv[1]), workers)
except ProcessError as error:
    print(error, (Path(sys.argv[1]) / "models").exists())
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in result.stdout, result.stderr[-2000:]
    assert result.stdout.strip().endswith("False")  # nothing was trained before


def test_what_decoders_share_is_computed_before_cells_run(study):
    """Copies of the task go to processes: none of them should search for neighbours again."""
    with np.load(study.dataset) as stored:
        X = stored["X"]
    gmvae = GMVAE(**MODEL, random_state=0).fit(X[:200])
    task = model_task(gmvae, X[:200], X[200:])
    assert task.augment == gmvae.augment_
    assert len(task.held_out.encoding) == 60
    encoding = task.pool.encoding
    y = np.where(np.arange(200) < 30, np.arange(200) % 3, -1)
    with mock.patch.object(NearestPoints, "others", side_effect=AssertionError):
        for method in (METHODS["poisson"], METHODS["spreading"], METHODS["auto"]):
            method.run(replace(task, held_out=None), y, 0)
        assert encoding.points("features").neighbourhood(10).parts.shape == (200,)
