"""Declared constraints: what they accept, and how they say it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labelwise.errors import LabelwiseError, ParameterError
from labelwise.parameters import Either, Integer, Option, Positive, SequenceOf, check_parameters

NOT_A_NUMBER = [None, "1", [1], (1,), {}, 1j, object(), np.array([1]), True, False, np.bool_(True)]


@pytest.mark.parametrize("value", [2, 3, 10**20, np.int64(2), np.uint8(200)])
def test_integer_accepts(value):
    assert Integer(2).accepts(value)


@pytest.mark.parametrize("value", [1, -5, 2.0, 2.5, np.float64(3), np.int8(-3), float("nan"), *NOT_A_NUMBER])
def test_integer_refuses(value):
    assert not Integer(2).accepts(value)


@pytest.mark.parametrize("value", [1, 0.5, 1e-300, np.float32(0.1), np.int64(3), Fraction(1, 3)])
def test_positive_accepts(value):
    assert Positive().accepts(value)


@pytest.mark.parametrize(
    "value", [0, 0.0, -1, -1e-9, float("inf"), float("nan"), np.float32("nan"), *NOT_A_NUMBER]
)
def test_positive_refuses(value):
    assert not Positive().accepts(value)


@pytest.mark.parametrize("value", ["auto", None, 1])
def test_option_accepts(value):
    assert Option("auto", None, 1).accepts(value)


@pytest.mark.parametrize("value", ["Auto", "", True, 1.0, 0, ["auto"], np.array(["auto"]), np.str_("auto")])
def test_option_refuses(value):
    assert not Option("auto", None, 1).accepts(value)


@pytest.mark.parametrize("value", [[1], (3, 2), [np.int64(4)]])
def test_sequence_accepts(value):
    assert SequenceOf(Integer(1)).accepts(value)


@pytest.mark.parametrize("value", [[], (), [0], [1, "2"], [1, None], "12", 3, {1: 2}, np.array([1, 2]), None])
def test_sequence_refuses(value):
    assert not SequenceOf(Integer(1)).accepts(value)


def test_either_accepts_what_one_of_them_accepts():
    constraint = Either(Option("auto"), Integer(1), SequenceOf(Integer(1)))
    assert all(constraint.accepts(value) for value in ("auto", 1, [2, 3]))
    assert not any(constraint.accepts(value) for value in ("all", 0, [0], None))


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (Integer(3), "an integer of at least 3"),
        (Positive(), "a finite number above 0"),
        (Option("a"), "'a'"),
        (Option(None, "a"), "None or 'a'"),
        (Option("a", "b", "c"), "'a', 'b' or 'c'"),
        (SequenceOf(Integer(1)), "a list in which each item is an integer of at least 1"),
        (Either(Option("auto"), Integer(1)), "'auto' or an integer of at least 1"),
    ],
)
def test_constraints_say_themselves(constraint, words):
    assert constraint.describe() == words


def test_all_faults_are_named_in_order_and_good_values_are_not():
    constraints = {"a": Integer(1), "b": Positive(), "c": Option("x", "y")}
    with pytest.raises(ParameterError) as caught:
        check_parameters({"c": "z", "b": 1.0, "a": 0, "unchecked": object}, constraints)
    assert str(caught.value) == "a=0 must be an integer of at least 1; c='z' must be 'x' or 'y'"
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, LabelwiseError)


def test_good_values_pass():
    check_parameters({"a": 1, "b": 0.5}, {"a": Integer(1), "b": Positive()})
