"""`labelwise refine`: a student from labels and a model, and what it answers on its own."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pytest

import labelwise as package
from cli.conftest import digits, labelwise, read_table, write_labels
from labelwise import GMVAE, student
from labelwise.cli.answers import posteriors_for
from labelwise.decoding import DECODERS
from labelwise.errors import StructureWarning
from labelwise.student import Refinement, Student
from labelwise.student.check import Check

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

X, TRUTH = digits(300)
# Labels are given to the first of these; the last is a 5 that looks so much like a 9 that it is doubted.
ORDER = np.append(np.random.default_rng(1).permutation(np.delete(np.arange(300), 5)), 5)
QUICK = {"n_steps": 15, "batch_size": 64}


@pytest.fixture(autouse=True)
def quick_students(monkeypatch):
    """Students that learn in a moment."""
    defaults = Student.__init__.__kwdefaults__
    monkeypatch.setattr(Student.__init__, "__kwdefaults__", defaults | QUICK)


@pytest.fixture
def refine(trained, place, tmp_path):
    """Refine with some labels of the digits, and return the outcome and the rows of the predictions."""

    def refine(*arguments, n_labels=60, model=trained[0], data=place / "digits.npz", labels=None):
        labels = labels or write_labels(tmp_path / "given.csv", {i: str(TRUTH[i]) for i in ORDER[:n_labels]})
        arguments = ["--labels", labels, "--rounds", 2, "-o", tmp_path / "s", *arguments]
        outcome = labelwise("refine", model, data, *arguments)
        predictions = tmp_path / "predictions.csv"
        return outcome, read_table(predictions) if predictions.exists() else []

    return refine


@pytest.fixture
def hopeless(monkeypatch):
    """A student that never helps."""
    monkeypatch.setattr(
        student, "refine", lambda *_, **__: Refinement(None, "student left out: right on 1 of 20")
    )


def teacher_of(model, n_labels, name="auto"):
    gmvae = GMVAE.load(model)
    y = np.full(300, -1, dtype=object)
    y[ORDER[:n_labels]] = [str(k) for k in TRUTH[ORDER[:n_labels]]]
    decoder = DECODERS[name]()
    posteriors = posteriors_for(decoder, gmvae, X)
    return decoder.fit(posteriors, y), posteriors, y


class TestStudent:
    def test_it_is_that_of_the_library(self, refine, trained, tmp_path):
        outcome, rows = refine("--seed", 3)
        assert outcome.code == 0, outcome
        decoder, posteriors, y = teacher_of(trained[0], 60)
        template = Student(None, max_rounds=2, random_state=3, **QUICK)
        expected = student.refine(template, decoder, X, posteriors, y).student
        saved = Student.load(tmp_path / "s")
        np.testing.assert_array_equal(saved.predict_proba(X), expected.predict_proba(X))
        assert saved.classes_.tolist() == [str(digit) for digit in range(10)]
        taught = decoder.predict_proba(posteriors)
        names = ["index", "label", "probability", "teacher_label", "teacher_probability"]
        assert list(rows[0]) == names
        for row, answer, other in zip(rows, expected.answers_, taught, strict=True):
            assert row["label"] == str(answer.argmax())
            assert row["probability"] == f"{answer.max():.4f}"
            assert row["teacher_label"] == str(other.argmax())
            assert row["teacher_probability"] == f"{other.max():.4f}"
        assert [row["index"] for row in rows] == [str(i) for i in range(300)]
        assert any(row["label"] != row["teacher_label"] for row in rows)

    def test_the_labels_are_answered_as_they_were_given(self, refine):
        _, rows = refine()
        assert [rows[i]["label"] for i in ORDER[:60]] == [str(digit) for digit in TRUTH[ORDER[:60]]]
        assert {rows[i]["probability"] for i in ORDER[:60]} == {"1.0000"}

    def test_views_are_those_of_the_model(self, place, refine, tmp_path):
        settings = {"n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 1, "random_state": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            GMVAE(12, augment="affine", **settings).fit(X).save(tmp_path / "affine")
        assert refine(model=tmp_path / "affine")[0].code == 0
        assert Student.load(tmp_path / "s").augment == "affine"

    def test_the_teacher_may_be_named(self, refine, trained):
        outcome, rows = refine("--decoder", "soft", "--json")
        decoder, posteriors, _ = teacher_of(trained[0], 60, "soft")
        assert [row["teacher_label"] for row in rows] == decoder.predict(posteriors).tolist()
        summary = json.loads(outcome.out)
        assert (summary["decoder"], summary["choice"]) == ("soft", None)

    def test_a_line_a_round_goes_to_stderr(self, refine):
        outcome, _ = refine("--json")
        lines = outcome.err.splitlines()
        assert len(lines) == 2
        assert lines[0].startswith("round 1/2: ")
        assert lines[1].startswith("round 2/2: ")

    def test_an_older_student_is_replaced(self, refine, tmp_path):
        assert refine(n_labels=30)[0].code == 0
        before = (tmp_path / "s" / "weights.safetensors").read_bytes()
        assert refine()[0].code == 0
        assert (tmp_path / "s" / "weights.safetensors").read_bytes() != before

    def test_a_folder_of_images_gets_a_column_of_paths(self, trained, refine, tmp_path):
        image = pytest.importorskip("PIL.Image")
        (tmp_path / "scans").mkdir()
        for number, pixels in enumerate(X[:80]):
            image.fromarray(pixels).save(tmp_path / "scans" / f"{number:03}.png")
        (tmp_path / "scans" / "011.png").write_bytes(b"no image at all")
        given = {f"{i:03}.png": str(TRUTH[i]) for i in range(30) if i not in (5, 11)}
        labels = write_labels(tmp_path / "by_path.csv", given, key="path")
        assert refine(data=tmp_path / "scans", labels=labels)[0].code == 1
        outcome, rows = refine("--skip-unreadable", data=tmp_path / "scans", labels=labels)
        assert outcome.code == 0, outcome
        assert "skipped 011.png: " in outcome.err
        assert list(rows[0])[-1] == "path"
        assert [row["path"] for row in rows] == [f"{i:03}.png" for i in range(80) if i != 11]


class TestSummary:
    def test_in_words(self, refine, place, tmp_path):
        outcome, rows = refine()
        hits, before = (
            np.mean([rows[i][name] == str(TRUTH[i]) for i in ORDER[60:]])
            for name in ("label", "teacher_label")
        )
        lines = outcome.out.splitlines()
        assert lines[0] == f"{tmp_path / 'predictions.csv'}: 300 items answered from 60 labels of 10 classes"
        assert lines[1].startswith("decoder: ")
        assert "which auto chose: " in lines[1]
        assert lines[2:] == [
            "student taken unchecked: there are too few labels to keep some back",
            f"accuracy on the items without a label: {hits:.1%}, the decoder's {before:.1%}",
            f"saved {tmp_path / 's'}; it answers new items of the same kind:",
            f"  labelwise decode {tmp_path / 's'} {place / 'digits.npz'} -o predictions.csv",
        ]

    def test_as_json(self, refine, trained, tmp_path):
        outcome, rows = refine("--json")
        decoder, _, _ = teacher_of(trained[0], 60)
        hits, before = (
            np.mean([rows[i][name] == str(TRUTH[i]) for i in ORDER[60:]])
            for name in ("label", "teacher_label")
        )
        assert json.loads(outcome.out) == {
            "student": str(tmp_path / "s"),
            "verdict": "student taken unchecked: there are too few labels to keep some back",
            "predictions": str(tmp_path / "predictions.csv"),
            "n_samples": 300,
            "n_labeled": 60,
            "classes": [str(digit) for digit in range(10)],
            "decoder": "auto",
            "choice": decoder.choice_,
            "reason": decoder.reason_,
            "doubtful_labels": [],
            "classes_without_label": [],
            "accuracy": pytest.approx(hits),
            "teacher_accuracy": pytest.approx(before),
        }

    def test_the_verdict_of_labels_that_were_kept_back(self, refine):
        outcome, _ = refine("--json", n_labels=200)
        summary = json.loads(outcome.out)
        assert " of 20 labels that were kept back, the decoder on " in summary["verdict"]
        assert (summary["student"] is not None) == summary["verdict"].startswith("student taken: ")


@pytest.mark.usefixtures("hopeless")
class TestNoHelp:
    def test_the_answers_are_the_decoders_and_no_student_is_saved(self, refine, trained, tmp_path):
        outcome, rows = refine()
        assert outcome.code == 0
        assert not (tmp_path / "s").exists()
        decoder, posteriors, _ = teacher_of(trained[0], 60)
        answers = decoder.predict(posteriors).tolist()
        assert [row["label"] for row in rows] == [row["teacher_label"] for row in rows] == answers
        assert [row["probability"] for row in rows] == [row["teacher_probability"] for row in rows]
        lines = outcome.out.splitlines()
        assert "student left out: right on 1 of 20" in lines
        assert lines[-1] == "no student was saved, and the answers are the decoder's"

    def test_json_holds_no_student(self, refine):
        summary = json.loads(refine("--json")[0].out)
        assert summary["student"] is None
        assert summary["verdict"] == "student left out: right on 1 of 20"
        assert summary["accuracy"] == summary["teacher_accuracy"] > 0.5

    def test_an_older_student_stays_and_is_called_that(self, refine, tmp_path, monkeypatch):
        saved = Student(None, max_rounds=2, random_state=0, **QUICK)
        saved.fit(X, TRUTH, np.eye(10)[TRUTH]).save(tmp_path / "s")
        before = (tmp_path / "s" / "weights.safetensors").read_bytes()
        outcome, _ = refine()
        assert (tmp_path / "s" / "weights.safetensors").read_bytes() == before
        assert outcome.out.splitlines()[-1] == (
            "no student was saved, and the answers are the decoder's; "
            f"{tmp_path / 's'} is that of an earlier run"
        )


class TestPlaces:
    def test_unless_told_otherwise_all_goes_to_this_folder(self, trained, place, tmp_path, monkeypatch):
        labels = write_labels(tmp_path / "labels.csv", {i: str(TRUTH[i]) for i in ORDER[:30]})
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        outcome = labelwise("refine", trained[0], place / "digits.npz", "--labels", labels, "--rounds", 2)
        assert outcome.code == 0, outcome
        names = sorted(entry.name for entry in (tmp_path / "here").iterdir())
        assert names == ["predictions.csv", "student.labelwise"]

    def test_predictions_may_go_elsewhere(self, refine, tmp_path):
        outcome, rows = refine("--predictions", tmp_path / "other.csv")
        assert (outcome.code, rows) == (0, [])
        assert len(read_table(tmp_path / "other.csv")) == 300

    def test_the_model_is_not_replaced_by_its_student(self, refine, trained, tmp_path):
        model = shutil.copytree(trained[0], tmp_path / "m")
        outcome, rows = refine("-o", model, model=model)
        assert outcome.reason() == f"{model} is no student, and stays as it is: choose another name with -o"
        assert rows == []
        assert GMVAE.load(model).n_epochs_ == 60

    @pytest.mark.parametrize("kind", ["folder", "file"])
    def test_nor_is_anything_else_that_is_no_student(self, refine, tmp_path, kind):
        path = tmp_path / "thesis"
        if kind == "folder":
            path.mkdir()
        else:
            path.write_text("mine")
        assert refine("-o", path)[0].reason() == f"{path} is no saved model: it holds no manifest.json"
        assert path.is_dir() or path.read_text() == "mine"

    @pytest.mark.parametrize("option", ["-o", "--predictions"])
    def test_a_folder_that_is_missing_is_told_before_the_work(self, refine, tmp_path, option):
        outcome, _ = refine(option, tmp_path / "nowhere" / "x", data="no such data")
        assert outcome.reason() == f"folder {tmp_path / 'nowhere'} does not exist: create it first"


class TestRefusal:
    def test_a_student_is_no_model_to_learn_from(self, refine, tmp_path):
        assert refine()[0].code == 0
        outcome, _ = refine(model=tmp_path / "s")
        assert outcome.reason() == f"{tmp_path / 's'} holds a student, not a gmvae"

    def test_labels_of_one_class_make_no_student(self, refine, tmp_path):
        labels = write_labels(tmp_path / "one.csv", dict.fromkeys(range(5), "a"))
        outcome, rows = refine(labels=labels)
        assert outcome.code == 0
        assert "no student: all labels are of one class" in outcome.out.splitlines()
        assert not (tmp_path / "s").exists()
        assert {row["label"] for row in rows} == {"a"}

    def test_labels_that_name_no_item(self, refine, tmp_path):
        labels = write_labels(tmp_path / "l.csv", {300: "a"})
        assert refine(labels=labels)[0].reason() == f"{labels}, line 2: there is no item 300: use 0 to 299"

    def test_data_of_another_shape(self, refine, tmp_path):
        np.save(tmp_path / "data.npy", np.ones((300, 9, 8), np.uint8))
        assert refine(data=tmp_path / "data.npy")[0].reason() == (
            "data.npy has items of shape (9, 8), but the model was trained on items of shape (8, 8): "
            "use data of the same kind"
        )

    def test_a_device_that_is_not_there(self, refine):
        assert refine("--device", "abacus")[0].reason() == (
            "device='abacus' is not available here: use 'auto' or 'cpu'"
        )


@pytest.fixture
def saved(refine, tmp_path):
    """A student that the program saved."""
    assert refine()[0].code == 0
    (tmp_path / "predictions.csv").unlink()
    return tmp_path / "s"


class TestDecodeWithAStudent:
    @pytest.fixture
    def decode(self, saved, place, tmp_path):
        def decode(*arguments, data=place / "digits.npz"):
            outcome = labelwise("decode", saved, data, "-o", tmp_path / "p.csv", *arguments)
            assert (tmp_path / "p.csv").exists() == (outcome.code == 0)
            return outcome, read_table(tmp_path / "p.csv") if outcome.code == 0 else []

        return decode

    def test_it_needs_no_labels(self, decode, saved, tmp_path):
        outcome, rows = decode()
        assert outcome.err == ""
        P = Student.load(saved).predict_proba(X)
        assert list(rows[0]) == ["index", "label", "probability"]
        assert [row["label"] for row in rows] == [str(k) for k in P.argmax(axis=1)]
        assert [row["probability"] for row in rows] == [f"{p:.4f}" for p in P.max(axis=1)]
        accuracy = np.mean([row["label"] == str(k) for row, k in zip(rows, TRUTH, strict=True)])
        assert outcome.out.splitlines() == [
            f"{tmp_path / 'p.csv'}: 300 items answered by a student of 10 classes",
            f"accuracy on the answered items: {accuracy:.1%}",
        ]
        assert accuracy > 0.6

    def test_items_that_it_has_never_seen(self, decode, tmp_path):
        new, truth = digits(500)
        np.savez(tmp_path / "new.npz", X=new[300:], y=truth[300:])
        outcome, rows = decode("--json", data=tmp_path / "new.npz")
        hits = [row["label"] == str(k) for row, k in zip(rows, truth[300:], strict=True)]
        summary = json.loads(outcome.out)
        assert summary["accuracy"] == pytest.approx(np.mean(hits))
        assert np.mean(hits) > 0.5
        assert {name: summary[name] for name in ("decoder", "n_labeled", "n_components", "n_samples")} == {
            "decoder": "student",
            "n_labeled": None,
            "n_components": None,
            "n_samples": 200,
        }

    def test_numbers_that_a_library_call_taught_are_names_here(self, place, tmp_path):
        taught = Student(None, max_rounds=2, random_state=0, **QUICK).fit(X, TRUTH, np.eye(10)[TRUTH])
        taught.save(tmp_path / "numbers")
        arguments = ["decode", tmp_path / "numbers", place / "digits.npz", "-o", tmp_path / "p.csv", "--json"]
        assert json.loads(labelwise(*arguments).out)["accuracy"] > 0.9

    def test_risk_and_abstain_leave_answers_out(self, decode):
        outcome, rows = decode("--risk", 0.005, "--json")
        assert json.loads(outcome.out)["expected_error"] <= 0.005
        assert 0 < sum(row["label"] == "" for row in rows) < 300
        _, rows = decode("--abstain", 0.7)
        assert [row["label"] == "" for row in rows] == [float(row["probability"]) < 0.7 for row in rows]

    @pytest.mark.parametrize("arguments", [["--labels", "labels.csv"], ["--decoder", "soft"]])
    def test_labels_and_decoders_are_refused(self, decode, saved, arguments):
        assert decode(*arguments)[0].reason() == (
            f"{saved} is a student, which has learned its labels: leave out --labels and --decoder"
        )

    def test_data_of_another_shape(self, decode, tmp_path):
        np.save(tmp_path / "data.npy", np.ones((300, 9, 8), np.uint8))
        assert decode(data=tmp_path / "data.npy")[0].reason() == (
            "data.npy has items of shape (9, 8), but the model was trained on items of shape (8, 8): "
            "use data of the same kind"
        )

    def test_a_damaged_one(self, decode, saved):
        (saved / "weights.safetensors").unlink()
        assert decode()[0].reason() == (
            f"{saved} is damaged: weights.safetensors is missing; restore it from a copy or train again"
        )


class TestInfoOfAStudent:
    def test_what_it_says(self, saved):
        outcome = labelwise("info", saved)
        assert (outcome.code, outcome.err) == (0, "")
        history = Student.load(saved).history_
        assert outcome.out.splitlines() == [
            "student for   items of 8x8",
            "classes       10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
            "augment       none",
            f"training      {len(history)} rounds of 15 steps, batches of 64 and labels",
            f"last round    {history[-1]['changed']:.1%} of the answers changed, "
            f"mean largest probability {history[-1]['sure']:.2f}",
            "check         none: there were too few labels to keep some back",
            f"written by    labelwise {package.__version__}, format 1",
        ]

    def test_how_it_did_on_labels_that_were_kept_back(self, tmp_path):
        taught = Student(None, max_rounds=2, random_state=0, **QUICK)
        taught.fit(X, TRUTH, np.eye(10)[TRUTH])
        taught.check_ = Check(30, 30, 28, 2)
        taught.save(tmp_path / "s")
        assert (
            "check         right on 28 of 30 labels that were kept back, the decoder on 30\n"
        ) in labelwise("info", tmp_path / "s").out

    def test_many_classes_are_counted(self, tmp_path):
        names = np.array([f"kind {i:02}" for i in range(14)])
        y = np.arange(300) % 14
        taught = Student(None, max_rounds=2, random_state=0, n_steps=1, batch_size=64)
        taught.fit(X, names[y], np.eye(14)[y]).save(tmp_path / "s")
        (line,) = [x for x in labelwise("info", tmp_path / "s").out.splitlines() if x.startswith("classes")]
        assert line.startswith("classes       14: kind 00, kind 01, ")
        assert line.endswith(", kind 09 and 4 more")

    def test_json_is_the_manifest(self, saved):
        outcome = labelwise("info", saved, "--json")
        assert json.loads(outcome.out) == json.loads((saved / "manifest.json").read_text())

    @pytest.mark.parametrize("key", ["parameters", "history", "check", "classes", "item_shape"])
    def test_a_manifest_that_is_not_complete(self, saved, key):
        manifest = json.loads((saved / "manifest.json").read_text())
        del manifest[key]
        (saved / "manifest.json").write_text(json.dumps(manifest))
        assert labelwise("info", saved).reason() == (
            f"{saved} is damaged: its manifest is not complete; restore it from a copy or train again"
        )
