import zipfile

import numpy as np
import pytest

from labelwise.data import load_dataset
from labelwise.errors import DataError, LabelError

X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.fixture
def saved(tmp_path):
    """Save arrays as an .npz file and say where."""

    def save(**arrays):
        path = tmp_path / "mine.npz"
        np.savez(path, **arrays)
        return path

    return save


def refusal(path, kind=DataError):
    with pytest.raises(kind) as caught:
        load_dataset(path)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def test_items_alone(saved):
    data = load_dataset(saved(X=X, other=np.ones(3)))
    np.testing.assert_array_equal(data.X, X)
    assert data.X.dtype == np.uint8
    assert (data.y, data.names, data.split, data.paths, data.name) == (None, None, None, None, "mine.npz")
    assert str(data) == "mine.npz: 4 images of 3x2, uint8, no labels"


@pytest.mark.parametrize(
    ("y", "names", "indices", "texts"),
    [
        ([10, 2, 2, 10], None, [1, 0, 0, 1], ["2", "10"]),
        ([-1, 1, 1, -1], None, [0, 1, 1, 0], ["-1", "1"]),
        ([3.0, 1.0, 1.0, 3.0], None, [1, 0, 0, 1], ["1", "3"]),
        ([True, False, True, True], None, [1, 0, 1, 1], ["False", "True"]),
        (["b", "a", "é", "b"], None, [1, 0, 2, 1], ["a", "b", "é"]),
        ([b"b", b"a", b"a", b"b"], None, [1, 0, 0, 1], ["a", "b"]),
        ([2, 0, 0, 1], ["x", "y", "z"], [2, 0, 0, 1], ["x", "y", "z"]),
        ([2, 0, 0, 1], [b"x", b"y", b"z"], [2, 0, 0, 1], ["x", "y", "z"]),
        (["z", "x", "x", "z"], ["x", "y", "z"], [2, 0, 0, 2], ["x", "y", "z"]),
    ],
)
def test_labels(saved, y, names, indices, texts):
    arrays = {} if names is None else {"names": np.array(names)}
    _, read_y, read_names = load_dataset(saved(X=X, y=np.array(y), **arrays))
    assert read_y.tolist() == indices
    assert read_y.dtype == np.int64
    assert read_names == texts
    assert all(type(name) is str for name in read_names)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.arange(3)}, "FILE: y has shape (3,) where X has 4 items: give one label per item"),
        ({"y": np.zeros((4, 1))}, "FILE: y has shape (4, 1) where X has 4 items: give one label per item"),
        ({"y": np.zeros(4, complex)}, "FILE: y has type complex128: give whole numbers or text"),
        (
            {"y": np.array([0, 0.5, 1, 2])},
            "FILE: y: label 0.5 in row 1 is not a class; use whole numbers or text",
        ),
        (
            {"y": np.array([0, 1, np.nan, 2])},
            "FILE: y: label nan in row 2 is not a class; use whole numbers or text",
        ),
        (
            {"y": np.array([0, 1, 2, 0]), "names": np.array(["a", "b"])},
            "FILE: y: label 2 in row 2 has no name; 2 names need labels 0 to 1",
        ),
        (
            {"y": np.array([0, -1, 1, 0]), "names": np.array(["a", "b"])},
            "FILE: y: label -1 in row 1 has no name; 2 names need labels 0 to 1",
        ),
        (
            {"y": np.array(["a", "c", "a", "b"]), "names": np.array(["a", "b"])},
            "FILE: y: label 'c' is not among the 2 names",
        ),
        (
            {"y": np.array([0, 1, 1, 0]), "names": np.array(["a", "a"])},
            "FILE: y: two classes are called 'a'; give each its own name",
        ),
        (
            {"y": np.array([0, 1, 1, 0]), "names": np.array([1, 2])},
            "FILE: names has type int64 and shape (2,): give one text per class",
        ),
    ],
)
def test_bad_labels(saved, arrays, message):
    assert refusal(saved(X=X, **arrays), LabelError) == message


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"images": X, "labels": np.arange(4)},
            "FILE has no array called X but images, labels: save with np.savez(file, X=X)",
        ),
        ({}, "FILE has no array called X but no arrays: save with np.savez(file, X=X)"),
        ({"X": np.array(["a", "b"])}, "FILE: X has type <U1: give uint8, other whole numbers or floats"),
        ({"X": X > 3}, "FILE: X has type bool: give uint8, other whole numbers or floats"),
        (
            {"X": np.arange(4)},
            "FILE: X has shape (4,): give (n_samples, n_features), (n_samples, height, width) "
            "or (n_samples, height, width, channels)",
        ),
        ({"X": np.zeros((0, 3))}, "FILE: X is empty, with shape (0, 3): give at least one item"),
    ],
)
def test_bad_items(saved, arrays, message):
    assert refusal(saved(**arrays)) == message


@pytest.mark.parametrize("key", ["X", "y"])
def test_python_objects_are_never_loaded(saved, key):
    arrays = {"X": X} | {key: np.array([{}, 1, None, "x"], object)}
    assert refusal(saved(**arrays)) == (
        f"FILE: array {key} holds Python objects, which are not loaded because they could run code: "
        "save numbers or text"
    )


@pytest.mark.parametrize(
    ("content", "held"),
    [
        (b"", "nothing"),
        (b"\x89PNG\r\n\x1a\n123", "a PNG image"),
        (b"a,b\n1,2\n", "text"),
        (b"\x93NUMPY\x01", "a numpy .npy array"),
        (bytes(range(40)), "unknown binary data"),
    ],
)
def test_not_what_the_name_says(tmp_path, content, held):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    assert refusal(path) == f"FILE is not an .npz file: it holds {held}"


def test_damaged_npz(saved):
    path = saved(X=np.random.default_rng(0).random((50, 20)))
    content = bytearray(path.read_bytes())
    content[3000:3010] = b"0123456789"
    path.write_bytes(content)
    assert refusal(path) == "FILE cannot be read as an .npz file (Bad CRC-32 for file 'X.npy'): save it again"
    path.write_bytes(content[:3000])
    assert refusal(path) == "FILE is cut short: its end is missing; copy or save it again"


def test_a_zip_of_something_else(tmp_path):
    path = tmp_path / "mine.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", "no array")
    assert refusal(path) == "FILE: array X is no numpy array: save with np.savez(file, X=X)"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", b"\x93NUMPY\x01\x00\x0a\x00{'shape': (")
    assert refusal(path).startswith("FILE: array X has a damaged header (")


def test_npy_stays_on_the_disk(tmp_path):
    path = tmp_path / "mine.npy"
    np.save(path, X)
    data = load_dataset(path)
    assert isinstance(data.X, np.memmap)
    assert not data.X.flags.writeable
    np.testing.assert_array_equal(data.X, X)
    assert data.y is None
    assert data.name == "mine.npy"


def test_bad_npy(tmp_path):
    path = tmp_path / "mine.npy"
    path.write_text("1 2 3")
    assert refusal(path) == "FILE is not an .npy file: it holds text"
    np.save(path, X)
    path.write_bytes(path.read_bytes()[:-3])
    assert refusal(path) == (
        "FILE is cut short: its header promises 24 bytes of values, as shape (4, 3, 2), and it holds 21; "
        "save it again"
    )
    np.save(path, np.array([1, "a", None], object))
    assert refusal(path) == (
        "FILE holds Python objects, which are not loaded because they could run code: save numbers or text"
    )
    np.save(path, np.arange(3))
    assert refusal(path).startswith("FILE: X has shape (3,): give ")
    np.save(path, np.zeros((0, 3)))
    assert refusal(path) == "FILE: X is empty, with shape (0, 3): give at least one item"


def test_letters26(real_data):
    data = load_dataset(real_data / "letters26.npz")
    assert str(data) == "letters26.npz: 34,205 images of 28x28, uint8, 26 classes"
    assert data.names == [str(i) for i in range(26)]
