"""Exit code 1 and one line on stderr for whatever can go wrong with data, labels, models and places."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from cli.conftest import TINY, labelwise

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


@pytest.fixture
def train(tmp_path):
    """Train on some data in a moment; nothing may be left where it fails."""

    def train(data, *arguments, output=None):
        output = output or tmp_path / "new model"
        outcome = labelwise("train", data, "-o", output, "--epochs", 2, *TINY, *arguments)
        if outcome.code != 0 and output.parent == tmp_path:
            left = {entry.name for entry in tmp_path.iterdir()}
            assert not {name for name in left if name.startswith((".new model", "new model"))}
        return outcome

    return train


class TestData:
    @pytest.mark.parametrize(
        ("name", "start"),
        [
            (
                "digit",
                "'digit' is neither a known data set nor an existing path (did you mean 'digits'?): give ",
            ),
            (
                "nowhere/data.npz",
                "'nowhere/data.npz' is neither a known data set nor an existing path: give ",
            ),
        ],
    )
    def test_unknown(self, train, name, start):
        assert train(name).reason().startswith(start)

    def test_a_kind_that_cannot_be_read(self, train, tmp_path):
        (tmp_path / "data.doc").write_text("1 2 3")
        assert train(tmp_path / "data.doc").reason() == (
            f"{tmp_path / 'data.doc'} is not a kind of file that can be read: "
            "give an .npz, .npy, .csv, .parquet, .arrow, .feather, .txt or .jsonl file, "
            "or a folder of such files, images or IDX files"
        )

    @pytest.mark.parametrize("ending", [".npz", ".npy", ".csv", ".parquet"])
    def test_a_file_that_is_not_what_its_name_says(self, train, tmp_path, ending):
        if ending in (".csv", ".parquet"):
            pytest.importorskip("pyarrow")
        path = tmp_path / f"data{ending}"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
        reason = train(path).reason()
        assert reason.startswith(f"{path} is not a{'n' if ending.startswith('.n') else ''} {ending} file: ")
        assert "PNG" in reason

    def test_rows_that_hold_no_number(self, train, tmp_path):
        X = np.random.default_rng(0).random((40, 5))
        X[[3, 17], 2] = np.nan
        np.save(tmp_path / "data.npy", X)
        assert train(tmp_path / "data.npy").reason("data.npy: 40 rows of 5 features, float64, no labels") == (
            "2 rows of X hold NaN or infinity (rows 3, 17): drop or fill them first"
        )

    @pytest.mark.parametrize("shape", [(1, 8, 8), (1, 5), (0, 5)])
    def test_a_single_item(self, train, tmp_path, shape):
        np.savez(tmp_path / "data.npz", X=np.ones(shape, np.float32))
        outcome = train(tmp_path / "data.npz")
        assert (outcome.code, outcome.out) == (1, "")
        *_, reason = outcome.err.splitlines()
        assert reason.startswith("labelwise: ")
        assert "Traceback" not in outcome.err

    def test_fewer_items_than_components(self, train, tmp_path):
        np.save(tmp_path / "data.npy", np.random.default_rng(0).random((5, 4)))
        assert train(tmp_path / "data.npy").reason("data.npy: 5 rows of 4 features, float64, no labels") == (
            "n_samples=5 is less than n_components=12: lower n_components or bring more rows"
        )


DIGITS = "digits.npz: 300 images of 8x8, uint8, 10 classes"


class TestParameters:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--latent", 0], "n_latent=0 must be an integer of at least 1"),
            (["--learning-rate", -1], "learning_rate=-1.0 must be 'auto' or a finite number above 0"),
            (["--learning-rate", "nan"], "learning_rate=nan must be 'auto' or a finite number above 0"),
            (
                ["--latent", 0, "--batch-size", -2],
                "n_latent=0 must be an integer of at least 1; batch_size=-2 must be 'auto' or an integer "
                "of at least 1",
            ),
            (["--device", "abacus"], "device='abacus' is not available here: use 'auto' or 'cpu'"),
        ],
    )
    def test_of_the_model(self, train, place, arguments, reason):
        assert train(place / "digits.npz", *arguments).reason(DIGITS) == reason

    def test_a_negative_seed(self, train, place):
        reason = train(place / "digits.npz", "--seed", -1).reason(DIGITS)
        assert reason.startswith("random_state=-1 must be None, an integer from 0 ")

    def test_a_label_column_where_there_are_no_columns(self, train, place):
        path = place / "digits.npz"
        assert train(path, "--label-column", "y").reason() == (
            f"label_column='y' is for .csv, .jsonl, .parquet, .arrow, .feather files and folders of them, "
            f"not for {path}"
        )


class TestPlaces:
    @pytest.mark.parametrize("kind", ["folder", "file"])
    def test_something_is_there(self, train, place, tmp_path, kind):
        output = tmp_path / "taken"
        if kind == "folder":
            output.mkdir()
        else:
            output.write_text("mine")
        assert labelwise("train", place / "digits.npz", "-o", output).reason() == (
            f"{output} exists: choose another name with -o, or add --overwrite"
        )
        assert output.is_dir() or output.read_text() == "mine"

    def test_overwriting_spares_what_is_no_model(self, place, tmp_path):
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "chapter.tex").write_text("mine")
        arguments = ["train", place / "digits.npz", "-o", tmp_path / "thesis", "--overwrite"]
        outcome = labelwise(*arguments, "--epochs", 1, *TINY)
        assert outcome.code == 1
        assert outcome.err.splitlines()[-1].startswith(f"labelwise: {tmp_path / 'thesis'} ")
        assert (tmp_path / "thesis" / "chapter.tex").read_text() == "mine"

    def test_the_folder_around_is_missing(self, train, place, tmp_path):
        output = tmp_path / "nowhere" / "model"
        assert train(place / "digits.npz", output=output).reason() == (
            f"folder {output.parent} does not exist: create it first"
        )

    @pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
    def test_the_folder_around_is_closed(self, train, place, tmp_path):
        (tmp_path / "closed").mkdir(mode=0o555)
        output = tmp_path / "closed" / "model"
        assert train(place / "digits.npz", output=output).reason() == (
            f"folder {output.parent} is not writable: choose another with -o"
        )

    def test_the_run_folder_of_the_demo_is_a_file(self, tmp_path):
        (tmp_path / "demo").write_text("mine")
        assert labelwise("demo", "-o", tmp_path / "demo").reason() == (
            f"cannot write {tmp_path / 'demo'}: File exists; choose another folder with -o"
        )


class TestProject:
    @pytest.fixture(
        params=["info", "decode", "suggest", "forecast", "label", "refine", "audit", "update", "budget"]
    )
    def use(self, request, place, labels, tmp_path):
        """Every command that reads a project."""
        more = {
            "decode": ["-o", tmp_path / "out.csv"],
            "suggest": ["-o", tmp_path / "out.csv"],
            "label": [labels],
            "audit": [place / "digits.npz"],
        }.get(request.param, [])

        def use(project):
            outcome = labelwise(request.param, project, *more)
            assert not (tmp_path / "out.csv").exists()
            return outcome

        return use

    def test_missing(self, use, tmp_path):
        assert str(tmp_path / "nothing") in use(tmp_path / "nothing").reason()

    def test_something_else(self, use, tmp_path):
        reason = use(tmp_path).reason()
        assert str(tmp_path) in reason
        assert "manifest.json" in reason

    @pytest.mark.parametrize("text", ['{"format": 2,', "", "[]", "{}", '{"format": 2, "kind": "project"}'])
    def test_manifest_damaged(self, use, labelled, text):
        (labelled / "manifest.json").write_text(text)
        reason = use(labelled).reason()
        assert str(labelled) in reason
        assert "is damaged" in reason

    def test_another_format(self, use, labelled):
        manifest = json.loads((labelled / "manifest.json").read_text())
        (labelled / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
        reason = use(labelled).reason()
        assert "99" in reason
        assert "update labelwise" in reason

    def test_another_kind(self, use, labelled):
        manifest = json.loads((labelled / "manifest.json").read_text())
        (labelled / "manifest.json").write_text(json.dumps(manifest | {"kind": "cat"}))
        assert "a cat" in use(labelled).reason()

    def test_a_journal_that_is_damaged(self, use, labelled):
        journal = labelled / "labels.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[3] = b"{}" + lines[3]
        journal.write_bytes(b"".join(lines))
        reason = use(labelled).reason()
        assert "labels.jsonl" in reason
        assert "line 4" in reason

    def test_weights_cut_off(self, labelled, tmp_path, new_data):
        weights = labelled / "model/weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        for command in (["decode", labelled, new_data, "-o", tmp_path / "p.csv"], ["budget", labelled]):
            reason = labelwise(*command).reason()
            assert str(labelled / "model") in reason
            assert "weights.safetensors" in reason

    @pytest.mark.parametrize("key", ["architecture", "history", "shares", "training", "parameters"])
    def test_a_model_whose_manifest_is_not_complete(self, labelled, key):
        file = labelled / "model/manifest.json"
        manifest = json.loads(file.read_text())
        del manifest[key]
        file.write_text(json.dumps(manifest))
        for path in (labelled, labelled / "model"):
            assert "is damaged" in labelwise("info", path).reason()
