"""What may go into a model: shapes, finite values, enough rows. Data are checked, not copied."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from labelwise.columns import never_vary
from labelwise.errors import DataError, FeatureWarning, ParameterError, StructureWarning
from labelwise.nn.defaults import DEFAULT_COMPONENTS, ENOUGH_ROWS, suited_components

_CHUNK_ROWS = 8192  # checks look at this many rows at a time: no copy of a large memory map
_SHOWN = 5
_ENOUGH_COUNTED = 20  # rows: fewer may rise by one each by chance


def check_items(estimator: BaseEstimator, X: Any, *, reset: bool) -> tuple[np.ndarray, tuple[int, ...]]:
    """Items as rows of numbers, and the shape of one item.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets `n_features_in_` (and `feature_names_in_` from a data frame) when `reset`, else is compared with.
    X : array-like of shape (n, n_features), (n, height, width) or (n, height, width, channels)
        uint8 stays uint8; every other number type becomes float32.
    reset : bool
        True in `fit`.

    Returns
    -------
    X : ndarray of shape (n, n_features)
    item_shape : tuple of int

    Raises
    ------
    DataError
        If values are not finite (the rows are named), images do not have the shape seen in `fit`, or `X` is
        no table of numbers with rows enough; scikit-learn says why.
    """
    item_shape: tuple[int, ...] | None = None
    if isinstance(X, np.ndarray) and X.ndim in (3, 4):
        item_shape = X.shape[1:]
        if not reset and item_shape != estimator.item_shape_:
            raise DataError(
                f"X has items of shape {item_shape}, but the model was fitted on items of shape "
                f"{estimator.item_shape_}: bring them to that shape"
            )
        X = X.reshape(len(X), -1) if len(X) else np.empty((0, int(np.prod(item_shape))), X.dtype)
    try:
        with np.errstate(over="ignore"):  # what becomes infinite is refused below, with its row
            X = validate_data(
                estimator,
                X,
                reset=reset,
                dtype=[np.float32, np.uint8],
                ensure_all_finite=False,
                ensure_min_samples=2 if reset else 1,
            )
    except ValueError as error:
        raise DataError(_with_way_out(error)) from error
    _check_finite(X)
    return X, item_shape or (X.shape[1],)


def _with_way_out(error: ValueError) -> str:
    """What scikit-learn says, in one line, and what to do about it."""
    reason = " ".join(str(error).split()).rstrip(".")
    if "sample(s)" in reason and "minimum" in reason:
        return f"{reason}: bring more items"
    if "feature" in reason:
        return f"{reason}: pass the columns that the model was fitted on"
    return f"{reason}: pass a table of numbers, or images"


def count_components(X: np.ndarray, n_components: int | None, *, stacklevel: int = 3) -> int:
    """As many components as asked for; None, or a default that is too large, becomes what suits the rows.

    Raises
    ------
    DataError
        If all rows are equal, or more components are asked for than there are distinct rows.
    """
    n_samples = len(X)
    n_distinct = _count_distinct(X, ENOUGH_ROWS if n_components is None else max(2, n_components))
    if n_distinct == 1 and n_samples >= (n_components or 1):
        raise DataError(f"all {n_samples} rows of X are equal, so every column is constant: nothing to learn")
    if n_components is None:
        return suited_components(n_distinct)
    if n_distinct >= n_components:
        return int(n_components)
    if n_components == DEFAULT_COMPONENTS:
        suited = suited_components(n_distinct)
        warnings.warn(
            f"n_components={n_components}, the default, is more than the {n_distinct} distinct rows of X: "
            f"{suited} taken, as n_components=None would; set n_components",
            StructureWarning,
            stacklevel=stacklevel,
        )
        return suited
    if n_samples < n_components:
        raise DataError(
            f"n_samples={n_samples} is less than n_components={n_components}: "
            f"lower n_components or bring more rows"
        )
    raise DataError(
        f"X has only {n_distinct} distinct rows, fewer than n_components={n_components}: lower it"
    )


def _count_distinct(X: np.ndarray, enough: int) -> int:
    """Distinct rows; no more than `enough` are looked for."""
    distinct: set[bytes] = set()
    for row in X:
        distinct.add(row.tobytes())
        if len(distinct) >= enough:
            break
    return len(distinct)


def choose_likelihood(X: np.ndarray, item_shape: tuple[int, ...], likelihood: str) -> str:
    """Resolve "auto", and refuse values that a Bernoulli likelihood cannot score.

    "auto" is Bernoulli for uint8, for images, and for rows whose values all lie within 0..1; else Gaussian.

    Raises
    ------
    DataError
        If the likelihood is Bernoulli and a float value lies outside 0..1.
    """
    if likelihood == "gaussian" or X.dtype == np.uint8:
        return "bernoulli" if likelihood == "auto" else likelihood
    low, high = value_range(X)
    if low >= 0 and high <= 1:
        return "bernoulli"
    if likelihood == "auto" and len(item_shape) == 1:
        return "gaussian"
    raise DataError(
        f"a Bernoulli likelihood needs values within 0..1, but X reaches from {low:g} to {high:g}: "
        "pass uint8 images (0..255), divide by the largest value, or set likelihood='gaussian'"
    )


def check_image_options(
    item_shape: tuple[int, ...], likelihood: str, augment: str | None, encoder: str
) -> None:
    """Refuse what only images can have where there are none.

    Raises
    ------
    ParameterError
    """
    way_out = "pass X of shape (n_samples, height, width) or set"
    if len(item_shape) == 1 and augment is not None:
        raise ParameterError(f"augment={augment!r} needs images, but X is a table: {way_out} augment=None")
    if len(item_shape) == 1 and encoder == "conv":
        raise ParameterError(f"encoder={encoder!r} needs images, but X is a table: {way_out} encoder='dense'")
    if augment is not None and likelihood != "bernoulli":
        raise ParameterError(f"augment={augment!r} needs pixels within 0..1: set augment=None")


def column_moments(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, shape (n_features,), float32.

    The deviation of a column that never varies is infinite: standardised, it is 0 in every row.

    Raises
    ------
    DataError
        If no column varies.
    """
    n = len(X)
    mean = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in _chunks(X)) / n
    square = sum(np.square(chunk - mean).sum(axis=0) for chunk in _chunks(X)) / n
    spread = np.sqrt(square)
    constant = never_vary(np.asarray(mean), spread)
    if constant.all():
        raise DataError(f"no column of X varies by more than rounding, in {n:,} rows: nothing to learn")
    spread[constant] = np.inf
    return np.asarray(mean, dtype=np.float32), spread.astype(np.float32)


def warn_of_columns(X: np.ndarray, spread: np.ndarray, *, noun: str, stacklevel: int = 3) -> None:
    """Say which columns, or whatever `noun` is, `column_moments` left out, and which only count the rows."""
    left_out = np.flatnonzero(np.isinf(spread))
    equal = (X[:, left_out] == X[0, left_out]).all(axis=0)
    counting = [] if len(X) < _ENOUGH_COUNTED else _counting(X)
    for which, one, many in (
        (left_out[equal], "never varies and is left out", "never vary and are left out"),
        (
            left_out[~equal],
            "varies by less than a millionth of its size and is left out: subtract its mean",
            "vary by less than a millionth of their size and are left out: subtract their means",
        ),
        (
            counting,
            "only counts the rows, but is used as a feature: leave it out",
            "only count the rows, but are used as features: leave them out",
        ),
    ):
        if len(which):
            said = f"{_listing(noun, which)} {one if len(which) == 1 else many}"
            warnings.warn(said, FeatureWarning, stacklevel=stacklevel)


def _counting(X: np.ndarray) -> list[int]:
    """Columns that rise by one from each row to the next."""
    head = X[:_ENOUGH_COUNTED].astype(np.float64)
    candidates = np.flatnonzero((np.diff(head, axis=0) == 1).all(axis=0))
    return [int(each) for each in candidates if (np.diff(X[:, each].astype(np.float64)) == 1).all()]


def value_range(X: np.ndarray) -> tuple[float, float]:
    """Smallest and largest value."""
    lows, highs = zip(*((chunk.min(), chunk.max()) for chunk in _chunks(X)), strict=True)
    return float(min(lows)), float(max(highs))


def _check_finite(X: np.ndarray) -> None:
    if X.dtype == np.uint8:
        return
    parts = [start + np.flatnonzero(~np.isfinite(chunk).all(axis=1)) for start, chunk in _numbered_chunks(X)]
    bad = np.concatenate(parts)
    if len(bad):
        raise DataError(
            f"{_count(bad, 'row')} of X {'holds' if len(bad) == 1 else 'hold'} NaN or infinity "
            f"({_listing('row', bad)}): drop or fill {'it' if len(bad) == 1 else 'them'} first"
        )


def _numbered_chunks(X: np.ndarray) -> list[tuple[int, np.ndarray]]:
    return [(start, X[start : start + _CHUNK_ROWS]) for start in range(0, len(X), _CHUNK_ROWS)]


def _chunks(X: np.ndarray) -> list[np.ndarray]:
    return [chunk for _, chunk in _numbered_chunks(X)]


def _count(which: Sequence[int] | np.ndarray, noun: str) -> str:
    return f"{len(which):,} {noun}{'' if len(which) == 1 else 's'}"


def _listing(noun: str, which: Sequence[int] | np.ndarray) -> str:
    shown = ", ".join(str(int(i)) for i in which[:_SHOWN])
    more = ", …" if len(which) > _SHOWN else ""
    return f"{noun}{'' if len(which) == 1 else 's'} {shown}{more}"
