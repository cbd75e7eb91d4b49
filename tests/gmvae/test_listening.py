"""What training and encoding report: events, lines, TensorBoard."""

from __future__ import annotations

import builtins
import re

import numpy as np
import pytest

from labelwise.errors import MissingExtraError, ParameterError
from labelwise.events import Cancelled
from labelwise.gmvae import TensorBoard
from labelwise.gmvae.training import describe

LINE = (
    r"epoch {epoch}/{n}: loss (-?\d+\.\d\d) = reconstruction (-?\d+\.\d\d) \+ KL z (-?\d+\.\d\d) "
    r"\+ KL c (-?\d+\.\d\d) nats(, \d+ components active| \(plain VAE\))"
)


def test_training_reports_each_batch_and_each_epoch(fit, digits):
    events = []
    model = fit(digits[0][:50], batch_size=20, fit_options={"listen": events.append})
    training = [event for event in events if event.stage == "training"]
    assert [event.fraction for event in training] == [0, 1 / 6, 2 / 6, 0.5, 4 / 6, 5 / 6, 1]
    for number, event in enumerate(training):
        if number in (3, 6):
            record = model.history_[number // 3 - 1]
            assert event.numbers == {name: value for name, value in record.items() if name != "phase"}
            assert event.message == f"epoch {number // 3}/2: {describe(record)}"
        else:
            assert (event.message, event.numbers) == ("", {})


def test_stages_follow_each_other_and_each_ends_at_1(fit, digits):
    events = []
    fit(digits[0][:50], fit_options={"listen": events.append})
    stages = [event.stage for event in events]
    assert stages == sorted(stages, key=["training", "encoding"].index)
    for stage in ("training", "encoding"):
        fractions = [event.fraction for event in events if event.stage == stage]
        assert fractions[0] == 0
        assert (np.diff(fractions) > 0).all()
        assert fractions[-1] == 1


def test_encoding_reports_each_batch(digits, digits_model, monkeypatch):
    monkeypatch.setattr("labelwise.gmvae.training._INFERENCE_BATCH", 20)
    events = []
    encoding = digits_model.encode(digits[0][:50], listen=events.append)
    assert {event.stage for event in events} == {"encoding"}
    assert [event.fraction for event in events] == [0, 0.4, 0.8, 1]
    np.testing.assert_array_equal(encoding.latents, digits_model.encode(digits[0][:50]).latents)


def test_encoding_can_be_cancelled(digits, digits_model):
    def stop(event):
        raise Cancelled

    with pytest.raises(Cancelled):
        digits_model.encode(digits[0][:50], listen=stop)


def test_what_cannot_be_called_is_refused_before_the_work(fit, digits, digits_model):
    with pytest.raises(ParameterError, match=r"^listen=\[\] must be a function"):
        fit(digits[0][:50], fit_options={"listen": []})
    with pytest.raises(ParameterError, match=r"^listen=\[\] must be a function"):
        digits_model.encode(digits[0][:50], listen=[])


def test_listening_changes_no_bits(fit, digits, capsys):
    X = digits[0][:50]
    silent, watched = fit(X), fit(X, verbose=1, fit_options={"listen": [].append})
    assert capsys.readouterr().err
    assert silent.predict_proba(X).tobytes() == watched.predict_proba(X).tobytes()
    assert silent.history_ == watched.history_


def test_nothing_is_printed_unless_asked_for(fit, digits, capsys):
    fit(digits[0][:50])
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def no_terminal(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def test_verbose_writes_plain_lines_off_a_terminal(fit, digits, capsys, monkeypatch, no_terminal):
    monkeypatch.setattr("labelwise.progress._SECONDS_BETWEEN_LINES", -1)
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


def test_quick_epochs_share_a_line(fit, digits, capsys, no_terminal):
    fit(digits[0][:50], max_epochs=5, verbose=1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 5/5"]  # the last one is always shown


def test_verbose_says_where_training_resumes(fit, digits, capsys, tmp_path, no_terminal):
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
class TestTensorBoard:
    @pytest.fixture
    def read(self, tmp_path):
        pytest.importorskip("tensorboard")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        return lambda: EventAccumulator(str(tmp_path)).Reload()

    def test_it_gets_every_number_of_every_epoch(self, fit, digits, tmp_path, read):
        model = fit(digits[0][:50], max_epochs=3, fit_options={"listen": TensorBoard(tmp_path)})
        log = read()
        for name in ("loss", "reconstruction", "kl_z", "kl_c"):
            events = log.Scalars(name)
            assert [event.step for event in events] == [1, 2, 3]
            expected = [record[name] for record in model.history_]
            np.testing.assert_allclose([event.value for event in events], expected, rtol=1e-6)
        assert [event.step for event in log.Scalars("n_active_components")] == [2, 3]
        assert "epoch" not in log.Tags()["scalars"]

    def test_epochs_before_training_was_cancelled_are_in_the_log(self, fit, digits, tmp_path, read):
        board = TensorBoard(tmp_path)

        def stop_after_two(event):
            board(event)
            if event.numbers.get("epoch") == 2:
                raise Cancelled

        with pytest.raises(Cancelled):
            fit(digits[0][:50], max_epochs=3, fit_options={"listen": stop_after_two})
        assert [event.step for event in read().Scalars("loss")] == [1, 2]
        board.close()


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
