"""A thousand calls of the program that are wrong, or nearly right: no traceback, and no label is lost."""

from __future__ import annotations

import json
import random
import shutil
import struct

import numpy as np
import pytest

from cli.conftest import labelwise
from fuzz.mutators import STRANGE, any_bytes

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")

N_CALLS, N_SAMPLED = 1000, 60

# What a person may have changed by a hand's slip; the rest can be made again.
KEPT = ("labels.jsonl", "manifest.json", "model", "pool", "encoding", "components")

# Options of each command, and what may follow them: a kind of value below, or nothing.
OPTIONS = {
    "suggest": {
        "--budget": "number",
        "--sheets": "number",
        "--rare": None,
        "--labels": "labels",
        "-o": "output",
    },
    "label": {
        "--to": "output",
        "--name": "name",
        "--undo": None,
        "--redo": None,
        "--by": "text",
        "--how": "how",
    },
    "decode": {
        **{"--labels": "labels", "-o": "output", "--decoder": "decoder", "--unnamed": "text"},
        **{"--abstain": "share", "--risk": "share", "--truth": "labels", "--label-column": "text"},
    },
    "forecast": {"--further": "number", "--seed": "number"},
    "audit": {"--truth": "labels", "--groups": "labels", "--abstain": "share", "-o": "output"},
    "info": {},
    "update": {},
    "budget": {
        "--n-samples": "number",
        "--components": "number",
        "--confidence": "share",
        "--n-labels": "number",
    },
    "export": {"-o": "output", "--seed": "number", "--text-column": "text"},
    "train": {"--components": "text", "--labels": "labels", "--features": "text", "--schema": "labels"},
    "study": {"--dataset": "data", "--seed": "number", "--label-column": "text"},
}
SECOND = {"label": "labels", "decode": "data", "audit": "data", "update": "data", "export": "data"}

LABELS = [
    b"index,label\n0,zero\n7,one\n",
    b"index,label,reason\n1,two,far\n2,,\n",
    b"path,label\na.png,x\n",
    json.dumps(
        [{"data": {"index": 3}, "annotations": [{"result": [{"value": {"choices": ["x"]}}]}]}]
    ).encode(),
    b'{"columns": [{"name": "a", "kind": "number"}]}',
    b"[study]\nname = 1\n",
    b"",
]


class Calls:
    """Draws arguments, and writes the files that they name."""

    def __init__(self, folder, project, seed):
        self._folder, self._project, self._draw = folder, project, random.Random(seed)
        X = np.random.default_rng(0).integers(0, 256, (6, 8, 8)).astype(np.uint8)
        np.savez(folder / "new.npz", X=X, y=np.arange(6))
        np.save(folder / "new.npy", X)
        self._data = [(folder / name).read_bytes() for name in ("new.npz", "new.npy")]
        self._data += [
            b"a,b\n1,2\n3,4\n",
            b"one\ntwo\n",
            b'{"text": "a"}\n',
            struct.pack(">HBBI", 0, 8, 1, 3),
        ]

    def next(self):
        """The arguments of one call."""
        draw = self._draw
        command = draw.choice(sorted(OPTIONS))
        arguments = [command]
        if command not in ("train", "study") and draw.random() < 0.95:
            near = draw.random() < 0.85
            arguments.append(self._project if near else self._value("data"))
        if command in SECOND and draw.random() < 0.6:
            arguments.append(self._value(SECOND[command]))
        if command in ("train", "study"):
            # Valid data would be learned from, which is not what is asked about here.
            arguments += [self._file(["x.csv", "x.toml", "x.jsonl"], LABELS), "-o", self._folder / "made"]
        for option, kind in OPTIONS[command].items():
            if draw.random() < 0.35:
                arguments += [option] if kind is None else [option, self._value(kind)]
        if draw.random() < 0.2:
            arguments.append(draw.choice(["--json", "--jsn", "--", "-x", "", "extra"]))
        return [str(each) for each in arguments]

    def _value(self, kind):
        draw = self._draw
        if draw.random() < 0.25:
            strange = draw.choice(STRANGE)
            text = strange if isinstance(strange, str) else json.dumps(strange)
            return text.replace("\x00", "").replace("\ud800", "\udcff")[:400]  # what a shell can pass
        match kind:
            case "number":
                return draw.choice([-1, 0, 1, 3, 20, 301, "1e3", "3.5"])
            case "share":
                return draw.choice([0, 0.5, 1, -0.1, 1.1, "nan", "inf", "1,5"])
            case "labels":
                return self._file(["x.csv", "x.json", "x.txt"], LABELS)
            case "data":
                return self._file(["x.npz", "x.npy", "x.csv", "x.txt", "x.jsonl", "x.doc"], self._data)
            case "output":
                return self._folder / draw.choice(
                    ["out.csv", "out.json", "out.parquet", "nowhere/out", "", "new.npy"]
                )
            case "decoder":
                return draw.choice(["hard", "soft", "poisson", "bayes", "fast"])
            case "name":
                return draw.choice(["0=zero", "1=", "99=x", "=x", "0=a\nb", "٣=x", "0"])
            case "how":
                return draw.choice(["random", "correction", "guessed"])
        return draw.choice(["ana", "", "a,b", "label", "../x", "table", "12"])

    def _file(self, names, contents):
        """A file that holds what its name says, or something else, or is damaged; or a folder, or nothing."""
        draw = self._draw
        if draw.random() < 0.15:
            return draw.choice([self._folder, self._folder / "nowhere.csv", self._project, "~nobody/x.csv"])
        path = self._folder / draw.choice(names)
        content = draw.choice(contents)
        path.write_bytes(any_bytes(content, draw) if draw.random() < 0.5 else content)
        return path


def kept(project):
    """What the project's files hold that must not change."""
    files = [project / name for name in KEPT]
    files += [each for file in files if file.is_dir() for each in file.rglob("*")]
    # Graphs and the like are added where they are first needed.
    found = {file: file.read_bytes() for file in files if file.is_file() and "graph-" not in str(file)}
    # That files with the same items were touched is noted by whoever sees it first.
    manifest = json.loads(found[project / "manifest.json"])
    return found | {project / "manifest.json": {**manifest, "data": {**manifest["data"], "stamp": None}}}


def check_calls(project, folder, seed, n_calls):
    labelwise("label", project, "--name", "0=zero")
    calls, before = Calls(folder, project, seed), kept(project)
    journal = project / "labels.jsonl"
    for _ in range(n_calls):
        arguments = calls.next()
        outcome = labelwise(*arguments)  # what is raised is a traceback
        now = kept(project)
        assert outcome.code in (0, 1, 2), (arguments, outcome)
        if outcome.code == 1:
            assert outcome.err.splitlines()[-1].startswith("labelwise: "), (arguments, outcome)
        if outcome.code != 0:
            assert {file for file in before if now[file] != before[file]} <= {journal}, (arguments, outcome)
        assert now[journal].startswith(before[journal]), arguments
        assert outcome.code == 0 or now[journal] == before[journal], (arguments, outcome)
        before = now
    outcome = labelwise("info", project, "--json")
    assert outcome.code == 0, outcome
    assert json.loads(outcome.out)["n_decisions"] == len(before[journal].splitlines())


@pytest.mark.slow
def test_some_malformed_calls(labelled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_calls(labelled, tmp_path, 0, N_SAMPLED)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 5))
def test_a_thousand_malformed_calls(labelled, tmp_path, monkeypatch, seed):
    monkeypatch.chdir(tmp_path)
    check_calls(labelled, tmp_path, seed, N_CALLS // 4)


@pytest.mark.slow
def test_a_name_that_no_terminal_can_show(project, tmp_path):
    """Names of files are bytes on Linux, and need be no text."""
    from cli.conftest import finish, start_labelwise

    place = tmp_path / "\udcff.labelwise"
    try:
        shutil.copytree(project, place)
    except OSError:
        pytest.skip("files here have names of Unicode")
    for arguments in (["label", place, "--name", "0=zero"], ["info", place], ["info", tmp_path / "\udcfe"]):
        outcome = finish(start_labelwise(*arguments))
        assert "Traceback" not in outcome.err, outcome
        assert outcome.code == (0 if place in arguments else 1), outcome
