"""Several processes that train one model: real ones, on the loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelwise import GMVAE, Project
from labelwise.features.learned import LearnedFeaturizer
from labelwise.nn.launch import started
from labelwise.nn.processes import Group

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning"),
]

N = 330
QUICK = {"n_latent": 4, "n_hidden": 32, "n_layers": 2, "max_epochs": 4, "batch_size": 64}
QUICK |= {"precision": "fp32", "random_state": 0, "device": "cpu"}
MODELS = {
    # Where components start by k-means, rounding may decide where: here they do not, or the data are clear.
    "dense": {"features": "pixels", "encoder": "dense", "augment": None, "init": "random"},
    "convolutions": {"features": "pixels", "encoder": "conv", "augment": "affine"},
    "exact": {"features": "pixels", "encoder": "dense", "augment": "affine", "objective": "exact"},
    "learned": {  # few steps: rounding grows with each of them
        "features": LearnedFeaturizer("strokes", n_steps=6, precision="fp32", random_state=0),
        "init": "random",
    },
}
TRAIN = """
import numpy as np, sys
from tests.nn.test_processes import MODELS, QUICK, images
from labelwise import GMVAE
from labelwise.nn.processes import joined

with joined() as group:
    for name, settings in MODELS.items():
        gmvae = GMVAE(6, **QUICK, **settings).fit(images())
        losses = [record["loss"] for record in gmvae.history_]
        np.savez(f"{name}-{group.rank}.npz", losses=losses, posteriors=gmvae.predict_proba(images()))
"""
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def images():
    """Digits of 16x16 pixels; their number is no multiple of the batch's."""
    digits = np.kron(load_digits().images[:N] * 15, np.ones((2, 2)))
    return digits.astype(np.uint8)


def environment(**more):
    return {**os.environ, "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1", **more}


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def start_two(command, cwd):
    """What torchrun would start, as processes that can be killed one by one."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            [sys.executable, *map(str, command(rank))],
            cwd=cwd,
            env=environment(**where, RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def finish(processes):
    """Exit codes, and what they wrote to stderr."""
    try:
        said = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return [process.returncode for process in processes], said


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Models of two processes, started by torchrun."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*command, "train.py"], cwd=folder, env=environment(), check=True, timeout=300, capture_output=True
    )
    return folder


@pytest.mark.parametrize("name", MODELS)
class TestTwoProcesses:
    def test_have_the_same_model(self, trained, name):
        first, second = (np.load(trained / f"{name}-{rank}.npz") for rank in range(2))
        for values in ("losses", "posteriors"):
            np.testing.assert_array_equal(first[values], second[values])

    def test_have_the_model_of_one(self, trained, name):
        two = np.load(trained / f"{name}-0.npz")
        one = GMVAE(6, **QUICK, **MODELS[name]).fit(images())
        # Adam's first steps are as long for a gradient of 1e-7 as for one of 1: rounding grows.
        np.testing.assert_allclose(two["losses"], [record["loss"] for record in one.history_], rtol=1e-3)
        np.testing.assert_allclose(two["posteriors"], one.predict_proba(images()), atol=0.01)


@pytest.fixture
def place(tmp_path):
    np.savez(tmp_path / "images.npz", X=load_digits().images[:N].astype(np.uint8))
    return tmp_path


def train(*more, epochs=4, data="images.npz"):
    network = ["--components", 6, "--latent", 4, "--hidden", 32, "--layers", 1, "--precision", "fp32"]
    run = ["--epochs", epochs, "--batch-size", 64]
    return ["-m", "labelwise", "train", data, "-o", "p", *network, *run, *more]


class TestTraining:
    def test_that_lost_a_process_ends_and_goes_on(self, place):
        processes = start_two(lambda _: train(epochs=15), place)
        deadline = time.monotonic() + 100
        while not (place / "p.checkpoint").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        processes[1].send_signal(signal.SIGKILL)
        codes, said = finish(processes)
        assert codes == [1, -signal.SIGKILL]
        assert said[0].splitlines()[-1].startswith("labelwise: another process of this run has ended")
        assert "Traceback" not in said[0]
        assert not (place / "p").exists()
        codes, said = finish(start_two(lambda _: train("--resume", epochs=15), place))
        assert codes == [0, 0], said
        assert "resuming after epoch" in said[0]
        assert said[1] == ""
        history = Project.open(place / "p").gmvae.history_
        assert finish(start_two(lambda _: train("--overwrite", epochs=15), place))[0] == [0, 0]
        assert history == Project.open(place / "p").gmvae.history_

    def test_of_other_data_is_refused(self, place):
        np.savez(place / "others.npz", X=np.load(place / "images.npz")["X"][::-1])
        names = ["images.npz", "others.npz"]
        codes, said = finish(start_two(lambda rank: train(data=names[rank]), place))
        assert codes == [1, 1]
        assert said[1].startswith("labelwise: process 1 of 2: ")
        assert "data" in said[1]
        assert "another process has other data" in said[0].splitlines()[-1]
        assert not (place / "p").exists()

    def test_of_several_numbers_of_components_is_refused(self, place):
        codes, said = finish(start_two(lambda _: [*train(), "--components", "5,6"], place))
        assert codes == [1, 1]
        assert "--components" in said[0]


def test_other_commands_are_refused(place):
    codes, said = finish(start_two(lambda _: ["-m", "labelwise", "info", "p"], place))
    assert codes == [1, 1]
    assert "labelwise info without torchrun" in said[0]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_are_all_rows_once(n, size):
    shares = [Group(rank, size).share(n) for rank in range(size)]
    rows = np.concatenate([np.arange(n)[share.rows] for share in shares])
    np.testing.assert_array_equal(rows, np.arange(n))
    sizes = [share.rows.stop - share.rows.start for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("rank", "size"), [("", ""), ("0", ""), ("a", "2"), ("-1", "2")])
def test_an_environment_that_torchrun_did_not_make(monkeypatch, rank, size):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    assert started() == (0, 1)
