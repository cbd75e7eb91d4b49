"""A run that was stopped and goes on gives the bits of a run without a break."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise import GMVAE
from labelwise.errors import CheckpointError, StorageError
from labelwise.gmvae import Callback, checkpoint
from labelwise.storage import read_tensors

# The plain phase is one epoch of these six, and two of nine: the k-means start comes right after it.
N_EPOCHS, SETTINGS = 6, {"max_epochs": 6, "batch_size": 16, "learning_rate": 1e-3}


class StopAfter(Callback):
    """Ctrl-C after some epochs, or in the middle of the epoch after them."""

    def __init__(self, n_epochs, *, midway=False):
        self._n_epochs, self._midway, self._done = n_epochs, midway, 0

    def on_batch_end(self, *, epoch):
        if self._midway and epoch == self._n_epochs:
            raise KeyboardInterrupt

    def on_epoch_end(self, *, record):
        self._done = record["epoch"]
        if not self._midway and self._done > self._n_epochs:
            raise KeyboardInterrupt


class Listener(Callback):
    """What training said."""

    def __init__(self):
        self.events = []

    def on_train_begin(self, *, n_epochs, n_batches, first_epoch):
        self.events.append(("begin", n_epochs, n_batches, first_epoch))

    def on_epoch_end(self, *, record):
        self.events.append(("epoch", record["epoch"]))

    def on_train_end(self):
        self.events.append(("end",))


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "_SECONDS_BETWEEN", 0)


@pytest.fixture
def X(digits):
    return digits[0][:100]


def bits(model):
    return {name: tensor.numpy().tobytes() for name, tensor in model.module_.state_dict().items()}


def interrupt(fit, X, path, n_epochs, *, midway=False, **settings):
    stop = StopAfter(n_epochs, midway=midway)
    with pytest.raises(KeyboardInterrupt):
        fit(X, **SETTINGS | settings, fit_options={"checkpoint": path, "callbacks": [stop]})


def resume(fit, X, path, *callbacks, **settings):
    return fit(
        X, **SETTINGS | settings, fit_options={"checkpoint": path, "resume": True, "callbacks": callbacks}
    )


@pytest.mark.parametrize("midway", [False, True])
@pytest.mark.parametrize("n_epochs", [1, 2, 3, 5])
@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_a_resumed_run_has_the_same_bits(fit, X, tmp_path, objective, n_epochs, midway):
    path = tmp_path / "run.ckpt"
    options = {"objective": objective, "init": "kmeans", "augment": "affine", "max_epochs": 9}
    whole = fit(X, **SETTINGS | options)
    assert [record["phase"] for record in whole.history_[:3]] == ["plain", "plain", "mixture"]
    interrupt(fit, X, path, n_epochs, midway=midway, **options)
    listener = Listener()
    resumed = resume(fit, X, path, listener, **options)
    assert listener.events[0] == ("begin", 9, 7, n_epochs)
    assert listener.events[1:] == [("epoch", e) for e in range(n_epochs + 1, 10)] + [("end",)]
    assert bits(resumed) == bits(whole)
    assert resumed.history_ == whole.history_
    assert resumed.predict_proba(X).tobytes() == whole.predict_proba(X).tobytes()
    assert resumed.score(X) == whole.score(X)


def test_convolutions_and_their_running_statistics_resume_too(fit, tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    path = tmp_path / "run.ckpt"
    interrupt(fit, X, path, 2)
    assert bits(resume(fit, X, path)) == bits(fit(X, **SETTINGS))


def test_tables_resume_too(fit, blobs, tmp_path):
    path = tmp_path / "run.ckpt"
    interrupt(fit, blobs[0], path, 3)
    assert bits(resume(fit, blobs[0], path)) == bits(fit(blobs[0], **SETTINGS))


def test_a_run_may_be_stopped_again_and_again(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"
    interrupt(fit, X, path, 1)
    for n_epochs in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            resume(fit, X, path, StopAfter(n_epochs))
    assert bits(resume(fit, X, path)) == bits(fit(X, **SETTINGS))


def test_a_checkpoint_changes_nothing_in_the_run(fit, X, tmp_path):
    watched = fit(X, **SETTINGS, fit_options={"checkpoint": tmp_path / "run.ckpt"})
    assert bits(watched) == bits(fit(X, **SETTINGS))
    assert [file.name for file in tmp_path.iterdir()] == ["run.ckpt"]


def test_a_finished_run_resumes_to_itself(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"
    whole = fit(X, **SETTINGS, fit_options={"checkpoint": path})
    listener = Listener()
    assert bits(resume(fit, X, str(path), listener)) == bits(whole)
    assert listener.events == [("begin", 6, 7, 6), ("end",)]


def test_without_a_checkpoint_resume_starts_at_the_beginning(fit, X, tmp_path):
    assert bits(resume(fit, X, tmp_path / "run.ckpt")) == bits(fit(X, **SETTINGS))
    assert (tmp_path / "run.ckpt").is_file()


def test_without_resume_a_checkpoint_is_ignored_and_replaced(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"
    path.write_bytes(b"no checkpoint at all")
    listener = Listener()
    fit(X, **SETTINGS, fit_options={"checkpoint": path, "callbacks": [listener]})
    assert listener.events[0] == ("begin", 6, 7, 0)
    assert bits(resume(fit, X, path)) == bits(fit(X, **SETTINGS))


def test_short_epochs_are_not_all_written(fit, X, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_SECONDS_BETWEEN", 1e6)
    held = []

    class Look(Callback):
        def on_batch_end(self, *, epoch):
            file = tmp_path / "run.ckpt"
            held.append(len(read_tensors(file)[1]["history"]) if file.exists() else 0)

    fit(X, **SETTINGS, fit_options={"checkpoint": tmp_path / "run.ckpt", "callbacks": [Look()]})
    assert set(held) == {0, 1}  # the first epoch is kept at once, the others wait
    assert len(read_tensors(tmp_path / "run.ckpt")[1]["history"]) == SETTINGS["max_epochs"]  # but the last


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"random_state": 1}, ["seed: 0 there, 1 here"]),
        ({"n_hidden": 9}, ["hidden: [8] there, [9] here", "decoder_hidden: [8] there, [9] here"]),
        ({"objective": "exact"}, ["objective: 'collapsed' there, 'exact' here"]),
        ({"learning_rate": 0.01}, ["learning_rate: 0.001 there, 0.01 here"]),
        ({"max_epochs": 12}, ["n_epochs: 6 there, 12 here", "plain_epochs: 1 there, 3 here"]),
        ({"augment": "affine"}, ["augment: None there, 'affine' here"]),
        ({"precision": "bf16"}, ["bfloat16: False there, True here"]),
    ],
)
def test_other_settings_are_refused_by_name(fit, X, tmp_path, change, words):
    path = tmp_path / "run.ckpt"
    interrupt(fit, X, path, 2)
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        resume(fit, X, path, **change)
    message = str(caught.value)
    assert message.startswith(f"checkpoint {path} belongs to another run (")
    assert message.endswith("): use the same settings and data, or remove it to start anew")
    between = message.split("another run (", 1)[1].rsplit("): use", 1)[0]
    assert sorted(between.split("; ")) == sorted(words)
    assert path.read_bytes() == before


def test_other_data_are_refused(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"
    interrupt(fit, X, path, 2)
    changed = X.copy()
    changed[50, 3, 3] ^= 1
    with pytest.raises(
        CheckpointError, match=r"another run \(data: '[0-9a-f]{32}' there, '[0-9a-f]{32}' here\)"
    ):
        resume(fit, changed, path)
    with pytest.raises(CheckpointError, match=r"n_samples: 100 there, 99 here"):
        resume(fit, X[:99], path)
    with pytest.raises(CheckpointError, match=r"item_shape: \[8, 8\] there, \[64\] here"):
        resume(fit, X.reshape(100, 64), path)


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_a_truncated_checkpoint_is_told(fit, X, tmp_path, kept):
    path = tmp_path / "run.ckpt"
    interrupt(fit, X, path, 2)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StorageError, match=rf"^{path} cannot be read: "):
        resume(fit, X, path)


def test_a_tensor_file_of_someone_else_is_refused(fit, X, tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "run.ckpt"
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="belongs to another run"):
        resume(fit, X, path)


def test_a_saved_model_is_no_checkpoint(fit, X, tmp_path):
    fit(X, **SETTINGS).save(tmp_path / "model")
    with pytest.raises(StorageError, match="cannot be read"):
        resume(fit, X, tmp_path / "model")


def test_a_checkpoint_that_cannot_be_written_is_told(fit, X, tmp_path):
    path = tmp_path / "missing" / "run.ckpt"
    with pytest.raises(StorageError, match=rf"^cannot write {path}: no such file or directory$"):
        fit(X, **SETTINGS, fit_options={"checkpoint": path})


def test_an_interrupted_model_is_not_fitted(X):
    model = GMVAE(3, n_hidden=8, **SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, callbacks=[StopAfter(1)])
    assert not hasattr(model, "module_")
