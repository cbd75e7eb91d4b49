"""What the columns of a table hold, and what becomes of each: inferred, shown, saved, and open to edits."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from labelwise.errors import DataError, FeatureWarning

KINDS = ("number", "category", "boolean", "date", "left out")
MISSING = ""  # the category of what is missing: a .csv cannot tell it from empty text

_MOST_CATEGORIES = 50  # with columns of their own; the rest share none
_RARE = 5  # rows: a category of fewer says little, and its column would be all but constant
# Of the rows with text: a column in which more differ names its rows.
_IDENTIFYING = 0.9
_MIN_ROWS = 20  # below that, different values are no sign of a name
# Fourth standardised moment, 3 for a normal distribution: from here on a few values would set the scale.
_HEAVY = 10.0
_TRUE, _FALSE = ("true", "yes", "t", "y"), ("false", "no", "f", "n")
_COUNTS, _NAMES = "it counts the rows", "nearly all values differ"
# What columns of classes are called: a model that sees the answer learns little else.
_CLASSES = ("label", "labels", "class", "classes", "target", "y")
_SECONDS_A_DAY = 86_400
_MOST_NAMED = 5


@dataclass(frozen=True)
class Column:
    """What becomes of one column.

    Attributes
    ----------
    name : str
    kind : {"number", "category", "boolean", "date", "left out"}
    log : bool
        Of numbers: whether log(1 + |x|), with the sign of x, takes their place.
    fill : float
        Of numbers, booleans and dates (in days since 1970): what takes the place of a missing one.
    flag : bool
        Of these: whether a second column says where one was missing.
    categories : tuple of str
        Those with a column of their own. Others, and new ones, have zeros in all of them.
    reason : str
        Why the column is left out.
    """

    name: str
    kind: str
    log: bool = False
    fill: float = 0.0
    flag: bool = False
    categories: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether it becomes a number."""
        return self.kind in ("number", "boolean", "date")


@dataclass(frozen=True)
class Schema:
    """All columns of a table, in order."""

    columns: tuple[Column, ...]

    @classmethod
    def infer(cls, frame: Any) -> Schema:
        """Look at a pandas frame; columns that name its rows are left out, with a warning.

        Raises
        ------
        DataError
            If no column is left, or two have the same name.
        """
        names = [str(name) for name in frame.columns]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise DataError(f"more than one column is called {listed(twice)}: rename them")
        schema = cls(tuple(_infer(str(name), frame[name]) for name in frame.columns))
        out = [column.name for column in schema.columns if column.reason in (_COUNTS, _NAMES)]
        if out:
            warnings.warn(
                f"left out as names of rows: {listed(out)}; if they say what a row is like, change their "
                "kind in the schema",
                FeatureWarning,
                stacklevel=4,
            )
        truth = [name for name in schema.names if name.lower() in _CLASSES]
        if truth:
            warnings.warn(
                f"{listed(truth)} became a feature: if it holds classes, leave it out, or name it as the "
                "column of classes (label_column, --label-column)",
                FeatureWarning,
                stacklevel=4,
            )
        schema.check()
        return schema

    def check(self) -> None:
        """Refuse a schema that makes no features.

        Raises
        ------
        DataError
        """
        for column in self.columns:
            if column.kind not in KINDS:
                raise DataError(f"column {column.name!r} has kind {column.kind!r}: use {', '.join(KINDS)}")
            if isinstance(column.fill, bool) or not isinstance(column.fill, (int, float)):
                raise DataError(f"column {column.name!r} has fill {column.fill!r}: use a number")
        if not self.names:
            reasons = "; ".join(f"{column.name}: {column.reason}" for column in self.columns[:_MOST_NAMED])
            raise DataError(f"no column says what a row is like ({reasons}): bring other columns")

    def completed(self, frame: Any) -> Schema:
        """Look up the categories of columns that a person called categories without naming them."""
        there = set(map(str, frame.columns))
        return Schema(
            tuple(
                replace(column, categories=_frequent(as_text(frame[column.name])))
                if column.kind == "category" and not column.categories and column.name in there
                else column
                for column in self.columns
            )
        )

    @property
    def names(self) -> list[str]:
        """Columns that are looked at."""
        return [column.name for column in self.columns if column.kind != "left out"]

    def describe(self) -> str:
        """Say in one line what there is, such as "38 numbers (21 as logarithms), 3 categories"."""
        counts = []
        for kind, noun in zip(
            KINDS,
            (
                ("number", "numbers"),
                ("category", "categories"),
                ("boolean", "booleans"),
                ("date", "dates"),
                ("column left out", "columns left out"),
            ),
            strict=True,
        ):
            columns = [column for column in self.columns if column.kind == kind]
            if columns:
                n_logs = sum(column.log for column in columns)
                logs = f" ({n_logs} as logarithms)" if n_logs else ""
                counts.append(f"{len(columns)} {noun[len(columns) != 1]}{logs}")
        return ", ".join(counts)

    def as_json(self) -> list[dict[str, Any]]:
        """JSON values; `of_json` takes them back."""
        return [
            {
                name: value
                for name, value in asdict(column).items()
                if name == "name" or value not in (False, (), "", 0.0)
            }
            for column in self.columns
        ]

    @classmethod
    def of_json(cls, values: Sequence[Mapping[str, Any]]) -> Schema:
        """Read what `as_json` wrote, or a person edited.

        Raises
        ------
        DataError
            If it is no schema.
        """
        try:
            columns = [
                Column(**{**value, "categories": tuple(map(str, value.get("categories", ())))})
                for value in values
            ]
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(f"this is no schema of a table: {error}") from error
        schema = cls(tuple(columns))
        schema.check()
        return schema


def _infer(name: str, values: Any) -> Column:
    from pandas.api import types

    known = values.dropna()
    if types.is_complex_dtype(known.dtype) or _has_containers(known):
        return Column(name, "left out", reason="it holds neither numbers, text nor dates")
    if known.nunique() < 2 and (not len(known) or len(known) == len(values)):
        return Column(name, "left out", reason="it is the same in all rows")
    flag = bool(len(known) < len(values))
    if types.is_bool_dtype(known.dtype) or (known.dtype == object and known.map(type).eq(bool).all()):
        return Column(name, "boolean", fill=float(known.astype(float).mode().iloc[0]), flag=flag)
    if types.is_numeric_dtype(known.dtype):
        return _number(name, known, flag, len(values))
    if types.is_datetime64_any_dtype(known.dtype) or _are_dates(known):
        return Column(name, "date", fill=float(np.median(days(known))), flag=flag)
    texts = as_text(known)
    if {text.lower() for text in texts.unique()} <= {*_TRUE, *_FALSE}:
        return Column(name, "boolean", fill=float(np.round(truths(texts).mean())), flag=flag)
    return _category(name, as_text(values))


def _has_containers(known: Any) -> bool:
    """Whether a value holds others; columns of a plain type, which need no look at each value, have none."""
    from pandas import StringDtype
    from pandas.api import types

    of_plain_type = types.is_numeric_dtype(known.dtype) or types.is_datetime64_any_dtype(known.dtype)
    if of_plain_type or isinstance(known.dtype, StringDtype):
        return False
    return bool(known.map(_is_container).any())


def _is_container(value: Any) -> bool:
    return isinstance(value, (list, tuple, dict, set, np.ndarray))


def _number(name: str, known: Any, flag: bool, n_rows: int) -> Column:
    numbers = known.to_numpy(dtype=float)
    numbers = numbers[np.isfinite(numbers)]  # the featurizer refuses others, with their rows
    steps = np.diff(numbers)
    if len(numbers) == n_rows >= _MIN_ROWS and (steps == 1).all():
        return Column(name, "left out", reason=_COUNTS)
    if not len(numbers):
        return Column(name, "number", flag=flag)
    is_heavy = _kurtosis(numbers) > max(_HEAVY, _kurtosis(signed_log(numbers)))
    return Column(name, "number", log=bool(is_heavy), fill=float(np.median(numbers)), flag=flag)


def _category(name: str, texts: Any) -> Column:
    counts = texts.value_counts()
    if len(texts) >= _MIN_ROWS and len(counts) > _IDENTIFYING * len(texts):
        return Column(name, "left out", reason=_NAMES)
    return Column(name, "category", categories=_frequent(texts))


def _frequent(texts: Any) -> tuple[str, ...]:
    """Categories that get a column of their own, sorted; of few rows at least the two most frequent."""
    counts = texts.value_counts()
    enough = counts[counts >= min([_RARE, *counts.iloc[1:2]])].head(_MOST_CATEGORIES)
    return tuple(sorted(map(str, enough.index)))


def _kurtosis(numbers: np.ndarray) -> float:
    deviations = numbers - numbers.mean()
    variance = float(np.square(deviations).mean())
    return float((deviations**4).mean()) / variance**2 if variance else 0.0


def _are_dates(known: Any) -> bool:
    """Whether texts are dates or times as in ISO 8601; numbers in text are none."""
    import pandas

    texts = as_text(known).drop_duplicates()
    if not texts.str.fullmatch(r"\d{4}-\d{2}(-\d{2}.*)?").all():
        return False
    return bool(pandas.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).notna().all())


def is_frame(items: Any) -> bool:
    """Whether these are a frame of pandas or polars."""
    return hasattr(items, "columns") and (hasattr(items, "iloc") or hasattr(items, "to_pandas"))


def as_text(values: Any) -> Any:
    """A column as text, `MISSING` where there is nothing; whole numbers as such, whatever their type."""
    from pandas import StringDtype
    from pandas.api.types import is_float_dtype

    known = values.notna()
    if isinstance(values.dtype, StringDtype):
        return values.astype(object).where(known, MISSING)
    if is_float_dtype(values.dtype) and (values[known] % 1 == 0).all():
        values = values.astype("Int64")  # a gap made floats of them
    return values.astype(object).map(str).where(known, MISSING)


def days(values: Any) -> np.ndarray:
    """Dates as days since 1970, in UTC; NaN where there is none."""
    import pandas

    times = pandas.to_datetime(values, format="ISO8601", utc=True)
    seconds = (times - pandas.Timestamp(0, tz="UTC")).dt.total_seconds()
    return np.asarray(seconds, dtype=float) / _SECONDS_A_DAY


def truths(values: Any) -> np.ndarray:
    """Booleans, or words for them, as 1 and 0; NaN where there is none."""
    words = as_text(values).str.lower()
    meaning = {**dict.fromkeys((*_TRUE, "1", "1.0"), 1.0), **dict.fromkeys((*_FALSE, "0", "0.0"), 0.0)}
    return np.asarray(words.map({**meaning, MISSING: np.nan}), dtype=float)


def signed_log(numbers: np.ndarray) -> np.ndarray:
    """log(1 + |x|) with the sign of x: what has heavy tails gets light ones."""
    return np.asarray(np.sign(numbers) * np.log1p(np.abs(numbers)))


def listed(names: Sequence[str]) -> str:
    """Some names, quoted, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(repr(name) for name in names[:_MOST_NAMED]) + more
