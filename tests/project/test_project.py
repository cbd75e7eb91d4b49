"""A project: from data to answers, and all that may happen in between."""

from __future__ import annotations

import os
import shutil
import warnings

import numpy as np
import pytest

from labelwise import GMVAE, UNLABELED, Project
from labelwise.data import Dataset
from labelwise.decoding import AutoDecoder
from labelwise.errors import (
    DataError,
    ParameterError,
    StorageError,
    StructureWarning,
)
from labelwise.events import Cancelled
from project.conftest import (
    N_ITEMS,
    RANDOM,
    TINY,
    TRUTH,
    X,
    accuracy,
    label,
    snapshot,
    trained,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


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
