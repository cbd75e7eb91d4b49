"""`labelwise refine`: a student that learns from the decoder, and answers in its place."""

from __future__ import annotations

import json
import shutil
from unittest import mock

import numpy as np
import pytest

from cli.conftest import TRUTH, X, labelwise, read_table, write_labels
from labelwise import Project, Student, load, student
from labelwise.student import Refinement
from labelwise.student.check import Check

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

ORDER = np.random.default_rng(1).permutation(300)  # labels are given to the first of these
QUICK = {"n_steps": 8, "batch_size": 32}


@pytest.fixture(autouse=True, scope="module")
def quick_students():
    """Students that learn in a moment."""
    defaults = Student.__init__.__kwdefaults__
    with mock.patch.object(Student.__init__, "__kwdefaults__", defaults | QUICK):
        yield


@pytest.fixture(scope="module")
def sixty(trained, tmp_path_factory):
    """A project with 60 labels of random items; not to be changed."""
    folder = tmp_path_factory.mktemp("refine")
    labels = write_labels(folder / "l.csv", {i: str(TRUTH[i]) for i in ORDER[:60]})
    project = shutil.copytree(trained[0], folder / "p")
    assert labelwise("label", project, labels, "--how", "random").code == 0
    return project


@pytest.fixture
def with_labels(sixty, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(sixty, tmp_path / "refined.labelwise")


@pytest.fixture
def refine(with_labels):
    return lambda *arguments: labelwise("refine", with_labels, "--rounds", 2, *arguments)


@pytest.fixture(scope="module")
def refined_once(sixty, tmp_path_factory):
    """The project with a student that learned all 60 labels, and what the program said; not to be changed."""
    project = shutil.copytree(sixty, tmp_path_factory.mktemp("refined") / "p")
    outcome = labelwise("refine", project, "--rounds", 2)
    assert outcome.code == 0, outcome
    return project, outcome


@pytest.fixture
def refined(refined_once, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(refined_once[0], tmp_path / "with_student.labelwise")


@pytest.fixture
def hopeless(monkeypatch):
    """A student that never helps."""
    monkeypatch.setattr(student, "refine", lambda *_, **__: Refinement(None, "left out: right on 1 of 20"))


def accuracy(labels):
    return np.mean([labels[i] == str(TRUTH[i]) for i in ORDER[60:]])


def decode(project, tmp_path, *arguments):
    outcome = labelwise("decode", project, *arguments, "-o", tmp_path / "p.csv")
    assert outcome.code == 0, outcome
    return outcome, [row["label"] for row in read_table(tmp_path / "p.csv")]


class TestStudent:
    def test_it_is_that_of_the_library(self, refine, with_labels, sixty):
        assert refine("--seed", 3).code == 0
        project = Project(sixty)
        encoding, y = project.gmvae.encode(X), project.labels()
        decoder = project.answerer.decoder
        template = Student(project.gmvae.augment_, max_rounds=2, random_state=3, **QUICK)
        expected = student.refine(template, decoder, X, encoding, y).student
        saved = Project(with_labels).student
        np.testing.assert_array_equal(saved.predict_proba(X), expected.predict_proba(X))
        assert saved.classes_.tolist() == [str(digit) for digit in range(10)]

    def test_decode_asks_it_from_now_on(self, refined, tmp_path, new_data):
        saved = Project(refined).student
        outcome, labels = decode(refined, tmp_path, "--json")
        assert labels == saved.classes_[saved.answers_.argmax(axis=1)].tolist()
        summary = json.loads(outcome.out)
        assert summary["answerer"] == "student"
        assert summary["accuracy"] == pytest.approx(accuracy(labels))
        outcome, labels = decode(refined, tmp_path, new_data, "--json")
        with np.load(new_data) as arrays:
            assert labels == saved.predict(arrays["X"]).tolist()
            assert np.mean(np.array(labels) == arrays["y"].astype(str)) > 0.5
        assert json.loads(outcome.out)["answerer"] == "student"
        assert isinstance(load(refined), Student)
        # A decoder can still be asked by its name, and the student answers after it.
        outcome, _ = decode(refined, tmp_path, "--decoder", "soft", "--json")
        assert json.loads(outcome.out)["decoder"] == "soft"
        assert json.loads(decode(refined, tmp_path, "--json")[0].out)["answerer"] == "student"

    def test_labels_are_answered_as_they_were_given(self, refined, tmp_path):
        _, labels = decode(refined, tmp_path)
        assert [labels[i] for i in ORDER[:60]] == [str(digit) for digit in TRUTH[ORDER[:60]]]

    def test_risk_and_abstain_leave_answers_out(self, refined, tmp_path):
        outcome, labels = decode(refined, tmp_path, "--risk", 0.005, "--json")
        assert json.loads(outcome.out)["expected_error"] <= 0.005
        assert 0 < labels.count("") < 300

    def test_newer_labels_hold_and_words_say_that_it_has_not_learned_them(self, refined, tmp_path):
        row = int(ORDER[60])
        other = str((int(TRUTH[row]) + 1) % 10)
        labelwise("label", refined, write_labels(tmp_path / "more.csv", {row: other}))
        outcome, labels = decode(refined, tmp_path)
        assert labels[row] == other
        (line,) = [line for line in outcome.out.splitlines() if "labelwise refine" in line]
        assert line.startswith("1 label")

    def test_again_with_more_labels_it_continues(self, refined, tmp_path, monkeypatch):
        more = write_labels(tmp_path / "more.csv", {i: str(TRUTH[i]) for i in ORDER[60:70]})
        labelwise("label", refined, more)
        starts = []
        fit = Student.fit

        def watched(self, *arguments, start=None, **options):
            starts.append(start is not None)
            return fit(self, *arguments, start=start, **options)

        monkeypatch.setattr(Student, "fit", watched)
        assert labelwise("refine", refined, "--rounds", 2).code == 0
        assert labelwise("refine", refined, "--rounds", 2, "--fresh").code == 0
        assert starts == [True, False]
        assert json.loads(decode(refined, tmp_path, "--json")[0].out)["n_newer"] == 0

    def test_the_teacher_may_be_named(self, refine, sixty):
        summary = json.loads(refine("--decoder", "soft", "--json").out)
        assert (summary["answerer"], summary["decoder"], summary["choice"]) == ("student", "soft", None)
        answers = Project(sixty).answers("soft")
        assert summary["accuracy_before"] == pytest.approx(accuracy(answers.labels))


class TestSummary:
    def test_in_words(self, refined_once, refined, tmp_path):
        project, outcome = refined_once
        verdict, *lines = outcome.out.splitlines()
        assert verdict.startswith("student ")
        _, labels = decode(refined, tmp_path)
        (line,) = [line for line in lines if line.startswith("accuracy")]
        assert f"{accuracy(labels):.1%}" in line
        assert lines[-1].strip().startswith(f"labelwise decode {project}")

    def test_as_json(self, refine, with_labels, sixty, tmp_path):
        outcome = refine("--json")
        summary = json.loads(outcome.out)
        _, labels = decode(with_labels, tmp_path)
        _, before = decode(sixty, tmp_path)
        assert summary["project"] == str(with_labels)
        assert summary["student"] is True
        assert summary["accuracy"] == pytest.approx(accuracy(labels))
        assert summary["accuracy_before"] == pytest.approx(accuracy(before))
        assert summary["n_labeled"] == 60
        assert outcome.err != ""  # progress

    def test_a_rehearsal_from_100_labels_on_or_as_asked(self, refine, with_labels, tmp_path):
        more = write_labels(tmp_path / "more.csv", {i: str(TRUTH[i]) for i in ORDER[60:200]})
        labelwise("label", with_labels, more)
        summary = json.loads(refine("--json").out)
        assert " of 20 labels" in summary["verdict"]
        unrehearsed = json.loads(refine("--json", "--fresh", "--no-rehearsal").out)
        assert " of 20 labels" not in unrehearsed["verdict"]
        assert unrehearsed["student"] is True


@pytest.mark.usefixtures("hopeless")
class TestNoHelp:
    def test_the_decoder_still_answers(self, refine, with_labels, tmp_path):
        before = decode(with_labels, tmp_path)
        outcome = refine()
        assert outcome.code == 0
        assert "left out: right on 1 of 20" in outcome.out
        assert decode(with_labels, tmp_path) == before
        assert Project(with_labels).student is None

    def test_json_holds_no_student(self, refine):
        summary = json.loads(refine("--json").out)
        assert (summary["student"], summary["answerer"]) == (False, "decoder")
        assert summary["accuracy"] == summary["accuracy_before"] > 0.5


class TestRefusal:
    def test_labels_of_one_class_make_no_student(self, project, tmp_path):
        labelwise("label", project, write_labels(tmp_path / "one.csv", dict.fromkeys(range(5), "a")))
        outcome = labelwise("refine", project)
        assert outcome.code == 0
        assert "one class" in outcome.out
        assert Project(project).student is None

    def test_a_project_without_labels(self, project):
        assert labelwise("refine", project).reason().startswith(f"{project} has no labels")

    def test_a_device_that_is_not_there(self, refine):
        assert "device='abacus'" in refine("--device", "abacus").reason()

    def test_a_student_is_no_project(self, refined):
        assert "student" in labelwise("refine", refined / "student").reason()


class TestInfoOfAStudent:
    def taught(self, y=TRUTH, n_classes=10, names=None, **more):
        student = Student(None, max_rounds=2, random_state=0, **QUICK | more)
        return student.fit(X, y if names is None else names[y], np.eye(n_classes)[y])

    def test_what_it_says(self, tmp_path):
        student = self.taught()
        student.save(tmp_path / "s")
        outcome = labelwise("info", tmp_path / "s")
        assert (outcome.code, outcome.err) == (0, "")
        last = student.history_[-1]
        for value in (
            "items of 8x8",
            "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
            f"{len(student.history_)} rounds of 8 steps",
            f"{last['changed']:.1%}",
            f"{last['sure']:.2f}",
        ):
            assert value in outcome.out
        manifest = json.loads((tmp_path / "s/manifest.json").read_text())
        assert json.loads(labelwise("info", tmp_path / "s", "--json").out) == manifest

    def test_how_it_did_on_labels_that_were_held_back(self, tmp_path):
        student = self.taught()
        student.check_ = Check(30, 30, 28, 2)
        student.save(tmp_path / "s")
        (line,) = [line for line in labelwise("info", tmp_path / "s").out.splitlines() if "check" in line]
        assert [int(word) for word in line.replace(",", "").split() if word.isdigit()] == [28, 30, 30]

    def test_many_classes_are_counted(self, tmp_path):
        names = np.array([f"kind {i:02}" for i in range(14)])
        self.taught(np.arange(300) % 14, 14, names, n_steps=1).save(tmp_path / "s")
        (line,) = [x for x in labelwise("info", tmp_path / "s").out.splitlines() if x.startswith("classes")]
        assert "14: kind 00, kind 01, " in line
        assert line.endswith("kind 09 and 4 more")

    @pytest.mark.parametrize("key", ["parameters", "history", "check", "classes", "item_shape"])
    def test_a_manifest_that_is_not_complete(self, tmp_path, key):
        self.taught(n_steps=1).save(tmp_path / "s")
        manifest = json.loads((tmp_path / "s/manifest.json").read_text())
        del manifest[key]
        (tmp_path / "s/manifest.json").write_text(json.dumps(manifest))
        assert "is damaged" in labelwise("info", tmp_path / "s").reason()
