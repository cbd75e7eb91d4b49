"""What each parameter of an estimator may be: declared once, checked in `fit`, all faults named at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from labelwise.errors import ParameterError


class Constraint(Protocol):
    """Something that a value fulfils or not, and that can say itself in words."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        ...

    def describe(self) -> str:
        """Say what is allowed, to stand after "must be"."""
        ...


@dataclass(frozen=True)
class Integer:
    """A whole number (not a bool) of at least `low`."""

    low: int

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return _is_number(value, Integral) and value >= self.low

    def describe(self) -> str:
        """Say what is allowed."""
        return f"an integer of at least {self.low}"


@dataclass(frozen=True)
class Positive:
    """A finite real number above zero."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return _is_number(value, Real) and math.isfinite(value) and value > 0

    def describe(self) -> str:
        """Say what is allowed."""
        return "a finite number above 0"


@dataclass(frozen=True)
class Fraction:
    """A real number between 0 and 1, both excluded."""

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return _is_number(value, Real) and 0 < value < 1

    def describe(self) -> str:
        """Say what is allowed."""
        return "a number between 0 and 1"


class Option:
    """One of a few values, compared by identity of type and value."""

    def __init__(self, *allowed: Any) -> None:
        self.allowed = allowed

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return any(type(value) is type(option) and value == option for option in self.allowed)

    def describe(self) -> str:
        """Say what is allowed."""
        words = [repr(option) for option in self.allowed]
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


class StartsWith:
    """Text that begins with one of a few words, and goes on."""

    def __init__(self, *beginnings: str) -> None:
        self.beginnings = beginnings

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return isinstance(value, str) and any(
            value.startswith(beginning) and value != beginning for beginning in self.beginnings
        )

    def describe(self) -> str:
        """Say what is allowed."""
        return " or ".join(f"'{beginning}…'" for beginning in self.beginnings)


@dataclass(frozen=True)
class SequenceOf:
    """A non-empty list or tuple whose items each fulfil a constraint."""

    item: Constraint

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return isinstance(value, (list, tuple)) and bool(value) and all(map(self.item.accepts, value))

    def describe(self) -> str:
        """Say what is allowed."""
        return f"a list in which each item is {self.item.describe()}"


class InstanceOf:
    """Objects of a class."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return isinstance(value, self._kind)

    def describe(self) -> str:
        """Say what is allowed, in words."""
        return f"a {self._kind.__name__}"


class Either:
    """Any of several constraints."""

    def __init__(self, *constraints: Constraint) -> None:
        self.constraints = constraints

    def accepts(self, value: Any) -> bool:
        """Whether `value` is allowed."""
        return any(constraint.accepts(value) for constraint in self.constraints)

    def describe(self) -> str:
        """Say what is allowed."""
        return " or ".join(constraint.describe() for constraint in self.constraints)


def _is_number(value: Any, kind: type) -> bool:
    # Python counts True as the number 1; nobody who passes it means that.
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_))


class Constrained(Protocol):
    """An estimator that says in `_constraints` what its parameters may be."""

    _constraints: dict[str, Constraint]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        ...


def check_parameters_of(estimator: Constrained) -> None:
    """Compare an estimator's parameters with its constraints; raises as `check_parameters` does."""
    check_parameters(estimator.get_params(deep=False), estimator._constraints)


def check_parameters(parameters: Mapping[str, Any], constraints: Mapping[str, Constraint]) -> None:
    """Compare parameters with their constraints.

    Raises
    ------
    ParameterError
        If any value is not allowed. All of them are named, in one line.
    """
    faults = [
        f"{name}={parameters[name]!r} must be {constraint.describe()}"
        for name, constraint in constraints.items()
        if not constraint.accepts(parameters[name])
    ]
    if faults:
        raise ParameterError("; ".join(faults))
