"""A project: from data to answers, and all that may happen in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

from labelwise import GMVAE, UNLABELED, Project, SoftDecoder, Student, load
from labelwise.data import Dataset
from labelwise.decoding import AutoDecoder, Decoder, HardDecoder
from labelwise.errors import (
    DataChangedWarning,
    DataError,
    LabelError,
    ParameterError,
    StorageError,
    StructureWarning,
)
from labelwise.events import Cancelled
from labelwise.student import Refinement
from project.conftest import (
    N_ITEMS,
    NAMES,
    NEW,
    RANDOM,
    TINY,
    TRUTH,
    X,
    label,
    quick,
    snapshot,
    trained,
    write_images,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


def accuracy(answers):
    return (answers.labels == NAMES).mean()


@pytest.fixture
def fits(monkeypatch):
    """How often decoders were fitted."""
    calls = []
    fit = Decoder.fit

    def counted(self, *arguments, **options):
        calls.append(type(self).__name__)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(Decoder, "fit", counted)
    return calls


class TestCreating:
    def test_from_a_file(self, project, data, gmvae):
        assert (project.source.place, project.source.name) == (str(data), "digits.npz")
        assert (len(project), project.pool.item_shape) == (N_ITEMS, (8, 8))
        assert project.pool.truth().tolist() == [str(number) for number in TRUTH]
        encoding = gmvae.encode(X)
        for part in ("posteriors", "latents", "features"):
            assert np.array_equal(getattr(project.encoding, part), getattr(encoding, part)), part
        assert project.labels().tolist() == [UNLABELED] * N_ITEMS

    def test_encodings_are_mapped_into_memory(self, project):
        for part in ("posteriors", "latents", "features"):
            values = getattr(project.encoding, part)
            assert isinstance(values, np.memmap) or isinstance(values.base, np.memmap), part

    @pytest.mark.parametrize("kind", ["array", "dataset", "list"])
    def test_from_items_at_hand(self, tmp_path, gmvae, kind):
        given = {"array": X, "dataset": Dataset(X, None, None, "mine"), "list": X.tolist()}[kind]
        if kind == "list":
            given = np.asarray(given, dtype=np.uint8)
        project = Project.create(tmp_path / "p", given, gmvae=gmvae)
        assert (len(project), project.source.place) == (N_ITEMS, None)
        again = Project.open(tmp_path / "p")  # nothing to compare with, nothing to warn of
        label(again, RANDOM[:30])
        assert accuracy(again.answers()) > 0.5
        with pytest.raises(DataError, match=again.source.name):
            again.items()

    def test_from_a_name_of_the_catalogue(self, tmp_path):
        gmvae = GMVAE(5, max_epochs=1, random_state=0, **TINY)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            project = Project.create(tmp_path / "p", "digits", gmvae=gmvae)
        assert len(project) == 1797
        assert len(Project.open(tmp_path / "p")) == 1797

    def test_trains_a_model_and_says_how_far_it_is(self, tmp_path, data):
        events = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            project = Project.create(
                tmp_path / "p",
                data,
                n_components=5,
                max_epochs=2,
                random_state=0,
                listen=events.append,
                **TINY,
            )
        assert project.gmvae.n_components == 5
        stages = [event.stage for event in events if event.fraction == 1]
        assert list(dict.fromkeys(stages)) == ["training", "encoding"]
        assert events[-1].fraction == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.npz", "p"]

    def test_cancelled_training_leaves_a_checkpoint_to_resume_from(self, tmp_path, data):
        def listen(event):
            if event.stage == "training" and event.fraction > 0.5:
                raise Cancelled("enough")

        options = {"n_components": 5, "max_epochs": 4, "random_state": 0, **TINY}
        with pytest.raises(Cancelled):
            Project.create(tmp_path / "p", data, listen=listen, **options)
        assert not (tmp_path / "p").exists()
        assert (tmp_path / "p.checkpoint").exists()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            resumed = Project.create(tmp_path / "p", data, resume=True, **options)
            straight = Project.create(tmp_path / "q", data, **options)
        assert resumed.model_id == straight.model_id
        assert not (tmp_path / "p.checkpoint").exists()

    def test_an_existing_folder_is_not_replaced(self, project, data, gmvae):
        before = snapshot(project.path)
        with pytest.raises(StorageError, match=r"digits\.labelwise exists.*overwrite"):
            Project.create(project.path, data, gmvae=gmvae)
        assert snapshot(project.path) == before

    @pytest.mark.parametrize("content", ["nothing", "a model"])
    def test_another_folder_is_not_overwritten(self, tmp_path, data, gmvae, content):
        place = tmp_path / "mine"
        if content == "a model":
            gmvae.save(place)
        else:
            place.mkdir()
            (place / "thesis.txt").write_text("years of work")
        before = snapshot(place)
        with pytest.raises(StorageError, match="mine"):
            Project.create(place, data, gmvae=gmvae, overwrite=True)
        assert snapshot(place) == before

    def test_a_model_or_its_parameters(self, tmp_path, data, gmvae):
        with pytest.raises(ParameterError, match="n_components"):
            Project.create(tmp_path / "p", data, gmvae=gmvae, n_components=5)

    @pytest.mark.parametrize("items", [X[:1], np.zeros(5), np.zeros((0, 8, 8))], ids=["one", "flat", "none"])
    def test_items_that_teach_nothing(self, tmp_path, items):
        with pytest.raises(DataError) as caught:
            Project.create(tmp_path / "p", items, n_components=2)
        assert "\n" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_items_that_a_fitted_model_does_not_know(self, tmp_path, gmvae):
        with pytest.raises(DataError, match=r"\(4, 4\)"):
            Project.create(tmp_path / "p", X[:, :4, :4], gmvae=gmvae)
        assert list(tmp_path.iterdir()) == []


class TestOverwriting:
    def test_labels_stay_and_names_go_with_the_items(self, labelled, data, other_gmvae):
        named = int(np.bincount(labelled.encoding.top).argmax())
        members = labelled.encoding.top == named
        labelled.name(named, "group", by="ana")
        labelled.close()
        before = labelled.labeled()
        again = Project.create(labelled.path, data, gmvae=other_gmvae, overwrite=True)
        assert again.model_id != labelled.model_id
        assert again.labeled() == before
        (group,) = again.groups()
        assert (group.component, group.label) == (named, "group")
        shared = np.bincount(again.encoding.top[members], minlength=12) / np.bincount(
            again.encoding.top, minlength=12
        ).clip(1)
        assert group.now == tuple(np.flatnonzero(shared > 0.5))
        assert again.names() == dict.fromkeys(group.now, "group")
        assert accuracy(again.answers()) > 0.3

    def test_nothing_that_followed_from_the_old_model_is_left(self, labelled, data, other_gmvae):
        labelled.answers()
        labelled.suggest(3)
        labelled.close()
        again = Project.create(labelled.path, data, gmvae=other_gmvae, overwrite=True)
        assert not (again.path / "answerer").exists()
        found = again.answers()
        expected = AutoDecoder(typical_labels=False).fit(other_gmvae.encode(X), again.labels())
        assert np.array_equal(found.probabilities, expected.predict_proba(other_gmvae.encode(X)))

    def test_is_refused_while_another_holds_it(self, labelled, data, gmvae):
        before = snapshot(labelled.path)
        with pytest.raises(StorageError, match=str(os.getpid())):
            Project.create(labelled.path, data, gmvae=gmvae, overwrite=True)
        assert snapshot(labelled.path) == before

    def test_failing_leaves_the_project(self, labelled, gmvae):
        labelled.close()
        before = snapshot(labelled.path)
        with pytest.raises(DataError):
            Project.create(labelled.path, X[:, :4], gmvae=gmvae, overwrite=True)
        assert snapshot(labelled.path) == before
        label(labelled, [5])  # the lock was given back


class TestLabelling:
    def test_is_on_disk_and_known_again(self, project):
        decision = project.label(7, "wren", by="ana", how="random")
        assert (decision.items, decision.label, decision.by, decision.how) == ((7,), "wren", "ana", "random")
        assert json.loads((project.path / "labels.jsonl").read_text())["digests"]
        assert Project(project.path).labeled() == {7: ("wren", decision)}

    def test_the_latest_counts_and_none_takes_away(self, project):
        project.label(7, "wren")
        project.label(7, "owl")
        assert project.labels()[7] == "owl"
        project.label(7, None)
        assert project.labeled() == {}
        assert project.undo().label is None
        assert project.labels()[7] == "owl"
        assert project.undo().label == "owl"
        assert project.labels()[7] == "wren"
        assert project.redo().label == "owl"
        assert project.labels()[7] == "owl"

    def test_several_items_in_one_decision(self, project):
        project.label_items([3, 5, 8], "wren")
        assert sorted(project.labeled()) == [3, 5, 8]
        assert len(project.journal.decisions) == 1
        project.undo()
        assert project.labeled() == {}

    @pytest.mark.parametrize(
        ("item", "text", "how"),
        [
            (300, "x", None),
            (-1, "x", None),
            ("a.png", "x", None),
            (1, "", None),
            (1, "-1", None),
            (1, "x", "y"),
        ],
    )
    def test_what_is_refused_is_not_written(self, project, item, text, how):
        with pytest.raises(LabelError):
            project.label(item, text, how=how)
        with pytest.raises(LabelError):
            project.label_items([], "x")
        assert project.journal.decisions == []
        assert not (project.path / "labels.jsonl").exists()

    def test_suggested_items_are_known_as_such(self, project):
        first, second = project.suggest(2)
        assert project.label(first.index, "x").how == "suggested"
        assert project.label(second.index, "x", how="correction").how == "correction"
        other = next(row for row in range(N_ITEMS) if row not in (first.index, second.index))
        assert project.label(other, "x").how == "imported"
        assert project.label_items([first.index, other], "x").how == "imported"

    def test_nothing_to_undo(self, project):
        with pytest.raises(LabelError, match="undo"):
            project.undo()
        with pytest.raises(LabelError, match="redo"):
            project.redo()


class TestNaming:
    def test_a_component(self, project):
        component = int(project.encoding.top[0])
        decision = project.name(component, "wren", by="ana")
        assert (decision.component, decision.model, decision.label) == (component, project.model_id, "wren")
        assert project.names() == {component: "wren"}
        project.name(component, None)
        assert project.names() == {}
        project.undo()
        assert project.names() == {component: "wren"}

    @pytest.mark.parametrize("name", ["x", None])
    @pytest.mark.parametrize("component", [12, -1, 1.5])
    def test_what_is_no_component(self, project, component, name):
        with pytest.raises(LabelError, match="0 to 11") as caught:
            project.name(component, name)
        assert repr(component) in str(caught.value)
        assert project.journal.decisions == []

    def test_names_alone_are_enough_to_answer(self, project):
        top = project.encoding.top
        for component in np.unique(top):
            names, counts = np.unique(NAMES[top == component].astype(str), return_counts=True)
            project.name(int(component), names[counts.argmax()])
        answers = project.answers()
        assert accuracy(answers) > 0.5
        assert (answers.about["n_labeled"], answers.about["n_named"]) == (0, len(np.unique(top)))
        assert answers.about["doubtful_labels"] == []

    def test_a_name_and_labels_agree_on_what_is_answered(self, labelled):
        component = int(np.bincount(labelled.encoding.top).argmax())
        before = labelled.answers()
        labelled.name(component, "group")
        answers = labelled.answers()
        assert "group" in answers.classes
        assert "group" not in before.classes
        assert (answers.labels[labelled.encoding.top == component] == "group").mean() > 0.5


class TestSuggesting:
    def test_items_without_a_label_with_reasons(self, labelled):
        found = labelled.suggest(20)
        rows = [suggestion.index for suggestion in found]
        assert len(set(rows)) == 20
        assert not set(rows) & set(labelled.labeled())
        assert all(suggestion.reason for suggestion in found)

    def test_are_remembered_until_labels_change(self, labelled, monkeypatch):
        found = labelled.suggest(20)
        with monkeypatch.context() as patch:
            patch.setattr(
                "labelwise.planning.suggest.suggest_from", lambda *_, **__: pytest.fail("searched again")
            )
            assert labelled.suggest(20) == found
            assert Project(labelled.path).suggest(5) == found[:5]
        label(labelled, [found[0].index])
        assert found[0].index not in [suggestion.index for suggestion in labelled.suggest(20)]
        labelled.undo()
        assert labelled.suggest(20) == found

    def test_depend_on_the_seed(self, project):
        assert project.suggest(30, random_state=1) == Project(project.path).suggest(30, random_state=1)

    def test_for_other_labels(self, labelled):
        y = np.full(N_ITEMS, UNLABELED, dtype=object)
        y[:150] = NAMES[:150]
        rows = [suggestion.index for suggestion in labelled.suggest(10, labels=y)]
        assert min(rows) >= 150
        assert len(labelled.labeled()) == 40


class TestSheets:
    def test_show_items_without_a_label_of_one_group_each(self, labelled):
        sheets = labelled.sheets(4)
        rows = [int(row) for sheet in sheets for row in sheet.items]
        assert len(sheets) == 4
        assert len(set(rows)) == len(rows)
        assert not set(rows) & set(labelled.labeled())
        assert all(sheet.reason and len(sheet.items) <= sheet.n_items for sheet in sheets)

    def test_one_decision_names_one_and_the_odd_ones_get_their_own(self, project):
        (sheet,) = project.sheets(1)
        decision = project.label_items([int(row) for row in sheet.items], "wren", by="ana")
        assert decision.how == "suggested"
        odd = int(sheet.items[-1])
        project.label(odd, "owl")
        assert len(project.journal.decisions) == 2
        labels = project.labels()
        assert [labels[row] for row in sheet.items] == ["wren"] * (len(sheet.items) - 1) + ["owl"]

    def test_come_with_predictions_once_there_are_labels(self, labelled):
        assert set(labelled.sheets(1)[0].predictions) <= set(NAMES)

    def test_come_without_any_before(self, project):
        assert project.sheets(1)[0].predictions is None

    def test_may_be_of_any_size(self, project):
        assert [len(sheet.items) for sheet in project.sheets(2, size=3)] == [3, 3]

    def test_names_of_components_count_as_labels(self, project):
        first, second = np.unique(project.encoding.top)[:2].tolist()
        project.name(first, "wren")
        project.name(second, "owl")
        assert set(project.sheets(1)[0].predictions) <= {"wren", "owl"}


class TestAnswering:
    def test_as_the_decoder_does(self, labelled, gmvae):
        answers = labelled.answers()
        encoding = gmvae.encode(X)
        decoder = AutoDecoder(typical_labels=False).fit(encoding, labelled.labels())
        assert np.array_equal(answers.probabilities, decoder.predict_proba(encoding))
        assert answers.labels.tolist() == decoder.predict(encoding).tolist()
        assert answers.classes.tolist() == decoder.classes_.tolist()
        assert answers.about["choice"] == decoder.choice_
        assert accuracy(answers) > 0.5

    def test_nothing_is_labelled(self, project):
        for ask in (
            project.answers,
            lambda: project.answerer,
            lambda: project.answer_new(NEW),
            project.refine,
        ):
            with pytest.raises(LabelError, match=r"digits\.labelwise has no labels"):
                ask()

    @pytest.mark.parametrize("decoder", ["auto", "soft", HardDecoder(unnamed="abstain")])
    def test_a_second_time_nothing_is_fitted(self, labelled, fits, decoder):
        first = labelled.answers(decoder)
        assert fits
        fits.clear()
        for project in (labelled, Project(labelled.path)):
            again = project.answers(decoder)
            assert again.probabilities.tobytes() == first.probabilities.tobytes()
            assert again.labels.tolist() == first.labels.tolist()
            assert again.classes.tolist() == first.classes.tolist()
            assert again.about == first.about
            P = project.answer_new(NEW, decoder).probabilities
            assert P.shape == (50, len(first.classes))
        assert fits == []

    @pytest.mark.parametrize("change", ["label", "undo", "name", "decoder"])
    def test_what_changes_the_answers_makes_them_anew(self, labelled, fits, change):
        labelled.answers("soft")
        fits.clear()
        decoder = "soft"
        match change:
            case "label":
                label(labelled, RANDOM[40:41])
            case "undo":
                labelled.undo()
            case "name":
                labelled.name(int(labelled.encoding.top[0]), "group")
            case "decoder":
                decoder = "hard"
        found = labelled.answers(decoder)
        assert fits == [f"{decoder.title()}Decoder"]
        fits.clear()
        assert np.array_equal(labelled.answers(decoder).probabilities, found.probabilities)
        assert fits == []

    def test_labels_for_one_call_alone_change_nothing(self, labelled):
        before = labelled.answers()
        answerer = labelled.answerer.predict_proba(NEW)
        kept = snapshot(labelled.path)
        y = np.full(N_ITEMS, UNLABELED, dtype=object)
        y[:60] = np.where(TRUTH[:60] % 2, "odd", "even")
        found = labelled.answers(labels=y)
        assert found.classes.tolist() == ["even", "odd"]
        assert labelled.answer_new(NEW, labels=y).classes.tolist() == ["even", "odd"]
        assert labelled.answers("hard", labels=TRUTH).classes.tolist() == list(range(10))
        assert snapshot(labelled.path) == kept
        assert np.array_equal(labelled.answers().probabilities, before.probabilities)
        assert np.array_equal(labelled.answerer.predict_proba(NEW), answerer)

    @pytest.mark.parametrize("y", [[1, 2, 3], np.full(N_ITEMS, UNLABELED), np.zeros((N_ITEMS, 2))])
    def test_labels_that_do_not_fit(self, labelled, y):
        with pytest.raises(LabelError):
            labelled.answers(labels=y)

    @pytest.mark.parametrize("decoder", ["tarot", 7, SoftDecoder])
    def test_what_is_no_decoder(self, labelled, decoder):
        with pytest.raises(ParameterError, match="decoder="):
            labelled.answers(decoder)

    def test_new_items_get_what_the_answerer_says(self, labelled):
        found = labelled.answer_new(NEW)
        answerer = load(labelled.path)
        assert np.array_equal(found.probabilities, answerer.predict_proba(NEW))
        assert found.labels.tolist() == answerer.predict(NEW).tolist()
        assert np.array_equal(labelled.answerer.predict_proba(NEW), found.probabilities)

    def test_abstaining_leaves_out_what_is_less_sure(self, labelled):
        answers = labelled.answers()
        threshold = float(np.median(answers.confidence))
        found = answers.abstain(threshold)
        assert [label is None for label in found.labels] == (answers.confidence < threshold).tolist()
        assert None not in answers.labels.tolist()

    def test_a_decoder_that_abstains_keeps_that_on_disk(self, project):
        project.label(0, "zero")
        first = project.answers(HardDecoder(unnamed="abstain"))
        assert None in first.labels.tolist()
        assert project.answers(HardDecoder(unnamed="abstain")).labels.tolist() == first.labels.tolist()

    def test_doubtful_labels_are_named_in_the_answers(self, project):
        label(project, RANDOM[:120], how="random")
        wrong = int(RANDOM[0])
        project.label(wrong, "nine" if NAMES[wrong] != "nine" else "one", how="random")
        doubtful = project.answers().about["doubtful_labels"]
        assert set(doubtful) <= set(project.labeled())
        assert project.answers().about["doubtful_labels"] == doubtful

    @pytest.fixture
    def learned(self, monkeypatch):
        """What each `auto` that learns is told of how labels were chosen."""
        seen = []
        learn = AutoDecoder._learn

        def watched(self, *arguments):
            seen.append(self.typical_labels)
            learn(self, *arguments)

        monkeypatch.setattr(AutoDecoder, "_learn", watched)
        return seen

    @pytest.mark.parametrize(
        ("how", "typical"),
        [("suggested", True), ("random", False), ("imported", "auto"), ("correction", "auto")],
    )
    def test_how_labels_were_chosen_is_known(self, project, learned, how, typical):
        label(project, RANDOM[:20], how=how)
        label(project, RANDOM[20:30], how="random" if how != "random" else "suggested")
        project.answers()
        assert learned == [typical]

    def test_forecasts_know_how_labels_were_chosen(self, project, learned):
        label(project, RANDOM[:30], how="suggested")
        project.forecast((10,))
        assert set(learned) == {True}


class TestForecasting:
    def test_is_of_the_decoder_that_answers(self, labelled):
        found = labelled.forecast((10, 50))
        assert found.n_labels.tolist() == [40, 50, 90]
        assert ((found.low <= found.accuracy) & (found.accuracy <= found.high)).all()
        assert np.array_equal(labelled.forecast((10, 50)).accuracy, found.accuracy)


class TestGraphs:
    def test_are_made_once(self, labelled, monkeypatch):
        labelled.answers()
        names = sorted(path.name for path in (labelled.path / "encoding").glob("graph-*"))
        assert names == ["graph-features-10", "graph-latents-10"]
        first = labelled.answers().probabilities
        shutil.rmtree(labelled.path / "answers")
        from labelwise.graph.nearest import NearestPoints

        monkeypatch.setattr(NearestPoints, "others", lambda *_: pytest.fail("searched for neighbours again"))
        assert Project(labelled.path).answers().probabilities.tobytes() == first.tobytes()


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


class TestChangedData:
    def opened(self, project):
        project.close()
        return Project.open(project.path)

    def test_what_is_the_same_does_not_warn(self, labelled):
        self.opened(labelled)

    def test_a_file_written_again_does_not_warn(self, labelled, data):
        stamp = labelled.source.stamp
        shutil.copy(data, data.with_name("copy.npz"))
        data.with_name("copy.npz").replace(data)
        os.utime(data, ns=(1, 1))
        again = self.opened(labelled)
        assert again.source.stamp != stamp
        assert Project(labelled.path).source.stamp == again.source.stamp  # next time nothing is read
        again.label(0, "x")

    def test_opening_does_not_keep_others_from_writing(self, labelled, data):
        os.utime(data, ns=(1, 1))
        reader = self.opened(labelled)
        reader.answers()
        reader.suggest(3)
        label(Project(labelled.path), [0])
        assert len(reader.labeled()) == 40

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (slice(5, None), "5 gone"),
            ([*range(N_ITEMS), 0], "1 new"),
            (slice(None, None, -1), "the same items in another order"),
        ],
        ids=["gone", "new", "order"],
    )
    def test_says_what_changed_and_how_to_take_it(self, labelled, data, rows, expected):
        write_images(data, X[rows], TRUTH[rows])
        with pytest.warns(DataChangedWarning, match="labelwise update") as caught:
            again = self.opened(labelled)
        assert expected in str(caught[0].message)
        assert str(data) in str(caught[0].message)
        with pytest.raises(DataError, match=expected):
            again.items()
        assert len(again.answers().labels) == N_ITEMS  # about the items as they were

        assert again.update() == expected
        items = X[rows]
        assert len(again) == len(items) == len(again.encoding)
        for row, (name, _) in again.labeled().items():
            assert name == NAMES[np.flatnonzero((items[row] == X).all(axis=(1, 2)))[0]]
        assert len(again.labeled()) + len(again.lost_labels()) == 40
        assert again.answers().labels.shape == (len(items),)
        self.opened(again)

    def test_changed_rows_are_others(self, labelled, data):
        row = int(RANDOM[0])
        changed = X.copy()
        changed[row, 0, 0] ^= 1
        write_images(data, changed)
        with pytest.warns(DataChangedWarning):
            again = self.opened(labelled)
        again.update()
        assert again.lost_labels() == [(row, NAMES[row])]
        assert len(again.labeled()) == 39

    def test_updating_what_did_not_change(self, labelled, data):
        labelled.answers()
        kept = snapshot(labelled.path)
        assert labelled.update() == ""
        assert snapshot(labelled.path) == kept

    def test_updating_takes_new_classes(self, labelled, data):
        write_images(data, truth=np.where(TRUTH == 3, 8, TRUTH))
        labelled.close()
        project = Project.open(labelled.path)
        assert str((TRUTH == 3).sum()) in project.update()
        assert project.pool.truth().tolist() == [str(8 if number == 3 else number) for number in TRUTH]
        assert len(project.labeled()) == 40

    def test_data_that_moved(self, labelled, data, tmp_path):
        moved = tmp_path / "elsewhere.npz"
        data.rename(moved)
        again = self.opened(labelled)  # what is not there is not read, and answers need no items
        assert accuracy(again.answers()) > 0.5
        with pytest.raises((DataError, StorageError), match=r"digits\.npz"):
            again.update()
        assert again.update(moved) == ""
        assert again.source.place == str(moved)
        assert Project.open(labelled.path).items().X.shape == X.shape

    def test_items_of_another_shape_are_refused(self, labelled, data):
        np.savez(data, X=X[:, :4])
        kept = snapshot(labelled.path)
        with pytest.raises(DataError, match=r"\(4, 8\).*\(8, 8\)"):
            labelled.update()
        with pytest.warns(DataChangedWarning, match=r"\(4, 8\)"):
            self.opened(labelled)
        assert (
            snapshot(labelled.path).items()
            >= {name: kept[name] for name in kept if name != "lock.pid"}.items()
        )

    def test_data_that_cannot_be_read_any_more(self, labelled, data):
        data.write_bytes(b"garbage")
        with pytest.warns(DataChangedWarning, match="cannot be read"):
            again = self.opened(labelled)
        assert accuracy(again.answers()) > 0.5

    def test_a_name_whose_component_lost_all_items_is_lost(self, labelled, data):
        component = int(labelled.encoding.top[0])
        labelled.name(component, "group")
        left = labelled.encoding.top != component
        write_images(data, X[left], TRUTH[left])
        labelled.update()
        assert labelled.names() == {}
        assert [(group.label, group.now) for group in labelled.groups()] == [("group", ())]
        assert len(labelled.answers().labels) == left.sum()

    def test_names_hold_for_the_same_model(self, labelled, data):
        component = int(labelled.encoding.top[0])
        labelled.name(component, "group")
        write_images(data, X[:250], TRUTH[:250])
        labelled.update()
        assert labelled.names() == {component: "group"}


class TestImages:
    @pytest.fixture
    def photos(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        for row in range(60):
            path = tmp_path / "photos" / str(NAMES[row]) / f"{row:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.fromarray(X[row]).save(path)
        return tmp_path / "photos"

    def test_labels_go_by_path(self, tmp_path, photos, gmvae):
        project = Project.create(tmp_path / "p", photos, gmvae=gmvae)
        first, second, third = project.pool.paths[:3]
        project.label(first, "one")
        project.label_items([second, 2], "two")
        assert project.labels()[:3].tolist() == ["one", "two", "two"]
        project.close()
        (photos / first).unlink()
        (photos / "a.png").write_bytes((photos / second).read_bytes())
        (photos / second).write_bytes((photos / third).read_bytes())
        with pytest.warns(DataChangedWarning, match="1 new, 1 gone, 1 changed"):
            project = Project.open(project.path)
        project.update()
        labels = {project.pool.identity(row): label for row, (label, _) in project.labeled().items()}
        assert labels == {second: "two", third: "two"}
        assert project.lost_labels() == [(first, "one")]

    @pytest.mark.parametrize("ending", ["csv", "json"])
    def test_labels_travel_by_path(self, tmp_path, photos, gmvae, ending):
        project = Project.create(tmp_path / "p", photos, gmvae=gmvae)
        for path in project.pool.paths[::4]:
            project.label(path, path.split("/")[0], by="ana")
        assert project.export_labels(tmp_path / f"labels.{ending}") == 15
        other = Project.create(tmp_path / "q", photos, gmvae=gmvae)
        assert other.import_labels(tmp_path / f"labels.{ending}") == 15
        assert other.labels().tolist() == project.labels().tolist()


class TestFiles:
    def test_labels_from_a_table(self, project, tmp_path):
        file = tmp_path / "labels.csv"
        file.write_text("index,label,reason\n3,wren,typical\n5,owl,\n7,,typical\n")
        assert project.import_labels(file, by="ana") == 2
        found = {row: (text, d.by, d.how) for row, (text, d) in project.labeled().items()}
        assert found == {3: ("wren", "ana", "suggested"), 5: ("owl", "ana", "imported")}
        assert project.import_labels(file) == 0
        assert len(project.journal.decisions) == 2
        file.write_text("index,label\n3,robin\n5,owl\n")
        assert project.import_labels(file, how="correction") == 1
        assert project.labeled()[3][1].how == "correction"

    @pytest.mark.parametrize(
        "content",
        ["index,label\n3,wren\n300,owl\n", "index,label\n3,wren\n5,-1\n", "index,label\n3,a\n3,b\n", "x"],
    )
    def test_all_of_a_file_is_taken_or_nothing(self, project, tmp_path, content):
        (tmp_path / "labels.csv").write_text(content)
        with pytest.raises(LabelError):
            project.import_labels(tmp_path / "labels.csv")
        assert project.journal.decisions == []

    def test_a_way_of_choosing_that_nobody_knows(self, project, tmp_path):
        (tmp_path / "labels.csv").write_text("index,label\n3,wren\n")
        with pytest.raises(LabelError, match="'guessed'"):
            project.import_labels(tmp_path / "labels.csv", how="guessed")
        assert project.journal.decisions == []

    def test_out_and_in_again(self, labelled, tmp_path, data, gmvae):
        assert labelled.export_labels(tmp_path / "labels.csv") == 40
        other = Project.create(tmp_path / "q", data, gmvae=gmvae)
        assert other.import_labels(tmp_path / "labels.csv") == 40
        assert other.labels().tolist() == labelled.labels().tolist()

    def test_tasks_for_label_studio(self, labelled, tmp_path):
        assert labelled.export_labels(tmp_path / "tasks.json") == 40
        tasks = json.loads((tmp_path / "tasks.json").read_text())
        answers = labelled.answers()
        assert len(tasks) == N_ITEMS
        assert sum("annotations" in task for task in tasks) == 40
        choices = [task["predictions"][0]["result"][0]["value"]["choices"][0] for task in tasks]
        assert choices == answers.labels.tolist()

    def test_tasks_before_there_are_labels(self, project, tmp_path):
        assert project.export_labels(tmp_path / "tasks.json") == 0
        assert all(set(task) == {"data"} for task in json.loads((tmp_path / "tasks.json").read_text()))


HOLDER = """
import sys, time
from labelwise import Project
project = Project(sys.argv[1])
project.label(1, "theirs", by="other", how="random")
print("holds", flush=True)
time.sleep(600)
"""


class TestSeveralProcesses:
    def test_the_second_is_told_and_nothing_is_lost(self, labelled):
        labelled.close()
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(labelled.path)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout.readline().strip() == "holds"
            for change in (
                lambda: labelled.label(2, "mine"),
                lambda: labelled.name(0, "mine"),
                labelled.undo,
                labelled.update,
                lambda: labelled.refine(quick(labelled)),
            ):
                with pytest.raises(StorageError, match=rf"digits\.labelwise .* {process.pid}\b"):
                    change()
            assert accuracy(labelled.answers()) > 0.5  # reading goes on
            assert not (labelled.path / "answers").exists()
            assert len(labelled.suggest(3)) == 3
        finally:
            process.kill()
            process.communicate()
        labelled.label(2, "mine")
        assert (labelled.labels()[1], labelled.labels()[2]) == ("theirs", "mine")
        assert len(Project(labelled.path).labeled()) == len({*RANDOM[:40], 1, 2})

    def test_a_project_that_was_trained_anew_is_told(self, labelled, data, other_gmvae):
        labelled.close()
        old = Project(labelled.path)
        Project.create(labelled.path, data, gmvae=other_gmvae, overwrite=True)
        for change in (lambda: old.label(1, "x"), lambda: old.name(0, "x"), old.update):
            with pytest.raises(StorageError, match="open it again"):
                change()
        label(Project(labelled.path), [1])

    def test_a_project_that_was_updated_is_told(self, labelled, data):
        labelled.close()
        old = Project(labelled.path)
        write_images(data, X[:200], TRUTH[:200])
        Project(labelled.path).update()
        with pytest.raises(StorageError, match="open it again"):
            old.label(250, "x")


class TestReadOnly:
    @pytest.fixture
    def locked(self, labelled, monkeypatch):
        """The project, which nobody may write to: the superuser, who may always, is refused here."""
        labelled.close()
        open_file = os.open

        def refuse(path, flags, *arguments, **options):
            if flags & (os.O_RDWR | os.O_WRONLY) and str(path).startswith(str(labelled.path)):
                raise PermissionError(13, "Permission denied")
            return open_file(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)
        return Project(labelled.path)

    def test_answers_and_suggests(self, locked):
        kept = snapshot(locked.path)
        assert accuracy(locked.answers()) > 0.5
        assert len(locked.suggest(5)) == 5
        assert locked.answer_new(NEW).probabilities.shape[0] == 50
        assert locked.forecast((10,)).accuracy[0] > 0.3
        assert snapshot(locked.path) == kept

    def test_takes_no_labels(self, locked):
        with pytest.raises(StorageError, match="permission denied"):
            locked.label(1, "x")


class TestDamage:
    @pytest.mark.parametrize("part", ["model", "pool", "encoding"])
    def test_a_part_that_is_gone_is_named(self, labelled, part):
        shutil.rmtree(labelled.path / part)
        with pytest.raises(StorageError, match=part):
            Project(labelled.path).answer_new(NEW)

    @pytest.mark.parametrize("key", ["data", "n_samples", "fingerprint"])
    def test_a_manifest_without_a_part_of_it(self, labelled, key):
        file = labelled.path / "manifest.json"
        content = json.loads(file.read_text())
        del content[key]
        file.write_text(json.dumps(content))
        with pytest.raises(StorageError, match=r"digits\.labelwise is damaged"):
            Project(labelled.path)

    def test_an_encoding_cut_short(self, labelled):
        file = labelled.path / "encoding/latents.npy"
        first = labelled.answers().probabilities
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(StorageError, match=r"latents\.npy.*labelwise update"):
            Project(labelled.path).suggest(3)
        labelled.close()
        with Project(labelled.path) as again:
            assert "encoding" in again.update()
            assert np.array_equal(again.answers().probabilities, first)

    @pytest.mark.parametrize("harm", ["cut", "gone"])
    def test_kept_graphs(self, labelled, harm):
        first = labelled.answers().probabilities
        file = labelled.path / "encoding/graph-latents-10/near.npy"
        if harm == "cut":
            file.write_bytes(file.read_bytes()[:-100])
        else:
            file.unlink()
        with pytest.raises(StorageError, match=r"near\.npy"):
            Project(labelled.path).answers("soft")
        labelled.close()
        with Project(labelled.path) as again:
            again.update()
            assert np.array_equal(again.answers().probabilities, first)

    @pytest.mark.parametrize("kind", ["model", "pool"])
    def test_another_folder_is_no_project(self, project, kind):
        with pytest.raises(StorageError, match="not a project"):
            Project.open(project.path / kind)

    def test_no_folder(self, tmp_path):
        with pytest.raises(StorageError, match="gone"):
            Project.open(tmp_path / "gone")


def test_an_unfitted_model_of_somebody_is_trained(tmp_path, data):
    gmvae = GMVAE(5, max_epochs=2, random_state=0, **TINY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)
        assert Project.create(tmp_path / "p", data, gmvae=gmvae).gmvae.n_components == 5


def test_the_same_model_and_data_make_the_same_project(tmp_path, data):
    gmvae = trained(5, max_epochs=2)
    made = [Project.create(tmp_path / name, data, gmvae=gmvae) for name in "pq"]
    first, second = (snapshot(project.path) for project in made)
    assert first == second


def test_repr_says_what_it_is(project):
    assert "300 items of digits.npz" in repr(project)
