"""The decoder that weighs the decoders against each other, says why, and calibrates what they say."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone

from labelwise.decoding.base import Decoder, equal_shares
from labelwise.decoding.bayes import BayesDecoder
from labelwise.decoding.crossfit import N_FOLDS, fit_exponents, fit_temperature, out_of_fold, temper
from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.product import ProductDecoder, first_exponents, log_of, members, multiplied
from labelwise.encoding import Encoding
from labelwise.errors import DoubtfulLabelWarning
from labelwise.graph.points import Points
from labelwise.labels import UNLABELED
from labelwise.parameters import Option

_PRODUCT = "product"
# Each more is one that may win by luck: soft decoding, behind `bayes` at every budget of every pool in
# benchmarks/, is none of them.
_ALONE: dict[str, Decoder] = {"bayes": BayesDecoder()}
_MIN_LABELS = 20
# Standard errors by which another decoder must be better. With one, the luckiest of six would be taken too
# often (Fashion-MNIST .674 instead of .690 at 50 labels).
_LEAD = 2.0
_MIN_OF_CLASS = 3  # labels of a class before one of them can be called doubtful
_DOUBTFUL = 0.1  # so many right labels may be called doubtful in all, if probabilities are calibrated
_SURE = 0.9  # probability of another class above which it is
_SHOWN = 5
# Width of the prior on the logarithm of the temperature where labels are of typical items and would make
# probabilities surer. Twice as wide, up to 11 % were wrong at a risk of 5 % (letters26, 26 suggested labels);
# with no temperature below 1, Banking77 was not answered at all: benchmarks/results/typical.md.
_WIDTH_IF_TYPICAL = 0.1
_MENTIONED = 0.005  # share of a product that is not 0 %


class AutoDecoder(Decoder):
    """Multiply decoders, weigh them by cross-validation on the labels, and calibrate the probabilities.

    It is a product of Poisson learning and label spreading, on the latents and on the features, and of
    logistic regression (`ProductDecoder`). The graph on which answers are surer counts more: what lies in
    clusters is answered surely, and no held-out label is needed to see that. So a model that does not help
    hardly counts.

    From 20 labels on, the exponents are those that make held-out labels likeliest, with a prior around what
    they were; another decoder is taken if it answers held-out labels better by more than two standard errors;
    and a temperature fitted to held-out answers calibrates the probabilities.

    Labels of typical items, as `suggest` chooses them, say less when they are held out: often the group of
    such an item has no other label. No other decoder is taken then. And typical items are easier than the
    rest, so it takes many of their labels to make probabilities surer.

    A table of probabilities has no latents and no features: there, decoders see its rows alone.

    Parameters
    ----------
    use_features : bool, default=True
        Whether to compare with the features. An `Encoding` must then hold them.
    typical_labels : bool or "auto", default="auto"
        Whether labelled items were chosen for being typical, as `suggest` chooses them. "auto" tells that
        from their degrees in the graph of neighbours, by a test at 5 %.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    choice_ : str
        Name of the decoder, as in `DECODERS`; "… on features" where it leaves the model out. Mostly
        "product".
    reason_ : str
        Why it was chosen, and what counts how much in a product.
    decoder_ : Decoder
        The chosen one, fitted.
    scores_ : dict of str to float
        Accuracy of each candidate on held-out labels of classes that have others; empty without
        cross-validation.
    n_compared_ : int
        How many labels those are.
    temperature_ : float
        Above 1 makes probabilities less sure, below 1 surer; 1 without cross-validation.
    doubtful_labels_ : ndarray of int
        Rows whose label disagrees with what everything near them says.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "use_features": Option(True, False),
        "typical_labels": Option(True, False, "auto"),
    }

    def __init__(
        self, use_features: bool = True, typical_labels: bool | str = "auto", classes: Any = None
    ) -> None:
        self.use_features = use_features
        self.typical_labels = typical_labels
        self.classes = classes

    @property
    def needs(self) -> tuple[str, ...]:
        """Latents, and features if it is to compare with them."""
        return ("latents", "features") if self.use_features else ("latents",)

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        y = np.full(len(Q), UNLABELED)
        y[labeled] = codes
        experts = members(Q, use_features=self.use_features)
        exponents = first_exponents(experts, Q, y)
        self.choice_ = _PRODUCT
        self.scores_: dict[str, float] = {}
        self.n_compared_ = 0
        self.temperature_ = 1.0
        self.doubtful_labels_ = np.empty(0, dtype=np.int64)
        # Without its only label a class cannot be answered.
        comparable = np.bincount(codes)[codes] > 1
        if len(np.unique(codes)) < 2:
            why = "all labels are of one class"
        elif len(codes) < _MIN_LABELS:
            why = f"{len(codes)} labels are too few to compare decoders"
        elif not comparable.any():
            why = "no class has two labels, so that decoders could be compared"
        else:
            found = {
                name: out_of_fold(decoder, Q, labeled, codes, len(self.classes_))[comparable]
                for name, decoder in (experts | _ALONE).items()
            }
            exponents, found[_PRODUCT] = _weighed(found, exponents, codes[comparable])
            typical = self._are_typical(Q, labeled)
            why = self._choose(found, codes[comparable], may_leave_product=not typical)
            held_out = found[self.choice_]
            self.temperature_ = fit_temperature(held_out, codes[comparable])
            self._look_for_doubts(held_out, labeled[comparable], codes[comparable])
            if typical and self.temperature_ < 1:
                self.temperature_ = fit_temperature(held_out, codes[comparable], width=_WIDTH_IF_TYPICAL)
        product = ProductDecoder(exponents=exponents, use_features=self.use_features)
        chosen = clone((experts | _ALONE | {_PRODUCT: product})[self.choice_])
        self.reason_ = f"{why}; {_words(exponents)}" if self.choice_ == _PRODUCT else why
        self.decoder_: Decoder = chosen.fit(Q, y)

    def _are_typical(self, Q: Encoding, labeled: np.ndarray) -> bool:
        if self.typical_labels == "auto":
            return _are_typical(Q.points(), labeled)
        return bool(self.typical_labels)

    def _choose(self, found: dict[str, np.ndarray], codes: np.ndarray, *, may_leave_product: bool) -> str:
        """Set `scores_` and `choice_`, and say why.

        A suggested label often is the only one of its group. Held out, its group has none: whoever guesses
        best there need not be the best where all groups have one.
        """
        right = {name: probabilities.argmax(axis=1) == codes for name, probabilities in found.items()}
        self.scores_ = {name: float(hits.mean()) for name, hits in right.items()}
        self.n_compared_ = len(codes)
        best = max(self.scores_, key=lambda name: (self.scores_[name], name == _PRODUCT))
        won = int((right[best] & ~right[_PRODUCT]).sum())
        lost = int((right[_PRODUCT] & ~right[best]).sum())
        # The standard error of a difference of counts is sqrt(won + lost).
        is_better = won - lost > _LEAD * math.sqrt(won + lost)
        if is_better and not may_leave_product:
            return f"labels of typical items cannot tell whether another decoder, {best}, is better"
        if is_better:
            self.choice_ = best
            return (
                f"right on {self.scores_[best]:.0%} of {len(codes)} held-out labels, "
                f"the product of decoders on {self.scores_[_PRODUCT]:.0%}"
            )
        if best == _PRODUCT:
            return f"best on {len(codes)} held-out labels: right on {self.scores_[_PRODUCT]:.0%}"
        return (
            f"none alone is better by more than two standard errors on {len(codes)} held-out labels "
            f"(product {self.scores_[_PRODUCT]:.0%}, {best} {self.scores_[best]:.0%})"
        )

    def _look_for_doubts(self, found: np.ndarray, labeled: np.ndarray, codes: np.ndarray) -> None:
        calibrated = temper(found, self.temperature_)
        common = np.bincount(codes)[codes] >= _MIN_OF_CLASS
        doubtful = common & (calibrated.argmax(axis=1) != codes) & (calibrated.max(axis=1) > _SURE)
        for place in np.flatnonzero(doubtful):
            # A wrong label makes all probabilities less sure: it has no say in how its own is calibrated.
            others = np.arange(len(codes)) != place
            own = temper(found[place], fit_temperature(found[others], codes[others]))[codes[place]]
            doubtful[place] = own < _DOUBTFUL / len(codes)
        self.doubtful_labels_ = labeled[doubtful]
        if doubtful.any():
            pairs = zip(labeled[doubtful], codes[doubtful], calibrated[doubtful].argmax(axis=1), strict=True)
            named = [
                f"item {row} is labelled {self.classes_[code]}, but looks like {self.classes_[other]}"
                for row, code, other in pairs
            ]
            more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
            warnings.warn(
                f"labels that disagree with everything near them: {'; '.join(named[:_SHOWN])}{more}; "
                "look at them again",
                DoubtfulLabelWarning,
                stacklevel=4,
            )

    def _opinion(self, Q: Encoding) -> tuple[np.ndarray, np.ndarray]:
        own, trust = self.decoder_._opinion(Q)
        probabilities = np.zeros((len(Q), len(self.classes_)))
        probabilities[:, self.decoder_.classes_] = temper(own, self.temperature_)
        return probabilities, trust

    def _unknown(self) -> np.ndarray:
        return equal_shares(self.class_prior_)


def _weighed(
    found: dict[str, np.ndarray], start: dict[str, float], codes: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Exponents for held-out answers; and products of those, with exponents that have not seen the label.

    What has none to start with is left out.
    """
    names = [name for name, value in start.items() if value > 0]
    # A class that is never answered would take its share at the floor.
    answered = np.any([found[name].any(axis=0) for name in names], axis=0)
    answered[codes] = True
    said = {name: found[name][:, answered] for name in names}
    codes = (np.cumsum(answered) - 1)[codes]

    def fitted(rows: np.ndarray) -> dict[str, float]:
        logarithms = np.stack([log_of(said[name][rows]) for name in names])
        values = fit_exponents(logarithms, codes[rows], np.array([start[name] for name in names]))
        if not values.any():
            return start
        # Their sum says how sure the product is. That is left to the temperature.
        return dict(zip(names, values / values.sum(), strict=True))

    product = np.zeros(found[names[0]].shape)
    order = np.lexsort((*said[names[0]].T, codes))
    for number in range(N_FOLDS):
        asked = order[number::N_FOLDS]
        parts = {name: said[name][asked] for name in names}
        exponents = fitted(np.setdiff1d(order, asked))
        product[np.ix_(asked, answered)] = multiplied(parts, {name: exponents[name] for name in names})
    return fitted(order), product


def _words(exponents: dict[str, float]) -> str:
    """Say which decoders count how much in a product, those first that count most."""
    total = sum(exponents.values())
    shares = sorted(((value / total, name) for name, value in exponents.items()), key=lambda each: -each[0])
    return "product of " + ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= _MENTIONED)


def _are_typical(points: Points, rows: np.ndarray) -> bool:
    """Whether the mean rank of these items' degrees is above 1/2 beyond chance, one-sided, at 5 %."""
    graph = points.neighbourhood(PoissonDecoder().n_neighbors)
    ranks = rankdata(graph.degrees[graph.nodes])[rows] / len(graph.nodes)
    # The mean of n uniform numbers has a standard deviation of 1 / sqrt(12 n).
    return bool(ranks.mean() - 0.5 > 1.645 / math.sqrt(12 * len(rows)))
