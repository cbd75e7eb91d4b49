"""Which items to label: typical ones that stand for many others, then those that would settle most doubts.

Labels reach other items by random walks on the graph of neighbours, as in Poisson learning. So an item is
worth labelling if its walk arrives at many items that no labelled item reaches as well: a facility location
problem, whose greedy solution is within 1 - 1/e of the best one (Nemhauser et al., *Mathematical
Programming* 14, 1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from labelwise.encoding import Encoding
from labelwise.errors import ParameterError
from labelwise.parameters import Constraint, Integer, Option, check_parameters
from labelwise.planning import sampling
from labelwise.randomness import RandomState, draw_seed, numpy_generator


@dataclass(frozen=True)
class Suggestion:
    """An item worth a label.

    Attributes
    ----------
    index : int
        Row of the item.
    component : int
        Its most probable component.
    reason : str
        Why, in words.
    """

    index: int
    component: int
    reason: str


class Model(Protocol):
    """A fitted model of the items, such as `GMVAE`."""

    def encode(self, X: Any) -> Encoding:
        """Posteriors and latents."""
        ...


def suggest(
    gmvae: Model,
    X: Any,
    n_labels: int = 10,
    *,
    y: Any = None,
    rare: bool = False,
    random_state: RandomState = None,
) -> np.ndarray:
    """Say which items to label next, the most useful first.

    Parameters
    ----------
    gmvae : GMVAE
        Fitted.
    X : array-like
        Items, as for `gmvae.predict_proba`.
    n_labels : int, default=10
        How many items to suggest. The first items of a longer list are those of a shorter one.
    y : array-like of shape (n_samples,), default=None
        Labels so far, -1 (`labelwise.UNLABELED`) where there is none. Labelled items are not suggested again.
    rare : bool, default=False
        Whether to look for rare classes: every component then counts as much as any other, however few items
        it holds. Costs accuracy on the frequent ones.
    random_state : int, RandomState, Generator or None, default=None
        Draws the items among which the search runs.

    Returns
    -------
    ndarray of shape (n_labels,), int
        Rows of `X`, all different.

    Raises
    ------
    ParameterError
        If `n_labels` is no positive integer, or more than there are items without a label.
    DataError, LabelError
        If `X` or `y` cannot be used.
    """
    found = suggest_from(gmvae.encode(X), n_labels, y=y, rare=rare, random_state=random_state)
    return np.array([suggestion.index for suggestion in found])


def suggest_from(
    encoding: Encoding,
    n_labels: int,
    *,
    y: Any = None,
    rare: bool = False,
    random_state: RandomState = None,
) -> list[Suggestion]:
    """As `suggest`, from an encoding, with reasons."""
    constraints: dict[str, Constraint] = {"n_labels": Integer(1), "rare": Option(True, False)}
    check_parameters({"n_labels": n_labels, "rare": rare}, constraints)
    labels, labeled = sampling.labels_so_far(encoding, y)
    n_samples = len(encoding)
    if n_labels > n_samples - len(labeled):
        raise ParameterError(
            f"n_labels={n_labels} is more than the {n_samples - len(labeled)} items without a label: "
            "ask for fewer"
        )
    seed = draw_seed(random_state)
    search = _Search(encoding, labels, labeled, seed, rare=rare)
    while len(search.found) < n_labels:
        search.choose(min(sampling.BATCH, n_labels - len(search.found)))
    return search.found


class _Search:
    """Choose items in batches, each on the graph of other random items."""

    def __init__(
        self, encoding: Encoding, labels: np.ndarray, labeled: np.ndarray, seed: int, *, rare: bool
    ) -> None:
        self._encoding = encoding
        self._rare = rare
        self._labels = labels
        self._labeled = labeled
        self._seed = seed
        self._n_batches = 0
        self.found: list[Suggestion] = []

    def choose(self, n_wanted: int) -> None:
        """Add `n_wanted` suggestions."""
        rng = numpy_generator(self._seed, self._n_batches)
        self._n_batches += 1
        shown = np.array([found.index for found in self.found], dtype=np.int64)
        sample = sampling.Sample(self._encoding, self._labels, self._labeled, shown, n_wanted, rng)
        if self._rare:
            sample.weigh_components_equally()
        chosen, gains = _cover(sample.reach, sample.known, sample.weights, n_wanted)
        for node, gain in zip(sample.candidates[chosen], gains, strict=True):
            index = int(sample.item_of[node])
            self._add(index, sample.reason(node, gain))
        # Copies of what is chosen already come last: nothing is left that differs.
        left = np.setdiff1d(sample.free, [found.index for found in self.found])
        for index in rng.permutation(left)[: n_wanted - len(chosen)]:
            self._add(int(index), sample.reason_of_copy(index))

    def _add(self, index: int, reason: str) -> None:
        self.found.append(Suggestion(index, int(self._encoding.top[index]), reason))


def _cover(
    reach: np.ndarray, known: np.ndarray, weights: np.ndarray, n_wanted: int
) -> tuple[list[int], list[float]]:
    """Greedy facility location: columns that add most to the weighted reach, and how much each adds."""
    chosen: list[int] = []
    gains: list[float] = []
    covered = known.astype(np.float32)
    weights = weights.astype(np.float32)
    free = np.ones(reach.shape[1], dtype=bool)
    for _ in range(min(n_wanted, reach.shape[1])):
        gain = weights @ np.maximum(reach - covered[:, None], 0)
        best = int(np.where(free, gain, -1).argmax())
        chosen.append(best)
        gains.append(float(gain[best]))
        free[best] = False
        covered = np.maximum(covered, reach[:, best])
    return chosen, gains
