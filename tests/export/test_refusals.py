"""What cannot be exported is refused in one line, and what was there stays."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from export.conftest import NEW, POOL, TRUTH, ask, labels_of
from labelwise import LinearStudent, SoftDecoder, export_onnx
from labelwise.answerer import DecoderAnswerer
from labelwise.errors import DataError, MissingExtraError, StorageError
from labelwise.export import answers, writing


@pytest.fixture(scope="module")
def student():
    return LinearStudent().fit(POOL, labels_of(TRUTH[:300]))


@pytest.fixture
def file(tmp_path):
    """A file that was there before."""
    path = tmp_path / "a.onnx"
    path.write_bytes(b"before")
    return path


def left_alone(file):
    """Whether the file is what it was, and nothing lies beside it."""
    return file.read_bytes() == b"before" and list(file.parent.iterdir()) == [file]


def test_an_answer_that_differs(student, file, monkeypatch):
    tempered = answers.tempered
    monkeypatch.setattr(answers, "tempered", lambda graph, said, temperature: tempered(graph, said, 3.0))
    with pytest.raises(DataError, match=r"differs from our own by 0\.\d+.*0\.0001") as caught:
        export_onnx(student, file, NEW)
    assert "\n" not in str(caught.value)
    assert left_alone(file)


def test_a_label_that_differs(student, file, monkeypatch):
    monkeypatch.setattr(answers, "label_table", lambda labels, classes: classes[::-1].astype(object))
    with pytest.raises(DataError, match="the exported answer calls item 0"):
        export_onnx(student, file, NEW)
    assert left_alone(file)


def test_a_label_that_is_missing(student, file, monkeypatch):
    monkeypatch.setattr(answers, "label_table", lambda labels, classes: np.full(len(classes), "", object))
    with pytest.raises(DataError, match="the exported answer calls item 0 ''"):
        export_onnx(student, file, NEW)
    assert left_alone(file)


@pytest.mark.parametrize("operator", ["NoSuchOperator", "Reshape"], ids=["to open", "to run"])
def test_a_file_that_onnxruntime_refuses(student, file, monkeypatch, operator):
    operands = [np.array([7, 7, 7])] if operator == "Reshape" else []
    monkeypatch.setattr(
        answers, "tempered", lambda graph, said, temperature: graph(operator, said, *operands)
    )
    with pytest.raises(
        DataError, match=r"onnxruntime cannot run the exported answer .*report this"
    ) as caught:
        export_onnx(student, file, NEW)
    assert "\n" not in str(caught.value)
    assert left_alone(file)


def test_more_than_a_file_holds(student, file, monkeypatch):
    monkeypatch.setattr(writing, "_MOST_BYTES", 1000)
    with pytest.raises(DataError, match="2 GB at most"):
        export_onnx(student, file, NEW)
    assert left_alone(file)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_the_extra(student, file, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf'export needs {package}, .*"labelwise\[export\]"'):
        export_onnx(student, file, NEW)
    assert left_alone(file)


def test_no_items(student, file):
    with pytest.raises(DataError, match="at least one"):
        export_onnx(student, file, NEW[:0])


def test_items_of_another_shape(student, file):
    with pytest.raises(DataError, match=r"\(4, 8\)"):
        export_onnx(student, file, NEW[:, :4])
    assert left_alone(file)


@pytest.mark.parametrize("what", [SoftDecoder(), None, "a.answerer"])
def test_what_is_no_answerer(file, what):
    with pytest.raises(DataError, match=f"a {type(what).__name__} cannot be exported"):
        export_onnx(what, file, NEW)


def test_a_model_without_labels(gmvae, file):
    with pytest.raises(StorageError, match="no labels"):
        export_onnx(gmvae, file, NEW)
    assert left_alone(file)


@pytest.mark.parametrize("items", [None, 5, np.float32(1)])
def test_what_is_no_items(student, file, items):
    with pytest.raises(DataError, match=r"items=.* are none") as caught:
        export_onnx(student, file, items)
    assert "\n" not in str(caught.value)
    assert left_alone(file)


@pytest.mark.parametrize(
    ("place", "reason"), [("nowhere/a.onnx", "nowhere"), ("", "is a folder"), (None, "'.' is no name")]
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    student, tmp_path, monkeypatch, place, reason
):
    monkeypatch.setattr(writing, "_as_shipped", None)
    with pytest.raises(StorageError, match=reason) as caught:
        export_onnx(student, "" if place is None else tmp_path / place, NEW)
    assert "\n" not in str(caught.value)


def test_a_graph_with_a_layer_that_is_not_known(gmvae, encoding, file, monkeypatch):
    from torch import nn

    answerer = DecoderAnswerer(gmvae, SoftDecoder().fit(encoding, labels_of(TRUTH[:300])))
    made = answers.encoded

    def with_a_new_layer(graph, module, values):
        module.encoder.append(nn.Tanh())
        return made(graph, module, values)

    monkeypatch.setattr(answers, "encoded", with_a_new_layer)
    with pytest.raises(DataError, match="a layer Tanh"):
        export_onnx(answerer, file, NEW)
    assert left_alone(file)


def test_far_items_are_compared_too(file):
    rows = POOL.reshape(300, -1).astype(np.float32)
    student = LinearStudent().fit(rows, labels_of(TRUTH[:300]))
    far = 100 * rows[:40]
    sizes = np.sqrt(np.square((far - student.mean_) / student.scale_).mean(axis=1))
    assert (sizes > 5 * student.horizon_).all()
    own = student.predict_proba(far)
    assert own.max() < 0.2  # of ten classes: all but nothing is known
    found = export_onnx(student, file, np.concatenate([rows[:40], far]))
    assert found.n_checked == 80
    np.testing.assert_allclose(ask(file, items=far)[1], own, atol=1e-5, rtol=0)
