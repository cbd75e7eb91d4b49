"""What is saved answers the same bits in a fresh process, from its folder alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelwise import GMVAE, UNLABELED, GMVAEClassifier, HardDecoder, LinearStudent, Student, load
from labelwise.answerer import DecoderAnswerer
from labelwise.decoding import DECODERS
from labelwise.errors import LabelwiseWarning, StorageError

N_POOL = 300
NAMES = np.array([f"chiffre {number}, é" for number in range(10)], dtype=object)

FRESH = """
import sys
from pathlib import Path
import numpy as np
from labelwise import load

folder = Path(sys.argv[1])
X = np.load(folder / "new.npy")
for place in sorted((folder / "saved").iterdir()):
    answerer = load(place, device="cpu")
    labels, classes = answerer.predict(X), answerer.classes_
    labels = labels.astype(str) if labels.dtype == object else labels
    np.savez(folder / f"{place.name}.npz", P=answerer.predict_proba(X), classes=classes, labels=labels)
"""


def labels_of(truth, kind):
    y = np.full(N_POOL, UNLABELED, dtype=object if kind == "text" else None)
    y[::5] = NAMES[truth[:N_POOL:5]] if kind == "text" else truth[:N_POOL:5]
    return y


def answerers(X, truth):
    """Every way to answer, by name."""
    tiny = {"n_latent": 4, "n_hidden": 32, "n_layers": 1, "max_epochs": 5}
    gmvae = GMVAE(12, **tiny, random_state=0, device="cpu").fit(X)
    encoding = gmvae.encode(X)
    found = {}
    for kind in ("text", "int"):
        y = labels_of(truth, kind)
        for name, decoder in DECODERS.items():
            found[f"{name}-{kind}"] = DecoderAnswerer(gmvae, decoder().fit(encoding, y))
        for unnamed in ("prior", "abstain", "first"):
            decoder = HardDecoder(unnamed=unnamed)
            found[f"hard_{unnamed}-{kind}"] = DecoderAnswerer(gmvae, decoder.fit(encoding, y))
        student = Student(max_rounds=2, n_steps=5, batch_size=64, device="cpu", random_state=0)
        found[f"student-{kind}"] = student.fit(X, y, found[f"soft-{kind}"].predict_proba(X))
        linear = LinearStudent().fit(X, y, found[f"soft-{kind}"].predict_proba(X))
        found[f"linear-pupil-{kind}"] = linear
        refined = GMVAEClassifier(gmvae, prefit=True, refine=LinearStudent(), random_state=0)
        found[f"refined-linear-{kind}"] = refined.fit(X, y)
        found[f"classifier-{kind}"] = GMVAEClassifier(gmvae, prefit=True, random_state=0).fit(X, y)
        refined = GMVAEClassifier(gmvae, prefit=True, refine=student, random_state=0)
        found[f"refined-{kind}"] = refined.fit(X, y)
    return found


CASES = [
    f"{name}-{kind}"
    for kind in ("text", "int")
    for name in (
        *DECODERS,
        "hard_prior",
        "hard_abstain",
        "hard_first",
        "student",
        "linear-pupil",
        "classifier",
        "refined",
        "refined-linear",
    )
]


@pytest.fixture(scope="module")
def images():
    X, truth = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8) * 15, truth


@pytest.fixture(scope="module")
def saved(images, tmp_path_factory):
    """All answerers, what they answer, and the folder in which a fresh process has loaded and asked them.

    The pool lies in a file that is removed before that process starts.
    """
    folder = tmp_path_factory.mktemp("answerers")
    X, truth = images
    np.save(folder / "pool.npy", X[:N_POOL])
    np.save(folder / "new.npy", X[N_POOL : N_POOL + 80])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)  # so small a model leaves components dead
        found = answerers(np.load(folder / "pool.npy"), truth)
    (folder / "saved").mkdir()
    for name, answerer in found.items():
        answerer.save(folder / "saved" / name)
    (folder / "pool.npy").unlink()
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", FRESH, str(folder)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return folder, found


def test_the_cases_are_all(saved):
    assert sorted(saved[1]) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_fresh_process_answers_the_same_bits(saved, name):
    folder, found = saved
    new = np.load(folder / "new.npy")
    again = np.load(folder / f"{name}.npz")
    P = found[name].predict_proba(new)
    assert (again["P"].dtype, again["P"].shape) == (P.dtype, (80, len(found[name].classes_)))
    assert again["P"].tobytes() == P.tobytes()
    assert again["classes"].tolist() == found[name].classes_.tolist()
    labels = found[name].predict(new)
    expected = [str(label) for label in labels] if labels.dtype == object else labels.tolist()
    assert again["labels"].tolist() == expected


@pytest.mark.parametrize("name", ["auto-text", "classifier-int", "student-int", "linear-pupil-int"])
def test_what_was_loaded_can_be_saved_again(saved, images, tmp_path, name):
    folder, found = saved
    load(folder / "saved" / name, device="cpu").save(tmp_path / "again")
    again = load(tmp_path / "again", device="cpu")
    new = images[0][N_POOL : N_POOL + 80]
    assert again.predict_proba(new).tobytes() == found[name].predict_proba(new).tobytes()
    assert again.item_shape_ == (8, 8)


def test_nothing_in_a_folder_is_unpickled(saved):
    names = {path.suffix for path in (saved[0] / "saved").rglob("*") if path.is_file()}
    assert names == {".json", ".safetensors"}


@pytest.fixture
def damaged(saved, tmp_path):
    """A copy of a saved answerer, to be harmed."""
    return shutil.copytree(saved[0] / "saved/auto-text", tmp_path / "answerer")


def change_manifest(path, **values):
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, **values}))


class TestDamage:
    @pytest.mark.parametrize(
        "file", ["manifest.json", "weights.safetensors", "model/manifest.json", "model/weights.safetensors"]
    )
    @pytest.mark.parametrize("harm", ["gone", "cut", "garbage"])
    def test_of_a_file_is_told(self, damaged, file, harm):
        path = damaged / file
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-9] if harm == "cut" else b"\x00" * 50)
        with pytest.raises(StorageError, match="answerer") as caught:
            load(damaged)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "values",
        [
            {"decoder": {"name": "tarot", "parameters": {}, "fitted": {}}},
            {"decoder": {"name": "soft", "parameters": {"luck": 1}, "fitted": {}}},
            {"decoder": {"name": "soft", "parameters": {}, "fitted": {"classes_": {"array": "<i8"}}}},
            {"decoder": {"name": "soft", "parameters": {}, "fitted": {"classes_": {"pickled": "x"}}}},
            {"decoder": None},
            {"decoder": {"name": "soft", "parameters": {}, "fitted": {}}},
        ],
        ids=["name", "parameter", "array", "how", "none", "unfitted"],
    )
    def test_of_the_manifest_is_told(self, damaged, values):
        change_manifest(damaged / "manifest.json", **values)
        with pytest.raises(StorageError, match="answerer is damaged"):
            load(damaged)

    def test_a_newer_format_asks_for_an_update(self, damaged):
        change_manifest(damaged / "manifest.json", format=99)
        with pytest.raises(StorageError, match="format 99"):
            load(damaged)


class TestKinds:
    def test_a_model_knows_no_labels(self, saved):
        with pytest.raises(StorageError, match=r"model that knows components.*GMVAE\.load"):
            load(saved[0] / "saved/soft-int/model")

    def test_something_else(self, saved, tmp_path):
        folder = shutil.copytree(saved[0] / "saved/soft-int", tmp_path / "pool")
        change_manifest(folder / "manifest.json", kind="pool")
        with pytest.raises(StorageError, match="holds a pool"):
            load(folder)

    def test_no_folder(self, tmp_path):
        with pytest.raises(StorageError, match="gone"):
            load(tmp_path / "gone")

    def test_a_folder_without_a_manifest(self, tmp_path):
        with pytest.raises(StorageError, match=r"manifest\.json"):
            load(tmp_path)

    @pytest.mark.parametrize(("name", "kind"), [("student-int", Student), ("soft-int", DecoderAnswerer)])
    def test_of_a_project_its_answerer(self, saved, tmp_path, name, kind):
        project = tmp_path / "a.labelwise"
        project.mkdir()
        (project / "manifest.json").write_text(json.dumps({"kind": "project", "format": 2}))
        with pytest.raises(StorageError, match=r"no answerer yet.*labelwise decode"):
            load(project)
        shutil.copytree(saved[0] / "saved" / name, project / "answerer")
        assert type(load(project)) is kind

    def test_another_kind_in_its_place_is_not_replaced(self, saved, tmp_path):
        _, found = saved
        found["student-int"].save(tmp_path / "student")
        with pytest.raises(StorageError, match="holds a student"):
            found["soft-int"].save(tmp_path / "student")
        found["auto-int"].save(tmp_path / "answerer")
        found["soft-int"].save(tmp_path / "answerer")
        assert type(load(tmp_path / "answerer").decoder) is DECODERS["soft"]
