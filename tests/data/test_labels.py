import numpy as np
import pytest

from labelwise.data import read_labels
from labelwise.errors import LabelError, StorageError
from labelwise.labels import UNLABELED


@pytest.fixture
def csv(tmp_path):
    """Write text as labels.csv and say where."""

    def save(text, encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return save


def refusal(path, kind=LabelError, n_samples=10, **options):
    with pytest.raises(kind) as caught:
        read_labels(path, n_samples=n_samples, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def test_labels_are_text_and_the_rest_is_unlabelled(csv):
    y = read_labels(csv('index,label\n3, 1 \n0,"a, b"\n 4 ,é\n'), n_samples=5)
    assert y.tolist() == ["a, b", UNLABELED, UNLABELED, "1", "é"]
    assert y.dtype == object
    assert type(y[1]) is int
    assert type(y[3]) is str


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_columns_in_any_order_among_others(csv, newline, encoding):
    text = newline.join(["reason,label,component,index", "far,x,7,2", "", ",y,,0", "near,,3,1", ""])
    assert read_labels(csv(text, encoding), n_samples=3).tolist() == ["y", UNLABELED, "x"]


def test_rows_without_a_label_or_said_twice_change_nothing(csv):
    y = read_labels(csv("index,label\n1,x\n2,\n2\n1,x\n1,\n0,   \n"), n_samples=3)
    assert y.tolist() == [UNLABELED, "x", UNLABELED]


def test_by_path(csv):
    paths = ["a/1.png", "a/2.png", "b/1.png"]
    text = "path,label\nb/1.png,x\n./a/1.png,y\na\\2.png,z\n"
    assert read_labels(csv(text), n_samples=3, paths=paths).tolist() == ["y", "z", "x"]
    assert read_labels(csv("index,label\n2,x\n"), n_samples=3, paths=paths)[2] == "x"
    both = "index,path,label\n0,b/1.png,x\n"
    assert read_labels(csv(both), n_samples=3, paths=paths)[2] == "x", "a path says more than a number"


def test_unknown_path(csv):
    path = csv("path,label\na.png,x\nc.png,y\n")
    assert refusal(path, n_samples=2, paths=["a.png", "b.png"]) == (
        "FILE, line 3: there is no image 'c.png': use paths relative to the folder, such as 'a.png'"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE is empty: its first line must be index,label"),
        ("\n\n", "FILE is empty: its first line must be index,label"),
        ("id,label\n1,x\n", "FILE has no column 'index': its first line names 'id', 'label'"),
        ("index;label\n1;x\n", "FILE has no column 'index': its first line names 'index;label'"),
        ("index,name\n1,x\n", "FILE has no column 'label': its first line names 'index', 'name'"),
        ("1,x\n2,y\n", "FILE has no column 'index': its first line names '1', 'x'"),
        (
            "index,label,label\n1,x,y\n",
            "FILE has more than one column 'label': its first line names 'index', 'label', 'label'",
        ),
        ("path,label\na.png,x\n", "FILE has no column 'index': its first line names 'path', 'label'"),
        ("index,label\n1,x\n10,y\n", "FILE, line 3: there is no item 10: use 0 to 9"),
        ("index,label\n-1,x\n", "FILE, line 2: there is no item -1: use 0 to 9"),
        ("index,label\n1.0,x\n", "FILE, line 2: index '1.0' is not a whole number: use 0 to 9"),
        ("index,label\n,x\n", "FILE, line 2: index '' is not a whole number: use 0 to 9"),
        ("index,label\n1_0,x\n", "FILE, line 2: index '1_0' is not a whole number: use 0 to 9"),
        (
            "index,label\n" + "9" * 40 + ",x\n",
            f"FILE, line 2: index '{'9' * 40}' is not a whole number: use 0 to 9",
        ),
        (
            "index,label\n1,x\n2,z\n1,y\n",
            "FILE, line 4: index 1 is labelled 'y', but 'x' in line 2: keep one of the two",
        ),
        (
            "index,label\n1,a,b\n",
            "FILE, line 2: 3 cells where the first line has 2: "
            "put quotation marks around a label that holds a comma",
        ),
        ("index,label\n1,\n", "FILE has no labels: fill in the column 'label' of at least one row"),
        ("index,label\n", "FILE has no labels: fill in the column 'label' of at least one row"),
        ('index,label\n1,"x\n2,y\n', "FILE, line 3: unexpected end of data: check the quotation marks"),
        (b"index,label\n1,\xff\xfe\n", "FILE is not text in UTF-8: save it as a UTF-8 .csv file"),
    ],
)
def test_bad_files(csv, text, message):
    assert refusal(csv(text)) == message


def test_the_same_item_by_two_spellings(csv):
    path = csv("path,label\na.png,x\n./a.png,y\n")
    assert "line 3: path ./a.png is labelled 'y', but 'x' in line 2" in refusal(
        path, n_samples=1, paths=["a.png"]
    )


def test_by_path_needs_a_column(csv):
    assert refusal(csv("name,label\nx,y\n"), n_samples=1, paths=["a.png"]) == (
        "FILE has no column 'path' (or 'index'): its first line names 'name', 'label'"
    )


def test_a_file_that_cannot_be_opened(tmp_path):
    assert refusal(tmp_path / "none.csv", StorageError) == "FILE cannot be read: No such file or directory"
    assert refusal(tmp_path, StorageError) == "FILE cannot be read: Is a directory"


def test_many_labels(csv):
    rows = "".join(f"{i},{i % 7}\n" for i in range(20_000))
    y = read_labels(csv("index,label\n" + rows), n_samples=20_000)
    assert np.array_equal(y.astype(int), np.arange(20_000) % 7)
