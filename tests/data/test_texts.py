"""Texts from files, and from lists."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from labelwise import load_dataset
from labelwise.data.texts import as_texts, is_texts
from labelwise.errors import DataError, LabelError, ParameterError

TEXTS = ["My card, it is lost", "naïve “quotes”", "NA", "12"]
CLASSES = ["card", "words", "words", "10"]


def write_csv(path):
    pd.DataFrame({"intent": CLASSES, "text": TEXTS}).to_csv(path, index=False)


def write_parquet(path):
    pd.DataFrame({"intent": CLASSES, "text": TEXTS}).to_parquet(path)


def write_jsonl(path):
    rows = [json.dumps({"text": t, "intent": c}) for t, c in zip(TEXTS, CLASSES, strict=True)]
    path.write_text("\n\n".join(rows) + "\n")


WRITERS = {".csv": write_csv, ".parquet": write_parquet, ".jsonl": write_jsonl}


@pytest.mark.parametrize("ending", WRITERS)
def test_a_named_column_of_any_file_is_read_as_it_is(tmp_path, ending):
    path = tmp_path / f"q{ending}"
    WRITERS[ending](path)
    X, y, names = load_dataset(path, text_column="text", label_column="intent")
    assert X.tolist() == TEXTS
    assert [names[code] for code in y] == CLASSES
    assert X.shape == (4,)
    assert "4 texts, 3 classes" in str(load_dataset(path, text_column="text", label_column="intent"))
    assert load_dataset(path, text_column="text").y is None


def test_a_text_file_has_an_item_a_line(tmp_path):
    path = tmp_path / "q.txt"
    path.write_bytes("\ufeffone\r\nzwei, drei\u2028vier\n\n".encode())
    X, y, _ = load_dataset(path)
    assert X.tolist() == ["one", "zwei, drei\u2028vier"]
    assert y is None


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"one\n\ntwo\n", "line 2"),
        ("a.txt", b"", "no texts"),
        ("a.txt", b"\xff\xfeo\0n\0", "unknown binary data"),
        ("a.txt", "né".encode("latin-1"), "UTF-8"),
        ("a.csv", b"text,intent\nhello,a\n,b\n", "row 1"),
        ("a.csv", b"words,intent\nhello,a\n", "'words', 'intent'"),
        ("a.jsonl", b'{"text": "a"}\n{"words": "b"}\n', "row 1"),
        ("a.jsonl", b'{"text": "a"}\n{"text": 5}\n', "row 1"),
        ("a.jsonl", b'{"text": "a"}\n[1]\n', "line 2"),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', "line 2"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    column = {} if name.endswith("txt") else {"text_column": "text"}
    with pytest.raises(DataError, match=told) as caught:
        load_dataset(tmp_path / name, **column)
    assert name in str(caught.value)


def test_labels_that_are_missing(tmp_path):
    (tmp_path / "a.csv").write_text("text,intent\nhello,a\nhi,\n")
    with pytest.raises(LabelError, match="'intent' is empty in 1 rows, first in row 1"):
        load_dataset(tmp_path / "a.csv", text_column="text", label_column="intent")
    for wrong in ("label", "text"):
        with pytest.raises(LabelError, match=f"'{wrong}'"):
            load_dataset(tmp_path / "a.csv", text_column="text", label_column=wrong)


def test_a_column_of_a_file_without_columns_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    with pytest.raises(ParameterError, match=r"text_column='text'.*a\.txt"):
        load_dataset(tmp_path / "a.txt", text_column="text")
    (tmp_path / "a.jsonl").write_text('{"text": "a", "by": "b"}\n')
    with pytest.raises(DataError, match=r"'text', 'by'.*text_column"):
        load_dataset(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    "texts", [TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object), pd.Series(TEXTS)]
)
def test_texts_in_memory(texts):
    assert is_texts(texts)
    found = as_texts(texts)
    assert found.dtype == object
    assert found.tolist() == TEXTS
    assert all(type(text) is str for text in found)


@pytest.mark.parametrize(
    "items", [[], "one", [1.0], np.zeros(3), np.array([["a"]]), pd.DataFrame({"a": TEXTS})]
)
def test_what_is_no_list_of_texts(items):
    assert not is_texts(items)


def test_a_list_that_holds_something_else_too():
    with pytest.raises(DataError, match="row 1 holds None"):
        as_texts(["a", None])
