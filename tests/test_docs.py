"""The documents say what is: their code runs, and the names in them exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from labelwise.study.methods import METHODS
from labelwise.study.protocol import make_study

ROOT = Path(__file__).parents[1]


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.slow
def test_the_readme_python_blocks_run_in_order(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), namespace)
    accuracies = [float(line) for line in capsys.readouterr().out.split()]
    assert len(accuracies) == 1
    assert min(accuracies) > 0.5  # ten classes, 36 labels: chance is 0.1


def test_the_readme_begins_with_its_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [line.split("#")[0].strip() for line in text.splitlines()[3:5]] == ["make demo", "make test"]


def test_every_class_in_the_symbol_table_exists():
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    table = (ROOT / "docs/model.md").read_text(encoding="utf-8").split("## Symbols in the code")[1]
    for names in re.findall(r"`([A-Za-z_.]+)`", table):
        assert all(part in source for part in names.split(".")), names


def test_the_study_file_in_the_documents_is_a_study():
    (text,) = blocks("docs/study.md", "toml")
    assert make_study(tomllib.loads(text)).budgets is None


def test_every_method_is_described():
    text = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    described = {
        name.strip()
        for line in text.splitlines()
        if line.startswith("| ")
        for name in line.split("|")[1].split(", ")
    }
    described |= {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    assert {method.name for method in METHODS.values()} <= described


def test_every_page_is_in_a_menu_of_the_site():
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("docs/*.md")]
    menus = "\n".join(
        menu for text in texts for menu in re.findall(r":::\{toctree\}\n(.*?):::", text, re.DOTALL)
    )
    in_menus = set(menus.split()) | {"index"}
    assert {path.stem for path in ROOT.glob("docs/*.*") if path.suffix in (".md", ".rst")} <= in_menus
