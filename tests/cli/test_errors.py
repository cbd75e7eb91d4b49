"""Exit code 1 and one line on stderr for whatever can go wrong with data, labels, models and places."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from cli.conftest import TINY, digits, labelwise, read_table, write_labels

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


@pytest.fixture
def decode(trained, place, labels, tmp_path):
    """Decode with the trained model; no predictions may be left where it fails."""

    def decode(*arguments, model=trained[0], data=place / "digits.npz", labels=labels, output=None):
        output = output or tmp_path / "predictions.csv"
        outcome = labelwise("decode", model, data, "--labels", labels, "-o", output, *arguments)
        assert output.exists() == (outcome.code == 0)
        return outcome

    return decode


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
        (tmp_path / "data.txt").write_text("1 2 3")
        assert train(tmp_path / "data.txt").reason() == (
            f"{tmp_path / 'data.txt'} is not a kind of file that can be read: "
            "give an .npz, .npy, .csv or .parquet file, or a folder of images or IDX files"
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

    def test_a_constant_column(self, train, tmp_path):
        pytest.importorskip("pandas")
        rows = [f"{a},{7},{a * a % 11}" for a in range(40)]
        (tmp_path / "data.csv").write_text("\n".join(["a,b,c", *rows]) + "\n")
        assert train(tmp_path / "data.csv").reason("data.csv: 40 rows of 3 features, float32, no labels") == (
            "1 column of X is constant (column 1): drop what never varies"
        )

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
            (["--learning-rate", -1], "learning_rate=-1.0 must be a finite number above 0"),
            (["--learning-rate", "nan"], "learning_rate=nan must be a finite number above 0"),
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

    @pytest.mark.parametrize("value", ["2", "-0.1", "nan"])
    def test_abstain(self, decode, value):
        assert decode("--abstain", value).reason() == (f"--abstain {value} must be a probability from 0 to 1")

    def test_a_label_column_where_there_are_no_columns(self, train, place):
        path = place / "digits.npz"
        assert train(path, "--label-column", "y").reason() == (
            f"label_column='y' is for .csv and .parquet files, not for {path}"
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
        assert outcome.err.splitlines()[-1].startswith(
            f"labelwise: {tmp_path / 'thesis'} exists and is no saved model"
        )
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

    def test_predictions_cannot_be_written(self, decode, tmp_path):
        output = tmp_path / "nowhere" / "predictions.csv"
        assert decode(output=output).reason() == f"cannot write {output}: no such file or directory"

    def test_the_run_folder_of_the_demo_is_a_file(self, tmp_path):
        (tmp_path / "demo").write_text("mine")
        assert labelwise("demo", "-o", tmp_path / "demo").reason() == (
            f"cannot write {tmp_path / 'demo'}: File exists; choose another folder with -o"
        )


class TestLabels:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("index,name\n0,a\n", " has no column 'label': its first line names 'index', 'name'"),
            ("number,label\n0,a\n", " has no column 'index': its first line names 'number', 'label'"),
            ("", " is empty: its first line must be index,label"),
            ("index,label\n", " has no labels: fill in the column 'label' of at least one row"),
            ("index,label\n0,\n1,\n", " has no labels: fill in the column 'label' of at least one row"),
            ("index,label\n300,a\n", ", line 2: there is no item 300: use 0 to 299"),
            ("index,label\n-1,a\n", ", line 2: there is no item -1: use 0 to 299"),
            ("index,label\nfive,a\n", ", line 2: index 'five' is not a whole number: use 0 to 299"),
            (
                "index,label\n5,a\n6,b\n5,b\n",
                ", line 4: index 5 is labelled 'b', but 'a' in line 2: keep one of the two",
            ),
        ],
    )
    def test_faulty(self, decode, tmp_path, text, reason):
        path = tmp_path / "labels.csv"
        path.write_text(text)
        assert decode(labels=path).reason() == f"{path}{reason}"

    def test_missing(self, decode, tmp_path):
        path = tmp_path / "nowhere.csv"
        assert decode(labels=path).reason() == f"{path} cannot be read: No such file or directory"


class TestModel:
    @pytest.fixture
    def copy(self, trained, tmp_path):
        return shutil.copytree(trained[0], tmp_path / "copy")

    @pytest.fixture(params=["info", "decode"])
    def use(self, request, decode):
        """Both commands that read a model."""
        return (
            (lambda model: labelwise("info", model))
            if request.param == "info"
            else (lambda model: decode(model=model))
        )

    def test_missing(self, use, tmp_path):
        assert use(tmp_path / "nothing").reason() == f"there is no saved model at {tmp_path / 'nothing'}"

    def test_no_model(self, use, tmp_path):
        assert use(tmp_path).reason() == f"{tmp_path} is no saved model: it holds no manifest.json"

    def test_weights_cut_off(self, use, copy):
        weights = copy / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        assert use(copy).reason() == (
            f"{copy} is damaged: weights.safetensors is not what manifest.json describes; "
            "restore it from a copy or train again"
        )

    def test_weights_missing(self, use, copy):
        (copy / "weights.safetensors").unlink()
        assert use(copy).reason() == (
            f"{copy} is damaged: weights.safetensors is missing; restore it from a copy or train again"
        )

    @pytest.mark.parametrize("text", ['{"format": 1,', "", "[]", "{}"])
    def test_manifest_damaged(self, use, copy, text):
        (copy / "manifest.json").write_text(text)
        reason = use(copy).reason()
        assert reason.startswith(f"{copy / 'manifest.json'} is damaged (")
        assert reason.endswith("): restore it from a copy or train again")

    @pytest.mark.parametrize("key", ["architecture", "history", "shares", "training", "parameters"])
    def test_manifest_incomplete(self, use, copy, key):
        manifest = json.loads((copy / "manifest.json").read_text())
        del manifest[key]
        (copy / "manifest.json").write_text(json.dumps(manifest))
        assert use(copy).reason().startswith(f"{copy} is damaged: ")

    def test_another_format(self, use, copy):
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
        assert use(copy).reason() == f"{copy} has format 99; this labelwise reads 1: update labelwise"

    def test_another_kind(self, use, copy):
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps(manifest | {"kind": "cat"}))
        assert use(copy).reason() == f"{copy} holds a cat, not a gmvae"

    @pytest.mark.parametrize("shape", [(300, 64), (300, 4, 16), (300, 8, 8, 1), (300, 63)])
    def test_data_of_another_shape(self, decode, tmp_path, shape):
        np.save(tmp_path / "data.npy", np.ones(shape, np.uint8))
        assert decode(data=tmp_path / "data.npy").reason() == (
            f"data.npy has items of shape {shape[1:]}, but the model was trained on items of shape (8, 8): "
            "use data of the same kind"
        )


class TestImages:
    @pytest.fixture
    def folder(self, tmp_path):
        """Images of digits in one folder, one of which cannot be read."""
        image = pytest.importorskip("PIL.Image")
        X, _ = digits(60)
        (tmp_path / "scans").mkdir()
        for number, pixels in enumerate(X):
            image.fromarray(pixels).save(tmp_path / "scans" / f"{number:03}.png")
        (tmp_path / "scans" / "025.png").write_bytes(b"no image at all")
        return tmp_path / "scans"

    def test_one_cannot_be_read(self, train, folder):
        reason = train(folder).reason()
        assert reason.startswith(f"{folder / '025.png'} cannot be read as an image (unknown format): ")

    def test_it_is_skipped_on_request_and_named(self, train, folder, tmp_path):
        outcome = train(folder, "--skip-unreadable", output=tmp_path / "model")
        assert outcome.code == 0
        assert "skipped 025.png: cannot be read as an image (unknown format)" in outcome.err.splitlines()
        labels = write_labels(tmp_path / "l.csv", {"000.png": "zero", "059.png": "other"}, key="path")
        arguments = ["decode", tmp_path / "model", folder, "--labels", labels, "-o", tmp_path / "p.csv"]
        assert labelwise(*arguments).code == 1
        outcome = labelwise(*arguments, "--skip-unreadable")
        assert outcome.code == 0, outcome
        assert outcome.err.splitlines() == ["skipped 025.png: cannot be read as an image (unknown format)"]
        rows = read_table(tmp_path / "p.csv")
        assert list(rows[0]) == ["index", "label", "probability", "path"]
        assert [row["path"] for row in rows] == [f"{i:03}.png" for i in range(60) if i != 25]
        assert [row["index"] for row in rows] == [str(i) for i in range(59)]

    def test_a_path_that_is_no_image(self, train, folder, tmp_path):
        assert train(folder, "--skip-unreadable", output=tmp_path / "model").code == 0
        labels = write_labels(tmp_path / "l.csv", {"999.png": "zero"}, key="path")
        outcome = labelwise(
            "decode",
            tmp_path / "model",
            folder,
            "--labels",
            labels,
            "-o",
            tmp_path / "p.csv",
            "--skip-unreadable",
        )
        assert outcome.reason("skipped 025.png: cannot be read as an image (unknown format)") == (
            f"{labels}, line 2: there is no image '999.png': "
            "use paths relative to the folder, such as '000.png'"
        )
