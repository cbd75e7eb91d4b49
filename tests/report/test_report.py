"""A whole run folder by the command line: figures, the page in a real browser, what it says."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from cli.conftest import digits, labelwise
from labelwise.errors import DoubtfulLabelWarning
from labelwise.report.figures.style import line_of
from labelwise.report.gallery import fit_auto, look_closely, stated_and_right
from labelwise.study.answers import auto_decoder
from labelwise.study.features import model_task
from labelwise.study.folder import read_notes
from labelwise.study.methods import METHODS
from labelwise.study.protocol import make_study
from labelwise.study.results import read_cells

pytest.importorskip("jinja2")
pytest.importorskip("plotly")
pytest.importorskip("matplotlib")

METHODS_STUDIED = ["hard (as published)", "hard", "soft", "label spreading", "logistic regression"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A study of 500 digits with a hostile class name, and what the program said."""
    return study_of(METHODS_STUDIED, tmp_path_factory.mktemp("report"), draws=3)


def study_of(methods, folder, *, draws, held_out=0.2, epochs=15):
    X, truth = digits(500)
    names = np.array([f"{code}" if code else "<script>alert(1)</script>" for code in range(10)])
    np.savez(folder / "digits.npz", X=X, y=truth, names=names)
    (folder / "small.toml").write_text(
        f"""
dataset = "digits.npz"
budgets = [12, 60]
draws = {draws}
held_out = {json.dumps(held_out)}
methods = {json.dumps(methods)}
[model]
n_components = 15
n_latent = 4
n_hidden = 64
n_layers = 1
max_epochs = {epochs}
learning_rate = 5e-3
"""
    )
    outcome = labelwise("study", folder / "small.toml", "-o", folder / "run", "--jobs", 1)
    assert outcome.code == 0, outcome
    return folder / "run", outcome


def test_the_run_folder_is_complete(run):
    names = {path.relative_to(run[0]).as_posix() for path in run[0].rglob("*") if path.is_file()}
    assert {
        "results.csv",
        "summary.csv",
        "study.json",
        "report.html",
        "figure_1.png",
        "figure_3.png",
        "models/seed-0.labelwise/manifest.json",
        "figures/latent_pca.png",
        "figures/latent_tsne.png",
        "figures/purity.png",
        "figures/reconstructions.png",
        "figures/reliability.png",
        "figures/risk_coverage.png",
        "figures/robustness.png",
        "robustness.csv",
        "figures/confusion.png",
        "figures/gain_by_class.png",
        "figures/gain_by_uncertainty.png",
    } <= names
    assert not [name for name in names if "checkpoint" in name or name.startswith(".")]


def test_the_answer_comes_first_and_on_the_terminal(run):
    text = (run[0] / "report.html").read_text(encoding="utf-8")
    answer = text[text.index('id="answer"') : text.index("</section>")]
    assert "Soft decoding" in answer
    assert "80%" in answer
    first = run[1].out.splitlines()[0]
    assert first in answer


def test_the_page_is_self_contained_and_escapes_names(run):
    text = (run[0] / "report.html").read_text(encoding="utf-8")
    own = re.sub(r"<script>/\*.*?</script>", "", text, count=1, flags=re.DOTALL)
    assert "<script>alert(1)" not in own
    assert not re.findall(r'(?:src|href)="(?!data:|#)', own)
    for name in METHODS_STUDIED:
        assert f"<td>{name}</td>" in own


def test_the_same_command_again_repeats_nothing(run):
    before = (run[0] / "results.csv").read_bytes()
    outcome = labelwise("study", run[0].parent / "small.toml", "-o", run[0], "--jobs", 1, "--json")
    assert "30 of 30 cells" in outcome.err
    assert "training" not in outcome.err
    assert (run[0] / "results.csv").read_bytes() == before
    summary = json.loads(outcome.out)["summary"]
    assert [row["method"] for row in summary] == 2 * METHODS_STUDIED


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page in")
def test_the_page_draws_in_a_real_browser(run, tmp_path):
    page = (run[0] / "report.html").as_uri()
    arguments = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=8000",
    ]
    result = subprocess.run(
        [*arguments, "--dump-dom", page], capture_output=True, text=True, check=True, timeout=120
    )
    dom = result.stdout
    curve = dom[dom.index('id="curve-plot"') :]
    assert "main-svg" in curve
    for name in METHODS_STUDIED:
        assert f'data-unformatted="{name}"' in curve or name in curve
    assert dom.count("<button") >= 4
    assert 'aria-pressed="true"' in dom


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "--dataset"),
        (["nowhere.toml"], "nowhere.toml"),
        (["--dataset", "digits", "--address", "tcp://x:1"], "--backend dask"),
        (["--dataset", "nowhere.npz"], "nowhere.npz"),
    ],
)
def test_wrong_use_is_refused(arguments, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert reason in labelwise("study", *arguments).reason()
    assert list(tmp_path.iterdir()) == []


def test_without_a_method_that_it_compares_there_is_no_figure_of_robustness(tmp_path):
    folder, _ = study_of(["auto"], tmp_path, draws=1)
    assert (folder / "figures" / "confusion.png").exists()
    assert not (folder / "figures" / "robustness.png").exists()
    assert not (folder / "robustness.csv").exists()
    assert "robustness" not in (folder / "report.html").read_text(encoding="utf-8").lower()


def test_every_method_has_a_look_of_its_own():
    looks = [(line.color, line.dashes, line.marker) for line in map(line_of, [*METHODS, "another"])]
    assert len(set(looks)) == len(looks)


@pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")
def test_auto_in_the_report_is_auto_in_the_cells(tmp_path):
    """The figures speak of the very decoder that was scored: same choice, same answers."""
    with mock.patch("labelwise.cli.study._draw"):
        folder, _ = study_of(["auto", "soft", "hard"], tmp_path, draws=1, held_out="none", epochs=1)
    study = make_study(read_notes(folder)["study"])
    close = look_closely(study, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulLabelWarning)
        auto = fit_auto(close)
        task = model_task(close.gmvae, close.dataset.X, close.dataset.X[:0])
        cell = auto_decoder().fit(task.pool.encoding, close.decoded.y)
    assert (auto.choice_, auto.reason_) == (cell.choice_, cell.reason_)
    # After one epoch, neighbours of the items are better than those of the latents: the features count.
    assert getattr(auto.decoder_, "on", "") == "features"
    _, right = stated_and_right(close)
    scored = {
        each.method: each.accuracy
        for each in read_cells(folder / "results.csv")
        if (each.n_labeled, each.draw) == (close.n_labeled, 0)
    }
    assert {method.id: hits.mean() for method, hits in right.items()} == pytest.approx(scored, abs=1e-12)


def test_images_are_png(run):
    for path in Path(run[0]).rglob("*.png"):
        assert path.read_bytes()[:8] == base64.b64decode("iVBORw0KGgo=")
