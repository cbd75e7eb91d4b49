"""Where items come from, and whether somebody touched the files."""

from __future__ import annotations

import os

import numpy as np
import pytest

from labelwise.errors import DataError
from labelwise.project.source import Source

ROWS = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    return tmp_path / "rows.npy"


@pytest.fixture
def photos(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(np.full((4, 4), len(name), dtype=np.uint8)).save(path)
    return tmp_path / "photos"


def source_of(data):
    return Source.of(data, label_column=None, skip_unreadable=False)


def later(path):
    """Set the time of a file to a second after it was."""
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 10**9))


def test_a_path_is_known_from_every_folder(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    source = source_of("rows.npy")
    assert (source.place, source.name) == (str(file), "rows.npy")


def test_a_name_of_the_catalogue_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    dataset, source = source_of("digits").load()
    assert (source.place, source.stamp, source.is_there) == ("digits", None, True)
    assert len(dataset.X) == 1797


def test_loading_notes_the_state_of_the_files(file):
    source = source_of(file)
    assert source.stamp is None
    dataset, loaded = source.load()
    assert np.array_equal(dataset.X, ROWS)
    assert loaded.stamp == loaded.stamp_now() is not None


@pytest.mark.parametrize("change", ["time", "content", "gone"])
def test_the_stamp_knows_a_file_that_was_touched(file, change):
    _, source = source_of(file).load()
    if change == "time":
        later(file)
    elif change == "content":
        np.save(file, ROWS[:2])
    else:
        file.unlink()
    assert source.stamp_now() != source.stamp
    assert source.is_there == (change != "gone")


@pytest.mark.parametrize("change", ["time", "new", "gone", "renamed", "moved"])
def test_the_stamp_knows_a_folder_that_was_touched(photos, change):
    _, source = source_of(photos).load()
    assert source.stamp_now() == source.stamp
    match change:
        case "time":
            later(photos / "a/1.png")
        case "new":
            (photos / "b/2.png").write_bytes((photos / "b/1.png").read_bytes())
        case "gone":
            (photos / "a/2.png").unlink()
        case "renamed":
            (photos / "a/2.png").rename(photos / "a/3.png")
        case "moved":
            (photos / "a/2.png").rename(photos / "b/2.png")
    assert source.stamp_now() != source.stamp


def test_a_folder_that_moved_is_not_there(photos):
    _, source = source_of(photos).load()
    photos.rename(photos.with_name("others"))
    assert not source.is_there
    with pytest.raises((DataError, OSError), match="photos"):
        source.load()


def test_items_that_came_as_arrays_cannot_be_read_again():
    source = Source(None, "an array")
    assert (source.is_there, source.stamp_now()) == (False, None)
    with pytest.raises(DataError, match="an array"):
        source.load()


def test_survives_json(file):
    _, source = source_of(file).load()
    assert Source(**source.as_json()) == source
