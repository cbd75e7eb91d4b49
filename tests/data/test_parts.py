"""Items a part at a time, and packed into one file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
from PIL import Image

from labelwise import load_dataset
from labelwise.data.packing import pack
from labelwise.data.parts import read_parts
from labelwise.errors import DataError, LabelError, ParameterError, StorageError

X = np.random.default_rng(0).integers(0, 256, (23, 4, 5), dtype=np.uint8)


def read(source, part_size=10, **reading):
    """Items of each part, and the share that is read after each."""
    parts = list(read_parts(source, part_size, **reading))
    shares = [part.share for part in parts]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return [part.read() for part in parts]


def sizes(datasets):
    return [len(dataset.X) for dataset in datasets]


def test_an_array_is_mapped(tmp_path):
    np.save(tmp_path / "a.npy", X)
    found = read(tmp_path / "a.npy")
    assert sizes(found) == [10, 10, 3]
    assert isinstance(load_dataset(tmp_path / "a.npy").X, np.memmap)
    assert isinstance(found[0].X, np.memmap)
    np.testing.assert_array_equal(np.concatenate([each.X for each in found]), X)


def test_shards_come_in_the_order_of_their_names(tmp_path):
    for number, start in enumerate((0, 12)):
        np.savez(tmp_path / f"{number}.npz", X=X[start : start + 12], y=np.arange(len(X[start : start + 12])))
    found = read(tmp_path)
    assert sizes(found) == [10, 2, 10, 1]
    np.testing.assert_array_equal(np.concatenate([each.X for each in found]), X)
    assert found[3].y.tolist() == [10]


@pytest.mark.parametrize("row_group_size", [4, 100])
def test_a_parquet_table_by_rows_not_by_row_groups(tmp_path, row_group_size):
    frame = pd.DataFrame(
        {"a": np.arange(23.0), "b": [f"kind {i % 3}" for i in range(23)], "y": [i % 2 for i in range(23)]}
    )
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=row_group_size)
    found = read(tmp_path / "a.parquet", label_column="y", as_frame=True)
    assert [sum(sizes(found)), max(sizes(found))] == [23, min(10, max(sizes(found)))]
    whole = load_dataset(tmp_path / "a.parquet", label_column="y")
    pd.testing.assert_frame_equal(pd.concat([each.X for each in found], ignore_index=True), whole.X)


@pytest.mark.parametrize("n_batch", [1, 4, 23])
@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_an_arrow_table_by_rows_not_by_batches(tmp_path, new, n_batch):
    table = pa.table({"a": np.arange(23.0), "b": [f"kind {i % 3}" for i in range(23)]})
    with new(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=n_batch)
    found = read(tmp_path / "a.arrow", as_frame=True)
    assert sizes(found) == [10, 10, 3]
    whole = load_dataset(tmp_path / "a.arrow")
    pd.testing.assert_frame_equal(pd.concat([each.X for each in found], ignore_index=True), whole.X)
    assert [part.share for part in read_parts(tmp_path / "a.arrow", 10, as_frame=True)][-1] == 1


def test_images_are_read_when_their_part_is(tmp_path):
    for row, pixels in enumerate(X):
        Image.fromarray(pixels).save(tmp_path / f"{row:02}.png")
    parts = list(read_parts(tmp_path, 10))
    (tmp_path / "00.png").unlink()
    later = parts[1].read()
    assert later.paths == [f"{row:02}.png" for row in range(10, 20)]
    np.testing.assert_array_equal(later.X, X[10:20])


def test_unreadable_images_are_skipped(tmp_path):
    for row, pixels in enumerate(X[:6]):
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
    (tmp_path / "1.png").write_bytes(b"no image")
    found = read(tmp_path, 3, on_unreadable="skip")
    assert sizes(found) == [2, 3]
    assert [path for path, _ in found[0].skipped] == ["1.png"]
    with pytest.raises(DataError, match=r"1\.png"):
        read(tmp_path, 3)


def test_texts_in_shards(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.txt").write_text("\n".join(f"text {number} {row}" for row in range(4)))
    found = read(tmp_path, 3)
    assert sizes(found) == [3, 1, 3, 1]
    assert found[2].X[0] == "text 1 0"


def test_a_folder_of_images_with_a_table_beside_them_has_images(tmp_path):
    Image.fromarray(X[0]).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("path,label\na.png,cat\n")
    assert read(tmp_path)[0].X.shape == (1, 4, 5)


def test_wrong_sources(tmp_path):
    with pytest.raises(DataError, match="neither a known data set nor an existing path"):
        read(tmp_path / "nowhere.npy")
    with pytest.raises(DataError, match="holds no images"):
        read(tmp_path)
    np.save(tmp_path / "a.npy", X)
    np.savez(tmp_path / "b.npz", X=X)
    with pytest.raises(DataError, match=r"has \.npy and \.npz files"):
        read(tmp_path)
    for size in (0, -1, 1.5, True, "10"):
        with pytest.raises(ParameterError, match="part_size"):
            read(tmp_path / "a.npy", size)


def test_a_damaged_table(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"a": np.arange(1000.0), "y": 1}).to_parquet(path)
    with pytest.raises(LabelError, match="no column 'z'"):
        read(path, label_column="z")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="cannot be read as a Parquet table"):
        read(path)
    pd.DataFrame({"a": []}).to_parquet(path)
    with pytest.raises(DataError, match="0 rows"):
        read(path)


class TestPacking:
    def test_shards_become_one_array(self, tmp_path):
        (tmp_path / "shards").mkdir()
        for number, start in enumerate((0, 12)):
            np.savez(tmp_path / f"shards/{number}.npz", X=X[start : start + 12])
        shares = []
        items = pack(
            tmp_path / "shards", tmp_path / "all.npy", listen=lambda event: shares.append(event.fraction)
        )
        np.testing.assert_array_equal(items, X)
        np.testing.assert_array_equal(np.load(tmp_path / "all.npy"), X)
        np.testing.assert_array_equal(load_dataset(tmp_path / "all.npy").X, X)
        assert shares == [0, 0.5, 1]

    def test_images_become_one_array(self, tmp_path):
        (tmp_path / "images").mkdir()
        for row, pixels in enumerate(X):
            Image.fromarray(pixels).save(tmp_path / f"images/{row:02}.png")
        np.testing.assert_array_equal(pack(tmp_path / "images", tmp_path / "all.npy"), X)

    @pytest.mark.parametrize("other", [X[:, :3], X.astype(np.float32)], ids=["shape", "type"])
    def test_shards_that_differ_leave_nothing(self, tmp_path, other):
        (tmp_path / "shards").mkdir()
        np.save(tmp_path / "shards/0.npy", X)
        np.save(tmp_path / "shards/1.npy", other)
        with pytest.raises(DataError, match="item 23 has shape"):
            pack(tmp_path / "shards", tmp_path / "all.npy")
        assert [file.name for file in tmp_path.iterdir()] == ["shards"]

    def test_what_is_no_number_is_refused(self, tmp_path):
        (tmp_path / "a.csv").write_text("a,b\n1,cat\n2,dog\n")
        with pytest.raises(DataError, match="more than numbers"):
            pack(tmp_path / "a.csv", tmp_path / "all.npy")

    def test_a_folder_that_is_not_there(self, tmp_path):
        np.save(tmp_path / "a.npy", X)
        with pytest.raises(StorageError, match="nowhere"):
            pack(tmp_path / "a.npy", tmp_path / "nowhere/all.npy")
