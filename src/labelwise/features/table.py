"""Features of a table with columns of any kind."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from labelwise.errors import DataError
from labelwise.events import Listener, ignore
from labelwise.features.base import Featurizer
from labelwise.features.schema import Column, Schema, as_text, days, is_frame, listed, signed_log, truths
from labelwise.storage import Arrays


class TableFeaturizer(Featurizer):
    """Numbers, categories, booleans and dates as columns of finite numbers.

    Heavy tails are taken as logarithms, missing numbers filled in and flagged, frequent categories given
    a column each; rare and new ones have none. What never varies or names the rows is left out.

    Parameters
    ----------
    schema : Schema, default=None
        What becomes of each column; None infers it in `fit`.

    Attributes
    ----------
    schema_ : Schema
    varies_ : ndarray of bool
        Of all columns that the schema makes, those that are features.
    """

    name = "table"

    def __init__(self, schema: Schema | None = None) -> None:
        self.schema = schema

    @classmethod
    def of_name(cls, argument: str, parameters: Mapping[str, Any]) -> Self:
        """A schema that `fit` infers."""
        return cls()

    @classmethod
    def check(cls, items: Any) -> None:
        """Refuse items without named columns.

        Raises
        ------
        DataError
        """
        if not is_frame(items):
            raise DataError(
                f"a schema needs a table with named columns (a frame, .csv or .parquet), and {_kind(items)} "
                "have none: leave features at 'auto'"
            )

    @classmethod
    def suits(cls, items: Any, parameters: Mapping[str, Any]) -> str:
        """Whether something in a frame is no number, or missing."""
        return "" if not is_frame(items) or _is_numeric(items) else "not all columns are numbers"

    def fit(
        self, items: Any, *, checkpoint: Path | None = None, resume: bool = False, listen: Listener = ignore
    ) -> Self:
        """Look at the columns of a frame; it takes seconds, and nothing is kept to resume from.

        Raises
        ------
        DataError
            If no column says what a row is like, or a schema does not fit the columns.
        """
        frame = as_frame(items)
        if len(frame) < 2:
            raise DataError(f"a table of {len(frame)} row has nothing to compare: bring more rows")
        self.schema_ = Schema.infer(frame) if self.schema is None else self.schema.completed(frame)
        self._transformer = _transformer(self.schema_)
        columns = self.columns(frame)
        self._transformer.fit(columns.head(1))
        features = self._transformer.transform(columns)
        # A schema can ask for columns that never vary here: they cannot be standardised.
        self.varies_ = np.ptp(features, axis=0) > 0
        if not self.varies_.any():
            raise DataError("no column of the table varies: bring other rows or columns")
        return self

    def transform(self, items: Any, *, listen: Listener = ignore) -> np.ndarray:
        """Features of each row, shape (n_samples, n_features), float32.

        Raises
        ------
        DataError
            If a column is missing, or holds something else than it did.
        """
        return np.asarray(self._transformer.transform(self.columns(items)), np.float32)[:, self.varies_]

    def describe(self) -> str:
        """Say in one line what becomes of what."""
        return f"{self.schema_.describe()}: {int(self.varies_.sum())} features"

    def as_json(self) -> dict[str, Any]:
        """JSON values; `of_state` takes them back."""
        return {
            "name": self.name,
            "description": self.describe(),
            "schema": self.schema_.as_json(),
            "varies": self.varies_.tolist(),
        }

    @classmethod
    def of_state(cls, values: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what `as_json` gave; there are no arrays."""
        self = cls(Schema.of_json(values["schema"]))
        assert self.schema is not None  # noqa: S101 (just given)
        self.schema_ = self.schema
        self._transformer = _transformer(self.schema_)
        self._transformer.fit(_blank(self.schema_))
        self.varies_ = np.array(values["varies"], dtype=bool)
        return self

    def columns(self, frame: Any) -> Any:
        """The columns that the schema looks at, numbers as floats and categories as text.

        Raises
        ------
        DataError
            If a column is missing, or holds something else than it did.
        """
        import pandas

        frame = as_frame(frame)
        there = [str(name) for name in frame.columns]
        missing = [name for name in self.schema_.names if name not in there]
        if missing:
            new = [name for name in there if name not in {column.name for column in self.schema_.columns}]
            close = difflib.get_close_matches(missing[0], new, 1)
            hint = f" ({close[0]!r} is new)" if close else ""
            raise DataError(
                f"the table lacks {listed(missing)}{hint}: bring the columns that the model was fitted on"
            )
        by_name = dict(zip(there, (frame.iloc[:, place] for place in range(len(there))), strict=True))
        used = (column for column in self.schema_.columns if column.kind != "left out")
        return pandas.DataFrame({column.name: _values(column, by_name[column.name]) for column in used})


def as_frame(table: Any) -> Any:
    """A pandas frame, from one of pandas or polars.

    Raises
    ------
    DataError
        If it is something else.
    """
    if hasattr(table, "to_pandas"):
        table = table.to_pandas()
    if not is_frame(table):
        raise DataError(
            f"the model was fitted on a table with named columns, and X is of type {type(table).__name__}: "
            "pass a pandas or polars frame"
        )
    return table


def _kind(items: Any) -> str:
    shape = getattr(items, "shape", (0, 0))
    return f"images of {'x'.join(map(str, shape[1:]))}" if len(shape) > 2 else "rows of numbers"


def _is_numeric(frame: Any) -> bool:
    frame = as_frame(frame)
    kinds = {np.dtype(dtype).kind if isinstance(dtype, np.dtype) else "O" for dtype in frame.dtypes}
    return kinds <= set("iufb") and not bool(frame.isna().to_numpy().any())


def _values(column: Column, values: Any) -> Any:
    """A column as its schema has it: numbers as floats, NaN where there is none; all else as text."""
    if column.kind == "category":
        return as_text(values).to_numpy(dtype=object)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            numbers = _READ[column.kind](values)
    except (ValueError, TypeError):
        numbers = np.full(len(values), np.nan)
    odd = np.flatnonzero(~np.isfinite(numbers) & values.notna().to_numpy())
    if len(odd):
        raise DataError(
            f"column {column.name!r} holds {str(values.iloc[odd[0]])!r} in row {odd[0]}, which is no "
            f"{column.kind}: correct it, or change the column's kind in the schema"
        )
    return numbers


def _numbers(values: Any) -> np.ndarray:
    import pandas

    return np.asarray(pandas.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan))


_READ = {"number": _numbers, "boolean": truths, "date": days}


def _transformer(schema: Schema) -> ColumnTransformer:
    """All that it does is in its parameters, so that nothing fitted needs to be saved."""
    steps: list[tuple[str, Any, list[str]]] = []
    for column in schema.columns:
        if column.is_numeric:
            fill = SimpleImputer(strategy="constant", fill_value=column.fill, keep_empty_features=True)
            log = FunctionTransformer(signed_log) if column.log else None
            step = fill if log is None else make_pipeline(fill, log)
            steps.append((f"number {column.name}", step, [column.name]))
    flagged = [column.name for column in schema.columns if column.flag and column.is_numeric]
    if flagged:
        steps.append(("missing", MissingIndicator(features="all"), flagged))
    categories = [column for column in schema.columns if column.kind == "category"]
    if categories:
        encoder = OneHotEncoder(
            categories=[list(column.categories) for column in categories],
            handle_unknown="ignore",
            sparse_output=False,
        )
        steps.append(("categories", encoder, [column.name for column in categories]))
    return ColumnTransformer(steps, sparse_threshold=0)


def _blank(schema: Schema) -> Any:
    """A row with which the transformer learns how many columns there are."""
    import pandas

    return pandas.DataFrame(
        {
            column.name: [0.0 if column.is_numeric else column.categories[0]]
            for column in schema.columns
            if column.kind != "left out"
        }
    )
