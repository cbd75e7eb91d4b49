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
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.targets import split_labels
from labelwise.encoding import Encoding
from labelwise.errors import LabelError, ParameterError
from labelwise.graph.neighbours import Neighbourhood
from labelwise.labels import UNLABELED
from labelwise.parameters import Integer, check_parameters
from labelwise.randomness import RandomState, draw_seed, numpy_generator

_N_NEIGHBORS = 10
_N_STEPS = 20  # of the walks: a third of those of the decoder, so that reach means closeness
_N_ITEMS = 10_000  # random items on whose graph the search runs: enough to tell who stands for how many
_N_CANDIDATES = 1_000  # typical items among them: medoids of as many k-means cells ...
_ITEMS_A_CANDIDATE = 4  # ... each of which should hold several items
_BATCH = 250  # items chosen on one such graph; then others are drawn
_SURE = 0.1  # weight of an item whose answer is certain, against 1 for one that could be anything
_DOUBT = 0.25  # an item less certain than this is named as such


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
    gmvae: Model, X: Any, n_labels: int = 10, *, y: Any = None, random_state: RandomState = None
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
    found = suggest_from(gmvae.encode(X), n_labels, y=y, random_state=random_state)
    return np.array([suggestion.index for suggestion in found])


def suggest_from(
    encoding: Encoding, n_labels: int, *, y: Any = None, random_state: RandomState = None
) -> list[Suggestion]:
    """As `suggest`, from an encoding, with reasons."""
    check_parameters({"n_labels": n_labels}, {"n_labels": Integer(1)})
    n_samples = len(encoding)
    labels, labeled = np.empty(0), np.empty(0, dtype=np.int64)
    if y is not None and not np.array_equal(y, np.full(n_samples, UNLABELED)):
        labels, labeled = split_labels(y, n_samples)
    if len(labeled) == n_samples:
        raise LabelError(f"all {n_samples} items have a label already: there is none left to suggest")
    if n_labels > n_samples - len(labeled):
        raise ParameterError(
            f"n_labels={n_labels} is more than the {n_samples - len(labeled)} items without a label: "
            "ask for fewer"
        )
    seed = draw_seed(random_state)
    search = _Search(encoding, labels, labeled, seed)
    while len(search.found) < n_labels:
        search.choose(min(_BATCH, n_labels - len(search.found)))
    return search.found


class _Search:
    """Choose items in batches, each on the graph of other random items."""

    def __init__(self, encoding: Encoding, labels: np.ndarray, labeled: np.ndarray, seed: int) -> None:
        self._encoding = encoding
        self._labels = labels
        self._labeled = labeled
        self._seed = seed
        self._n_batches = 0
        self.found: list[Suggestion] = []

    def choose(self, n_wanted: int) -> None:
        """Add `n_wanted` suggestions."""
        rng = numpy_generator(self._seed, self._n_batches)
        self._n_batches += 1
        taken = np.concatenate([self._labeled, [found.index for found in self.found]]).astype(np.int64)
        n_samples = len(self._encoding)
        free = np.setdiff1d(np.arange(n_samples), taken, assume_unique=True)
        free = rng.permutation(free)[: max(_N_ITEMS, n_wanted)]
        rows = np.concatenate([taken, free])
        graph = Neighbourhood(self._encoding.points().values[rows], _N_NEIGHBORS)
        doubt, names = self._doubt(graph, rows)
        is_taken = np.zeros(len(graph.points), dtype=bool)
        is_taken[graph.nodes[: len(taken)]] = True
        candidates = _typical_nodes(graph.points, rng)
        candidates = candidates[~is_taken[candidates]]
        if len(candidates) < _BATCH:  # few items, or many copies of some
            candidates = np.flatnonzero(~is_taken)
        reach = _reach(graph, candidates)
        known = np.zeros(len(graph.points), dtype=np.float32)
        for nodes in np.split(np.flatnonzero(is_taken), range(_N_CANDIDATES, is_taken.sum(), _N_CANDIDATES)):
            known = np.maximum(known, _reach(graph, nodes).max(axis=1, initial=0))
        best = np.maximum(reach.max(axis=1, initial=0), known)
        scale = np.where(best > 0, best, 1)
        sizes = np.bincount(graph.nodes, minlength=len(graph.points))
        chosen, gains = _cover(reach / scale[:, None], known / scale, sizes * doubt, n_wanted)
        # The first item of each node that is not taken.
        item_of = np.full(len(graph.points), -1)
        item_of[graph.nodes[::-1]] = rows[::-1]
        total = (sizes * doubt).sum()
        for node, gain in zip(candidates[chosen], gains, strict=True):
            self._add(item_of[node], gain / total, doubt[node], names[node])
        # Copies of what is chosen already come last: nothing is left that differs.
        left = np.setdiff1d(free, [found.index for found in self.found])
        for index in rng.permutation(left)[: n_wanted - len(chosen)]:
            component = int(self._encoding.top[index])
            reason = f"copy of an item in component {component} that has a label or is to get one"
            self.found.append(Suggestion(int(index), component, reason))

    def _doubt(self, graph: Neighbourhood, rows: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """How open each node's answer is, `_SURE` to 1, and between which classes; 1 without labels."""
        n_nodes = len(graph.points)
        if not len(self._labeled):
            return np.ones(n_nodes), [""] * n_nodes
        classes, codes = np.unique(self._labels, return_inverse=True)
        given = np.zeros((len(rows), len(classes)), dtype=np.float32)
        given[np.arange(len(codes)), codes] = 1
        scores = PoissonDecoder().node_scores(graph, graph.gather(given))
        order = np.argsort(-scores, axis=1)[:, :2]
        ranked = np.take_along_axis(scores, order, axis=1)
        margin = ranked[:, 0] - ranked[:, 1] if len(classes) > 1 else ranked[:, 0]
        names = [" or ".join(map(str, classes[pair])) for pair in order]
        return _SURE + (1 - _SURE) * (1 - np.clip(margin, 0, 1)), names

    def _add(self, index: int, gain: float, doubt: float, names: str) -> None:
        component = int(self._encoding.top[index])
        labels_there = self._labels[self._encoding.top[self._labeled] == component]
        if not len(self._labels):
            reason = f"typical of component {component}"
        elif not len(labels_there):
            reason = f"component {component} has no label yet"
        elif len(np.unique(labels_there)) > 1:
            reason = f"component {component} is mixed: {', '.join(map(str, np.unique(labels_there)))}"
        elif doubt > _DOUBT:
            reason = f"unsure: {names}"
        else:
            reason = f"component {component} is named, but its labels are far"
        if gain > 0:
            reason += (
                f"; {gain:.1%} of the doubts depend on it" if names else f"; stands for {gain:.1%} of all"
            )
        self.found.append(Suggestion(int(index), component, reason))


def _typical_nodes(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nodes nearest to the centres of k-means cells, sorted; all nodes if there are few."""
    n_wanted = min(_N_CANDIDATES, max(len(points) // _ITEMS_A_CANDIDATE, 2 * _BATCH))
    if len(points) <= n_wanted:
        return np.arange(len(points))
    state = int(rng.integers(2**31))
    with threadpool_limits(limits=1, user_api="openmp"):  # the same bits, whatever the number of threads
        kmeans = MiniBatchKMeans(n_wanted, n_init=1, batch_size=4096, max_iter=20, random_state=state)
        distances = kmeans.fit(points).transform(points)
    return np.unique(distances.argmin(axis=0))


def _reach(graph: Neighbourhood, sources: np.ndarray) -> np.ndarray:
    """Where random walks from `sources` are after `_N_STEPS` steps, per unit of degree.

    Returns
    -------
    ndarray of shape (n_nodes, n_sources), float32
        Symmetric in where it starts and ends.
    """
    walk = sparse.csr_array(sparse.diags_array(1 / graph.degrees) @ graph.weights, dtype=np.float32)
    reach = np.zeros((len(graph.points), len(sources)), dtype=np.float32)
    reach[sources, np.arange(len(sources))] = 1
    for _ in range(_N_STEPS):
        reach = walk @ reach
    return np.asarray(reach / graph.degrees[sources])


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
