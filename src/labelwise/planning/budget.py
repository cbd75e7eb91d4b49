"""How many labels are needed: the chance that random labels reach every component.

All of it speaks of coverage, not of accuracy: a component with a label has a name, right or wrong.
`docs/budget.md` derives the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln

from labelwise.errors import ParameterError
from labelwise.parameters import Constraint, Either, Fraction, Integer, Option, check_parameters

# A component of less than one item cannot be asked for a label.
_SMALLEST_COMPONENT = 1.0

_CONSTRAINTS: dict[str, Constraint] = {
    "n_samples": Either(Option(None), Integer(1)),
    "n_components": Either(Option(None), Integer(1)),
    "n_labels": Integer(0),
    "confidence": Fraction(),
}


@dataclass(frozen=True)
class LabelBudget:
    """Labels that name every component, by how the items are picked.

    Attributes
    ----------
    n_samples : int or None
        Items in the pool.
    n_components : int
        Components to be named; those of less than one item are left out.
    confidence : float
        Wanted probability that every component holds a label.
    n_ignored : int
        Components that hold less than one item.
    chosen : int
        Labels if we may choose the items: one a component.
    random : int
        Labels drawn at random with replacement, by the exact distribution.
    random_bound : int
        The same by the union bound, as in the published study: sum over c of (1 - w_c)^n <= 1 - confidence.
    finite, finite_bound : int or None
        The same two for draws without replacement from `n_samples` items.
    """

    n_samples: int | None
    n_components: int
    confidence: float
    n_ignored: int
    chosen: int
    random: int
    random_bound: int
    finite: int | None
    finite_bound: int | None


@dataclass(frozen=True)
class Coverage:
    """What a number of random labels reaches.

    Attributes
    ----------
    n_labels : int
    probability : float
        That every component holds a label.
    probability_bound : float
        The union bound of it, from below; 0 where the bound says nothing.
    n_uncovered : float
        Expected number of components without a label.
    mass_uncovered : float
        Expected share of the items that lie in components without a label.
    n_ignored : int
        Components that hold less than one item, and count nowhere.
    """

    n_labels: int
    probability: float
    probability_bound: float
    n_uncovered: float
    mass_uncovered: float
    n_ignored: int


def label_budget(
    n_samples: int | None = None,
    n_components: int | None = None,
    confidence: float = 0.95,
    *,
    weights: Any = None,
) -> LabelBudget:
    """How many labels give every component a name.

    Parameters
    ----------
    n_samples : int, default=None
        Items in the pool; None leaves out what depends on it.
    n_components : int, default=None
        Equal components; 100 if `weights` is not given either.
    confidence : float, default=0.95
        Within 0..1, both excluded.
    weights : array-like of shape (n_components,), default=None
        Sizes of unequal components, such as `GMVAE.shares_`; they are divided by their sum.

    Returns
    -------
    LabelBudget

    Raises
    ------
    ParameterError
        If a number is out of range, or the pool is smaller than the number of components.

    Notes
    -----
    With K equal components the union bound is n >= ln(K / (1 - confidence)) / -ln(1 - 1/K).

    Examples
    --------
    >>> from labelwise import label_budget
    >>> budget = label_budget(n_samples=145_600, n_components=100, confidence=0.95)
    >>> budget.chosen, budget.random_bound
    (100, 757)
    """
    _check(n_samples=n_samples, n_components=n_components, confidence=confidence)
    shares, n_ignored = _component_shares(n_samples, n_components, weights)
    n_components = len(shares)

    def least(reaches: Callable[[int], float], most: float) -> int:
        """Smallest number of labels whose coverage is as wanted; coverage grows with labels."""
        low, high = n_components, n_components
        while reaches(high) < confidence:
            if high >= most:
                return int(most)
            low, high = high, int(min(2 * high, most))
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if reaches(middle) >= confidence else (middle + 1, high)
        return high

    finite = finite_bound = None
    if n_samples is not None:
        sizes = _whole_sizes(shares, n_samples)
        finite = least(lambda n: _probability_without_replacement(n, sizes), n_samples)
        finite_bound = least(lambda n: 1 - _missed_without_replacement(n, sizes).sum(), n_samples)
    return LabelBudget(
        n_samples=n_samples,
        n_components=n_components,
        confidence=float(confidence),
        n_ignored=n_ignored,
        chosen=n_components,
        random=least(lambda n: _probability_with_replacement(n, shares), math.inf),
        random_bound=least(lambda n: 1 - _missed_with_replacement(n, shares).sum(), math.inf),
        finite=finite,
        finite_bound=finite_bound,
    )


def label_coverage(
    n_labels: int, n_samples: int | None = None, n_components: int | None = None, *, weights: Any = None
) -> Coverage:
    """What `n_labels` random labels reach: `label_budget` the other way round.

    Parameters
    ----------
    n_labels : int
    n_samples : int, default=None
        Items in the pool that the labels are drawn from without replacement; None draws with replacement.
    n_components, weights
        As in `label_budget`.

    Raises
    ------
    ParameterError
        If a number is out of range, or there are more labels than items.
    """
    _check(n_labels=n_labels, n_samples=n_samples, n_components=n_components)
    if n_samples is not None and n_labels > n_samples:
        raise ParameterError(f"n_labels={n_labels} is more than the n_samples={n_samples} items of the pool")
    shares, n_ignored = _component_shares(n_samples, n_components, weights)
    if n_samples is None:
        probability = _probability_with_replacement(n_labels, shares)
        missed = _missed_with_replacement(n_labels, shares)
    else:
        sizes = _whole_sizes(shares, n_samples)
        shares = sizes / n_samples
        probability = _probability_without_replacement(n_labels, sizes)
        missed = _missed_without_replacement(n_labels, sizes)
    return Coverage(
        n_labels=int(n_labels),
        probability=probability,
        probability_bound=float(max(0.0, 1 - missed.sum())),
        n_uncovered=float(missed.sum()),
        mass_uncovered=float(missed @ shares),
        n_ignored=n_ignored,
    )


def _check(**parameters: Any) -> None:
    check_parameters(parameters, {name: _CONSTRAINTS[name] for name in parameters})


def _component_shares(
    n_samples: int | None, n_components: int | None, weights: Any
) -> tuple[np.ndarray, int]:
    """Sizes that add up to 1, of the components that hold an item, and how many do not."""
    if weights is None:
        n_components = 100 if n_components is None else int(n_components)
        if n_samples is not None and n_samples < n_components:
            raise ParameterError(
                f"n_samples={n_samples} is less than n_components={n_components}: "
                "there are not enough items to name every component"
            )
        return np.full(n_components, 1 / n_components), 0
    if n_components is not None:
        raise ParameterError("give n_components or weights, not both")
    sizes = np.asarray(weights, dtype=np.float64)
    if sizes.ndim != 1 or sizes.size == 0 or not np.isfinite(sizes).all() or (sizes < 0).any():
        raise ParameterError("weights must be a list of finite numbers of at least 0, one a component")
    if sizes.sum() <= 0:
        raise ParameterError("weights must not all be 0")
    shares = sizes / sizes.sum()
    smallest = 0.0 if n_samples is None else _SMALLEST_COMPONENT / n_samples
    kept = shares[(shares > 0) & (shares >= smallest)]
    if len(kept) == 0:
        raise ParameterError(f"n_samples={n_samples} is too few: no component holds one item")
    return kept / kept.sum(), len(shares) - len(kept)


def _whole_sizes(shares: np.ndarray, n_samples: int) -> np.ndarray:
    """Whole numbers of items that add up to `n_samples`, by largest remainders."""
    exact = shares * n_samples
    sizes = np.floor(exact + 1e-9).astype(np.int64)
    largest_remainders = np.argsort(sizes - exact, kind="stable")
    sizes[largest_remainders[: n_samples - sizes.sum()]] += 1
    return sizes


def _missed_with_replacement(n_labels: int, shares: np.ndarray) -> np.ndarray:
    """Probability of each component to hold no label: (1 - w_c)^n."""
    with np.errstate(divide="ignore"):  # one component alone: log(0)
        return np.exp(n_labels * np.log1p(-shares)) if n_labels else np.ones_like(shares)


def _missed_without_replacement(n_labels: int, sizes: np.ndarray) -> np.ndarray:
    """Hypergeometric: C(N - s_c, n) / C(N, n)."""
    n_samples = sizes.sum()
    rest = n_samples - sizes
    possible = rest >= n_labels
    rest = np.where(possible, rest, n_labels)
    logs = gammaln(rest + 1) - gammaln(rest - n_labels + 1)
    logs -= gammaln(n_samples + 1) - gammaln(n_samples - n_labels + 1)
    return np.where(possible, np.exp(logs), 0.0)


def _probability_with_replacement(n_labels: int, shares: np.ndarray) -> float:
    """Probability n! [x^n] of the product over c of (e^(w_c x) - 1)."""
    n_components = len(shares)
    if n_labels < n_components:
        return 0.0
    if n_labels == n_components:
        return float(np.exp(gammaln(n_labels + 1) + np.log(shares).sum()))

    def expected(x: float) -> float:
        return float((shares * x / -np.expm1(-shares * x)).sum()) - n_labels

    radius = brentq(expected, 1e-12, n_labels)
    angles = _angles(n_labels)
    logs = np.zeros(len(angles), dtype=complex)
    for share, count in zip(*np.unique(shares, return_counts=True), strict=True):
        a = share * radius
        # log of (e^(a u) - 1) / (e^a - 1) for u on the unit circle, with nothing that overflows
        ratio = (np.exp(a * (np.exp(1j * angles) - 1)) - math.exp(-a)) / -np.expm1(-a)
        logs += count * np.log(ratio)
    scale = (
        gammaln(n_labels + 1)
        - n_labels * math.log(radius)
        + (shares * radius + np.log(-np.expm1(-shares * radius))).sum()
    )
    return _contour_mean(logs, angles, n_labels, scale)


def _probability_without_replacement(n_labels: int, sizes: np.ndarray) -> float:
    """Probability [x^n] of the product over c of ((1 + x)^s_c - 1), over C(N, n)."""
    n_samples, n_components = int(sizes.sum()), len(sizes)
    if n_labels < n_components:
        return 0.0
    if n_labels > n_samples - sizes.min():
        return 1.0
    n_choices = gammaln(n_samples + 1) - gammaln(n_labels + 1) - gammaln(n_samples - n_labels + 1)
    if n_labels == n_components:
        return float(np.exp(np.log(sizes).sum() - n_choices))

    def expected(x: float) -> float:
        logs = sizes * np.log1p(x)
        return float((sizes * x / (1 + x) / -np.expm1(-logs)).sum()) - n_labels

    radius = brentq(expected, 1e-15, n_labels / (n_samples - n_labels))
    angles = _angles(n_labels)
    turned = np.log((1 + radius * np.exp(1j * angles)) / (1 + radius))
    logs = np.zeros(len(angles), dtype=complex)
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        a = size * math.log1p(radius)
        ratio = (np.exp(size * turned) - math.exp(-a)) / -np.expm1(-a)
        logs += count * np.log(ratio)
    whole = sizes * math.log1p(radius)
    scale = (whole + np.log(-np.expm1(-whole))).sum() - n_labels * math.log(radius) - n_choices
    return _contour_mean(logs, angles, n_labels, scale)


def _angles(n_labels: int) -> np.ndarray:
    """Points on the circle through the saddle point: aliases lie more than 40 deviations away."""
    n_points = 2 ** math.ceil(math.log2(64 + 40 * math.sqrt(n_labels)))
    angles: np.ndarray = 2 * math.pi * np.arange(n_points) / n_points
    return angles


def _contour_mean(logs: np.ndarray, angles: np.ndarray, n_labels: int, scale: float) -> float:
    """Cauchy's formula for a coefficient, by the trapezoid rule, which is exact but for aliases."""
    values = np.exp(logs - 1j * n_labels * angles)
    return float(min(1.0, max(0.0, math.exp(scale) * values.mean().real)))
