"""Predictions of more items than memory holds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from labelwise import GMVAE, UNLABELED, SoftDecoder, load, predict_parts
from labelwise.answerer import DecoderAnswerer
from labelwise.errors import DataError, MissingExtraError, ParameterError, StorageError
from labelwise.events import Cancelled
from labelwise.project import together
from labelwise.workers import Workers

DIGITS = load_digits()
X = (DIGITS.images[:250] * 15).astype(np.uint8)


def of_labels(*classes):
    """An answerer that knows some classes."""
    gmvae = GMVAE(12, n_latent=4, n_hidden=32, n_layers=1, max_epochs=5, device="cpu", random_state=0).fit(X)
    y = np.where(np.isin(DIGITS.target[:250], classes), DIGITS.target[:250], UNLABELED)
    return DecoderAnswerer(gmvae, SoftDecoder().fit(gmvae.encode(X), y))


@pytest.fixture(scope="module")
def answerer():
    return of_labels(*range(10))


@pytest.fixture
def source(tmp_path):
    np.save(tmp_path / "items.npy", X)
    return tmp_path / "items.npy"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "answers"


def test_parts_are_the_predictions_in_files(answerer, source, folder):
    events = []
    found = predict_parts(answerer, source, folder, part_size=100, listen=events.append)
    table = pd.read_parquet(folder)  # all of them, as one table
    assert table["index"].tolist() == list(range(250))
    assert table["label"].tolist() == answerer.predict(X).astype(str).tolist()
    np.testing.assert_allclose(table["probability"], answerer.predict_proba(X).max(axis=1), rtol=1e-5)
    assert [file.name for file in sorted(folder.glob("part*"))] == [f"part-0000{n}.parquet" for n in range(3)]
    assert (found.n_samples, found.n_parts, found.n_resumed, found.n_without_answer) == (250, 3, 0, 0)
    assert [event.fraction for event in events] == [0, 0.4, 0.8, 1]


def test_doubtful_answers_are_left_out(answerer, source, folder):
    found = predict_parts(answerer, source, folder, part_size=100, abstain=0.6)
    table = pd.read_parquet(folder)
    assert ((table["label"] == "") == (table["probability"] < 0.6)).all()
    assert 0 < found.n_without_answer == (table["label"] == "").sum()


def test_what_was_cut_off_goes_on(answerer, source, folder, monkeypatch):
    predict_parts(answerer, source, folder.with_name("whole"), part_size=100)

    def stop(event):
        if event.fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        predict_parts(answerer, source, folder, part_size=100, listen=stop)
    asked, sizes = together.asked, []
    monkeypatch.setattr(together, "asked", lambda answerer, X: sizes.append(len(X)) or asked(answerer, X))
    found = predict_parts(answerer, source, folder, part_size=100)
    assert (found.n_resumed, sizes) == (2, [50])
    for file in folder.glob("part*"):
        assert file.read_bytes() == (folder.with_name("whole") / file.name).read_bytes()


@pytest.mark.parametrize("change", ["part_size", "abstain", "answerer", "source_files"])
def test_predictions_of_another_kind_are_kept_unless_overwritten(answerer, source, folder, change):
    predict_parts(answerer, source, folder, part_size=100)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    options = {"part_size": 100, "abstain": 0.0}
    if change == "source_files":
        np.save(source, X[:240])
    elif change == "answerer":
        answerer = of_labels(0, 1)
    else:
        options[change] = {"part_size": 200, "abstain": 0.5}[change]
    with pytest.raises(StorageError, match=f"another {change.replace('_', ' ')}"):
        predict_parts(answerer, source, folder, **options)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    found = predict_parts(answerer, source, folder, **options, overwrite=True)
    assert found.n_resumed == 0
    assert len(list(folder.glob("part*"))) == found.n_parts
    assert len(pd.read_parquet(folder)) == found.n_samples


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(answerer, source, folder, overwrite):
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(StorageError, match="holds something else"):
        predict_parts(answerer, source, folder, overwrite=overwrite)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]


def test_a_damaged_part_is_named(answerer, source, folder):
    predict_parts(answerer, source, folder, part_size=100)
    (folder / "part-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(StorageError, match=r"part-00001\.parquet is damaged: remove it"):
        predict_parts(answerer, source, folder, part_size=100)


def test_nothing_is_made_for_what_cannot_be_read(answerer, source, folder):
    with pytest.raises(DataError):
        predict_parts(answerer, source.with_name("nowhere.npy"), folder)
    with pytest.raises(ParameterError):
        predict_parts(answerer, source, folder, abstain=1.5)
    with pytest.raises(ParameterError):
        predict_parts(answerer, source, folder, part_size=0)
    assert not folder.exists()


def test_items_of_another_shape_leave_no_part(answerer, source, folder):
    np.save(source, X[:, :5])
    with pytest.raises(DataError, match="shape"):
        predict_parts(answerer, source, folder)
    assert not list(folder.glob("part*"))
    np.save(source, X)  # nothing is there that would have to be overwritten
    assert predict_parts(answerer, source, folder).n_samples == 250


def test_a_data_set_that_has_a_name(answerer, folder):
    for _ in range(2):
        found = predict_parts(answerer, "digits", folder, part_size=1000)
    assert (found.n_samples, found.n_parts, found.n_resumed) == (1797, 2, 2)


def test_images_keep_their_paths(answerer, tmp_path, folder):
    (tmp_path / "images").mkdir()
    for row, pixels in enumerate(X[:7]):
        Image.fromarray(pixels).save(tmp_path / f"images/{row}.png")
    predict_parts(answerer, tmp_path / "images", folder, part_size=3)
    table = pd.read_parquet(folder)
    assert table["path"].tolist() == [f"{row}.png" for row in range(7)]
    assert table["label"].tolist() == answerer.predict(X[:7]).astype(str).tolist()


def test_a_saved_answerer_goes_on_with_what_it_began(answerer, source, folder, tmp_path):
    predict_parts(answerer, source, folder, part_size=100)
    (folder / "part-00002.parquet").unlink()
    answerer.save(tmp_path / "saved")
    assert predict_parts(load(tmp_path / "saved"), source, folder, part_size=100).n_resumed == 2


def test_without_pyarrow(answerer, source, folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pyarrow"):
        predict_parts(answerer, source, folder)
    assert not folder.exists()


@pytest.fixture
def shards(tmp_path):
    """Items in three files, of which the first has two parts."""
    (tmp_path / "shards").mkdir()
    for number, (start, stop) in enumerate([(0, 130), (130, 140), (140, 250)]):
        np.savez(tmp_path / f"shards/{number}.npz", X=X[start:stop])
    return tmp_path / "shards"


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix == ".parquet"}


class TestSeveralProcesses:
    @pytest.mark.parametrize("kind", ["source", "shards"])
    def test_answer_as_one_does(self, request, answerer, kind, tmp_path):
        source = request.getfixturevalue(kind)
        alone = predict_parts(answerer, source, tmp_path / "alone", part_size=70)
        events = []
        together = predict_parts(
            answerer, source, tmp_path / "both", part_size=70, workers=Workers(2), listen=events.append
        )
        assert contents(tmp_path / "both") == contents(tmp_path / "alone")
        assert (
            (together.n_samples, together.n_parts)
            == (alone.n_samples, alone.n_parts)
            == (250, 4 + (kind != "source"))
        )
        assert events[-1].fraction == 1
        assert not (tmp_path / "both" / "_answerer").exists()

    def test_go_on_with_what_is_missing(self, answerer, shards, folder):
        predict_parts(answerer, shards, folder, part_size=70)
        before = contents(folder)
        (folder / "part-00002.parquet").unlink()
        (folder / "part-00004.parquet").unlink()
        found = predict_parts(answerer, shards, folder, part_size=70, workers=Workers(2))
        assert (found.n_parts, found.n_resumed, found.n_samples) == (5, 3, 250)
        assert contents(folder) == before

    def test_errors_are_those_of_one(self, answerer, shards, folder):
        np.savez(shards / "3.npz", X=X[:20, :5])
        with pytest.raises(DataError, match="5, 8"):
            predict_parts(answerer, shards, folder, part_size=70, workers=Workers(2))

    def test_cannot_skip_images(self, answerer, tmp_path, folder):
        (tmp_path / "images").mkdir()
        Image.fromarray(X[0]).save(tmp_path / "images/a.png")
        with pytest.raises(ParameterError, match="--skip-unreadable"):
            predict_parts(answerer, tmp_path / "images", folder, workers=Workers(2), on_unreadable="skip")


@pytest.mark.slow
def test_a_dask_cluster_answers_as_one_process_does(answerer, shards, tmp_path):
    pytest.importorskip("distributed")
    predict_parts(answerer, shards, tmp_path / "alone", part_size=70)
    answerer.save(tmp_path / "answerer")
    # A process of its own: the cluster's libraries change warnings and signals of the process they live in.
    code = """
import os, sys
from distributed import LocalCluster
from labelwise.cli.main import main
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        os.chdir(sys.argv.pop(1))  # workers stay where they were
        sys.argv += ["--backend", "dask", "--address", cluster.scheduler_address]
        main()
"""
    script = tmp_path / "dask_decode.py"
    script.write_text(code)
    arguments = [tmp_path, "decode", "answerer", "shards", "-o", "answers", "--part-size", 70]
    result = subprocess.run(
        [sys.executable, "-W", "ignore", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "250 items answered" in result.stdout
    assert contents(tmp_path / "answers") == contents(tmp_path / "alone")
