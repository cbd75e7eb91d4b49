import builtins

import numpy as np
import pytest

from labelwise.data import load_dataset
from labelwise.errors import DataError, LabelError, MissingExtraError

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")


@pytest.fixture(params=["csv", "parquet", "arrow", "feather"])
def write(request, tmp_path):
    """Write a frame in any format and say where."""

    def save(frame):
        path = tmp_path / f"mine.{request.param}"
        if request.param == "csv":
            frame.to_csv(path, index=False)
        elif request.param == "feather":
            frame.to_feather(path)
        elif request.param == "arrow":  # a stream, as Hugging Face datasets writes it
            table = pyarrow.Table.from_pandas(frame)
            with pyarrow.ipc.new_stream(path, table.schema) as stream:
                stream.write_table(table)
        else:
            frame.to_parquet(path)
        return path

    return save


def refusal(path, kind=DataError, **options):
    with pytest.raises(kind) as caught:
        load_dataset(path, **options)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def frame(**columns):
    return pandas.DataFrame({"a": [1.5, 2.5, 3.5], "b": [4, 5, 6], **columns})


def test_numbers(write):
    X, y, names = data = load_dataset(write(frame(c=[True, False, True])))
    np.testing.assert_array_equal(X, [[1.5, 4, 1], [2.5, 5, 0], [3.5, 6, 1]])
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert (y, names) == (None, None)
    assert str(data) == f"{data.name}: 3 rows of 3 features, float32, no labels"


def test_huge_values_are_left_to_the_model(write):
    X, _, _ = load_dataset(write(frame(c=[0, 1e300, -1e300])))
    np.testing.assert_array_equal(X[:, 2], [0, np.inf, -np.inf])


def test_missing_values_make_a_frame(write):
    X, _, _ = load_dataset(write(frame(c=[np.nan, 1, 2])))
    assert list(X.columns) == ["a", "b", "c"]
    np.testing.assert_array_equal(X["c"], [np.nan, 1, 2])


@pytest.mark.parametrize(
    ("labels", "indices", "names"),
    [
        (["dog", "cat", "dog"], [1, 0, 1], ["cat", "dog"]),
        ([10, 2, 10], [1, 0, 1], ["2", "10"]),
        ([True, False, True], [1, 0, 1], ["False", "True"]),
    ],
)
def test_a_column_of_labels(write, labels, indices, names):
    data = load_dataset(write(frame(kind=labels)), label_column="kind")
    assert data.X.shape == (3, 2)
    assert data.y.tolist() == indices
    assert data.y.dtype == np.int64
    assert data.names == names


def test_columns_that_are_not_numeric_make_a_frame(write):
    data = load_dataset(write(frame(kind=["x", "y", "z"], day=["a", "b", "c"])), label_column="day")
    assert list(data.X.columns) == ["a", "b", "kind"]
    assert list(data.X["kind"]) == ["x", "y", "z"]
    assert str(data) == f"{data.name}: 3 rows of 3 columns, 3 classes"


def test_a_table_of_numbers_is_a_frame_on_request(write):
    path = write(frame())
    assert list(load_dataset(path, as_frame=True).X.columns) == ["a", "b"]
    assert isinstance(load_dataset(path).X, np.ndarray)


def test_bad_label_column(write):
    assert (
        refusal(write(frame()), LabelError, label_column="kind")
        == "FILE has no column 'kind': it has 'a', 'b'"
    )
    assert refusal(write(frame(kind=["x", None, None])), LabelError, label_column="kind") == (
        "FILE: column 'kind' is empty in 2 rows, first in row 1: fill it"
    )
    assert refusal(write(frame(kind=[0.5, 1, 2])), LabelError, label_column="kind") == (
        "FILE: column 'kind': label 0.5 in row 0 is not a class; use whole numbers or text"
    )


def test_no_rows_or_no_features(write):
    assert refusal(write(frame().iloc[:0])) == "FILE holds 0 rows and 2 columns of features: give at least 1"
    one = pandas.DataFrame({"kind": ["x", "y"]})
    assert refusal(write(one), label_column="kind") == (
        "FILE holds 2 rows and 0 columns of features: give at least 1"
    )


def test_integers_with_gaps(tmp_path):
    path = tmp_path / "mine.parquet"
    pandas.DataFrame({"a": pandas.array([1, None, 3], dtype="Int64")}).to_parquet(path)
    np.testing.assert_array_equal(load_dataset(path).X, np.array([[1], [np.nan], [3]], np.float32))


def test_csv_without_a_header_loses_no_row(tmp_path):
    path = tmp_path / "mine.CSV"
    path.write_text("1,2,x\n3,4,y\n5,6,x\n")
    data = load_dataset(path)
    assert data.X.to_numpy().tolist() == [[1, 2, "x"], [3, 4, "y"], [5, 6, "x"]]
    path.write_text("1,2,kind\n3,4,y\n5,6,x\n")
    assert list(load_dataset(path).X.columns) == ["1", "2", "kind"]
    path.write_text("1,2,0\n3,4,1\n5,6,0\n")
    data = load_dataset(path, label_column="2")
    assert data.X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert data.y.tolist() == [0, 1, 0]


def test_csv_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes("kind,a\nx,1\ny,2\n".encode("utf-8-sig"))
    assert load_dataset(path, label_column="kind").names == ["x", "y"]


def test_csv_with_row_numbers(tmp_path):
    path = tmp_path / "mine.csv"
    frame().to_csv(path)
    assert refusal(path) == (
        "FILE has a column without a name, as row numbers saved by pandas have: "
        "name it, or save with index=False"
    )


def test_csv_that_is_none(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"")
    assert refusal(path) == "FILE cannot be read as comma-separated text in UTF-8: it is empty"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    assert refusal(path) == "FILE is not a .csv file: it holds a PNG image"
    path.write_bytes(b"a,b\n1,2\n1,2,3,4\n")
    assert refusal(path) == (
        "FILE cannot be read as comma-separated text in UTF-8: "
        "Error tokenizing data. C error: Expected 2 fields in line 3, saw 4"
    )
    path.write_bytes("größe,b\n1,2\n".encode("latin-1"))
    assert refusal(path).startswith(
        "FILE cannot be read as comma-separated text in UTF-8: 'utf-8' codec can't decode"
    )


def test_parquet_that_is_none(tmp_path):
    path = tmp_path / "mine.parquet"
    path.write_bytes(b"PK\x03\x04....")
    assert refusal(path) == "FILE is not a .parquet file: it holds a zip archive"
    path.write_bytes(b"PAR1" + bytes(50))
    assert refusal(path).startswith("FILE cannot be read as a Parquet table (")


def test_names_of_folders_are_no_columns(tmp_path):
    (tmp_path / "year=2026").mkdir()
    path = tmp_path / "year=2026/mine.parquet"
    frame().to_parquet(path)
    assert load_dataset(path).X.shape == (3, 2)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04....", b"ARROW1\0\0" + bytes(50), b"\xff" * 80])
@pytest.mark.parametrize("ending", ["arrow", "feather"])
def test_arrow_that_is_none(tmp_path, ending, content):
    path = tmp_path / f"mine.{ending}"
    path.write_bytes(content)
    assert refusal(path).startswith("FILE cannot be read as an Arrow table (")


@pytest.mark.parametrize(
    ("file", "package"),
    [
        ("mine.csv", "pandas"),
        ("mine.parquet", "pandas"),
        ("mine.parquet", "pyarrow"),
        ("mine.arrow", "pyarrow"),
    ],
)
def test_without_the_extra(tmp_path, monkeypatch, file, package):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    path = tmp_path / file
    path.write_text("a\n1\n")
    monkeypatch.setattr(builtins, "__import__", without)
    ending = path.suffix
    assert refusal(path, MissingExtraError) == (
        f'reading a {ending} file needs {package}, which is not installed: pip install "labelwise[data]"'
    )
