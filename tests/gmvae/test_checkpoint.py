"""A run that was stopped and resumed gives the bits of a run without a break."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from labelwise import GMVAE
from labelwise.errors import CheckpointError, StorageError
from labelwise.events import Cancellable, Cancelled
from labelwise.nn import checkpoint
from labelwise.storage import read_tensors

# The plain phase is one epoch of these six, and two of nine: the k-means start comes right after it.
N_EPOCHS, SETTINGS = 6, {"max_epochs": 6, "batch_size": 16, "learning_rate": 1e-3}


class StopAfter:
    """Stop after some epochs, or in the middle of the epoch after them: by Ctrl-C unless told otherwise."""

    def __init__(self, n_epochs, *, midway=False, stop=KeyboardInterrupt):
        self._n_epochs, self._midway, self._stop, self._done = n_epochs, midway, stop, 0

    def __call__(self, event):
        if self._midway and self._done == self._n_epochs and not event.numbers:
            raise self._stop
        self._done = event.numbers.get("epoch", self._done)
        if not self._midway and self._done == self._n_epochs:
            raise self._stop


def epochs_of(events):
    """Epochs that were trained while somebody listened."""
    return [event.numbers["epoch"] for event in events if event.numbers]


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "_SECONDS_BETWEEN", 0)


@pytest.fixture
def X(digits):
    return digits[0][:100]


def bits(model):
    return {name: tensor.numpy().tobytes() for name, tensor in model.module_.state_dict().items()}


def interrupt(fit, X, path, n_epochs, *, midway=False, stop=KeyboardInterrupt, **settings):
    listen = StopAfter(n_epochs, midway=midway, stop=stop)
    with pytest.raises(stop):
        fit(X, **SETTINGS | settings, fit_options={"checkpoint": path, "listen": listen})


def resume(fit, X, path, listen=None, **settings):
    options = {"checkpoint": path, "resume": True, "listen": listen}
    return fit(X, **SETTINGS | settings, fit_options=options)


@pytest.mark.parametrize(("midway", "stop"), [(False, KeyboardInterrupt), (True, Cancelled)])
@pytest.mark.parametrize("n_epochs", [1, 2, 3, 5])
@pytest.mark.parametrize("objective", ["collapsed", "exact"])
def test_a_resumed_run_has_the_same_bits(fit, X, tmp_path, objective, n_epochs, midway, stop):
    path = tmp_path / "run.ckpt"
    options = {"objective": objective, "init": "kmeans", "augment": "affine", "max_epochs": 9}
    whole = fit(X, **SETTINGS | options)
    assert [record["phase"] for record in whole.history_[:3]] == ["plain", "plain", "mixture"]
    interrupt(fit, X, path, n_epochs, midway=midway, stop=stop, **options)
    assert len(read_tensors(path)[1]["history"]) == n_epochs
    events = []
    resumed = resume(fit, X, path, events.append, **options)
    assert events[0].fraction == n_epochs / 9
    assert epochs_of(events) == list(range(n_epochs + 1, 10))
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
    events = []
    assert bits(resume(fit, X, str(path), events.append)) == bits(whole)
    assert [event.fraction for event in events if event.stage == "training"] == [1]
    assert epochs_of(events) == []


def test_without_a_checkpoint_resume_starts_at_the_beginning(fit, X, tmp_path):
    assert bits(resume(fit, X, tmp_path / "run.ckpt")) == bits(fit(X, **SETTINGS))
    assert (tmp_path / "run.ckpt").is_file()


def test_without_resume_a_checkpoint_is_ignored_and_replaced(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"
    path.write_bytes(b"no checkpoint at all")
    events = []
    fit(X, **SETTINGS, fit_options={"checkpoint": path, "listen": events.append})
    assert epochs_of(events) == list(range(1, 7))
    assert bits(resume(fit, X, path)) == bits(fit(X, **SETTINGS))


def test_short_epochs_are_not_all_written(fit, X, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_SECONDS_BETWEEN", 1e6)
    held = []

    def look(event):
        file = tmp_path / "run.ckpt"
        if event.stage == "training" and event.fraction < 1:
            held.append(len(read_tensors(file)[1]["history"]) if file.exists() else 0)

    fit(X, **SETTINGS, fit_options={"checkpoint": tmp_path / "run.ckpt", "listen": look})
    assert set(held) == {0, 1}  # the first epoch is kept at once, the others wait
    assert len(read_tensors(tmp_path / "run.ckpt")[1]["history"]) == SETTINGS["max_epochs"]  # but the last


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"random_state": 1}, ["seed: 0 there, 1 here"]),
        ({"n_hidden": 9}, ["hidden: [8] there, [9] here", "decoder_hidden: [8] there, [9] here"]),
        ({"objective": "exact"}, ["objective: 'collapsed' there, 'exact' here"]),
        ({"learning_rate": 0.01}, ["learning_rate: 0.001 there, 0.01 here"]),
        (
            {"max_epochs": 12},
            ["kl_steps: 3 there, 10 here", "n_epochs: 6 there, 12 here", "plain_epochs: 1 there, 3 here"],
        ),
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
def test_a_truncated_checkpoint_is_refused(fit, X, tmp_path, kept):
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


def test_a_checkpoint_that_cannot_be_written_is_an_error(fit, X, tmp_path):
    path = tmp_path / "missing" / "run.ckpt"
    with pytest.raises(StorageError, match=rf"^cannot write {path}: no such file or directory$"):
        fit(X, **SETTINGS, fit_options={"checkpoint": path})


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_an_interrupted_model_is_not_fitted(X, stop):
    model = GMVAE(3, n_hidden=8, **SETTINGS)
    with pytest.raises(stop):
        model.fit(X, listen=StopAfter(1, stop=stop))
    assert not hasattr(model, "module_")


def test_cancelled_while_encoding_after_training_it_resumes_without_training(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"

    def stop(event):
        if event.stage == "encoding":
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(X, **SETTINGS, fit_options={"checkpoint": path, "listen": stop})
    events = []
    assert bits(resume(fit, X, path, events.append)) == bits(fit(X, **SETTINGS))
    assert epochs_of(events) == []


def test_another_thread_can_cancel(fit, X, tmp_path):
    path = tmp_path / "run.ckpt"
    events = []
    listen = Cancellable(events.append)

    def cancel_after_two_epochs(event):
        listen(event)
        if event.numbers.get("epoch") == 2:
            thread = threading.Thread(target=listen.cancel)
            thread.start()
            thread.join()

    with pytest.raises(Cancelled, match="training"):
        fit(X, **SETTINGS, fit_options={"checkpoint": path, "listen": cancel_after_two_epochs})
    assert epochs_of(events) == [1, 2]
    assert bits(resume(fit, X, path)) == bits(fit(X, **SETTINGS))
