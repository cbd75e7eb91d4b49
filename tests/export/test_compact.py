"""A small network in place of the points of the pool: smaller, approximate, and it says how good it is."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from export.conftest import ASKED, NEW, POOL, TRUTH, ask, labels_of
from labelwise import AutoDecoder, LinearStudent, SoftDecoder, Student, export_onnx
from labelwise.answerer import DecoderAnswerer
from labelwise.errors import DataError, ParameterError
from labelwise.export import distilling

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")

Y = labels_of(TRUTH[:300])
ITEMS = np.concatenate([POOL, NEW])


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(distilling, "_N_STEPS", 250)


@pytest.fixture(scope="module")
def decoder(gmvae, encoding):
    return DecoderAnswerer(gmvae, AutoDecoder().fit(encoding, Y))


@pytest.fixture(scope="module")
def student():
    return Student(None, max_rounds=2, n_steps=30, batch_size=64, device="cpu", random_state=0).fit(POOL, Y)


@pytest.mark.parametrize("name", ["decoder", "student"])
def test_agrees_mostly_and_says_how_much(request, tmp_path, name):
    answerer = request.getfixturevalue(name)
    exact = export_onnx(answerer, tmp_path / "exact.onnx", ITEMS)
    found = export_onnx(answerer, tmp_path / "a.onnx", ITEMS, compact=True)
    assert (exact.how, exact.agreement, exact.n_kept_back) == ("exact", None, None)
    assert (found.how, found.n_kept_back) == ("distilled", 76)
    assert found.agreement > 0.8
    labels, probabilities = ask(tmp_path / "a.onnx", items=ASKED)
    assert (labels[:130] == answerer.predict(ASKED)[:130]).mean() > 0.8  # the others are noise
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    notes = {each.key: each.value for each in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert notes["how"] == "distilled"
    assert json.loads(notes["classes"]) == answerer.classes_.tolist()


def test_holds_no_points(decoder, tmp_path):
    export_onnx(decoder, tmp_path / "a.onnx", ITEMS, compact=True)
    sizes = {tuple(each.dims) for each in onnx.load(tmp_path / "a.onnx").graph.initializer}
    n_nodes = len(decoder.decoder.decoder_.pool_.points)
    assert not any(n_nodes in each for each in sizes)


def test_is_sure_of_nothing_that_is_far(decoder):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3)).astype(np.float32)
    answers = np.eye(2)[(points[:, 0] > 0).astype(int)]
    learned = distilling.distil(points, answers)
    assert learned.agreement > 0.9
    assert learned.answer(points).max(axis=1).mean() > 0.9
    assert learned.answer(1000 * points).max() < 0.51


def test_depends_on_the_seed_alone(decoder, tmp_path):
    files = []
    for number, seed in enumerate((0, 0, 1)):
        export_onnx(decoder, tmp_path / str(number), ITEMS, compact=True, random_state=seed)
        files.append((tmp_path / str(number)).read_bytes())
    assert files[0] == files[1]
    assert files[1] != files[2]


def test_of_what_holds_no_points_is_refused(gmvae, encoding, tmp_path):
    soft = DecoderAnswerer(gmvae, SoftDecoder().fit(encoding, Y))
    for answerer, name in ((soft, "SoftDecoder"), (LinearStudent().fit(POOL, Y), "LinearStudent")):
        with pytest.raises(DataError, match=f"a {name} holds no points"):
            export_onnx(answerer, tmp_path / "a.onnx", ITEMS, compact=True)
    assert list(tmp_path.iterdir()) == []


def test_of_few_items_is_refused(decoder, tmp_path):
    with pytest.raises(DataError, match="20 items are too few"):
        export_onnx(decoder, tmp_path / "a.onnx", ITEMS[:20], compact=True)


def test_compact_is_yes_or_no(decoder, tmp_path):
    with pytest.raises(ParameterError, match="compact='very'"):
        export_onnx(decoder, tmp_path / "a.onnx", ITEMS, compact="very")
