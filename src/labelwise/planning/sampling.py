"""A sample of the pool for the search for items to label: who stands for whom, and whose answer is open."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.targets import split_labels
from labelwise.encoding import Encoding
from labelwise.errors import LabelError
from labelwise.graph.neighbours import Neighbourhood
from labelwise.planning.walks import reach
from labelwise.threads import one_thread

BATCH = 250  # items chosen on one such sample; then others are drawn
_N_NEIGHBORS = 10
_N_ITEMS = 10_000  # random items on whose graph the search runs: enough to tell who stands for how many
_N_CANDIDATES = 1_000  # typical items among them: medoids of as many k-means cells ...
_ITEMS_A_CANDIDATE = 4  # ... each of which should hold several items
_SURE = 0.1  # weight of an item whose answer is certain, against 1 for one that could be anything
_DOUBT = 0.25  # an item less certain than this is named as such


def labels_so_far(encoding: Encoding, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """As `split_labels`, where there may be none.

    Raises
    ------
    LabelError
        If `y` cannot be used, or all items have a label.
    """
    labels, labeled = split_labels(y, len(encoding), may_be_none=True)
    if len(labeled) == len(encoding):
        raise LabelError(f"all {len(labeled)} items have a label already: there is none left to suggest")
    return labels, labeled


class Sample:
    """Random items without a label, all with one, and what random walks say of them.

    Parameters
    ----------
    encoding : Encoding
        Of the pool.
    labels : ndarray of shape (n_labeled,)
    labeled : ndarray of shape (n_labeled,), int
        Rows that have them.
    shown : ndarray of int
        Further rows that shall not be found: those that the person gets to see anyway.
    n_wanted : int
        Items to be found.
    rng : Generator

    Attributes
    ----------
    free : ndarray of int
        Rows of the items that may be found.
    graph : Neighbourhood
        Of all items of the sample. Its nodes are distinct, items need not be.
    item_of : ndarray of shape (n_nodes,), int
        The first item of each node; that is one that may be found, unless the node is taken.
    node_of : ndarray of shape (n_samples,), int
        Node of each item of the pool; -1 for those outside the sample.
    is_taken : ndarray of shape (n_nodes,), bool
        Nodes of items that have a label or are to be shown.
    classes : ndarray of shape (n_classes,)
        Among the labels, sorted.
    scores : ndarray of shape (n_nodes, n_classes)
        Of Poisson learning.
    doubt : ndarray of shape (n_nodes,)
        How open each answer is, 0.1 to 1; 1 without labels.
    weights : ndarray of shape (n_nodes,)
        Number of items times doubt.
    candidates : ndarray of shape (n_candidates,), int
        Typical nodes that have no label and are not to be shown.
    reach : ndarray of shape (n_nodes, n_candidates), float32
        How well the walk from a candidate arrives at a node, as a share of the best one.
    known : ndarray of shape (n_nodes,), float32
        The same for the best of the items with a label, or to be shown.
    """

    def __init__(
        self,
        encoding: Encoding,
        labels: np.ndarray,
        labeled: np.ndarray,
        shown: np.ndarray,
        n_wanted: int,
        rng: np.random.Generator,
    ) -> None:
        self._encoding = encoding
        self._labels = labels
        self._labeled = labeled
        taken = np.concatenate([labeled, shown])
        free = np.setdiff1d(np.arange(len(encoding)), taken, assume_unique=True)
        self.free = rng.permutation(free)[: max(_N_ITEMS, n_wanted)]
        rows = np.concatenate([taken, self.free])
        self.graph = Neighbourhood(encoding.points("both").values[rows], _N_NEIGHBORS)
        n_nodes = len(self.graph.points)
        self.classes, self.scores = self._spread(len(rows))
        self.doubt = self._doubts()
        self.weights = np.bincount(self.graph.nodes, minlength=n_nodes) * self.doubt
        self.item_of = np.full(n_nodes, -1)
        self.item_of[self.graph.nodes[::-1]] = rows[::-1]
        self.node_of = np.full(len(encoding), -1)
        self.node_of[rows] = self.graph.nodes
        self.is_taken = np.zeros(n_nodes, dtype=bool)
        self.is_taken[self.graph.nodes[: len(taken)]] = True
        candidates = _typical_nodes(self.graph.points, rng)
        candidates = candidates[~self.is_taken[candidates]]
        if len(candidates) < BATCH:  # few items, or many copies of some
            candidates = np.flatnonzero(~self.is_taken)
        self.candidates = candidates
        arrivals = reach(self.graph, candidates)
        known = np.zeros(n_nodes, dtype=np.float32)
        taken_nodes = np.flatnonzero(self.is_taken)
        for nodes in np.array_split(taken_nodes, 1 + len(taken_nodes) // _N_CANDIDATES):
            known = np.maximum(known, reach(self.graph, nodes).max(axis=1, initial=0))
        best = np.maximum(arrivals.max(axis=1, initial=0), known)
        scale = np.where(best > 0, best, 1)
        self.reach = arrivals / scale[:, None]
        self.known = known / scale

    def weigh_components_equally(self) -> None:
        """Let the items of each component weigh as much together as those of any other."""
        component = self._encoding.top[self.item_of]
        total = np.bincount(component, self.weights)
        self.weights = self.weights / np.maximum(total[component], 1e-12)

    def _spread(self, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Classes, and their scores at each node."""
        classes, codes = np.unique(self._labels, return_inverse=True)
        if not len(codes):
            return classes, np.zeros((len(self.graph.points), 0))
        given = np.zeros((n_rows, len(classes)), dtype=np.float32)
        given[np.arange(len(codes)), codes] = 1
        return classes, PoissonDecoder().node_scores(self.graph, self.graph.gather(given))

    def _doubts(self) -> np.ndarray:
        if not len(self.classes):
            return np.ones(len(self.scores))
        ranked = -np.sort(-self.scores, axis=1)[:, :2]
        margin = ranked[:, 0] - ranked[:, 1] if len(self.classes) > 1 else ranked[:, 0]
        return np.asarray(_SURE + (1 - _SURE) * (1 - np.clip(margin, 0, 1)))

    @cached_property
    def _total(self) -> float:
        return float(self.weights.sum())

    def reason(self, node: int, gain: float) -> str:
        """Say why this node, which adds `gain` to the weight that is reached."""
        component = int(self._encoding.top[self.item_of[node]])
        labels_there = self._labels[self._encoding.top[self._labeled] == component]
        if not len(self._labels):
            reason = f"typical of component {component}"
        elif not len(labels_there):
            reason = f"component {component} has no label yet"
        elif len(np.unique(labels_there)) > 1:
            reason = f"component {component} is mixed: {', '.join(map(str, np.unique(labels_there)))}"
        elif self.doubt[node] > _DOUBT:
            order = np.argsort(-self.scores[node])[:2]
            reason = f"unsure: {' or '.join(map(str, self.classes[order]))}"
        else:
            reason = f"component {component} is named, but its labels are far"
        if gain > 0:
            share = gain / self._total
            reason += (
                f"; {share:.1%} of the doubts depend on it"
                if len(self._labels)
                else f"; stands for {share:.1%} of all"
            )
        return reason

    def reason_of_copy(self, row: int) -> str:
        """Say why an item that equals another one."""
        return f"copy of an item in component {self._encoding.top[row]} that has a label or is to get one"


def _typical_nodes(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nodes nearest to the centres of k-means cells, sorted; all nodes if there are few."""
    n_wanted = min(_N_CANDIDATES, max(len(points) // _ITEMS_A_CANDIDATE, 2 * BATCH))
    if len(points) <= n_wanted:
        return np.arange(len(points))
    state = int(rng.integers(2**31))
    with one_thread():
        kmeans = MiniBatchKMeans(n_wanted, n_init=1, batch_size=4096, max_iter=20, random_state=state)
        distances = kmeans.fit(points).transform(points)
    return np.unique(distances.argmin(axis=0))
