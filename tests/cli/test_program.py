"""What the program says about itself, and exit code 2 for wrong use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import labelwise as package
from cli.conftest import TINY, labelwise
from labelwise.cli.main import app

COMMANDS = typer.main.get_command(app).commands

PROJECT_OPTIONS = ["--json", "--help"]
OPTIONS = {
    "demo": ["--output", "-o", "--labels", "--page", "--seed", "--json", "--help"],
    "train": [
        "--output",
        "-o",
        "--components",
        "--labels",
        "--latent",
        "--hidden",
        "--layers",
        "--epochs",
        "--batch-size",
        "--learning-rate",
        "--features",
        "--schema",
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
        "--model",
        "--label-column",
        "--text-column",
        "--skip-unreadable",
        "--tensorboard",
        "--json",
        "--help",
    ],
    "suggest": ["--budget", "--sheets", "--rare", "--labels", "--output", "-o", "--seed", *PROJECT_OPTIONS],
    "label": ["--to", "--name", "--undo", "--redo", "--by", "--how", *PROJECT_OPTIONS],
    "decode": [
        "--labels",
        "--output",
        "-o",
        "--decoder",
        "--unnamed",
        "--abstain",
        "--risk",
        "--truth",
        "--label-column",
        "--text-column",
        "--skip-unreadable",
        "--part-size",
        "--jobs",
        "--backend",
        "--address",
        "--overwrite",
        *PROJECT_OPTIONS,
    ],
    "refine": ["--decoder", "--rounds", "--rehearsal", "--fresh", "--device", "--seed", *PROJECT_OPTIONS],
    "forecast": ["--further", "--seed", *PROJECT_OPTIONS],
    "audit": [
        "--truth",
        "--groups",
        "--abstain",
        "--label-column",
        "--text-column",
        "--skip-unreadable",
        "--output",
        "-o",
        *PROJECT_OPTIONS,
    ],
    "info": PROJECT_OPTIONS,
    "update": PROJECT_OPTIONS,
    "budget": ["--n-samples", "--components", "--confidence", "--n-labels", *PROJECT_OPTIONS],
    "study": [
        "--dataset",
        "--output",
        "-o",
        "--seed",
        "--jobs",
        "--backend",
        "--address",
        "--label-column",
        "--json",
        "--help",
    ],
}
ARGUMENTS = {
    "demo": [],
    "train": ["DATA"],
    "suggest": ["PROJECT"],
    "label": ["PROJECT", "LABELS"],
    "decode": ["PROJECT", "DATA"],
    "refine": ["PROJECT"],
    "forecast": ["PROJECT"],
    "audit": ["PROJECT", "NEW_DATA"],
    "info": ["PROJECT"],
    "update": ["PROJECT", "DATA"],
    "budget": ["PROJECT"],
    "study": ["STUDY.TOML"],
}
RANDOM = {"demo", "train", "suggest", "refine", "forecast", "study"}


def words(text):
    return set(text.replace("│", " ").replace(",", " ").replace("[", " ").replace("]", " ").split())


class TestHelp:
    def test_of_the_program(self):
        outcome = labelwise("--help")
        assert (outcome.code, outcome.err) == (0, "")
        assert set(OPTIONS) | {"--version", "--help"} <= words(outcome.out)
        assert all(
            f"{code} {word}" in outcome.out for code, word in ((0, "done"), (1, "failed"), (2, "wrong"))
        )

    @pytest.mark.parametrize("command", OPTIONS)
    def test_of_each_command(self, command):
        outcome = labelwise(command, "--help")
        assert (outcome.code, outcome.err) == (0, "")
        known = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        assert {option for option in known if option.startswith("-")} | {"--help"} == set(
            OPTIONS[command]
        ) | {"--help"}
        assert words(outcome.out) >= set(OPTIONS[command])
        assert "Example: " in outcome.out or command == "demo"
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

    def test_a_project_shows_its_last_sheets_without_what_makes_them(self, labelled):
        code = (
            "import sys\nfrom labelwise import Project\nproject = Project.open(sys.argv[1])\n"
            "project.last_sheets(), project.labels(), project.items()\n"
            "print(sorted({'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
        )
        found = subprocess.run(
            [sys.executable, "-c", code, labelled], capture_output=True, text=True, check=True, timeout=60
        )
        assert found.stdout == "[]\n"


class TestJson:
    """What --json prints is one JSON value, and nothing else goes to stdout."""

    @pytest.fixture
    def run(self, labelled, place, tmp_path):
        more = {
            "train": [place / "digits.npz", "-o", tmp_path / "p", "--epochs", 1, *TINY],
            "suggest": [labelled, "--budget", 3, "-o", tmp_path / "o.csv"],
            "label": [labelled, "--undo"],
            "decode": [labelled, "-o", tmp_path / "o.csv"],
            "refine": [labelled, "--rounds", 2, "--decoder", "soft"],
            "forecast": [labelled, "--further", 5],
            "audit": [labelled, place / "digits.npz"],
            "info": [labelled],
            "update": [labelled],
            "budget": [labelled],
        }
        return lambda command: labelwise(command, *more[command], "--json")

    @pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")
    @pytest.mark.parametrize(
        "command", sorted(set(OPTIONS) - {"demo", "study"})
    )  # which have tests of their own
    def test_of_each_command(self, run, command, monkeypatch):
        from labelwise.student import Student

        defaults = Student.__init__.__kwdefaults__
        monkeypatch.setattr(Student.__init__, "__kwdefaults__", defaults | {"n_steps": 5, "batch_size": 64})
        outcome = run(command)
        assert outcome.code == 0, outcome
        assert isinstance(json.loads(outcome.out), dict)
        assert outcome.out.count("\n") == 1

    def test_errors_are_a_line_on_stderr_there_too(self, tmp_path):
        assert str(tmp_path / "p") in labelwise("info", tmp_path / "p", "--json").reason()


class TestSeeds:
    def test_are_there_where_something_is_random_alone(self):
        seeded = {
            name
            for name, command in COMMANDS.items()
            if any("--seed" in parameter.opts for parameter in command.params)
        }
        assert seeded & set(OPTIONS) == RANDOM


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
    "no project": (["info"], "Missing argument 'PROJECT'"),
    "no new data": (["audit", "m"], "Missing argument 'NEW_DATA'"),
    "one argument too many": (["info", "a", "b"], "unexpected extra argument"),
    "no integer": (["train", "digits", "-o", "m", "--epochs", "many"], "'--epochs'"),
    "no choice": (["train", "digits", "-o", "m", "--objective", "best"], "'--objective'"),
    "no decoder": (["decode", "m", "--decoder", "best"], "'--decoder'"),
    "no probability": (["decode", "m", "--abstain", "x"], "'--abstain'"),
    "no share": (["decode", "m", "d", "--risk", "x"], "'--risk'"),
    "no way of choosing": (["label", "m", "l", "--how", "guessed"], "'--how'"),
    "too few rounds": (["refine", "m", "--rounds", "1"], "'--rounds'"),
    "a seed where nothing is random": (["decode", "m", "--seed", "1"], "No such option: --seed"),
    "a seed of an audit": (["audit", "m", "d", "--seed", "1"], "No such option: --seed"),
    "labels of other data": (["audit", "m", "d", "--labels", "l"], "No such option: --labels"),
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
