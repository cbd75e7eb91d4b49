"""How large the classes are, as far as their labels tell, and answers that keep to that."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

# Of the prior. From "counts are all there is" to "classes are equal, whatever the counts".
_CONCENTRATIONS = (0.1, 1000.0)


def class_shares(counts: np.ndarray) -> np.ndarray:
    """Shares of the classes in the pool, estimated from how many labels each has.

    Empirical Bayes: counts of a Dirichlet-multinomial whose concentration makes them likeliest (Minka,
    *Estimating a Dirichlet distribution*, 2000). Counts that differ no more than chance would have it say
    that classes are equal; so do those of chosen items, of which each class has some.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Numbers of labels; classes with 0 get no share.

    Returns
    -------
    ndarray of shape (n_classes,)
        Sums to 1.
    """
    seen = counts[counts > 0]

    def unlikelihood(logarithm: float) -> float:
        one = np.exp(logarithm)
        total = one * len(seen)
        terms = (gammaln(one + seen) - gammaln(one)).sum()
        return float(gammaln(total + seen.sum()) - gammaln(total) - terms)

    best = minimize_scalar(unlikelihood, bounds=np.log(_CONCENTRATIONS), method="bounded")
    shares = np.where(counts > 0, counts + np.exp(best.x), 0)
    return np.asarray(shares / shares.sum())


def with_shares(probabilities: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Probabilities, each class's scaled to its share of the items: class mass normalisation.

    Zhu et al., *Semi-Supervised Learning Using Gaussian Fields and Harmonic Functions*, ICML 2003.
    """
    means = probabilities.mean(axis=0)
    scaled = probabilities * (shares / np.where(means > 0, means, 1))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def are_equal(shares: np.ndarray, at_least: float) -> bool:
    """Whether the effective number of classes, exp(entropy), is `at_least` this share of their number."""
    seen = shares[shares > 0]
    return bool(np.exp(-(seen * np.log(seen)).sum()) >= at_least * len(seen))
