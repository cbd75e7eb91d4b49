"""What the pages show: their code runs, their commands parse, and the reference lists the public names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import labelwise
from labelwise.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))
DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", *PAGES]
COMMANDS = typer.main.get_command(app).commands


def text_of(document):
    return (ROOT / document).read_text(encoding="utf-8")


def blocks_in(text):
    """Fenced blocks in order: language and content."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def blocks(document):
    """Those of a document."""
    return blocks_in(text_of(document))


SHELLS = {"", "bash", "console", "sh", "shell", "text"}


def command_lines(text):
    """Command lines that fenced blocks show, split as a shell would."""
    shown = "".join(block for language, block in blocks_in(text) if language in SHELLS)
    lines = (line.removeprefix("$ ") for line in shown.replace("\\\n", " ").splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("labelwise ")]


def test_command_lines_are_found_in_blocks_of_all_kinds():
    text = (
        "```\nlabelwise info p  # all\n```\n"
        "```bash\n$ labelwise decode p \\\n  -o 'a b.csv'\n# labelwise x\n```\n"
        "```python\nlabelwise y\n```\n"
    )
    assert command_lines(text) == [["info", "p"], ["decode", "p", "-o", "a b.csv"]]


@pytest.mark.parametrize("line", ["info", "info p --colour", "decode p --risk x", "refine p --rounds 1"])
def test_a_command_line_that_the_program_would_refuse_does_not_parse(line):
    name, *words = line.split()
    with pytest.raises(Exception, match=r".") as caught:
        COMMANDS[name].make_context(name, words)
    assert caught.value.exit_code == 2  # wrong use


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_line_parses(document):
    for name, *words in command_lines(text_of(document)):
        COMMANDS[name].make_context(name, words)


@pytest.mark.parametrize("document", sorted({*DOCUMENTS} - {"CHANGELOG.md"}))  # that one names what is gone
def test_every_command_in_a_sentence_exists(document):
    prose = re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    for name, rest in re.findall(r"`labelwise ([a-z]+)([^`]*)`", prose):
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--?[a-z-]+", rest)) <= known, f"labelwise {name}{rest}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_link_names_exists(document):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(document)):
        assert ((ROOT / document).parent / target).exists(), target


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")  # models trained for seconds
@pytest.mark.parametrize(
    "document", ["docs/reference.md", "docs/shipping.md", "docs/events.md", "docs/tables.md"]
)
def test_python_blocks_run_in_order(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for language, block in blocks(document):
        if language == "python":
            exec(compile(block, document, "exec"), namespace)


@pytest.mark.slow
def test_the_first_page_can_be_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    outputs = []
    for language, block in blocks("docs/start.md"):
        if language == "python":
            exec(compile(block, "docs/start.md", "exec"), namespace)
        elif not language:
            for line in block.splitlines():
                result = CliRunner().invoke(app, shlex.split(line)[1:], catch_exceptions=False)
                assert result.exit_code == 0, line
                outputs.append(result.output)
    accuracies = [float(found) for found in re.findall(r"accuracy on .*: ([0-9.]+)%", "".join(outputs))]
    assert len(accuracies) == 2
    assert min(accuracies) > 70  # ten classes, 36 labels: chance is 10
    assert namespace["probabilities"].shape == (297, 10)


def test_the_reference_lists_the_public_names():
    listed = re.findall(r"^\| `(\w+)` \|", text_of("docs/reference.md"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(labelwise.__all__)
