"""Who listens to training: callbacks, plain lines, TensorBoard."""

from __future__ import annotations

import builtins
import re

import numpy as np
import pytest

from labelwise.errors import MissingExtraError
from labelwise.gmvae import Callback, TensorBoard
from labelwise.nn.progress import describe

LINE = (
    r"epoch {epoch}/{n}: loss (-?\d+\.\d\d) = reconstruction (-?\d+\.\d\d) \+ KL z (-?\d+\.\d\d) "
    r"\+ KL c (-?\d+\.\d\d) nats(, \d+ components active| \(plain VAE\))"
)


class Everything(Callback):
    """Keeps every event."""

    def __init__(self):
        self.events = []

    def on_train_begin(self, **told):
        self.events.append(("begin", told))

    def on_batch_end(self, **told):
        self.events.append(("batch", told))

    def on_epoch_end(self, **told):
        self.events.append(("epoch", told))

    def on_train_end(self, **told):
        self.events.append(("end", told))


def test_events_come_in_order_with_keywords(fit, digits):
    listener = Everything()
    model = fit(digits[0][:50], batch_size=20, fit_options={"callbacks": [Callback(), listener]})
    assert listener.events == [
        ("begin", {"n_epochs": 2, "n_batches": 3, "first_epoch": 0}),
        *[("batch", {"epoch": 0})] * 3,
        ("epoch", {"record": model.history_[0]}),
        *[("batch", {"epoch": 1})] * 3,
        ("epoch", {"record": model.history_[1]}),
        ("end", {}),
    ]


def test_listeners_hear_of_the_end_when_an_error_ends_training(fit, digits):
    class Broken(Callback):
        def on_epoch_end(self, *, record):
            raise ZeroDivisionError

    listener = Everything()
    with pytest.raises(ZeroDivisionError):
        fit(digits[0][:50], fit_options={"callbacks": [listener, Broken()]})
    assert listener.events[-1] == ("end", {})


def test_listening_changes_no_bits(fit, digits):
    X = digits[0][:50]
    silent, watched = fit(X), fit(X, verbose=1, fit_options={"callbacks": [Everything()]})
    assert silent.predict_proba(X).tobytes() == watched.predict_proba(X).tobytes()
    assert silent.history_ == watched.history_


def test_nothing_is_printed_unless_asked_for(fit, digits, capsys):
    fit(digits[0][:50])
    assert capsys.readouterr() == ("", "")


def test_progress_writes_plain_lines_off_a_terminal(fit, digits, capsys, monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("labelwise.nn.progress._SECONDS_BETWEEN_LINES", -1)
    model = fit(digits[0][:50], max_epochs=4, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 4
    for epoch, (line, record) in enumerate(zip(lines, model.history_, strict=True), start=1):
        match = re.fullmatch(LINE.format(epoch=epoch, n=4), line)
        assert match, line
        numbers = [float(number) for number in match.groups()[:4]]
        expected = [record[name] for name in ("loss", "reconstruction", "kl_z", "kl_c")]
        np.testing.assert_allclose(numbers, expected, atol=0.0051)
        plain = record["phase"] == "plain"
        expected = " (plain VAE)" if plain else f", {record['n_active_components']} components active"
        assert match[5] == expected


def test_quick_epochs_share_a_line(fit, digits, capsys, monkeypatch):
    monkeypatch.setattr("labelwise.nn.progress._SECONDS_BETWEEN_LINES", 1e9)
    fit(digits[0][:50], max_epochs=5, verbose=1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 5/5"]  # the last one is always told


def test_progress_says_where_it_resumes(fit, digits, capsys, tmp_path):
    options = {"checkpoint": tmp_path / "run.ckpt", "resume": True}
    fit(digits[0][:50], fit_options=options)
    fit(digits[0][:50], verbose=1, fit_options=options)
    assert capsys.readouterr().err.splitlines() == ["resuming after epoch 2 of 2"]


def test_a_record_in_words():
    record = {"loss": 12.345, "reconstruction": 10.0, "kl_z": 1.5, "kl_c": 0.845, "n_active_components": 7}
    words = "loss 12.35 = reconstruction 10.00 + KL z 1.50 + KL c 0.84 nats"
    assert describe(record | {"loss": 12.346, "kl_c": 0.844}) == f"{words}, 7 components active"
    plain = record | {"loss": 12.346, "kl_c": 0.844, "n_active_components": None}
    assert describe(plain) == f"{words} (plain VAE)"


# tensorboard and its protobuf give deprecation warnings of their own when they are imported.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_tensorboard_gets_every_number_of_every_epoch(fit, digits, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    listener = TensorBoard(tmp_path / "log")
    model = fit(digits[0][:50], max_epochs=3, fit_options={"callbacks": [listener]})
    log = EventAccumulator(str(tmp_path / "log")).Reload()
    for name in ("loss", "reconstruction", "kl_z", "kl_c"):
        events = log.Scalars(name)
        assert [event.step for event in events] == [1, 2, 3]
        expected = [record[name] for record in model.history_]
        np.testing.assert_allclose([event.value for event in events], expected, rtol=1e-6)
    assert [event.step for event in log.Scalars("n_active_components")] == [2, 3]
    assert "epoch" not in log.Tags()["scalars"]


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def fail(name, *arguments, **options):
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(MissingExtraError) as caught:
        TensorBoard(tmp_path)
    assert str(caught.value) == (
        'TensorBoard logging needs tensorboard, which is not installed: pip install "labelwise[tensorboard]"'
    )
