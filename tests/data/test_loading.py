import subprocess
import sys

import numpy as np
import pytest

import labelwise
from labelwise.data import Dataset, dataset_names, load_dataset
from labelwise.errors import DataError, ParameterError

NAMES = "digits, mnist, fashion-mnist, kmnist, emnist-letters, emnist-balanced, emnist-digits"
FILES = "an .npz, .npy, .csv, .parquet, .arrow, .feather, .txt or .jsonl file"
PATHS = f"{FILES}, or a folder of such files, images or IDX files"


def test_digits_are_embedded():
    from sklearn.datasets import load_digits

    X, y, names = data = labelwise.load_dataset("digits")
    assert str(data) == "digits: 1,797 images of 8x8, uint8, 10 classes"
    assert names == list("0123456789")
    assert y.dtype == np.int64
    source = load_digits()
    np.testing.assert_array_equal(y, source.target)
    assert (X.min(), X.max()) == (0, 255)
    assert np.abs(X - source.images * 255 / 16).max() <= 0.5
    assert len(np.unique(X)) == 17, "no two of the 17 levels fall together"


@pytest.mark.parametrize(
    ("source", "guess"),
    [("mnst", "mnist"), ("MNIST", "mnist"), ("emnist_letters", "emnist-letters"), ("zebra", None)],
)
def test_neither_a_name_nor_a_path(source, guess):
    with pytest.raises(DataError) as caught:
        load_dataset(source)
    hint = f" (did you mean {guess!r}?)" if guess else ""
    assert str(caught.value) == (
        f"{source!r} is neither a known data set nor an existing path{hint}: give {NAMES}, or {PATHS}"
    )


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "x.doc").write_text("hello")
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path / "x.doc")
    assert str(caught.value) == f"{tmp_path}/x.doc is not a kind of file that can be read: give {PATHS}"


def test_a_path_with_the_name_of_a_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(load_dataset("digits").X) == 1797
    with pytest.raises(DataError, match="digits holds no images"):
        load_dataset("./digits")


def test_home_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    assert load_dataset("~/x.npy").X.shape == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": 3}, "source must be a name or a path, got 3"),
        (
            {"source": "digits", "label_column": "y"},
            "label_column='y' is for .csv, .jsonl, .parquet, .arrow, .feather files and folders of them, "
            "not for digits",
        ),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ParameterError) as caught:
        load_dataset(**arguments)
    assert str(caught.value) == message


def test_names():
    assert ", ".join(dataset_names()) == NAMES


def test_a_dataset_unpacks_as_three_values_and_describes_itself():
    X = np.zeros((1, 2, 3, 3), np.uint8)
    data = Dataset(X, np.array([0]), ["a"], "one")
    assert next(iter(data)) is X
    assert len([*data]) == 3
    assert repr(data) == "<Dataset one: 1 image of 2x3x3, uint8, 1 class>"
    assert str(Dataset(np.zeros((2, 1)), None, None, "t")) == "t: 2 rows of 1 feature, float64, no labels"


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, labelwise.data\n"
        "heavy = ('torch', 'sklearn', 'pandas', 'pyarrow', 'PIL', 'pooch', 'requests')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
