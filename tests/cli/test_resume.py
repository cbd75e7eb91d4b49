"""A run that is stopped goes on where it was and ends with the same bytes, whatever stopped it."""

from __future__ import annotations

import json
import re
import signal
import sys
import time

import pytest

from cli.conftest import TINY, finish, labelwise, start_labelwise

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

N_EPOCHS = 40
# Epochs of so small a model take milliseconds: write each of them, and leave time to be stopped between them.
SLOWLY = """
import signal, time
import labelwise.nn.checkpoint as checkpoint
checkpoint._SECONDS_BETWEEN = 0.0
# A shell that runs the tests in the background has them ignore Ctrl-C, and processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
keep = checkpoint.CheckpointFile.keep
def keep_slowly(self, run, *, last):
    keep(self, run, last=last)
    time.sleep(0.2)
checkpoint.CheckpointFile.keep = keep_slowly
"""


def arguments(place, output, *more, epochs=N_EPOCHS):
    return ["train", place / "digits.npz", "-o", output, "--epochs", epochs, *TINY, *more]


def content(model):
    return {str(file.relative_to(model)): file.read_bytes() for file in model.rglob("*") if file.is_file()}


def wait_for(path, process, seconds=60.0):
    """Wait until a file is there; fail if the process ends before."""
    until = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(place):
    """What a run without a break leaves."""
    outcome = labelwise(*arguments(place, place / "whole"))
    assert outcome.code == 0, outcome
    return content(place / "whole")


def stop_by(how, place, folder):
    """Start a run, stop it by a signal once a checkpoint is there, and return what it said."""
    model = folder / "model"
    process = start_labelwise(*arguments(place, model), setup=SLOWLY)
    try:
        wait_for(folder / "model.checkpoint", process)
        process.send_signal(how)
    except BaseException:
        process.kill()
        raise
    outcome = finish(process)
    assert not model.exists()
    assert (folder / "model.checkpoint").exists()
    return outcome


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
class TestStopped:
    def test_killed_and_resumed_it_ends_with_the_same_bytes(self, place, tmp_path, uninterrupted):
        outcome = stop_by(signal.SIGKILL, place, tmp_path)
        assert outcome.code == -signal.SIGKILL
        resumed = labelwise(*arguments(place, tmp_path / "model", "--resume"))
        assert resumed.code == 0, resumed
        (line,) = [line for line in resumed.err.splitlines() if "resuming" in line]
        (epoch,) = [int(number) for number in re.findall(r"\d+", line) if int(number) != N_EPOCHS]
        assert 1 <= epoch < N_EPOCHS
        assert content(tmp_path / "model") == uninterrupted
        # Nothing is left of the checkpoint; a kill may leave its half-written neighbour.
        assert not (tmp_path / "model.checkpoint").exists()

    def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(self, place, tmp_path, uninterrupted):
        outcome = stop_by(signal.SIGINT, place, tmp_path)
        assert outcome.code == 1
        assert outcome.out == ""
        assert outcome.err.splitlines()[-1].startswith("labelwise: stopped; ")
        assert "--resume" in outcome.err.splitlines()[-1]
        assert "Traceback" not in outcome.err
        resumed = labelwise(*arguments(place, tmp_path / "model", "--resume"))
        assert resumed.code == 0, resumed
        assert content(tmp_path / "model") == uninterrupted
        assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.fixture
def unfinished(place, tmp_path, monkeypatch):
    """The folder of a model whose training was stopped by Ctrl-C after its third epoch, in this process."""
    from labelwise.nn import checkpoint

    keep = checkpoint.CheckpointFile.keep

    def keep_and_stop(self, run, *, last):
        keep(self, run, last=True)
        if run.epoch == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.CheckpointFile, "keep", keep_and_stop)
        outcome = labelwise(*arguments(place, tmp_path / "model", epochs=6))
    assert outcome.code == 1
    assert (tmp_path / "model.checkpoint").exists()
    return tmp_path / "model"


class TestStartingAgain:
    def test_without_saying_so_it_is_refused(self, place, unfinished):
        before = unfinished.with_name("model.checkpoint").read_bytes()
        reason = labelwise(*arguments(place, unfinished, epochs=6)).reason()
        for value in (f"{unfinished}.checkpoint", "--resume", "--overwrite"):
            assert value in reason
        assert unfinished.with_name("model.checkpoint").read_bytes() == before

    def test_resumed(self, place, unfinished, tmp_path):
        outcome = labelwise(*arguments(place, unfinished, "--resume", epochs=6))
        assert outcome.code == 0
        assert any("resuming" in line and " 3 " in line for line in outcome.err.splitlines())
        whole = tmp_path / "whole"
        assert labelwise(*arguments(place, whole, epochs=6)).code == 0
        assert content(unfinished) == content(whole)

    def test_other_settings_are_named(self, place, unfinished):
        outcome = labelwise(*arguments(place, unfinished, "--resume", "--seed", 5, "--latent", 3, epochs=9))
        assert outcome.code == 1
        reason = outcome.err.splitlines()[-1]
        assert f"{unfinished}.checkpoint belongs to another run" in reason
        for difference in (
            "n_epochs: 6 ",
            "n_latent: 4 ",
            "seed: 0 ",
        ):
            assert difference in reason
        assert "n_components" not in reason
        assert unfinished.with_name("model.checkpoint").exists()

    def test_other_data_are_named(self, place, unfinished, tmp_path):
        import numpy as np

        with np.load(place / "digits.npz") as arrays:
            np.savez(tmp_path / "other.npz", X=255 - arrays["X"])
        outcome = labelwise(
            "train", tmp_path / "other.npz", "-o", unfinished, "--epochs", 6, *TINY, "--resume"
        )
        reason = outcome.reason("other.npz: 300 images of 8x8, uint8, no labels")
        assert "data: '" in reason
        assert "seed" not in reason

    def test_a_damaged_checkpoint(self, place, unfinished):
        path = unfinished.with_name("model.checkpoint")
        path.write_bytes(path.read_bytes()[:1000])
        outcome = labelwise(*arguments(place, unfinished, "--resume", epochs=6))
        assert outcome.code == 1
        assert f"{path} cannot be read" in outcome.err.splitlines()[-1]

    def test_overwriting_starts_anew(self, place, unfinished, tmp_path):
        outcome = labelwise(*arguments(place, unfinished, "--overwrite", "--seed", 5, epochs=6))
        assert outcome.code == 0
        assert "resuming" not in outcome.err
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model"]
        assert labelwise(*arguments(place, tmp_path / "fresh", "--seed", 5, epochs=6)).code == 0
        assert content(unfinished) == content(tmp_path / "fresh")

    def test_stopped_before_the_first_epoch_was_done(self, place, tmp_path, monkeypatch):
        from labelwise.gmvae import training

        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(training.Phase, "run_epoch", stop)
        outcome = labelwise(*arguments(place, tmp_path / "model"))
        assert outcome.code == 1
        assert outcome.err.splitlines()[-1] == "labelwise: stopped; nothing was finished"
        assert list(tmp_path.iterdir()) == []


class TestFinished:
    @pytest.fixture
    def model(self, place, tmp_path):
        assert labelwise(*arguments(place, tmp_path / "model", epochs=2)).code == 0
        return tmp_path / "model"

    def test_there_is_nothing_to_resume(self, place, model):
        before = content(model)
        outcome = labelwise(*arguments(place, model, "--resume", epochs=2))
        assert outcome.code == 0
        assert f"{model} is complete already" in outcome.err
        assert json.loads(labelwise(*arguments(place, model, "--resume", "--json", epochs=2)).out) == {
            "project": str(model),
            "complete_already": True,
        }
        assert content(model) == before

    def test_a_model_of_other_settings_is_not_taken_for_this_run(self, place, model):
        before = content(model)
        outcome = labelwise(*arguments(place, model, "--resume", "--seed", 5, epochs=3))
        reason = outcome.reason("digits.npz: 300 images of 8x8, uint8, 10 classes")
        for value in (f"{model} belongs to another run", "max_epochs: 2 ", "random_state: 0 ", "--overwrite"):
            assert value in reason
        assert content(model) == before

    def test_equal_runs_write_equal_bytes(self, place, model, tmp_path):
        assert labelwise(*arguments(place, tmp_path / "again", epochs=2)).code == 0
        assert content(model) == content(tmp_path / "again")

    def test_resuming_what_never_ran_is_a_fresh_run(self, place, model, tmp_path):
        assert labelwise(*arguments(place, tmp_path / "again", "--resume", epochs=2)).code == 0
        assert content(model) == content(tmp_path / "again")

    def test_the_manifest_says_where_the_data_came_from(self, place, model):
        manifest = json.loads((model / "manifest.json").read_text())
        assert manifest["data"]["place"] == str(place / "digits.npz")
        assert (manifest["data"]["name"], manifest["n_samples"]) == ("digits.npz", 300)
