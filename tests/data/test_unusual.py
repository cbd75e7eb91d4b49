"""What is unusual in the rows of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labelwise.data.unusual import Usual


@pytest.fixture
def usual():
    rng = np.random.default_rng(0)
    size = rng.normal(10, 1, 500)
    size[3], size[4], size[5] = 30, -20, np.nan
    errors = np.zeros(500)
    errors[7] = 2
    kind = np.array(["tcp"] * 499 + ["icmp"])
    return Usual(
        pd.DataFrame({"size": size, "errors": errors, "kind": kind, "id": [f"r{i}" for i in range(500)]})
    )


@pytest.mark.parametrize(
    ("row", "marks"),
    [
        (0, ["", "", "", ""]),
        (3, ["high", "", "", ""]),
        (4, ["low", "", "", ""]),
        (5, ["missing", "", "", ""]),
        (7, ["", "high", "", ""]),
        (499, ["", "", "rare", ""]),
    ],
)
def test_marks(usual, row, marks):
    assert usual.marks([row]) == [marks]


def test_values_are_text_with_names_of_columns(usual):
    assert usual.columns == ["size", "errors", "kind", "id"]
    assert usual.rows([3, 5]) == [["30", "0", "tcp", "r3"], ["", "0", "tcp", "r5"]]


def test_an_array_has_numbered_columns():
    usual = Usual(np.arange(20.0).reshape(10, 2))
    assert usual.columns == ["column 0", "column 1"]
    assert usual.rows([1]) == [["2", "3"]]
