"""A student in a project."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from labelwise import Project, Student, load
from labelwise.errors import (
    DataError,
    StorageError,
)
from labelwise.events import Cancelled
from labelwise.student import Refinement
from project.conftest import (
    NAMES,
    NEW,
    RANDOM,
    X,
    label,
    quick,
    snapshot,
    write_images,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


@pytest.fixture(scope="session")
def refined_once(tmp_path_factory, gmvae):
    """A project whose answers are a student's; not to be changed."""
    folder = tmp_path_factory.mktemp("refined")
    with Project.create(folder / "p", write_images(folder / "digits.npz"), gmvae=gmvae) as project:
        label(project, RANDOM[:40], how="random")
        project.answers()  # a decoder answered before
        assert project.refine(quick(project)).student is not None
    return folder / "p"


@pytest.fixture
def refined(refined_once, tmp_path):
    """The same, to be changed."""
    with Project(shutil.copytree(refined_once, tmp_path / "refined.labelwise")) as project:
        yield project


class TestRefining:
    def test_the_student_answers(self, refined):
        answers = refined.answers()
        student = refined.student
        assert answers.about["answerer"] == "student"
        assert np.array_equal(answers.probabilities, student.answers_)
        assert isinstance(load(refined.path), Student)
        assert np.array_equal(refined.answer_new(NEW).probabilities, student.predict_proba(NEW))
        assert isinstance(refined.answerer, Student)

    def test_a_decoder_can_still_be_asked(self, refined):
        found = refined.answers("soft")
        assert found.about["decoder"] == "soft"
        assert refined.answers().about["answerer"] == "student"
        assert isinstance(load(refined.path), Student)
        assert refined.answer_new(NEW, "soft").about["answerer"] == "decoder"
        assert isinstance(refined.answerer, Student)

    def test_the_graph_can_be_asked_beside_it(self, refined):
        found = refined.graph_answers()
        assert (found.about["answerer"], found.about["decoder"]) == ("decoder", "poisson")
        assert refined.live_answers().about["answerer"] == "student"
        assert np.array_equal(found.probabilities, refined.answers("poisson").probabilities)

    def test_newer_labels_hold(self, refined):
        row = int(RANDOM[40])
        other = next(name for name in refined.answers().classes if name != refined.answers().labels[row])
        refined.label(row, str(other))
        answers = refined.answers()
        assert (answers.about["answerer"], answers.about["n_newer"]) == ("student", 1)
        assert answers.labels[row] == other
        assert answers.probabilities[row].max() == 1
        assert answers.probabilities[row, answers.classes == other] == 1
        refined.undo()
        assert refined.answers().about["n_newer"] == 0

    @pytest.mark.parametrize("change", ["unknown class", "changed", "taken away", "undone", "name"])
    def test_what_it_did_not_learn_hands_over_to_the_decoder(self, refined, change):
        row = int(RANDOM[0])
        match change:
            case "unknown class":
                refined.label(int(RANDOM[40]), "letter")
            case "changed":
                refined.label(row, "one" if NAMES[row] != "one" else "two")
            case "taken away":
                refined.label(row, None)
            case "undone":
                refined.undo()
            case "name":
                refined.name(int(refined.encoding.top[0]), "one")
        answers = refined.answers()
        assert answers.about["answerer"] == "decoder"
        assert ("letter" in answers.classes) == (change == "unknown class")
        assert not isinstance(refined.answerer, Student)

    def test_again_continues_from_the_last_one(self, refined, monkeypatch):
        starts = []
        fit = Student.fit

        def watched(self, *arguments, start=None, **options):
            starts.append(start is not None)
            return fit(self, *arguments, start=start, **options)

        monkeypatch.setattr(Student, "fit", watched)
        label(refined, RANDOM[40:50])
        refined.refine(quick(refined))
        assert starts == [True]
        assert refined.answers().about["n_newer"] == 0
        refined.refine(quick(refined), fresh=True)
        assert starts == [True, False]

    def test_again_with_a_class_that_the_last_one_did_not_know(self, refined):
        refined.label(int(RANDOM[40]), "letter")
        assert refined.refine(quick(refined)).student is not None
        assert "letter" in refined.answers().classes
        assert refined.answers().about["answerer"] == "student"

    def test_a_student_that_does_not_help_changes_nothing(self, labelled, monkeypatch):
        before = labelled.answers()
        kept = snapshot(labelled.path)
        monkeypatch.setattr("labelwise.student.refine", lambda *_, **__: Refinement(None, "no"))
        assert labelled.refine(quick(labelled)).verdict == "no"
        assert snapshot(labelled.path) == kept
        assert labelled.answers().about == before.about

    def test_cancelling_changes_nothing(self, labelled):
        labelled.answers()
        kept = snapshot(labelled.path)

        def listen(event):
            raise Cancelled("enough")

        with pytest.raises(Cancelled):
            labelled.refine(quick(labelled), listen=listen)
        assert snapshot(labelled.path) == kept

    def test_of_items_that_came_as_arrays(self, tmp_path, gmvae):
        project = Project.create(tmp_path / "p", X, gmvae=gmvae)
        label(project, RANDOM[:30])
        with pytest.raises(DataError, match="arrays"):
            project.refine(quick(project))
        assert project.refine(quick(project), items=X).student is not None
        assert project.answers().about["answerer"] == "student"

    def test_of_other_items_is_refused(self, labelled):
        for items in (X[:-1], X[::-1]):
            with pytest.raises(DataError):
                labelled.refine(quick(labelled), items=items)

    def test_a_damaged_note_is_told(self, refined):
        (refined.path / "refinement.json").write_text("{")
        with pytest.raises(StorageError, match=r"refinement\.json is damaged.*labelwise refine"):
            refined.answers()
