"""A folder of photos of any size, read when they are needed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from labelwise import load_dataset
from labelwise.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Photos in two folders: colour, grey, a palette, one with an alpha channel, one on its side."""
    rng = np.random.default_rng(0)
    place = tmp_path / "photos"
    for name in ("cat", "dog"):
        (place / name).mkdir(parents=True)
    Image.fromarray(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(place / "cat/colour.jpg")
    Image.fromarray(rng.integers(0, 255, (50, 8), dtype=np.uint8)).save(place / "cat/grey.png")
    Image.new("RGBA", (7, 9), (255, 0, 0, 0)).save(place / "dog/clear.png")
    Image.new("P", (11, 12)).save(place / "dog/palette.gif")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by the camera
    Image.new("RGB", (40, 10)).save(place / "dog/side.jpg", exif=exif)
    return place


def test_photos_of_any_size_and_mode(folder):
    dataset = load_dataset(folder, as_photos=True)
    X, y, names = dataset
    assert dataset.paths == [
        "cat/colour.jpg",
        "cat/grey.png",
        "dog/clear.png",
        "dog/palette.gif",
        "dog/side.jpg",
    ]
    assert [image.size for image in X] == [(30, 20), (8, 50), (7, 9), (11, 12), (10, 40)]
    assert {image.mode for image in X} == {"RGB"}
    assert X[2].getpixel((0, 0)) == (255, 255, 255)
    assert (len(X), X.shape, names, y.tolist()) == (5, (5,), ["cat", "dog"], [0, 0, 1, 1, 1])
    assert "5 photos, 2 classes" in str(dataset)


@pytest.mark.parametrize("rows", [[4, 1], np.array([4, 1]), slice(1, 3), np.array([0, 1, 0, 1, 0]) == 1])
def test_some_of_them(folder, rows):
    X = load_dataset(folder, as_photos=True).X
    expected = np.array(X.paths)[rows].tolist()
    assert X[rows].paths == expected
    assert len(X[rows].digests) == len(expected)


def test_a_file_that_is_cut_is_found_before_any_work(folder):
    path = folder / "cat/colour.jpg"
    path.write_bytes(path.read_bytes()[:-300])
    (folder / "cat/empty.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"colour\.jpg.*on_unreadable"):
        load_dataset(folder, as_photos=True)
    dataset = load_dataset(folder, as_photos=True, on_unreadable="skip")
    assert [path for path, _ in dataset.skipped] == ["cat/colour.jpg", "cat/empty.png"]
    assert "the file is empty" in dataset.skipped[1][1]
    assert len(dataset.X) == len(dataset.paths) == 4


def test_a_photo_that_changed_meanwhile_is_refused(folder):
    X = load_dataset(folder, as_photos=True).X
    Image.new("RGB", (3, 3)).save(folder / "cat/grey.png")
    with pytest.raises(DataError, match=r"grey\.png has changed"):
        X[1]


def test_a_folder_without_photos(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        load_dataset(tmp_path, as_photos=True)
