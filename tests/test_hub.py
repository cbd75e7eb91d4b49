"""Answerers on the Hugging Face hub: only when asked, and a folder comes first. No test needs a network."""

from __future__ import annotations

import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import HfHubHTTPError
from sklearn.datasets import load_digits

from labelwise import GMVAE, UNLABELED, LinearStudent, SoftDecoder, load
from labelwise.answerer import DecoderAnswerer
from labelwise.errors import DownloadError, MissingExtraError, StorageError

X, TRUTH = load_digits(return_X_y=True)
X, TRUTH = X[:200].astype(np.float32) / 16, TRUTH[:200]


@pytest.fixture(scope="module")
def student():
    y = np.where(np.arange(len(X)) % 3, UNLABELED, TRUTH)
    found = LinearStudent().fit(X, y)
    found.card_ = "# Digits\n"
    return found


class Hub:
    """A hub in a folder, that has what was uploaded."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def api(self):
        return self

    def create_repo(self, name, *, private, exist_ok):
        self.asked.append((name, private, exist_ok))
        return f"https://hub/{name}"

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        shutil.copytree(folder_path, self.folder / repo_id)

    def snapshot(self, name, *, allow_patterns, tqdm_class):
        if not (self.folder / name).exists():
            raise OSError(f"404: there is no {name}\nmore")
        assert "*.safetensors" in allow_patterns
        return str(self.folder / name)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    found = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", found.api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", found.snapshot)
    return found


def test_there_and_back(student, hub):
    assert student.push_to_hub("ana/digits", private=True) == "https://hub/ana/digits"
    assert hub.asked == [("ana/digits", True, True)]
    uploaded = {path.name for path in (hub.folder / "ana/digits").iterdir()}
    assert uploaded == {"manifest.json", "weights.safetensors", "README.md"}
    for again in (LinearStudent.from_pretrained("hub:ana/digits"), load("hub:ana/digits")):
        assert again.predict_proba(X).tobytes() == student.predict_proba(X).tobytes()
        assert again.card_ == "# Digits\n"


@pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")  # so small a model
def test_a_decoder(hub):
    gmvae = GMVAE(5, n_latent=2, n_hidden=16, n_layers=1, max_epochs=2, random_state=0, device="cpu").fit(X)
    y = np.where(np.arange(len(X)) % 3, UNLABELED, TRUTH)
    answerer = DecoderAnswerer(gmvae, SoftDecoder().fit(gmvae.encode(X), y))
    answerer.push_to_hub("hub:ana/soft")
    again = DecoderAnswerer.from_pretrained("hub:ana/soft", device="cpu")
    assert again.predict_proba(X).tobytes() == answerer.predict_proba(X).tobytes()


def test_a_folder_needs_no_hub(student, tmp_path, monkeypatch):
    student.save(tmp_path / "digits")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    again = LinearStudent.from_pretrained(tmp_path / "digits")
    assert again.predict_proba(X).tobytes() == student.predict_proba(X).tobytes()


def test_without_the_prefix_nothing_is_downloaded(hub, student):
    student.push_to_hub("ana/digits")
    with pytest.raises(StorageError, match="there is no saved model at ana/digits"):
        LinearStudent.from_pretrained("ana/digits")


def test_what_is_not_there(hub):
    with pytest.raises(DownloadError, match="ana/nothing could not be downloaded") as caught:
        load("hub:ana/nothing")
    assert "\n" not in str(caught.value)


def test_an_upload_that_fails(student, hub, monkeypatch):
    def refuse(*_, **__):
        raise OSError("401: log in first\nmore")

    monkeypatch.setattr(hub, "create_repo", refuse)
    with pytest.raises(StorageError, match=r"ana/digits cannot be uploaded to the hub: 401: log in first$"):
        student.push_to_hub("ana/digits")


def test_a_connection_that_fails(student, hub, monkeypatch):
    transport = HfHubHTTPError.__bases__[0]  # the base of errors of httpx, httpx2 or requests

    def refuse(*_, **__):
        raise transport("[Errno 111] Connection refused\nmore")

    monkeypatch.setattr(hub, "create_repo", refuse)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(StorageError, match=r"ana/digits cannot be uploaded .* Connection refused$"):
        student.push_to_hub("ana/digits")
    with pytest.raises(DownloadError, match=r"ana/digits could not .*Connection refused\): get"):
        load("hub:ana/digits")


def test_an_address_that_refuses(student, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StorageError, match="ana/digits cannot be uploaded to the hub: ") as caught:
        student.push_to_hub("ana/digits")
    assert "\n" not in str(caught.value)
    with pytest.raises(DownloadError, match="ana/digits could not be downloaded") as caught:
        load("hub:ana/digits")
    assert "\n" not in str(caught.value)


def test_without_the_extra(student, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    for work in (lambda: student.push_to_hub("ana/digits"), lambda: load("hub:ana/digits")):
        with pytest.raises(MissingExtraError, match=r"labelwise\[hub\]"):
            work()


def test_an_answerer_without_a_card_has_no_file_of_it(tmp_path):
    y = np.where(np.arange(len(X)) % 3, UNLABELED, TRUTH)
    LinearStudent().fit(X, y).save(tmp_path / "digits")
    assert not Path(tmp_path / "digits/README.md").exists()
