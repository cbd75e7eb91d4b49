"""The program writes what answers as one ONNX file."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest

from cli.conftest import X, finish, labelwise, start_labelwise
from labelwise import Project, load


def ask(file, items):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], {"items": items})


def test_a_project(labelled, tmp_path):
    outcome = finish(start_labelwise("export", labelled, "-o", tmp_path / "a.onnx"))
    assert outcome.code == 0, outcome
    assert outcome.err == ""
    assert "exact: on 300 items" in outcome.out
    assert "input items: uint8, n x 8 x 8; 0..255" in outcome.out
    labels, probabilities = ask(tmp_path / "a.onnx", X)
    with Project.open(labelled) as project:
        own = project.answerer.predict_proba(X)
    np.testing.assert_allclose(probabilities, own, atol=1e-4, rtol=0)
    assert set(labels.tolist()) <= {str(digit) for digit in range(10)}


def test_as_json(labelled, tmp_path):
    outcome = labelwise("export", labelled, "-o", tmp_path / "a.onnx", "--json")
    found = json.loads(outcome.out)
    assert found["path"] == str(tmp_path / "a.onnx")
    assert found["difference"] <= 1e-4
    assert found["n_checked"] == 300
    assert (found["how"], found["agreement"]) == ("exact", None)
    assert found["classes"] == [str(digit) for digit in range(10)]


def test_a_saved_answerer_needs_items(labelled, new_data, tmp_path):
    assert labelwise("decode", labelled, "-o", tmp_path / "p.csv").code == 0
    answerer = labelled / "answerer"
    reason = labelwise("export", answerer, "-o", tmp_path / "a.onnx").reason()
    assert "holds no items" in reason
    outcome = labelwise("export", answerer, new_data, "-o", tmp_path / "a.onnx")
    assert "exact: on 100 items" in outcome.out
    new = np.load(new_data)["X"]
    own = load(answerer).predict_proba(new)
    np.testing.assert_allclose(ask(tmp_path / "a.onnx", new)[1], own, atol=1e-4, rtol=0)


def test_a_project_without_its_data(labelled, place, new_data, tmp_path):
    manifest = json.loads((labelled / "manifest.json").read_text())
    text = json.dumps(manifest).replace(str(place / "digits.npz"), str(tmp_path / "gone.npz"))
    (labelled / "manifest.json").write_text(text)
    outcome = labelwise("export", labelled, "-o", tmp_path / "a.onnx")
    assert outcome.code == 1
    assert not (tmp_path / "a.onnx").exists()
    assert labelwise("export", labelled, new_data, "-o", tmp_path / "a.onnx").code == 0


def test_a_project_without_labels(project, tmp_path):
    assert "no labels yet" in labelwise("export", project, "-o", tmp_path / "a.onnx").reason()


def test_a_folder_that_is_not_there(labelled, tmp_path):
    assert "nowhere" in labelwise("export", labelled, "-o", tmp_path / "nowhere/a.onnx").reason()


@pytest.mark.parametrize(
    "command", [("export",), ("decode",), ("suggest",), ("label", "--to")], ids=lambda command: command[0]
)
def test_a_place_that_is_no_file_is_refused_before_the_work(labelled, tmp_path, monkeypatch, command):
    monkeypatch.setattr(Project, "open", None)
    name, option = (*command, "-o")[:2]
    assert (
        f"'.' is no name of a file or folder: give one with {option}"
        in labelwise(name, labelled, option, "").reason()
    )
    assert (
        f"{tmp_path} is a folder: name a file with {option}"
        in labelwise(name, labelled, option, tmp_path).reason()
    )


def test_options_of_new_items_without_any(labelled):
    assert "give DATA" in labelwise("export", labelled, "--skip-unreadable").reason()


def test_wrong_use():
    assert labelwise("export").code == 2


def test_help():
    assert "ONNX" in labelwise("export", "--help").out


def test_compact(labelled, tmp_path):
    outcome = labelwise("export", labelled, "-o", tmp_path / "a.onnx", "--compact", "--seed", 1)
    assert outcome.code == 0, outcome
    assert "of 60 items that were kept back the same label" in outcome.out
    assert "compared: on 300 items" in outcome.out
    assert ask(tmp_path / "a.onnx", X)[1].shape == (300, 10)


def test_a_seed_without_compact(labelled):
    assert "--compact" in labelwise("export", labelled, "--seed", 1).reason()
