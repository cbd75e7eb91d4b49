"""What several decoders say, multiplied: those that know nothing of an item leave it to the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import clone

from labelwise.decoding.base import Decoder, GraphDecoder
from labelwise.decoding.linear import LinearDecoder
from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.shares import are_equal, class_shares
from labelwise.decoding.spreading import SpreadingDecoder
from labelwise.encoding import Encoding
from labelwise.errors import ParameterError
from labelwise.labels import UNLABELED
from labelwise.parameters import Either, InstanceOf, Integer, Option

LINEAR = "linear"
_ON_LATENTS: dict[str, Decoder] = {"poisson": PoissonDecoder(), "spreading": SpreadingDecoder()}
_ON_FEATURES: dict[str, Decoder] = {
    "poisson on features": PoissonDecoder(on="features"),
    "spreading on features": SpreadingDecoder(on="features"),
}
FLOOR = 1e-3  # of a probability: none rules out what the others say
# By how much Poisson learning must be surer on the features, in mean probability, for three quarters of the
# weight to go there, about; the same the other way round.
_SURER = 0.01
_OF_LINEAR = 0.25  # exponent, against 1 of the graphs: where classes are clusters, it is far behind them
# The same below 20 labels, from which a straight boundary is surer than it may be:
# benchmarks/results/few_labels.md.
_OF_LINEAR_IF_FEW = 0.05
# Label spreading makes classes equally large. It takes part where labels do not speak against that (effective
# number of classes, of their number), and where there are enough of them to tell.
_EQUAL = 0.8
_FEW = 20


def members(encoding: Encoding, *, use_features: bool) -> dict[str, Decoder]:
    """Decoders to multiply, by name: those on features, if there are any and they are asked for."""
    compared = use_features and encoding.has("features")
    linear: dict[str, Decoder] = {LINEAR: LinearDecoder(use_features=compared)}
    return _ON_LATENTS | (_ON_FEATURES if compared else {}) | linear


class ProductDecoder(GraphDecoder):
    """Multiply the probabilities of Poisson learning, label spreading and logistic regression.

    A product of experts (Hinton, *Training Products of Experts by Minimizing Contrastive Divergence*, 2002)
    or logarithmic opinion pool (Genest and Zidek, *Statistical Science* 1, 1986): each decoder's
    probabilities to the power of its exponent. Both graphs take part, that of the latents and that of the
    features: the one on which Poisson learning is surer counts more, which takes no held-out label to see.

    New items get the mean of their nearest neighbours' answers on that graph.

    Parameters
    ----------
    exponents : mapping of str to float, default=None
        Exponent of each decoder: "poisson", "spreading", "poisson on features", "spreading on features",
        "linear". They are divided by their sum. None takes .2 for "linear", or .05 below 20 labels, and
        shares the rest between the two graphs. Label spreading, which makes classes equally large, then takes
        part from 20 labels on, if those do not say that classes are of unequal size.
    use_features : bool, default=True
        Whether to look at the features too. An `Encoding` must then hold them.
    n_neighbors : int, default=10
        By which new items are placed.
    classes : array-like, default=None
        All classes there are; None takes those among the labels.

    Attributes
    ----------
    on_ : {"latents", "features"}
        Where new items' neighbours are looked for.
    exponents_ : dict of str to float
        They sum to 1.
    """

    _constraints = {  # noqa: RUF012 (never changed)
        "exponents": Either(Option(None), InstanceOf(Mapping)),
        "use_features": Option(True, False),
        "n_neighbors": Integer(1),
    }

    def __init__(
        self,
        exponents: Mapping[str, float] | None = None,
        use_features: bool = True,
        n_neighbors: int = 10,
        classes: Any = None,
    ) -> None:
        self.exponents = exponents
        self.use_features = use_features
        self.n_neighbors = n_neighbors
        self.classes = classes

    @property
    def on(self) -> str:  # type: ignore[override]
        """The part of an `Encoding` on whose graph answers are kept."""
        return getattr(self, "on_", "latents")

    @property
    def needs(self) -> tuple[str, ...]:
        """Latents, and features if it is to look at them."""
        return ("latents", "features") if self.use_features else ("latents",)

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        found, given = np.zeros((2, len(Q), len(self.classes_)))
        found[:, np.unique(codes)] = self._multiply(Q, labeled, codes)
        given[labeled, codes] = 1
        self.pool_ = Q.points(self.on_).neighbourhood(self.n_neighbors)
        self.node_scores_ = self._trusted(self.pool_.gather(found), self.pool_.gather(given))

    def _multiply(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Set `exponents_` and `on_`, and give probabilities of the classes that have labels."""
        y = np.full(len(Q), UNLABELED)
        y[labeled] = codes
        experts = members(Q, use_features=self.use_features)
        exponents = first_exponents(experts, Q, y) if self.exponents is None else self.exponents
        unknown = [name for name in exponents if name not in experts]
        if unknown or not sum(exponents.values()) > 0:
            raise ParameterError(
                f"exponents={exponents!r} must be positive numbers for some of {', '.join(experts)}"
            )
        total = sum(exponents.values())
        self.exponents_ = {name: float(value / total) for name, value in exponents.items() if value > 0}
        on_features = sum(self.exponents_.get(name, 0) for name in _ON_FEATURES)
        on_latents = sum(self.exponents_.get(name, 0) for name in _ON_LATENTS)
        self.on_ = "features" if on_features > on_latents else "latents"
        said = {name: clone(experts[name]).fit(Q, y)._opinion(Q)[0] for name in self.exponents_}
        return multiplied(said, self.exponents_)


def multiplied(said: Mapping[str, np.ndarray], exponents: Mapping[str, float]) -> np.ndarray:
    """Product of probabilities, each (n, n_classes) and to the power of its exponent; rows sum to 1."""
    logarithms = np.sum([power * log_of(said[name]) for name, power in exponents.items()], axis=0)
    values = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def log_of(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities that are at least .001."""
    return np.asarray(np.log(np.maximum(probabilities, FLOOR)))


def first_exponents(experts: Mapping[str, Decoder], Q: Encoding, y: np.ndarray) -> dict[str, float]:
    """Exponents that take no held-out label: see `ProductDecoder`.

    Parameters
    ----------
    experts : mapping of str to Decoder
        As `members` gives them.
    Q : Encoding
    y : ndarray of shape (n_samples,), int
        Class 0..n-1, or -1.

    Returns
    -------
    dict of str to float
        For all of `experts`; those of the graphs sum to 1.
    """
    share = {"latents": 1.0, "features": 0.0}
    if "poisson on features" in experts:
        on_latents, on_features = (
            float(clone(experts[name]).fit(Q, y).predict_proba(Q).max(axis=1).mean())
            for name in ("poisson", "poisson on features")
        )
        share["features"] = float(expit((on_features - on_latents) / _SURER))
        share["latents"] = 1 - share["features"]
    counts = np.bincount(y[y != UNLABELED])
    both = counts.sum() >= _FEW and are_equal(class_shares(counts), _EQUAL)
    of_linear = _OF_LINEAR if counts.sum() >= _FEW else _OF_LINEAR_IF_FEW
    exponents = {name: 0.0 for name in experts} | {LINEAR: of_linear}
    for part, names in (("latents", _ON_LATENTS), ("features", _ON_FEATURES)):
        for name in names:
            if name in experts and (both or name.startswith("poisson")):
                exponents[name] = share[part] / (2 if both else 1)
    return exponents
