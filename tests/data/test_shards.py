"""A folder of files of one kind is one data set; so is a table that is read in pieces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labelwise import load_dataset, scratch
from labelwise.data import shards, tables
from labelwise.data.packing import pack
from labelwise.data.parts import read_parts
from labelwise.errors import DataError, LabelError, ParameterError, StorageError

X = np.random.default_rng(0).integers(0, 256, (23, 4, 5), dtype=np.uint8)
FRAME = pd.DataFrame({"a": np.arange(23.0), "b": np.arange(23) % 5, "kind": [f"k{i % 3}" for i in range(23)]})


@pytest.fixture(params=["in memory", "on disk"], autouse=True)
def _either_way(request, monkeypatch):
    if request.param == "on disk":
        monkeypatch.setattr(scratch, "_MOST_IN_MEMORY", 100)


def in_shards(write, items):
    write(0, items[:12])
    write(1, items[12:])


def test_arrays_come_one_after_another(tmp_path):
    in_shards(lambda number, part: np.savez(tmp_path / f"{number}.npz", X=part), X)
    data = load_dataset(tmp_path)
    np.testing.assert_array_equal(data.X, X)
    assert (data.X.dtype, data.y, data.name) == (np.uint8, None, tmp_path.name)
    assert data.X.flags.owndata == (scratch._MOST_IN_MEMORY > 100)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([["cat", "dog"], ["dog", "ape"]], ["ape", "cat", "dog"]),
        ([["10", "9"], ["9", "-1"]], ["-1", "9", "10"]),
    ],
)
def test_classes_are_those_of_all_files(tmp_path, names, expected):
    for number, known in enumerate(names):
        np.savez(tmp_path / f"{number}.npz", X=X[:4], y=np.array(known)[[0, 1, 1, 0]])
    data = load_dataset(tmp_path)
    assert data.names == expected
    assert [data.names[i] for i in data.y] == [known[i] for known in names for i in (0, 1, 1, 0)]


def test_tables_of_numbers_and_a_column_of_classes(tmp_path):
    in_shards(lambda number, part: part.to_csv(tmp_path / f"{number}.csv", index=False), FRAME)
    data = load_dataset(tmp_path, label_column="kind")
    np.testing.assert_array_equal(data.X, FRAME[["a", "b"]].to_numpy(np.float32))
    assert [data.names[i] for i in data.y] == FRAME["kind"].tolist()
    pd.testing.assert_frame_equal(
        load_dataset(tmp_path, label_column="kind", as_frame=True).X, FRAME[["a", "b"]]
    )


def write_table(table, path):
    {
        ".csv": lambda: table.to_csv(path, index=False),
        ".parquet": lambda: table.to_parquet(path, index=False),
        ".arrow": lambda: table.reset_index(drop=True).to_feather(path),
    }[path.suffix]()


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".arrow"])
class TestTablesWithoutRows:
    def test_among_others_are_not_shards(self, tmp_path, kind):
        for number, part in enumerate([FRAME[:0], FRAME[:12], FRAME[:0], FRAME[12:]]):
            write_table(part, tmp_path / f"{number}{kind}")
        pd.testing.assert_frame_equal(load_dataset(tmp_path).X, FRAME)
        assert [part.n_items for part in read_parts(tmp_path, 100)] == [12, 11]

    def test_alone_are_refused(self, tmp_path, kind):
        for number in range(2):
            write_table(FRAME[:0], tmp_path / f"{number}{kind}")
        with pytest.raises(DataError, match="0 rows"):
            load_dataset(tmp_path)


def test_a_line_of_numbers_is_a_row(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text(f"{number},7\n")
    assert load_dataset(tmp_path).X.tolist() == [[0, 7], [1, 7], [2, 7]]


def test_a_gap_in_a_later_file_makes_a_frame_of_all(tmp_path):
    frame = FRAME[["a", "b"]].astype({"b": float})
    frame.loc[20, "b"] = np.nan
    in_shards(lambda number, part: part.to_parquet(tmp_path / f"{number}.parquet", index=False), frame)
    pd.testing.assert_frame_equal(load_dataset(tmp_path).X, frame)


def test_texts(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.jsonl").write_text(f'{{"said": "hello {number}"}}\n' * 3)
    data = load_dataset(tmp_path, text_column="said")
    assert data.X.tolist() == ["hello 0"] * 3 + ["hello 1"] * 3


@pytest.mark.parametrize("kind", [".parquet", ".feather"])
def test_a_table_in_pieces_is_the_table(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(tables, "_PIECE", 10)
    path = tmp_path / f"a{kind}"
    (FRAME.to_parquet if kind == ".parquet" else FRAME.to_feather)(path)
    data = load_dataset(path, label_column="kind")
    np.testing.assert_array_equal(data.X, FRAME[["a", "b"]].to_numpy(np.float32))
    assert [data.names[i] for i in data.y] == FRAME["kind"].tolist()
    pd.testing.assert_frame_equal(load_dataset(path).X, FRAME)


@pytest.mark.parametrize(
    ("other", "said"), [({"a": [1.0], "c": [2]}, "a column 'c'"), ({"b": [2], "a": [1.0]}, "order")]
)
def test_other_columns_are_not_put_below_these(tmp_path, other, said):
    FRAME[["a", "b"]].to_csv(tmp_path / "0.csv", index=False)
    pd.DataFrame(other).to_csv(tmp_path / "1.csv", index=False)
    for read in (load_dataset, lambda folder: pack(folder, tmp_path.parent / "all.npy")):
        with pytest.raises(DataError, match=f"from item 23 on .*{said}"):
            read(tmp_path)


def test_a_column_that_holds_numbers_here_and_text_there(tmp_path):
    (tmp_path / "0.csv").write_text("code,n\n000,1\n001,2\n")
    (tmp_path / "1.csv").write_text("code,n\n000,1\nA12,2\n")
    with pytest.raises(DataError, match="column 'code' holds text from item 2 on, and numbers before"):
        load_dataset(tmp_path)


def test_classes_that_lost_their_zeros_in_one_file(tmp_path):
    (tmp_path / "0.csv").write_text("n,class\n1,01\n2,02\n")
    (tmp_path / "1.csv").write_text("n,class\n1,01\n2,B\n")
    with pytest.raises(LabelError, match="class '01' is text in one file"):
        load_dataset(tmp_path, label_column="class")


@pytest.mark.parametrize("kind", [".parquet", ".feather"])
def test_classes_of_a_table_in_pieces_are_those_of_the_whole(tmp_path, monkeypatch, kind):
    frame = pd.DataFrame({"a": np.arange(6.0), "y": ["10", "9", "9", "8", "10", "8"]})
    write = {".parquet": pd.DataFrame.to_parquet, ".feather": pd.DataFrame.to_feather}[kind]
    write(frame, tmp_path / f"a{kind}")
    whole = load_dataset(tmp_path / f"a{kind}", label_column="y")
    monkeypatch.setattr(tables, "_PIECE", 2)
    data = load_dataset(tmp_path / f"a{kind}", label_column="y")
    assert data.names == whole.names == ["10", "8", "9"]
    np.testing.assert_array_equal(data.y, whole.y)
    frame.loc[4, "y"] = None
    write(frame, tmp_path / f"a{kind}")
    with pytest.raises(LabelError, match="empty in 1 rows, first in row 4"):
        load_dataset(tmp_path / f"a{kind}", label_column="y")


def test_a_single_file_stays_mapped(tmp_path):
    np.save(tmp_path / "0.npy", X)
    assert isinstance(load_dataset(tmp_path).X, np.memmap)


def test_a_name_of_the_catalogue_is_no_folder(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits/a.csv").write_text("a,y\n1,2\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="not for digits"):
        load_dataset("digits", label_column="y")


def test_items_that_differ(tmp_path):
    np.save(tmp_path / "0.npy", X)
    np.save(tmp_path / "1.npy", X[:, :3])
    with pytest.raises(DataError, match="item 23 has shape"):
        load_dataset(tmp_path)


def test_some_files_without_classes(tmp_path):
    np.savez(tmp_path / "0.npz", X=X, y=np.arange(23))
    np.savez(tmp_path / "1.npz", X=X)
    with pytest.raises(LabelError, match="1 of 2 files have no classes"):
        load_dataset(tmp_path)


def test_a_damaged_shard_is_named(tmp_path):
    np.savez(tmp_path / "0.npz", X=X)
    (tmp_path / "1.npz").write_bytes((tmp_path / "0.npz").read_bytes()[:300])
    with pytest.raises(DataError, match=r"1\.npz is cut short"):
        load_dataset(tmp_path)


def test_a_link_to_nowhere_is_named(tmp_path):
    np.save(tmp_path / "0.npy", X)
    (tmp_path / "1.npy").symlink_to(tmp_path / "gone.npy")
    with pytest.raises(DataError, match=r"1\.npy is a link that leads nowhere"):
        load_dataset(tmp_path)


def test_columns_of_files_without_columns(tmp_path):
    np.save(tmp_path / "0.npy", X)
    with pytest.raises(ParameterError, match="label_column='y' is for"):
        load_dataset(tmp_path, label_column="y")


def test_a_disk_without_space_is_told(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "_MOST_IN_MEMORY", 100)
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", full)
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", X)
    with pytest.raises(StorageError, match=r"No space left.*TMPDIR"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("name", ["1" * 400, "a" * 400 + ".csv"])
def test_a_name_that_no_file_can_have_is_no_folder(name):
    assert shards.files_of(name) == [name]
    assert shards.has_columns(name) == name.endswith(".csv")
    with pytest.raises(DataError):
        load_dataset(name)
