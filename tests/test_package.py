"""The package as a whole: public names, what an import does, who may import whom, versions."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import labelwise

ROOT = Path(__file__).parents[1]
SOURCE = Path(labelwise.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

# A file imports only from its own room or from one below it, from the roof to the ground; rooms of one line
# do not know each other.
ROOMS = (
    ("__main__",),
    ("cli",),
    ("app",),
    ("project",),
    ("report",),
    ("study",),
    ("export",),
    ("classifier",),
    ("answerer",),
    ("diagnostics",),
    ("student",),
    ("gmvae",),
    ("planning",),
    ("decoding",),
    ("encoding",),
    ("features",),
    ("graph", "nn"),
    ("data",),
    ("storage", "places", "scratch", "progress", "hub", "workers"),
    ("randomness", "labels", "parameters", "events", "damage", "threads", "columns"),
    ("errors",),
)
FLOOR = {room: floor for floor, rooms in enumerate(reversed(ROOMS)) for room in rooms}


def run_python(code):
    """Run code in a fresh interpreter and return what it writes."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


class TestPublicNames:
    @pytest.mark.parametrize(
        "name",
        [
            "GMVAE",
            "GMVAEClassifier",
            "Project",
            "AutoDecoder",
            "HardDecoder",
            "SoftDecoder",
            "Student",
            "Encoding",
            "UNLABELED",
            "forecast_accuracy",
            "label_budget",
            "load",
            "load_dataset",
            "suggest",
        ],
    )
    def test_a_promised_name_is_there(self, name):
        assert name in labelwise.__all__
        assert name in dir(labelwise)

    @pytest.mark.parametrize("name", labelwise.__all__)
    def test_every_listed_name_imports(self, name):
        namespace = {}
        exec(f"from labelwise import {name}", namespace)
        value = namespace[name]
        assert value == -1 if name == "UNLABELED" else callable(value)

    def test_a_star_import_brings_exactly_the_list(self):
        namespace = {}
        exec("from labelwise import *", namespace)
        assert set(namespace) - {"__builtins__"} == set(labelwise.__all__)

    def test_the_list_names_what_loads_late(self):
        assert set(labelwise.__all__) == set(labelwise._PUBLIC)
        assert len(set(labelwise.__all__)) == len(labelwise.__all__)

    def test_an_unknown_name(self):
        with pytest.raises(AttributeError, match=r"^module 'labelwise' has no attribute 'GMVEA'$"):
            labelwise.GMVEA  # noqa: B018 (the access is the test)

    def test_public_classes_and_functions_are_documented(self):
        for name in set(labelwise.__all__) - {"UNLABELED"}:
            assert len(getattr(labelwise, name).__doc__.splitlines()) > 3, name


class TestImport:
    def test_loads_nothing_heavy(self):
        heavy = "torch", "sklearn", "pandas", "matplotlib", "numpy", "scipy", "typer", "rich"
        code = f"import sys, labelwise; print([name for name in {heavy} if name in sys.modules])"
        assert run_python(code) == "[]"

    def test_changes_nothing_global(self):
        code = """
import random, sys, warnings
import numpy as np
import sklearn.linear_model, torch, scipy.stats  # what these set is not ours to judge

def state():
    return (
        list(warnings.filters), warnings.showwarning, np.random.get_state()[1].tolist(),
        np.random.get_state()[2], random.getstate(), torch.get_rng_state().tolist(), np.geterr(),
        torch.get_num_threads(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled(),
    )

before = state()
from labelwise import *
import labelwise.cli.main, labelwise.report.figures, labelwise.study.sweep
after = state()
print([number for number, (a, b) in enumerate(zip(before, after)) if a != b])
"""
        assert run_python(code) == "[]"

    def test_figures_need_no_pyplot(self):
        code = "import sys, labelwise.report.figures; print('matplotlib' in sys.modules)"
        assert run_python(code) == "False"

    @pytest.mark.parametrize("package", ["torch", "sklearn", "scipy", "pandas", "matplotlib", "fastapi"])
    def test_a_project_loads_what_it_needs_when_it_needs_it(self, package):
        code = f"import sys, labelwise.project, labelwise.app.session; print({package!r} in sys.modules)"
        assert run_python(code) == "False"

    @pytest.mark.parametrize("package", ["torch", "sklearn", "pandas", "matplotlib", "fastapi", "uvicorn"])
    def test_the_program_starts_without_what_is_heavy(self, package):
        assert run_python(f"import sys, labelwise.cli.main; print({package!r} in sys.modules)") == "False"


def room_of(module):
    """The room of `labelwise.room.file`; None for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def module_of(path):
    parts = ("labelwise", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def is_file(module):
    return SOURCE.joinpath(*module.split(".")[1:]).with_suffix(".py").is_file()


def imported_by(path):
    """Modules of labelwise that a file imports anywhere in it, with line numbers."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                ancestor = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
                base = f"{ancestor}.{base}".rstrip(".")
            # `from labelwise import study` imports a room, and `from labelwise.study import sweep` a file.
            names = [f"{base}.{alias.name}" for alias in node.names]
            modules = [name if base == "labelwise" or is_file(name) else base for name in names]
        else:
            continue
        yield from ((module, node.lineno) for module in modules if module.split(".")[0] == "labelwise")


def breaches(path):
    """Imports of rooms above the file's own, and of rooms nobody knows."""
    own = room_of(module_of(path))
    found = []
    for module, line in imported_by(path):
        room = room_of(module)
        room = room_of(labelwise._PUBLIC.get(room, module))  # a public name stands for where it lives
        if room is None or room == own or room == "__version__":
            continue
        if room not in FLOOR or FLOOR[room] >= FLOOR[own]:
            found.append(f"{path.name}:{line} imports {module}")
    return found


class TestRooms:
    def test_every_file_has_a_room(self):
        rooms = {room_of(module_of(path)) for path in FILES} - {None}
        assert rooms <= set(FLOOR)
        assert {"errors", "data", "gmvae", "decoding", "classifier", "study", "cli", "app"} <= rooms

    def test_imports_go_downwards(self):
        found = [breach for path in FILES if path != SOURCE / "__init__.py" for breach in breaches(path)]
        assert found == []

    @pytest.mark.parametrize(
        ("place", "code", "n_breaches"),
        [
            ("decoding/new.py", "from labelwise.study.sweep import draw_labels", 1),
            ("decoding/new.py", "def f():\n    import labelwise.classifier", 1),
            ("decoding/new.py", "if TYPE_CHECKING:\n    from labelwise.gmvae import GMVAE", 1),
            ("storage.py", "from labelwise import GMVAE", 1),
            ("data/new.py", "from ..gmvae import training", 1),
            ("errors.py", "from labelwise.parameters import Option", 1),
            ("labels.py", "from labelwise.parameters import Option", 1),
            ("decoding/new.py", "from labelwise.nowhere import thing", 1),
            ("cli/new.py", "from labelwise.study.results import write_csv\nimport labelwise", 0),
            ("gmvae/new.py", "from labelwise.gmvae.training import train\nimport torch", 0),
            ("study/new.py", "from .results import Cell\nfrom labelwise import GMVAE", 0),
        ],
    )
    def test_the_walk_itself(self, tmp_path, monkeypatch, place, code, n_breaches):
        monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        assert len(breaches(path)) == n_breaches


def circles(imports):
    """Groups of modules that import each other, directly or through others."""
    reached = {}
    for module in imports:
        reached[module], waiting = set(), [module]
        while waiting:
            for other in imports.get(waiting.pop(), set()) - reached[module]:
                reached[module].add(other)
                waiting.append(other)
    groups = ({other for other in reached[module] if module in reached.get(other, ())} for module in imports)
    return {frozenset(group) for group in groups if group}


def import_graph():
    """Modules of labelwise and those that they import, also within functions and for types alone.

    A package is its `__init__.py`: importing one module of a room is no import of the room.
    """
    modules = {module_of(path) for path in FILES}
    graph = {}
    for path in FILES:
        found = {name for name, _ in imported_by(path)}
        found = {labelwise._PUBLIC.get(name.removeprefix("labelwise."), name) for name in found}
        graph[module_of(path)] = found & modules - {module_of(path)}
    del graph["labelwise"]  # its public names load late, and are all above it
    return graph


class TestCircles:
    def test_no_modules_import_each_other(self):
        assert circles(import_graph()) == set()

    def test_the_graph_knows_imports_of_all_kinds(self):
        graph = import_graph()
        assert "labelwise.nn.layers" in graph["labelwise.student.network"]
        assert "labelwise.gmvae" in graph["labelwise.cli.train"]  # in a function, and for types
        assert "labelwise.student.check" in graph["labelwise.student.persistence"]

    @pytest.mark.parametrize(
        ("imports", "expected"),
        [
            ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
            ({"a": {"b"}, "b": {"a"}}, ["ab"]),
            ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}, ["abc"]),
            ({"a": {"b"}, "b": {"a"}, "c": {"d", "a"}, "d": {"c"}}, ["ab", "cd"]),
        ],
    )
    def test_the_search_itself(self, imports, expected):
        assert circles(imports) == {frozenset(group) for group in expected}


MAX_LINES = 400  # of a file
MAX_BODY = 60  # lines of a function, without its signature and its docstring

# What is longer, how long it may be, and why; no entry may outlive its reason.
LONG_FILES = {
    "gmvae/estimator.py": (
        560,
        "one class, half of whose lines document its 20 parameters and what it learns",
    ),
}
LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}


def file_lengths(root):
    """Lines of each file, by its path below `root`."""
    return {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(root.rglob("*.py"))
    }


def body_lengths(code):
    """Lines of each function of a file without its signature and docstring, by its name and line."""
    found = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            found[node.name, node.lineno] = body[-1].end_lineno - body[0].lineno + 1 if body else 0
    return found


class TestFiles:
    def test_none_is_long(self):
        long = {name: length for name, length in file_lengths(SOURCE).items() if length > MAX_LINES}
        assert {name: length for name, length in long.items() if length > LONG_FILES.get(name, (0,))[0]} == {}
        assert set(LONG_FILES) <= set(long), "an exception that is no longer needed"

    def test_no_function_is_long(self):
        long = {
            f"{path.relative_to(SOURCE).as_posix()}: {name}": length
            for path in FILES
            for (name, _), length in body_lengths(path.read_text(encoding="utf-8")).items()
            if length > MAX_BODY
        }
        assert {n: length for n, length in long.items() if length > LONG_FUNCTIONS.get(n, (0,))[0]} == {}
        assert set(LONG_FUNCTIONS) <= set(long), "an exception that is no longer needed"

    def test_files_of_one_name_are_counted_each(self, tmp_path):
        for room, n_lines in (("gmvae", 3), ("student", 7)):
            (tmp_path / room).mkdir()
            (tmp_path / room / "estimator.py").write_text("pass\n" * n_lines)
        assert file_lengths(tmp_path) == {"gmvae/estimator.py": 3, "student/estimator.py": 7}

    def test_only_the_body_of_a_function_is_counted(self):
        code = 'def f(\n    a,\n    b,\n):\n    """Say.\n\n    More.\n    """\n    a()\n\n    return b\n'
        assert body_lengths(code) == {("f", 1): 3}
        assert body_lengths('class C:\n    async def f(self):\n        """Nothing."""\n') == {("f", 2): 0}

    def test_none_has_a_name_that_says_nothing(self):
        empty = {"utils", "util", "helpers", "helper", "common", "misc"}
        assert [path for path in FILES if empty & {path.stem, *path.relative_to(SOURCE).parts[:-1]}] == []

    def test_nothing_prints_or_pickles(self):
        found = []
        for path in FILES:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                    found.append(f"{path.name}:{node.lineno} prints")
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module]
                    # joblib also writes pickles; running cells in parallel is all it is for here.
                    if node.module == "joblib" and not {"load", "dump"} & {
                        alias.name for alias in node.names
                    }:
                        names = []
                if {"pickle", "joblib", "dill", "cloudpickle"} & set(names):
                    found.append(f"{path.name}:{node.lineno} pickles")
                is_attribute = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                if is_attribute and node.value.id == "torch" and node.attr in ("load", "save"):
                    found.append(f"{path.name}:{node.lineno} pickles through torch")
        assert found == []

    def test_types_are_shipped(self):
        assert (SOURCE / "py.typed").is_file()


def test_what_is_no_python_is_shipped_too():
    data = tomllib.loads(text_of("pyproject.toml"))["tool"]["setuptools"]["package-data"]["labelwise"]
    files = [path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.is_file()]
    others = [path for path in files if path.suffix not in (".py", ".pyc")]
    assert {"index.html", "style.css", "main.js"} <= {path.name for path in others}
    assert [path for path in others if not any(fnmatch(path.as_posix(), each) for each in data)] == []


MAX_JS_LINES = 60  # of a function or method


def js_functions(code):
    """Lines of each function of a module: from what opens at the margin, or in a class, to its end."""
    found, start, indent = {}, None, ""
    for number, line in enumerate(code.splitlines()):
        opens = re.match(
            r"(  )?(?:export )?(?:async )?(?:function \w+|(?!if|for|while|switch)\w+)\(.*\) \{$", line
        )
        if start is None and opens:
            start, indent = number, opens[1] or ""
        elif start is not None and line == f"{indent}}}":
            found[code.splitlines()[start].strip()] = number - start - 1
            start = None
    return found


class TestScripts:
    SCRIPTS = sorted((SOURCE / "app" / "static").glob("*.js"))

    def test_none_is_long(self):
        assert len(self.SCRIPTS) > 10
        assert [
            path for path in self.SCRIPTS if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES
        ] == []

    def test_no_function_is_long(self):
        lengths = {
            f"{path.name}: {name}": length
            for path in self.SCRIPTS
            for name, length in js_functions(path.read_text(encoding="utf-8")).items()
        }
        assert len(lengths) > 100
        assert {name: length for name, length in lengths.items() if length > MAX_JS_LINES} == {}

    def test_lengths_are_counted(self):
        function = "export function f(a) {\n  a();\n  b();\n}\n"
        code = f"{function}class C {{\n  async g() {{\n    if (x) {{\n    }}\n  }}\n}}\n"
        assert list(js_functions(code).values()) == [2, 2]

    def test_text_never_becomes_markup(self):
        risky = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
        assert [path.name for path in self.SCRIPTS if risky.search(path.read_text(encoding="utf-8"))] == []

    def test_nothing_comes_from_elsewhere(self):
        files = [
            *self.SCRIPTS,
            *(SOURCE / "app" / "static").glob("*.html"),
            *(SOURCE / "app" / "static").glob("*.css"),
        ]
        for path in files:
            addresses = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
            assert set(addresses) <= {"http://www.w3.org/2000/svg"}, path.name


def text_of(name):
    """A file at the root of the sources; skip where there are none (installed from a wheel)."""
    path = ROOT / name
    if not path.is_file():
        pytest.skip(f"there is no {name} here")
    return path.read_text(encoding="utf-8")


class TestVersion:
    def test_looks_like_one(self):
        assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", labelwise.__version__)

    def test_pyproject(self):
        assert tomllib.loads(text_of("pyproject.toml"))["project"]["version"] == labelwise.__version__

    def test_installed(self):
        assert importlib.metadata.version("labelwise") == labelwise.__version__

    def test_citation(self):
        versions = re.findall(r"^version:\s*[\"']?([^\"'\s]+)", text_of("CITATION.cff"), re.MULTILINE)
        assert versions == [labelwise.__version__]

    def test_changelog_has_an_entry(self):
        headings = re.findall(r"^## +\[?v?(\d+\.\d+\.\d+[^\s\]]*)", text_of("CHANGELOG.md"), re.MULTILINE)
        assert labelwise.__version__ in headings


def test_the_installed_package_brings_the_program():
    scripts = importlib.metadata.distribution("labelwise").entry_points.select(group="console_scripts")
    assert {script.name: script.value for script in scripts} == {"labelwise": "labelwise.cli.main:main"}
    assert callable(scripts["labelwise"].load())
