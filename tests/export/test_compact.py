"""A small network in place of the points of the pool: smaller, approximate, and it says how good it is."""

from __future__ import annotations

import itertools
import json

import numpy as np
import onnx
import pandas as pd
import pytest

from export.conftest import ASKED, NEW, POOL, TRUTH, ask, labels_of
from labelwise import GMVAE, AutoDecoder, LinearStudent, SoftDecoder, Student, export_onnx
from labelwise.answerer import DecoderAnswerer
from labelwise.errors import DataError, ParameterError
from labelwise.export import distilling, writing

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


def test_is_sure_of_nothing_that_is_far():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3)).astype(np.float32)
    answers = np.eye(2)[(points[:, 0] > 0).astype(int)]
    learned = distilling.distil(points, answers, 40, seed=0)
    assert learned.n_kept_back == 40
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


class Taught:
    """What a small network was taught."""

    def __init__(self, monkeypatch):
        self.points, self.answers, self.networks, self.agreements = [], [], [], []
        monkeypatch.setattr(writing, "distil", self.distil)

    def distil(self, points, answers, n_kept_back, seed):
        found = distilling.distil(points, answers, n_kept_back, seed)
        self.points.append(points)
        self.answers.append(answers)
        self.networks.append(found.network)
        self.agreements.append(found.agreement)
        return found


def test_another_seed_keeps_back_other_items_and_draws_other_weights(decoder, tmp_path, monkeypatch):
    taught = Taught(monkeypatch)
    shares = [
        export_onnx(decoder, tmp_path / "a.onnx", ITEMS, compact=True, random_state=seed).agreement
        for seed in range(4)
    ]
    assert shares == taught.agreements
    assert len(set(shares)) > 1
    n_kept_back = 76
    for one, other in itertools.combinations(range(4), 2):
        kept_back = [{row.tobytes() for row in taught.points[each][:n_kept_back]} for each in (one, other)]
        assert len(kept_back[0] & kept_back[1]) < n_kept_back / 2
        weights = [taught.networks[each][-1].weight.detach().numpy() for each in (one, other)]
        assert np.abs(weights[0] - weights[1]).max() > 0.01


def test_only_items_that_are_learned_or_kept_back_are_looked_at(decoder, tmp_path, monkeypatch):
    monkeypatch.setattr(distilling, "_MAX_ROWS", 60)
    monkeypatch.setattr(distilling, "_MAX_KEPT_BACK", 15)
    encode, n_encoded = GMVAE.encode, []

    def counted(self, items):
        n_encoded.append(len(items))
        return encode(self, items)

    monkeypatch.setattr(GMVAE, "encode", counted)
    found = export_onnx(decoder, tmp_path / "a.onnx", ITEMS, compact=True)
    assert found.n_kept_back == 15
    assert sorted(n_encoded) == [75, len(ITEMS)]  # to learn from, and to compare


def test_a_student_teaches_what_it_answers_in_float32(student, tmp_path, monkeypatch):
    taught = Taught(monkeypatch)
    monkeypatch.setattr(Student, "_mixed", lambda self: True)
    export_onnx(student, tmp_path / "a.onnx", ITEMS, compact=True)
    kept_back, learned = distilling.draw_rows(len(ITEMS), 0)
    own = student.answer(ITEMS[np.concatenate([kept_back, learned])], mixed=False)
    np.testing.assert_allclose(taught.answers[0], own, atol=1e-5)


def test_lists_and_frames_are_drawn_from(tmp_path):
    rows = ITEMS.reshape(len(ITEMS), -1)[:, 10:40].astype(np.float32)
    rows = rows[:, rows[:300].std(axis=0) > 0]
    quick = {"max_rounds": 2, "n_steps": 5, "batch_size": 64, "device": "cpu", "random_state": 0}
    student = Student(None, likelihood="gaussian", **quick).fit(rows[:300], Y)
    found = [
        export_onnx(student, tmp_path / "a.onnx", items, compact=True)
        for items in (rows, rows.tolist(), pd.DataFrame(rows))
    ]
    assert found[0] == found[1] == found[2]


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
