"""Featurizers: what items become before a model sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelwise.errors import DataError
from labelwise.features.schema import is_frame

if TYPE_CHECKING:
    from labelwise.features.table import TableFeaturizer

__all__ = ["NAMES", "featurizer_of_json", "is_frame", "make_featurizer"]

# All that `GMVAE(features=...)` takes beside a featurizer.
NAMES = ("auto", "table", "none")


def make_featurizer(features: str | TableFeaturizer, items: Any) -> TableFeaturizer | None:
    """A featurizer for these items, not fitted yet; None where they go to the model as they are.

    "auto" takes a table's schema for a frame in which something is no number, or missing.

    Raises
    ------
    DataError
        If the items have no named columns, and `features` is about those.
    """
    wants_names = features == "table" or not isinstance(features, str)
    if wants_names and not is_frame(items):
        raise DataError(
            f"a schema needs a table with named columns (a frame, .csv or .parquet), and {_kind(items)} have "
            "none: leave features at 'auto'"
        )
    if not isinstance(features, str):
        from labelwise.features.table import TableFeaturizer

        return TableFeaturizer(features.schema)
    if features == "none" or not is_frame(items) or (features == "auto" and _is_numeric(items)):
        return None
    from labelwise.features.table import TableFeaturizer

    return TableFeaturizer()


def featurizer_of_json(values: dict[str, Any] | None) -> TableFeaturizer | None:
    """Take back what the method `as_json` of a featurizer gave."""
    if values is None:
        return None
    from labelwise.features.table import TableFeaturizer

    return TableFeaturizer.of_json(values)


def _kind(items: Any) -> str:
    shape = getattr(items, "shape", (0, 0))
    return f"images of {'x'.join(map(str, shape[1:]))}" if len(shape) > 2 else "rows of numbers"


def _is_numeric(frame: Any) -> bool:
    if hasattr(frame, "to_pandas"):
        frame = frame.to_pandas()
    kinds = {np.dtype(dtype).kind if isinstance(dtype, np.dtype) else "O" for dtype in frame.dtypes}
    return kinds <= set("iufb") and not bool(frame.isna().to_numpy().any())
