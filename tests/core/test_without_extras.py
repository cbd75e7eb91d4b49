"""What works without extras, and what is said where one is missing; `make test-core` runs it on a wheel."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

import labelwise

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pandas") is not None, reason="extras are installed"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning"),
]

SMALL = ("--components", "12", "--latent", "4", "--hidden", "64", "--layers", "1", "--epochs", "10")


def run(*arguments):
    """The program, in a process."""
    code = "from labelwise.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("core")
    done = run("train", "digits", "-o", folder / "digits.labelwise", *SMALL)
    assert done.returncode == 0, done.stderr
    return folder / "digits.labelwise"


def test_it_is_the_installed_one():
    assert "site-packages" in labelwise.__file__


def test_from_items_to_answers(project):
    to_label = project.with_name("to_label.csv")
    assert run("suggest", project, "--budget", 30, "-o", to_label).returncode == 0
    rows = [int(line.split(",")[0]) for line in to_label.read_text().splitlines()[1:]]
    truth = labelwise.load_dataset("digits").y
    labels = project.with_name("labels.csv")
    labels.write_text("index,label\n" + "".join(f"{row},{truth[row]}\n" for row in rows))
    assert run("label", project, labels).returncode == 0
    predictions = project.with_name("predictions.csv")
    done = run("decode", project, "-o", predictions, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"] > 0.7
    assert len(predictions.read_text().splitlines()) == 1798
    assert run("info", project).returncode == 0


def test_estimators():
    X, y, _ = labelwise.load_dataset("digits")
    gmvae = labelwise.GMVAE(12, n_latent=4, n_hidden=32, n_layers=1, max_epochs=5, random_state=0)
    labels = np.where(np.arange(len(y)) % 20 == 0, y, labelwise.UNLABELED)
    assert labelwise.GMVAEClassifier(gmvae).fit(X, labels).score(X, y) > 0.6


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("train", "a.csv", "-o", "a.lw"), "data"),
        (("train", ".", "-o", "a.lw"), "data"),
        (("name", "PROJECT"), "app"),
        (("export", "PROJECT", "-o", "a.onnx"), "export"),
        (("decode", "PROJECT", "new/a.npy", "-o", "a", "--part-size", "10"), "data"),
    ],
)
def test_a_missing_extra_is_named(project, tmp_path, monkeypatch, arguments, extra):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "new").mkdir()
    np.save(tmp_path / "new" / "a.npy", labelwise.load_dataset("digits").X)
    done = run(*(project if each == "PROJECT" else each for each in arguments))
    assert done.returncode == 1, done.stdout
    assert f"labelwise[{extra}]" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_every_command_has_help():
    done = run("--help")
    assert done.returncode == 0
    for name in ("train", "suggest", "label", "decode", "export", "name", "study", "pack"):
        assert name in done.stdout
        assert run(name, "--help").returncode == 0
