"""Saved models: whole or not at all, and never anything but numbers."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import labelwise
from labelwise import GMVAE, storage
from labelwise.errors import ParameterError, StorageError, StructureWarning

FRAME = pd.DataFrame(np.random.default_rng(0).standard_normal((40, 3)), columns=["a", "b", "c"])
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)


def fitted(X=IMAGES, **parameters):
    settings = {"n_components": 3, "n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)  # two epochs of a tiny model
        return GMVAE(**({"random_state": 0} | settings | parameters)).fit(X)


@pytest.fixture(scope="module")
def model():
    return fitted()


@pytest.fixture
def folder(model, tmp_path):
    """A saved model, alone in its folder."""
    path = tmp_path / "m.labelwise"
    model.save(path)
    return path


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def change_manifest(path, **changes):
    file = path / "manifest.json"
    manifest = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: value for name, value in manifest.items() if value is not ...}))


def refused(path, message):
    with pytest.raises(StorageError) as caught:
        GMVAE.load(path)
    assert re.fullmatch(message, str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    ("X", "parameters"),
    [
        (IMAGES, {}),
        (IMAGES, {"objective": "exact", "augment": "affine"}),
        (IMAGES[..., None], {"encoder": "dense", "decoder_hidden": (5, 6)}),
        (FRAME, {}),
        (FRAME, {"objective": "exact", "init": "random", "random_state": None}),
    ],
)
def test_what_is_loaded_is_what_was_saved(tmp_path, X, parameters):
    model = fitted(X, **parameters)
    model.save(tmp_path / "m")
    loaded = GMVAE.load(tmp_path / "m")
    for method in ("predict_proba", "transform", "reconstruct"):
        assert getattr(loaded, method)(X).tobytes() == getattr(model, method)(X).tobytes()
    assert loaded.score(X) == model.score(X)
    assert loaded.sample(5, random_state=1)[0].tobytes() == model.sample(5, random_state=1)[0].tobytes()
    fitted_names = {name for name in vars(model) if name.endswith("_")}
    assert {name for name in vars(loaded) if name.endswith("_")} == fitted_names
    principal = {name: getattr(model.principal_, name) for name in ("location_", "axes_")}
    for name, array in principal.items():
        np.testing.assert_array_equal(getattr(loaded.principal_, name), array, err_msg=name)
    for name in fitted_names - {"module_", "principal_"}:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name), err_msg=name)
    before, after = model.get_params(), loaded.get_params()
    if before["decoder_hidden"] is not None:
        before["decoder_hidden"] = list(before["decoder_hidden"])
    assert after == before


def test_a_loaded_model_can_be_saved_and_trained_again(model, folder, tmp_path):
    loaded = GMVAE.load(folder)
    loaded.save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)
        loaded.fit(IMAGES)
    assert loaded.predict_proba(IMAGES).tobytes() == model.predict_proba(IMAGES).tobytes()


def test_equal_models_give_equal_bytes(folder, tmp_path):
    fitted().save(tmp_path / "other")
    assert contents(tmp_path / "other") == contents(folder)
    fitted(random_state=1).save(tmp_path / "other")
    assert contents(tmp_path / "other") != contents(folder)


def test_a_model_is_two_files_that_describe_each_other(folder):
    files = contents(folder)
    assert files.keys() == {"manifest.json", "weights.safetensors"}
    manifest = json.loads(files["manifest.json"])
    assert manifest["format"] == 2
    assert manifest["kind"] == "gmvae"
    assert manifest["labelwise"] == labelwise.__version__
    assert manifest["weights_sha256"] == hashlib.sha256(files["weights.safetensors"]).hexdigest()
    assert manifest["extra"] == {}


def test_extra_is_kept_in_the_manifest(model, tmp_path):
    model.save(tmp_path / "m", extra={"data": "digits"})
    assert json.loads((tmp_path / "m" / "manifest.json").read_text())["extra"] == {"data": "digits"}
    GMVAE.load(tmp_path / "m")


@pytest.mark.parametrize(
    "parameters",
    [
        {"decoder_hidden": [np.int64(5), np.int32(6)]},
        {"n_components": np.int64(3), "learning_rate": np.float32(0.01), "random_state": np.int64(3)},
        {"random_state": np.random.default_rng(0)},
        {"random_state": np.random.RandomState(0)},
        {"device": torch.device("cpu")},
    ],
)
def test_whatever_fit_accepts_can_be_saved(tmp_path, parameters):
    model = fitted(FRAME, **parameters)
    model.save(tmp_path / "m")
    loaded = GMVAE.load(tmp_path / "m")
    assert loaded.predict_proba(FRAME).tobytes() == model.predict_proba(FRAME).tobytes()
    assert loaded.seed_ == model.seed_


def test_a_model_replaces_a_model(folder):
    fitted(random_state=1).save(folder)
    assert GMVAE.load(folder).seed_ == 1
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("broken", ["_write_bytes", "_flush_to_disk", "_swap_folders"])
def test_a_full_disk_leaves_the_old_model_and_no_rubbish(folder, monkeypatch, broken):
    def fail(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents(folder)
    monkeypatch.setattr(storage, broken, fail)
    with pytest.raises(StorageError) as caught:
        fitted(random_state=1).save(folder)
    assert str(caught.value) == f"cannot write {folder}: no space left on device"
    assert contents(folder) == before
    assert list(folder.parent.iterdir()) == [folder]
    assert GMVAE.load(folder).seed_ == 0


@pytest.mark.parametrize("failing_call", [1, 2])
def test_a_failing_rename_leaves_the_old_model(folder, monkeypatch, failing_call):
    # First the old folder moves aside, then the new one takes its place.
    original = Path.rename

    def fail(self, target):
        if self == folder if failing_call == 1 else self.name.endswith(".part"):
            raise OSError(errno.EIO, "Input/output error")
        return original(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(StorageError, match=r": input/output error$"):
        fitted(random_state=1).save(folder)
    assert GMVAE.load(folder).seed_ == 0
    assert list(folder.parent.iterdir()) == [folder]


def test_an_interruption_leaves_the_old_model_and_no_rubbish(folder, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "_write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted(random_state=1).save(folder)
    assert GMVAE.load(folder).seed_ == 0
    assert list(folder.parent.iterdir()) == [folder]


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    storage.write_tensors(path, {"a": np.arange(3)}, {"kind": "checkpoint"})
    before = path.read_bytes()

    def fail(file, content):
        Path(file).write_bytes(b"half of")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "_write_bytes", fail)
    with pytest.raises(StorageError, match=rf"^cannot write {path}: no space left on device$"):
        storage.write_tensors(path, {"a": np.arange(4)}, {"kind": "checkpoint"})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_what_numpy_says_of_a_full_disk_is_told(tmp_path):
    def fill(temporary):
        with open("/dev/full", "wb", buffering=0) as file:
            np.arange(3000).tofile(file)

    with pytest.raises(StorageError, match=r"there is no space left for it \(3000 requested and 0 written\)"):
        storage.write_beside(tmp_path / "a.npy", fill)


def test_tensors_and_header_come_back(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(7)}
    storage.write_tensors(tmp_path / "t", arrays, {"kind": "checkpoint", "settings": {"x": [1, None, "é"]}})
    read, header = storage.read_tensors(tmp_path / "t")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype
    assert header == {"format": 2, "kind": "checkpoint", "settings": {"x": [1, None, "é"]}}


def test_tensors_of_a_newer_format_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "FORMAT", 3)
    storage.write_tensors(tmp_path / "t", {"a": np.arange(3)}, {})
    monkeypatch.undo()
    with pytest.raises(StorageError, match=r" has format 3, .* up to 2: update labelwise$"):
        storage.read_tensors(tmp_path / "t")


DAMAGED = (
    r".*m\.labelwise is damaged: weights\.safetensors is not what manifest\.json describes; "
    r"restore it from a copy or train again"
)


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_truncated_weights_are_told(folder, kept):
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    refused(folder, DAMAGED)


@pytest.mark.parametrize("place", [3, 60, -1])
def test_one_flipped_bit_is_told(folder, place):
    file = folder / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    refused(folder, DAMAGED)


def test_missing_weights_are_told(folder):
    (folder / "weights.safetensors").unlink()
    refused(
        folder,
        r".*m\.labelwise is damaged: weights\.safetensors is missing; restore it from a copy or train again",
    )


def test_a_folder_without_a_manifest_is_no_model(folder):
    (folder / "manifest.json").unlink()
    refused(folder, r".*m\.labelwise is no saved model: it holds no manifest\.json")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", r"Expecting value.*"),
        (b'{"format": 1, "ki', r"Unterminated string.*"),
        (b"\xff\xfe\x00", r".*codec can't decode.*"),
        (b"[1, 2]", r"no format number"),
        (b'"gmvae"', r"no format number"),
        (b'{"kind": "gmvae"}', r"no format number"),
    ],
)
def test_a_garbled_manifest_is_told(folder, text, reason):
    (folder / "manifest.json").write_bytes(text)
    refused(folder, rf".*manifest\.json is damaged \({reason}\): restore it from a copy or train again")


@pytest.mark.parametrize("number", [3, 0, "1", None])
def test_another_format_is_refused(folder, number):
    change_manifest(folder, format=number)
    refused(folder, rf".*m\.labelwise has format {number!r}, .* up to 2: update labelwise")


def test_another_kind_is_refused(folder):
    change_manifest(folder, kind="decoder")
    refused(folder, r".*m\.labelwise holds a decoder, not a gmvae")


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": ...},
        {"architecture": {"n_latent": 2}},
        {"architecture": [1, 2]},
        {"architecture": None},
        {"parameters": ...},
        {"parameters": {"n_clusters": 3}},
        {"parameters": [3]},
        {"training": {"n_epochs": 2}},
        {"training": None},
        {"shares": ...},
        {"history": ...},
        {"feature_names": 7},
    ],
)
def test_a_manifest_that_does_not_fit_is_told(folder, changes):
    change_manifest(folder, **changes)
    refused(folder, r".*m\.labelwise is damaged: its manifest does not fit its weights \(.+\)")


@pytest.mark.parametrize(
    "change", [{"n_latent": 3}, {"objective": "exact"}, {"likelihood": "poisson"}, {"hidden": [9]}]
)
def test_an_architecture_of_other_weights_is_told(folder, change):
    architecture = json.loads((folder / "manifest.json").read_text())["architecture"]
    change_manifest(folder, architecture=architecture | change)
    refused(folder, r".*m\.labelwise is damaged: its manifest does not fit its weights \(.+\)")


def test_nothing_there_is_told(tmp_path):
    refused(tmp_path / "none", r"there is no saved model at .*none")


def test_a_file_and_a_folder_of_other_things_are_no_models(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", r".*file is no saved model: it holds no manifest\.json")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", r".*folder is no saved model: it holds no manifest\.json")


def test_what_is_no_model_is_not_overwritten(model, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for name in ("thesis", "file"):
        path = tmp_path / name
        with pytest.raises(StorageError) as caught:
            model.save(path)
        assert str(caught.value).startswith(f"{path} exists and is not a saved gmvae: ")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    assert (tmp_path / "file").read_text() == "x"


def test_a_place_that_cannot_be_written_is_told(model, tmp_path):
    path = tmp_path / "missing" / "m"
    with pytest.raises(StorageError, match=rf"^cannot write {path}: no such file or directory$"):
        model.save(path)
    (tmp_path / "file").write_text("x")
    path = tmp_path / "file" / "m"
    with pytest.raises(StorageError, match=rf"^cannot write {path}: not a directory$"):
        model.save(path)


def test_a_device_that_is_not_there_is_refused(folder):
    with pytest.raises(
        ParameterError, match=r"^device='cuda:99' is not available here: use 'auto' or 'cpu'$"
    ):
        GMVAE.load(folder, device="cuda:99")


def test_a_model_can_be_read_by_whoever_may_read_new_files(folder):
    plain = folder.parent / "plain"
    plain.mkdir()
    (plain / "file").write_text("x")
    assert folder.stat().st_mode == plain.stat().st_mode
    for file in folder.iterdir():
        assert file.stat().st_mode == (plain / "file").stat().st_mode


def test_a_model_loads_in_a_new_process(model, folder):
    code = (
        "import sys, numpy as np; from labelwise import GMVAE; "
        "X = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8); "
        "sys.stdout.write(str(GMVAE.load(sys.argv[1]).predict(X).tolist()))"
    )
    result = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == model.predict(IMAGES).tolist()


def test_nothing_in_the_package_can_unpickle():
    source = Path(labelwise.__file__).parent
    files = sorted(source.rglob("*.py"))
    assert len(files) > 20
    forbidden = re.compile(
        r"^\s*(import|from)\s+(pickle|dill|cloudpickle|marshal|shelve)\b"
        r"|^\s*import\s+joblib|^\s*from\s+joblib\s+import\s.*\b(load|dump)\b"
        r"|torch\.load\(|torch\.save\(|allow_pickle\s*=\s*True|read_pickle",
        re.MULTILINE,
    )
    for file in files:
        assert not forbidden.search(file.read_text(encoding="utf-8")), file
