"""What featurizers by pre-trained models share, shown on one that counts letters and needs no library."""

from __future__ import annotations

import copy
import pickle
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from labelwise.data.download import cache_root
from labelwise.data.texts import as_texts
from labelwise.errors import DataError, DownloadError
from labelwise.events import Cancelled
from labelwise.features.pretrained import PretrainedFeaturizer

N = 2100  # items: two parts of the cache, and the beginning of a third
TEXTS = [f"text {number:04}" for number in range(N)]


class Letters(PretrainedFeaturizer):
    """Counts of the letters that the model knows, times its weights."""

    name = "letters"
    organisation = "nobody"
    items = "texts"

    @classmethod
    def check(cls, items):
        pass

    @classmethod
    def _items_of(cls, items):
        return as_texts(items)

    def _load(self, folder):
        return load_file(folder / "model.safetensors")["weights"]

    def _compute(self, model, items):
        self.n_computed = getattr(self, "n_computed", 0) + len(items)
        return np.array([[text.count(d) for d in "0123"] for text in items], np.float32) * model


def make_model(folder, weight=1.0):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weights": np.full(4, weight, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def model(tmp_path):
    return make_model(tmp_path / "models" / "letters")


@pytest.fixture
def fitted(model):
    return Letters(str(model)).fit(TEXTS)


def parts():
    return sorted(cache_root().rglob("*.safetensors"))


def again(featurizer):
    """The same in another process: what is saved of it, and the cache."""
    return Letters.of_state(featurizer.as_json(), {})


def test_features_come_in_the_order_of_the_items(fitted):
    features = fitted.transform(TEXTS)
    assert features.shape == (N, 4)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[123], [1, 1, 1, 1])
    assert fitted.describe() == "4 features by letters:letters"  # no path: others may read it


def test_nothing_is_computed_twice_and_the_model_may_be_gone(fitted, model):
    features = fitted.transform(TEXTS)
    assert len(parts()) == 3
    shutil.rmtree(model)
    other = again(fitted)
    np.testing.assert_array_equal(other.transform(TEXTS[::-1]), features[::-1])
    assert not hasattr(other, "n_computed")


def test_new_items_are_computed_alone(fitted):
    fitted.transform(TEXTS)
    other = again(fitted)
    features = other.transform(["new 3", *TEXTS, "new 0"])
    assert other.n_computed == 2
    np.testing.assert_array_equal(features[[0, -1]], [[0, 0, 0, 1], [1, 0, 0, 0]])


def test_few_items_leave_nothing_on_disk(fitted):
    fitted.transform(TEXTS[:10])
    assert parts() == []


def test_progress_rises_to_one_and_says_what_is_done(fitted):
    events = []
    fitted.transform(TEXTS, listen=events.append)
    fractions = [event.fraction for event in events]
    assert {event.stage for event in events} == {"features"}
    assert fractions == sorted(fractions)
    assert fractions.count(1.0) == 1
    assert "2,100 texts" in events[0].message
    events.clear()
    again(fitted).transform(TEXTS, listen=events.append)
    assert events == []


def test_a_run_that_was_broken_off_goes_on_where_it_was(fitted):
    def stop(event):
        if event.fraction > 0.6:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        fitted.transform(TEXTS, listen=stop)
    other = again(fitted)
    other.transform(TEXTS)
    assert other.n_computed == N - 1024


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_part_is_computed_again(fitted, damage):
    features = fitted.transform(TEXTS)
    path = parts()[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes({"cut": content[:-50], "changed": content, "empty": b""}[damage])
    other = again(fitted)
    np.testing.assert_array_equal(other.transform(TEXTS), features)
    assert 0 < other.n_computed <= 1024
    assert len(parts()) == 3
    third = again(fitted)
    third.transform(TEXTS)
    assert not hasattr(third, "n_computed")


def test_a_cache_that_cannot_be_written_only_costs_time(fitted, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    assert fitted.transform(TEXTS).shape == (N, 4)


def test_another_model_at_the_same_place_is_refused(fitted, model):
    make_model(model, weight=2.0)
    with pytest.raises(DataError, match="another model") as caught:
        again(fitted).transform(["unseen"])
    assert str(model) in str(caught.value)


def test_another_model_has_a_cache_of_its_own(fitted, tmp_path):
    features = fitted.transform(TEXTS)
    other = Letters(str(make_model(tmp_path / "other", weight=2.0))).fit(TEXTS)
    np.testing.assert_array_equal(other.transform(TEXTS), 2 * features)


def test_a_model_that_moved_is_found_in_the_folder_of_models(fitted, model, tmp_path, monkeypatch):
    shutil.move(model, tmp_path / "elsewhere" / "letters")
    with pytest.raises(DataError, match="LABELWISE_MODELS"):
        again(fitted).transform(["unseen 1"])
    monkeypatch.setenv("LABELWISE_MODELS", str(tmp_path / "elsewhere"))
    np.testing.assert_array_equal(again(fitted).transform(["unseen 1"]), [[0, 1, 0, 0]])


def test_names_that_are_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        Letters("letters-small").fit(TEXTS)
    assert str(tmp_path / "letters-small") in str(caught.value)
    assert "hub:letters-small" in str(caught.value)
    with pytest.raises(DataError, match="local"):
        Letters("local-dir:local").fit(TEXTS)
    with pytest.raises(DownloadError, match="nobody/letters-small"):
        Letters("hub:letters-small").fit(TEXTS)


def test_a_local_folder_may_be_written_as_timm_does(model):
    assert Letters(f"local-dir:{model}").fit(TEXTS).place_ == str(model)


def test_a_model_in_the_cache_of_the_hub_needs_no_network(model, tmp_path):
    snapshot = tmp_path / "hub" / "models--nobody--letters-small" / "snapshots" / "abc"
    shutil.copytree(model, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    assert Letters("letters-small").fit(TEXTS).place_ == str(snapshot)
    assert Letters("hub:nobody/letters-small").fit(TEXTS).place_ == str(snapshot)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pth"])
def test_weights_that_could_run_code_are_refused(model, name):
    (model / "model.safetensors").unlink()
    with pytest.raises(DataError, match="no model"):
        Letters(str(model)).fit(TEXTS)
    (model / name).write_bytes(b"pickled")
    with pytest.raises(DataError, match="run code") as caught:
        Letters(str(model)).fit(TEXTS)
    assert name in str(caught.value)
    assert "model.safetensors" in str(caught.value)


def test_copies_leave_the_model_where_it_is(fitted):
    fitted.transform(TEXTS)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert other._model is None
        np.testing.assert_array_equal(other.transform(["3"]), [[0, 0, 0, 1]])


def test_it_computes_where_it_is_told_to(model):
    featurizer = Letters.of_name(str(model), {"device": "cpu"}).fit(TEXTS[:1])
    assert featurizer.device == "cpu"
    featurizer.transform(TEXTS[:3])
    featurizer.to("meta")
    assert featurizer.device == "meta"
    n_loaded = []
    featurizer._load = lambda folder: n_loaded.append(featurizer.device) or Letters._load(featurizer, folder)
    featurizer.transform(TEXTS[3:5])
    assert n_loaded == ["meta"]  # read anew, where it computes now
