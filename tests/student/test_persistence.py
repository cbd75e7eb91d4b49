"""Saved students: what comes back, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError

import labelwise
from labelwise import GMVAE
from labelwise.errors import ParameterError, StorageError, StructureWarning
from labelwise.student import Student
from labelwise.student.check import Check
from student.conftest import quick


@pytest.fixture
def folder(taught, tmp_path):
    """A saved student, alone in its folder."""
    path = tmp_path / "s.labelwise"
    taught.save(path)
    return path


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def change_manifest(path, **changes):
    file = path / "manifest.json"
    manifest = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: value for name, value in manifest.items() if value is not ...}))


def refused(path, message):
    with pytest.raises(StorageError) as caught:
        Student.load(path)
    assert re.fullmatch(message, str(caught.value)), str(caught.value)


def same(loaded, student, X):
    assert loaded.predict_proba(X).tobytes() == student.predict_proba(X).tobytes()
    assert loaded.predict(X).tolist() == student.predict(X).tolist()
    fitted = {name for name in vars(student) if name.endswith("_")}
    assert {name for name in vars(loaded) if name.endswith("_")} == fitted
    for name in fitted - {"network_", "projection_"}:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(student, name), err_msg=name)
    assert loaded.get_params() == student.get_params() | {"random_state": None, "device": "auto"}


class TestRoundTrip:
    def test_a_student_of_a_table(self, blobs, taught, folder):
        same(Student.load(folder), taught, blobs.X)
        same(Student.load(folder), taught, blobs.X[:50] + 0.3)  # items that it has not seen

    def test_a_student_of_images(self, images, taught_images, tmp_path):
        taught_images.save(tmp_path / "s")
        same(Student.load(tmp_path / "s"), taught_images, images.X)
        same(Student.load(tmp_path / "s"), taught_images, 255 - images.X)

    def test_the_temperature(self, blobs, tmp_path):
        student = quick(n_steps=2).fit(blobs.X, blobs.y, blobs.answers)
        student.temperature_ = 3.0
        student.save(tmp_path / "s")
        assert Student.load(tmp_path / "s").temperature_ == 3
        same(Student.load(tmp_path / "s"), student, blobs.X)

    def test_without_a_temperature_as_early_versions_wrote_them(self, folder):
        change_manifest(folder, temperature=...)
        assert Student.load(folder).temperature_ == 1

    def test_what_labels_that_were_kept_back_said(self, blobs, tmp_path):
        student = quick(n_steps=2)
        student.fit(blobs.X, blobs.truth, blobs.answers)
        student.check_ = Check(20, 17, 18, 3)
        student.save(tmp_path / "s")
        loaded = Student.load(tmp_path / "s")
        assert loaded.check_ == student.check_
        assert loaded.check_.n_labels == 20
        assert loaded.history_ == student.history_
        same(loaded, student, blobs.X)

    @pytest.mark.parametrize(
        "names", [["auk", "gull", "tern"], [3, 10, 17], [2.0, 4.0, 9.0]], ids=["texts", "gaps", "floats"]
    )
    def test_classes_of_any_kind(self, blobs, tmp_path, names):
        student = quick(n_steps=2).fit(blobs.X, np.array(names)[blobs.truth], blobs.answers)
        student.save(tmp_path / "s")
        loaded = Student.load(tmp_path / "s")
        assert loaded.classes_.dtype.kind == student.classes_.dtype.kind
        same(loaded, student, blobs.X)

    def test_names_of_columns(self, blobs, tmp_path):
        frame = pd.DataFrame(blobs.X, columns=[f"column {i}" for i in range(10)])
        student = quick(n_steps=2).fit(frame, blobs.y, blobs.answers)
        student.save(tmp_path / "s")
        same(Student.load(tmp_path / "s"), student, frame)

    @pytest.mark.parametrize(
        "parameters",
        [
            {"n_steps": np.int64(2), "batch_size": np.uint8(64)},
            {"learning_rate": np.float32(0.01)},
            {"device": torch.device("cpu")},
            {"random_state": np.random.default_rng(0)},
        ],
    )
    def test_whatever_fit_accepts_can_be_saved(self, blobs, tmp_path, parameters):
        student = quick(**{"n_steps": 2} | parameters).fit(blobs.X, blobs.y, blobs.answers)
        student.save(tmp_path / "s")
        same(Student.load(tmp_path / "s"), student, blobs.X)

    def test_a_loaded_student_can_be_saved_and_taught_again(self, blobs, taught, folder, tmp_path):
        loaded = Student.load(folder)
        loaded.save(tmp_path / "again")
        before, after = contents(folder), contents(tmp_path / "again")
        assert after["weights.safetensors"] == before["weights.safetensors"]
        loaded.set_params(random_state=0).fit(blobs.X, blobs.y, blobs.answers)
        assert loaded.answers_.tobytes() == taught.answers_.tobytes()


class TestFolder:
    def test_it_is_two_files_that_describe_each_other(self, folder):
        files = contents(folder)
        assert files.keys() == {"manifest.json", "weights.safetensors"}
        manifest = json.loads(files["manifest.json"])
        assert (manifest["format"], manifest["kind"]) == (2, "student")
        assert manifest["labelwise"] == labelwise.__version__
        assert manifest["weights_sha256"] == hashlib.sha256(files["weights.safetensors"]).hexdigest()

    def test_equal_students_give_equal_bytes(self, blobs, folder, tmp_path):
        quick().fit(blobs.X, blobs.y, blobs.answers).save(tmp_path / "other")
        assert contents(tmp_path / "other") == contents(folder)

    def test_a_student_replaces_a_student(self, images, taught_images, folder):
        taught_images.save(folder)
        assert Student.load(folder).item_shape_ == (10, 10)
        assert list(folder.parent.iterdir()) == [folder]

    def test_what_is_no_student_stays(self, taught, tmp_path):
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
        with pytest.raises(StorageError, match=r"thesis exists and is not a saved student: "):
            taught.save(tmp_path / "thesis")
        assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"

    def test_a_place_that_cannot_be_written(self, taught, tmp_path):
        path = tmp_path / "missing" / "s"
        with pytest.raises(StorageError, match=rf"^cannot write {path}: no such file or directory$"):
            taught.save(path)

    def test_what_has_learned_nothing_is_not_saved(self, tmp_path):
        with pytest.raises(NotFittedError):
            Student().save(tmp_path / "s")
        assert list(tmp_path.iterdir()) == []


class TestRefusal:
    def test_nothing_there(self, tmp_path):
        refused(tmp_path / "none", r"there is no saved model at .*none")

    def test_a_folder_of_other_things(self, tmp_path):
        refused(tmp_path, r".* is no saved model: it holds no manifest\.json")

    def test_a_model_of_components(self, blobs, tmp_path):
        settings = {"n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 1, "random_state": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StructureWarning)
            GMVAE(3, **settings).fit(blobs.X).save(tmp_path / "m.labelwise")
        refused(tmp_path / "m.labelwise", r".*m\.labelwise holds a gmvae, not a student")

    def test_it_is_no_model_of_components(self, folder):
        with pytest.raises(StorageError) as caught:
            GMVAE.load(folder)
        assert str(caught.value) == f"{folder} holds a student, not a gmvae"

    @pytest.mark.parametrize("kept", [0, 1000, -1])
    def test_weights_cut_off(self, folder, kept):
        file = folder / "weights.safetensors"
        file.write_bytes(file.read_bytes()[:kept])
        refused(
            folder,
            r".*s\.labelwise is damaged: weights\.safetensors is not what manifest\.json describes; "
            r"restore it from a copy or train again",
        )

    def test_weights_missing(self, folder):
        (folder / "weights.safetensors").unlink()
        refused(folder, r".*s\.labelwise is damaged: weights\.safetensors is missing; restore it .*")

    def test_a_newer_format(self, folder):
        change_manifest(folder, format=3)
        refused(folder, r".*s\.labelwise has format 3, .* up to 2: update labelwise")

    @pytest.mark.parametrize(
        "changes",
        [
            {"item_shape": ...},
            {"item_shape": [11]},
            {"item_shape": [5, 2]},
            {"likelihood": ...},
            {"likelihood": "poisson"},
            {"likelihood": "bernoulli"},
            {"classes": ...},
            {"classes": [0, 1]},
            {"history": ...},
            {"check": ...},
            {"check": {"n_labels": 3}},
            {"check": 3},
            {"parameters": ...},
            {"parameters": {"n_clusters": 3}},
            {"parameters": [3]},
            {"feature_names": ...},
        ],
    )
    def test_a_manifest_that_does_not_fit(self, folder, changes):
        change_manifest(folder, **changes)
        refused(folder, r".*s\.labelwise is damaged: its manifest does not fit its weights \(.+\)")

    def test_a_device_that_is_not_there(self, folder):
        with pytest.raises(
            ParameterError, match=r"^device='cuda:99' is not available here: use 'auto' or 'cpu'$"
        ):
            Student.load(folder, device="cuda:99")
