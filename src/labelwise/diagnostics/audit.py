"""What structure without labels can hide: classes and groups that are served badly, and data that drifted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from labelwise.gmvae import GMVAE

# Cohen, *Statistical Power Analysis*, 1988: effects below are negligible, small, medium.
_COHEN_W = (0.1, 0.3, 0.5)
# The same as probabilities of superiority: d = 0.2, 0.5, 0.8 (McGraw and Wong, 1992).
_SUPERIORITY = (0.556, 0.638, 0.714)
_SIZES = ("negligible", "small", "medium", "large")
_MIXED_SHARE = 0.25  # of a component's items in its second class


@dataclass(frozen=True)
class Served:
    """How a class or a group is served.

    Attributes
    ----------
    kind : "class" or "group"
    name : str
    n : int
        Items.
    share : float
        Of all items.
    accuracy : float
        Of the answered items whose class is known; NaN if there are none.
    answered : float
        Share of its items that got an answer.
    at_home : float
        Share of its items in components in which it is the largest class or group.
    component_share : float
        Share of the components in which it is the largest; well below `share`, the model spends little on it.
    """

    kind: str
    name: str
    n: int
    share: float
    accuracy: float
    answered: float
    at_home: float
    component_share: float


@dataclass(frozen=True)
class MixedComponent:
    """A component that holds two classes: at least a quarter of its items are of the second."""

    component: int
    n: int
    first: str
    first_share: float
    second: str
    second_share: float


@dataclass(frozen=True)
class Drift:
    """Whether data look like those the model was trained on.

    Attributes
    ----------
    shares_w, shares_p : float
        Component shares against those of the training data: Cohen's w, and the p-value of a chi-square test.
    shares_size : str
        "negligible", "small", "medium" or "large" (Cohen, 1988).
    elbo_superiority : float
        Probability that a training item is explained better than one of these; 0.5 if nothing changed.
    elbo_p : float
        p-value of a Kolmogorov-Smirnov test of the evidence lower bound.
    elbo_size : str
    advice : str
        What to do.
    """

    n: int
    shares_w: float
    shares_p: float
    shares_size: str
    elbo_superiority: float
    elbo_p: float
    elbo_size: str
    advice: str


def served(
    kind: str,
    groups: np.ndarray,
    names: Sequence[str],
    components: np.ndarray,
    right: np.ndarray,
    answered: np.ndarray,
    n_components: int,
) -> list[Served]:
    """Describe how classes or groups are served.

    Parameters
    ----------
    kind : "class" or "group"
    groups : ndarray of shape (n,), int
        Class or group of each item; -1 where it is not known.
    names : sequence of str
    components : ndarray of shape (n,), int
        Most probable component of each item.
    right : ndarray of shape (n,), float
        1 for a right answer, 0 for a wrong one, NaN where the class is not known or no answer was given.
    answered : ndarray of shape (n,), bool
    n_components : int
    """
    known = groups >= 0
    table = np.zeros((n_components, len(names)))
    np.add.at(table, (components[known], groups[known]), 1)
    full = table.sum(axis=1) > 0
    largest = table.argmax(axis=1)
    rows = []
    for code, name in enumerate(names):
        mine = groups == code
        if not mine.any():
            continue
        scored = right[mine][~np.isnan(right[mine])]
        home = full & (largest == code)
        rows.append(
            Served(
                kind=kind,
                name=str(name),
                n=int(mine.sum()),
                share=float(mine.sum() / known.sum()),
                accuracy=float(scored.mean()) if len(scored) else math.nan,
                answered=float(answered[mine].mean()),
                at_home=float(home[components[mine]].mean()),
                component_share=float(home.sum() / full.sum()),
            )
        )
    return rows


def mixed_components(
    components: np.ndarray, classes: np.ndarray, names: Sequence[str], n_components: int
) -> list[MixedComponent]:
    """Find the components that hold two classes, largest first."""
    known = classes >= 0
    table = np.zeros((n_components, len(names)))
    np.add.at(table, (components[known], classes[known]), 1)
    found = []
    for component, counts in enumerate(table):
        n = int(counts.sum())
        if n == 0 or len(names) < 2:
            continue
        second, first = np.argsort(counts, kind="stable")[-2:]
        if counts[second] >= _MIXED_SHARE * n:
            found.append(
                MixedComponent(
                    component=component,
                    n=n,
                    first=str(names[first]),
                    first_share=float(counts[first] / n),
                    second=str(names[second]),
                    second_share=float(counts[second] / n),
                )
            )
    return sorted(found, key=lambda row: -row.n)


def measure_drift(gmvae: GMVAE, X: np.ndarray) -> Drift:
    """Compare items with what the model remembers of its training data.

    Parameters
    ----------
    gmvae : GMVAE
        Fitted.
    X : ndarray of shape (n, ...)
    """
    n = len(X)
    shares = gmvae.predict_proba(X).mean(axis=0, dtype=np.float64)
    expected = np.maximum(gmvae.shares_, 1 / (10 * n))
    expected = expected / expected.sum()
    w = math.sqrt(float(((shares - expected) ** 2 / expected).sum()))
    shares_p = float(stats.chi2.sf(n * w**2, len(expected) - 1))
    # A sample of n differs from its source by about this much for no reason but chance.
    w = math.sqrt(max(0.0, w**2 - (len(expected) - 1) / n))
    elbos = np.sort(gmvae.elbo(X))
    quantiles = gmvae.elbo_quantiles_
    levels = np.linspace(0, 1, len(quantiles))
    # Probability that a training item lies above each of these.
    superiority = float((1 - np.interp(elbos, quantiles, levels)).mean())
    elbo_p = float(stats.kstest(elbos, lambda values: np.interp(values, quantiles, levels)).pvalue)
    shares_size = _size(w, _COHEN_W)
    elbo_size = _size(max(superiority, 1 - superiority), _SUPERIORITY)
    return Drift(
        n=n,
        shares_w=w,
        shares_p=shares_p,
        shares_size=shares_size,
        elbo_superiority=superiority,
        elbo_p=elbo_p,
        elbo_size=elbo_size,
        advice=_advice(shares_size, elbo_size, superiority),
    )


def _size(effect: float, limits: tuple[float, ...]) -> str:
    return _SIZES[int(np.searchsorted(limits, effect, side="right"))]


def _advice(shares_size: str, elbo_size: str, superiority: float) -> str:
    badly_explained = elbo_size in ("medium", "large") and superiority > 0.5
    other_mix = shares_size in ("medium", "large")
    if badly_explained:
        return (
            "these items are explained worse than the training data: look at the worst of them, and train "
            "again with such items among the data before trusting answers"
        )
    if other_mix:
        return (
            "the items are of the known kinds, but in other proportions: names still hold; label some new "
            "items to check, and do not read class shares off the old model"
        )
    if "small" in (shares_size, elbo_size):
        return "a small change: label a few new items and compare the accuracy before relying on old figures"
    return "nothing to do: the data look like the training data"
