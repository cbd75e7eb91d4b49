"""What the program says about itself, and exit code 2 for wrong use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import labelwise as package
from cli.conftest import labelwise

OPTIONS = {
    "demo": ["--output", "-o", "--labels", "--seed", "--json", "--help"],
    "train": [
        "--output",
        "-o",
        "--components",
        "--latent",
        "--hidden",
        "--layers",
        "--epochs",
        "--batch-size",
        "--learning-rate",
        "--objective",
        "--augment",
        "--encoder",
        "--likelihood",
        "--init",
        "--precision",
        "--device",
        "--seed",
        "--resume",
        "--overwrite",
        "--label-column",
        "--skip-unreadable",
        "--tensorboard",
        "--json",
        "--help",
    ],
    "budget": ["--n-samples", "--components", "--confidence", "--n-labels", "--labels", "--seed", "--json"],
    "suggest": [
        "--budget",
        "--labels",
        "--output",
        "-o",
        "--label-column",
        "--skip-unreadable",
        "--seed",
        "--json",
    ],
    "decode": [
        "--labels",
        "--output",
        "-o",
        "--decoder",
        "--unnamed",
        "--abstain",
        "--risk",
        "--label-column",
        "--skip-unreadable",
        "--json",
        "--help",
    ],
    "refine": [
        "--labels",
        "--output",
        "-o",
        "--predictions",
        "--decoder",
        "--rounds",
        "--device",
        "--seed",
        "--label-column",
        "--skip-unreadable",
        "--json",
        "--help",
    ],
    "study": ["--dataset", "--output", "-o", "--seed", "--jobs", "--backend", "--address", "--json"],
    "audit": ["--labels", "--groups", "--abstain", "--output", "-o", "--seed", "--json"],
    "info": ["--json", "--help"],
}
ARGUMENTS = {
    "demo": [],
    "train": ["DATA"],
    "budget": ["MODEL", "DATA"],
    "suggest": ["MODEL", "DATA"],
    "decode": ["MODEL", "DATA"],
    "refine": ["MODEL", "DATA"],
    "study": ["STUDY.TOML"],
    "audit": ["MODEL", "DATA"],
    "info": ["MODEL"],
}


def words(text):
    return set(text.replace("│", " ").replace(",", " ").replace("[", " ").replace("]", " ").split())


class TestHelp:
    def test_of_the_program(self):
        outcome = labelwise("--help")
        assert (outcome.code, outcome.err) == (0, "")
        assert set(OPTIONS) | {"--version", "--help"} <= words(outcome.out)
        assert "Exit codes: 0 done, 1 failed (one line on stderr says why), 2 wrong use." in outcome.out

    @pytest.mark.parametrize("command", OPTIONS)
    def test_of_each_command(self, command):
        outcome = labelwise(command, "--help")
        assert (outcome.code, outcome.err) == (0, "")
        listed = {word for word in words(outcome.out) if word.startswith("-") and word.strip("-")}
        assert listed >= set(OPTIONS[command])
        assert {word.upper() for word in words(outcome.out)} >= set(ARGUMENTS[command])

    @pytest.mark.parametrize(
        "arguments",
        [["--help"], ["--version"], ["train", "--help"], ["decode", "--help"], ["refine", "--help"]],
    )
    def test_it_starts_without_torch(self, arguments):
        code = (
            "import sys\nfrom labelwise.cli.main import main\ntry:\n    main()\nfinally:\n"
            "    heavy = {'torch', 'sklearn', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
            "    sys.stderr.write(str(sorted(heavy)))"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert (result.returncode, result.stderr) == (0, "[]")
        assert result.stdout != ""


class TestVersion:
    def test_it_is_printed(self):
        outcome = labelwise("--version")
        assert (outcome.code, outcome.out, outcome.err) == (0, f"labelwise {package.__version__}\n", "")

    def test_the_installed_program_does_so_too(self):
        program = Path(sys.executable).with_name("labelwise")
        if not program.exists():
            pytest.skip("the program is not installed beside this Python")
        result = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
        assert result.stdout == f"labelwise {package.__version__}\n"


WRONG_USE = {
    "unknown command": (["trian"], "No such command 'trian'"),
    "unknown option": (["info", "model", "--colour"], "No such option: --colour"),
    "option misspelt": (["train", "digits", "-o", "m", "--component", "3"], "No such option: --component"),
    "no data": (["train", "-o", "m"], "Missing argument 'DATA'"),
    "no output": (["train", "digits"], "Missing option '--output'"),
    "no labels": (["refine", "m", "digits"], "Missing option '--labels'"),
    "no model": (["info"], "Missing argument 'MODEL'"),
    "one argument too many": (["info", "a", "b"], "unexpected extra argument"),
    "no integer": (["train", "digits", "-o", "m", "--epochs", "many"], "'--epochs'"),
    "no choice": (["train", "digits", "-o", "m", "--objective", "best"], "'--objective'"),
    "no decoder": (["decode", "m", "digits", "--labels", "l", "--decoder", "best"], "'--decoder'"),
    "no probability": (["decode", "m", "d", "--labels", "l", "--abstain", "x"], "'--abstain'"),
    "no share": (["decode", "m", "d", "--labels", "l", "--risk", "x"], "'--risk'"),
    "too few rounds": (["refine", "m", "d", "--labels", "l", "--rounds", "1"], "'--rounds'"),
    "too few labels": (["demo", "--labels", "0"], "'--labels'"),
    "negative seed": (["demo", "--seed", "-1"], "'--seed'"),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use_leaves_with_2_and_says_what_is_wrong(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    arguments, text = WRONG_USE[case]
    outcome = labelwise(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert text in outcome.err
    assert "Usage: " in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_without_anything_it_shows_the_help():
    outcome = labelwise()
    assert set(OPTIONS) <= words(outcome.out + outcome.err)
