import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from labelwise.data import load_dataset, read_emnist
from labelwise.data.catalogue import CATALOGUE, Address, RemoteFile
from labelwise.data.releases import release_name
from labelwise.errors import DataError, DownloadError, ParameterError

from .conftest import items, write_pair


def refusal(*args, **kwargs):
    with pytest.raises(DataError) as caught:
        load_dataset(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_tiny(folder, *, gz=True):
    train, test = items(6), items(4, seed=1)
    write_pair(folder, *train, gz=gz)
    write_pair(folder, *test, part="t10k", gz=gz)
    return np.concatenate([train[0], test[0]]), np.concatenate([train[1], test[1]])


@pytest.mark.parametrize("inner", ["tiny", "tiny/raw", "tiny/gzip", "."])
@pytest.mark.parametrize("gz", [True, False])
def test_named_data_from_a_local_folder(tmp_path, tiny, monkeypatch, inner, gz):
    home = tmp_path / "home"
    X, y = write_tiny(home / inner, gz=gz)
    monkeypatch.setenv("LABELWISE_DATA", str(home))
    data = load_dataset("tiny")
    read_X, read_y, names = data
    np.testing.assert_array_equal(read_X, X)
    np.testing.assert_array_equal(read_y, y)
    assert read_X.dtype == np.uint8
    assert read_y.dtype == np.int64
    assert names == ["a", "b", "c"]
    assert data.split.tolist() == [False] * 6 + [True] * 4
    assert str(data) == "tiny: 10 images of 5x4, uint8, 3 classes, split 6 + 4"


def test_the_other_usual_spelling(tmp_path, tiny):
    write_tiny(tmp_path / "tiny", gz=False)
    for path in (tmp_path / "tiny").iterdir():
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(load_dataset("tiny", data_home=tmp_path).X) == 10


def test_data_home_goes_before_the_environment(tmp_path, tiny, monkeypatch):
    write_tiny(tmp_path / "tiny")
    monkeypatch.setenv("LABELWISE_DATA", str(tmp_path / "nowhere"))
    assert len(load_dataset("tiny", data_home=tmp_path).X) == 10
    assert refusal("tiny") == (
        f"LABELWISE_DATA is '{tmp_path}/nowhere', which is not a folder: name one that holds tiny/"
    )


def test_a_folder_that_lacks_files_is_named_with_them(tmp_path, tiny):
    write_pair(tmp_path / "tiny", *items(6))
    assert refusal("tiny", data_home=tmp_path) == (
        f"{tmp_path}/tiny lacks t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte of tiny (gzipped or not): "
        "put it there, or take the other files away to download them all"
    )


def test_a_folder_called_mnist_is_not_taken_for_another_data_set(tmp_path, tiny, monkeypatch):
    write_tiny(tmp_path / "mnist")
    dead = RemoteFile("train-images-idx3-ubyte.gz", (Address("http://127.0.0.1:9/x", "md5:0"),))
    monkeypatch.setitem(CATALOGUE, "tiny", dataclasses.replace(tiny, files=(dead,)))
    with pytest.raises(DownloadError, match=r"train-images-idx3-ubyte\.gz could not be downloaded from"):
        load_dataset("tiny", data_home=tmp_path / "mnist")


def test_other_counts_than_the_published_are_refused(tmp_path, tiny):
    write_pair(tmp_path, *items(6))
    write_pair(tmp_path, *items(5), part="t10k")
    assert refusal("tiny", data_home=tmp_path) == (
        "tiny: 6 training and 5 test images are no known release, which has 6 + 4: get the published files"
    )


def test_labels_that_do_not_fit(tmp_path, tiny):
    write_tiny(tmp_path)
    write_pair(tmp_path, items(6)[0], np.arange(5))
    assert refusal("tiny", data_home=tmp_path) == (
        f"{tmp_path}/train-labels-idx1-ubyte.gz holds 5 labels for 6 images in "
        f"{tmp_path}/train-images-idx3-ubyte.gz"
    )
    write_pair(tmp_path, items(6)[0], np.arange(6))
    assert refusal("tiny", data_home=tmp_path) == (
        f"{tmp_path}/train-labels-idx1-ubyte.gz has labels 0 to 5 where tiny has 0 to 2"
    )


def test_images_and_labels_exchanged(tmp_path, tiny):
    write_tiny(tmp_path)
    a, b = (tmp_path / f"train-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
    swap = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(swap)
    assert refusal("tiny", data_home=tmp_path) == (
        f"{a} holds uint8 values of 1 axes, not uint8 images (n, height, width)"
    )


def test_parts_of_different_size(tmp_path):
    write_pair(tmp_path, np.zeros((2, 5, 4)), [0, 1])
    write_pair(tmp_path, np.zeros((2, 4, 4)), [0, 1], part="t10k")
    assert refusal(tmp_path) == f"{tmp_path}: training and test images differ in size, 5x4 and 4x4"


def test_a_path_may_hold_any_number_and_one_part(tmp_path):
    images, labels = items(7, first=4)
    write_pair(tmp_path / "mine", images, labels, part="t10k")
    data = load_dataset(tmp_path / "mine")
    np.testing.assert_array_equal(data.X, images)
    assert data.y.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert data.names == ["4", "5", "6"]
    assert data.name == "mine"
    assert data.split is None


def test_the_name_of_a_folder_says_which_classes(tmp_path):
    write_pair(tmp_path / "FashionMNIST" / "raw", *items(7))
    data = load_dataset(tmp_path / "FashionMNIST" / "raw")
    assert data.names[0] == "T-shirt/top"
    assert data.name == "fashion-mnist, 7 images"


def test_a_path_with_half_a_pair(tmp_path):
    write_pair(tmp_path, *items(7))
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    assert refusal(tmp_path) == (
        f"{tmp_path}/train-images-idx3-ubyte.gz has no companion: "
        "put train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz beside it"
    )


def test_a_path_with_names_of_no_part(tmp_path):
    write_pair(tmp_path, *items(7), part="test")
    assert refusal(tmp_path) == (
        f"{tmp_path} holds IDX files, but none is called train-images-idx3-ubyte or t10k-images-idx3-ubyte: "
        "rename them so"
    )


def test_a_path_with_several_data_sets(tmp_path):
    for prefix in ("", "emnist-letters-"):
        write_pair(tmp_path, *items(7, first=1), prefix=prefix)
    assert refusal(tmp_path) == (
        f"{tmp_path} holds several data sets (emnist-letters, mnist): "
        f"say which with load_dataset(name, data_home='{tmp_path}')"
    )


def test_a_path_with_an_emnist_subset_that_is_not_supported(tmp_path):
    write_pair(tmp_path, *items(7), prefix="emnist-byclass-")
    assert refusal(tmp_path) == (
        f"{tmp_path} holds emnist-byclass, which is not supported: "
        "use one of emnist-letters, emnist-balanced, emnist-digits"
    )


# --- EMNIST ---


@pytest.fixture
def small_letters(monkeypatch):
    """EMNIST Letters with releases of 6 + 4 and 5 + 3 images, by which all paths but the size are real."""
    entry = dataclasses.replace(CATALOGUE["emnist-letters"], releases=((6, 4), (5, 3)))
    monkeypatch.setitem(CATALOGUE, "emnist-letters", entry)


def write_letters(folder, n_train, n_test, first=1):
    prefix = "emnist-letters-"
    train, test = items(n_train, first, n_classes=26), items(n_test, first, n_classes=26, seed=1)
    for images in (train[0], test[0]):
        images[:, 0, 1] = 200
    write_pair(folder, *train, prefix=prefix)
    write_pair(folder, *test, prefix=prefix, part="test")
    return np.concatenate([train[0], test[0]])


@pytest.mark.parametrize("n_train", [6, 5])
def test_letters_are_turned_upright_and_counted_from_0(tmp_path, small_letters, n_train):
    stored = write_letters(tmp_path, n_train, n_train - 2)
    for data in (load_dataset("emnist-letters", data_home=tmp_path), load_dataset(tmp_path)):
        np.testing.assert_array_equal(data.X, stored.transpose(0, 2, 1))
        assert data.X.flags.c_contiguous
        assert data.X[0, 1, 0] == 200
        assert data.y.tolist() == [*range(n_train), *range(n_train - 2)]
        assert data.names == list("abcdefghijklmnopqrstuvwxyz")
        assert data.name == f"emnist-letters, {2 * n_train - 2}-image release"
        assert data.split.sum() == n_train - 2


def test_square_images_are_turned_in_place(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5000, 3, 3)).astype(np.uint8)
    write_pair(tmp_path, images, np.arange(5000) % 10)
    data = read_emnist(
        tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte.gz", subset="digits"
    )
    np.testing.assert_array_equal(data.X, images.transpose(0, 2, 1))


def test_a_copy_numbered_from_0_is_refused(tmp_path, small_letters):
    write_letters(tmp_path, 6, 4, first=0)
    assert refusal(tmp_path) == (
        f"{tmp_path}/emnist-letters-train-labels-idx1-ubyte.gz has labels 0 to 5 "
        "where emnist-letters has 1 to 26: it looks like a copy numbered from 0, get the published files"
    )


def test_one_part_of_a_release_by_its_path(tmp_path, small_letters):
    write_pair(tmp_path, *items(4, first=1), prefix="emnist-letters-", part="test")
    assert load_dataset(tmp_path).name == "emnist-letters, 10-image release, test part"


def test_releases_are_never_mixed(tmp_path, small_letters):
    write_letters(tmp_path, 6, 3)
    assert refusal("emnist-letters", data_home=tmp_path) == (
        "emnist-letters: these files mix two releases, 6 training images of the 10-image one and "
        "3 test images of the 8-image one: use four files of one release"
    )


def test_real_releases_are_told_apart_by_count():
    letters, mnist = CATALOGUE["emnist-letters"], CATALOGUE["mnist"]
    assert release_name(letters, 124_800, 20_800) == "emnist-letters, 145,600-image release"
    assert release_name(letters, 88_800, 14_800) == "emnist-letters, 103,600-image release"
    assert release_name(mnist, 60_000, 10_000) == "mnist"
    assert release_name(letters, 88_800, 0) == "emnist-letters, 103,600-image release, training part"
    with pytest.raises(
        DataError, match=r"mix two releases, 124,800 .* 145,600-image one and 14,800 .* 103,600"
    ):
        release_name(letters, 124_800, 14_800)
    with pytest.raises(DataError) as caught:
        release_name(letters, 0, 51)
    assert str(caught.value) == (
        "emnist-letters: 0 training and 51 test images are no known release, "
        "which has 124,800 + 20,800 or 88,800 + 14,800: get the published files"
    )


def test_balanced_classes():
    assert "".join(CATALOGUE["emnist-balanced"].names) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    assert len(CATALOGUE["emnist-balanced"].names) == 47


def test_unknown_subset():
    with pytest.raises(
        ParameterError, match=re.escape("subset must be 'letters', 'balanced' or 'digits', got 'x'")
    ):
        read_emnist("a", "b", subset="x")


# --- genuine files ---


def genuine_sample(real_data):
    stem = real_data / "emnist-letters-sample" / "emnist-letters-test"
    return read_emnist(f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz")


def test_genuine_letters_stand_upright(real_data):
    data = genuine_sample(real_data)
    assert data.X.shape == (51, 28, 28)
    assert np.bincount(data.y).tolist() == [26] + [1] * 25
    # Narrow letters are taller than wide; lying down they would be wider than tall.
    for letter in "fijl":
        ink = data.X[data.y == "abcdefghijklmnopqrstuvwxyz".index(letter)][0] > 64
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        assert np.ptp(rows) > np.ptp(columns), letter


def test_genuine_letters_look_like_letters_from_other_sources(real_data):
    data = genuine_sample(real_data)
    other = load_dataset(real_data / "letters26.npz")
    means = np.stack([other.X[other.y == c].mean(axis=0) for c in range(26)])

    def likeness(images):
        pairs = zip(images, means[data.y], strict=True)
        return np.mean([np.corrcoef(image.ravel(), mean.ravel())[0, 1] for image, mean in pairs])

    assert likeness(data.X) > likeness(data.X.transpose(0, 2, 1)) + 0.1


def test_genuine_sample_is_no_release(real_data):
    assert "0 training and 51 test images are no known release" in refusal(
        real_data / "emnist-letters-sample"
    )


def test_genuine_mnist(real_data):
    data = load_dataset("mnist", data_home=real_data)
    assert str(data) == "mnist: 70,000 images of 28x28, uint8, 10 classes, split 60,000 + 10,000"
    # Counts of each digit as published.
    assert np.bincount(data.y).tolist() == [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]


def test_genuine_fashion_mnist():
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    data = load_dataset(folder)
    assert data.name == "fashion-mnist"
    assert np.bincount(data.y).tolist() == [7000] * 10
    assert data.names[data.y[0]] == "Ankle boot"
