"""The decoder that picks a decoder, says why, and calibrates it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone

from labelwise.decoding.base import Decoder, equal_shares
from labelwise.decoding.bayes import BayesDecoder
from labelwise.decoding.crossfit import fit_temperature, out_of_fold, temper
from labelwise.decoding.linear import LinearDecoder
from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.spreading import SpreadingDecoder
from labelwise.encoding import Encoding
from labelwise.errors import DoubtfulLabelWarning
from labelwise.graph.points import Points
from labelwise.labels import UNLABELED
from labelwise.parameters import Option

# Each more is one that may win by luck: soft decoding, behind `bayes` at every budget of every pool in
# benchmarks/, is none of them.
_CANDIDATES: dict[str, Decoder] = {
    "poisson": PoissonDecoder(),
    "spreading": SpreadingDecoder(),
    "bayes": BayesDecoder(),
}
_ON_FEATURES: dict[str, Decoder] = {
    "poisson on features": PoissonDecoder(on="features"),
    "spreading on features": SpreadingDecoder(on="features"),
}
_LINEAR = "linear"
_MIN_LABELS = 20
# Mean probability by which Poisson learning must be surer on the features than on the latents.
_SURER = 0.01
_MIN_OF_CLASS = 3  # labels of a class before one of them can be called doubtful
_DOUBTFUL = 0.1  # so many right labels may be called doubtful in all, if probabilities are calibrated
_SURE = 0.9  # probability of another class above which it is
_SHOWN = 5


class AutoDecoder(Decoder):
    """Choose among the decoders by cross-validation on the labels, and calibrate its probabilities.

    First it is Poisson learning, which was best with few labels on most data tried (`docs/choosing.md`): on
    the latents, or, if its answers are surer there by more than .01 in the mean, on the features, which leave
    the model out. What lies in clusters is answered surely, and no held-out label is needed to
    see that. So a model that does not help is not used.

    From 20 labels on another decoder is taken if it answers held-out labels better by more than one standard
    error, and a temperature fitted to those answers calibrates the probabilities. Labels of typical items, as
    `suggest` chooses them, say too little about the rest: they make probabilities less sure, but never surer.

    A straight boundary (`LinearDecoder`) needs no such lead: it is taken if no other is right on more
    held-out labels, unless the choice so far is right on as many and surer of what is right. Where classes
    are clusters it is far behind the others; where it is level with them, neighbours say little.

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
        Name of the decoder, as in `DECODERS`; "… on features" where it leaves the model out.
    reason_ : str
        Why it was chosen.
    decoder_ : Decoder
        The chosen one, fitted.
    scores_ : dict of str to float
        Accuracy of each candidate on held-out labels of classes that have others; empty without
        cross-validation.
    temperature_ : float
        Above 1 makes probabilities less sure; 1 without cross-validation. At least 1 where the labelled items
        are typical.
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

    def _candidates(self, Q: Encoding) -> dict[str, Decoder]:
        compared = self.use_features and Q.has("features")
        linear: dict[str, Decoder] = {_LINEAR: LinearDecoder(use_features=compared)}
        return _CANDIDATES | (_ON_FEATURES if compared else {}) | linear

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        n_labels, n_classes = len(codes), len(self.classes_)
        y = np.full(len(Q), UNLABELED)
        y[labeled] = codes
        candidates = self._candidates(Q)
        self.choice_, why = _first_choice(candidates, Q, y)
        self.scores_: dict[str, float] = {}
        temperature = 1.0
        self.doubtful_labels_ = np.empty(0, dtype=np.int64)
        # Without its only label a class cannot be answered.
        comparable = np.bincount(codes)[codes] > 1
        if len(np.unique(codes)) < 2:
            self.reason_ = "all labels are of one class"
        elif n_labels < _MIN_LABELS:
            self.reason_ = f"{n_labels} labels are too few to compare decoders{why}"
        elif not comparable.any():
            self.reason_ = f"no class has two labels, so that decoders could be compared{why}"
        else:
            found = {
                name: out_of_fold(decoder, Q, labeled, codes, n_classes)
                for name, decoder in candidates.items()
            }
            found = {name: probabilities[comparable] for name, probabilities in found.items()}
            self._choose(found, codes[comparable])
            self._prefer_linear(found, codes[comparable])
            held_out = found[self.choice_]
            temperature = fit_temperature(held_out, codes[comparable])
            self._look_for_doubts(held_out, temperature, labeled[comparable], codes[comparable])
        chosen = clone(candidates[self.choice_])
        typical = self.typical_labels
        if typical == "auto":
            typical = _are_typical(Q.points(getattr(chosen, "on", "latents")), labeled)
        self.temperature_ = max(1.0, temperature) if typical else temperature
        self.decoder_: Decoder = chosen.fit(Q, y)

    def _choose(self, found: dict[str, np.ndarray], codes: np.ndarray) -> None:
        right = {name: probabilities.argmax(axis=1) == codes for name, probabilities in found.items()}
        self.scores_ = {name: float(hits.mean()) for name, hits in right.items()}
        default = self.choice_
        others = [name for name in self.scores_ if name != _LINEAR]
        best = max(others, key=lambda name: (self.scores_[name], name == default))
        won = int((right[best] & ~right[default]).sum())
        lost = int((right[default] & ~right[best]).sum())
        # The standard error of a difference of counts is sqrt(won + lost).
        if won - lost > math.sqrt(won + lost):
            self.choice_ = best
            self.reason_ = (
                f"right on {self.scores_[best]:.0%} of {len(codes)} held-out labels, "
                f"{default} on {self.scores_[default]:.0%}"
            )
        else:
            self.reason_ = (
                f"no other is better by more than a standard error on {len(codes)} held-out labels "
                f"({default} {self.scores_[default]:.0%}, {best} {self.scores_[best]:.0%})"
                if best != default
                else f"best on {len(codes)} held-out labels: right on {self.scores_[default]:.0%}"
            )

    def _prefer_linear(self, found: dict[str, np.ndarray], codes: np.ndarray) -> None:
        other, linear = self.choice_, self.scores_[_LINEAR]
        leads = linear > self.scores_[other]
        if linear < max(self.scores_.values()):
            return
        if leads or _mean_of_truth(found[_LINEAR], codes) > _mean_of_truth(found[other], codes):
            self.choice_ = _LINEAR
            self.reason_ = (
                f"right on {linear:.0%} of {len(codes)} held-out labels, "
                f"{other} on {self.scores_[other]:.0%}{'' if leads else ', but less sure of those'}"
            )

    def _look_for_doubts(
        self, found: np.ndarray, temperature: float, labeled: np.ndarray, codes: np.ndarray
    ) -> None:
        calibrated = temper(found, temperature)
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


def _mean_of_truth(found: np.ndarray, codes: np.ndarray) -> float:
    """Mean calibrated probability of the true class."""
    calibrated = temper(found, fit_temperature(found, codes))
    return float(calibrated[np.arange(len(codes)), codes].mean())


def _first_choice(candidates: dict[str, Decoder], Q: Encoding, y: np.ndarray) -> tuple[str, str]:
    """Poisson learning on the latents, or on the features where it is surer; and words for that."""
    on_latents, on_features = "poisson", "poisson on features"
    if on_features not in candidates:
        return on_latents, ""
    latents, features = (
        float(clone(candidates[name]).fit(Q, y).predict_proba(Q).max(axis=1).mean())
        for name in (on_latents, on_features)
    )
    if features - latents <= _SURER:
        return on_latents, ""
    return on_features, f"; surer on the features ({features:.2f}) than on the latents ({latents:.2f})"


def _are_typical(points: Points, rows: np.ndarray) -> bool:
    """Whether the mean rank of these items' degrees is above 1/2 beyond chance, one-sided, at 5 %."""
    graph = points.neighbourhood(PoissonDecoder().n_neighbors)
    ranks = rankdata(graph.degrees[graph.nodes])[rows] / len(graph.nodes)
    # The mean of n uniform numbers has a standard deviation of 1 / sqrt(12 n).
    return bool(ranks.mean() - 0.5 > 1.645 / math.sqrt(12 * len(rows)))
