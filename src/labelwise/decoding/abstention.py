"""Answering only where it is sure enough: how many errors that leaves, and how many answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.encoding import check_rows
from labelwise.errors import DataError, ParameterError


def abstention_threshold(probabilities: Any, risk: float) -> float:
    """Probability from which on to answer, so that at most a share `risk` of the answers is wrong.

    What is expected to be wrong is the mean of 1 - largest probability over the answered items: true as far
    as the probabilities are calibrated. As many items are answered as that allows.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
        Rows sum to 1.
    risk : float
        From 0 to 1.

    Returns
    -------
    float
        Answer the items whose largest probability is at least this; infinity where none may be answered.

    Raises
    ------
    DataError
        If `probabilities` do not hold any.
    ParameterError
        If `risk` is no number from 0 to 1.

    Examples
    --------
    >>> abstention_threshold([[0.99, 0.01], [0.05, 0.95], [0.6, 0.4]], risk=0.05)
    0.95
    """
    if not 0 <= risk <= 1:
        raise ParameterError(f"risk={risk!r} must be a number from 0 to 1")
    P = np.asarray(probabilities)
    if P.ndim != 2 or 0 in P.shape or P.dtype.kind not in "fiub":
        raise DataError(
            f"probabilities must be a table of numbers of shape (n_samples, n_classes), "
            f"but have shape {P.shape} and type {P.dtype}"
        )
    check_rows(P, "probabilities")
    largest = P.max(axis=1).astype(np.float64)
    ends, order = _groups(largest)
    expected = np.cumsum(1 - largest[order])[ends] / (ends + 1)
    allowed = np.flatnonzero(expected <= risk)
    return float(largest[order[ends[allowed[-1]]]]) if len(allowed) else float("inf")


def risk_coverage(confidence: Any, correct: Any) -> tuple[np.ndarray, np.ndarray]:
    """How many answers are wrong when only the surest share is answered.

    Parameters
    ----------
    confidence : array-like of shape (n_samples,)
        Higher where the answer is surer.
    correct : array-like of shape (n_samples,), bool
        Whether it is right.

    Returns
    -------
    coverage : ndarray of shape (n_levels,)
        Share of items that are answered, rising to 1: one level for each distinct confidence, as equally sure
        items are answered together.
    risk : ndarray of shape (n_levels,)
        Share of those answers that are wrong.

    Raises
    ------
    DataError
        If the two are not of one length, are empty, or hold NaN.
    """
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct)
    if confidence.ndim != 1 or confidence.shape != correct.shape or not len(confidence):
        raise DataError(
            f"confidence has shape {confidence.shape} and correct has shape {correct.shape}: "
            "give one of each for every item"
        )
    if np.isnan(confidence).any():
        raise DataError(f"confidence holds NaN in row {np.isnan(confidence).argmax()}: leave such items out")
    ends, order = _groups(confidence)
    wrong = np.cumsum(~correct.astype(bool)[order])[ends]
    return (ends + 1) / len(confidence), wrong / (ends + 1)


def _groups(confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the last of equally sure items in the order from sure to unsure, and that order."""
    order = np.argsort(-confidence, kind="stable")
    falls = np.diff(confidence[order]) != 0
    return np.append(np.flatnonzero(falls), len(order) - 1), order
