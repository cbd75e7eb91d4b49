"""Sheets: a few items of a group, shown side by side, so that one decision labels most of them.

A person who sees items side by side names all of them at once, and after that only the odd ones. So what
counts is not how many items get a label but how many differ from what most of their sheet is called, or from
what was predicted; and as those are what the graph learns from most, items are chosen as in
`labelwise.planning.suggest`, greedily by what their random walks add, but within one group after the other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labelwise.encoding import Encoding
from labelwise.errors import ParameterError
from labelwise.parameters import Either, Integer, Option, check_parameters
from labelwise.planning import sampling
from labelwise.planning.finds import Finds, look_back
from labelwise.planning.sheet import Sheet
from labelwise.randomness import RandomState, draw_seed, numpy_generator

# Chosen by simulation on letters26, MNIST and Banking77: see benchmarks/results/decisions_*.md.
# As long as at least this share of what was found is the only one of its class, the next is likely to be of a
# new class. What counts then is to see many groups, and each costs one decision if its items are very close.
_STILL_NEW = 0.5
TIGHT_SIZE = 5
_ODD_ITEMS = 0.25  # that a tight sheet may be expected to have; it is smaller where close items often differ
# After that predictions are mostly right, and what counts is where they are not: the items that add most
# among the nearest 10 % of the typical ones.
_WIDE_SIZE = 8
_WIDE = 0.1

_N_LABELS_BACK = 1000  # whose walks are asked what the labels so far tell: seconds for thousands


def sheets_from(
    encoding: Encoding,
    n_sheets: int,
    *,
    y: Any = None,
    size: int | None = None,
    shown: Any = (),
    random_state: RandomState = None,
) -> list[Sheet]:
    """Propose groups of items to name, in the order in which they are worth a decision.

    Parameters
    ----------
    encoding : Encoding
        Of all items, with latents.
    n_sheets : int
        The first sheets of a longer list are those of a shorter one.
    y : array-like of shape (n_samples,), default=None
        Labels so far, -1 (`labelwise.UNLABELED`) where there is none. Labelled items are not shown again.
    size : int, default=None
        Items on a sheet, at most. None takes 5, or fewer where close items often differ, as long as labels
        are often of a new class, and 8 then.
    shown : array-like of int, default=()
        Rows of items on sheets that a person is looking at: these count as good as labelled, and are not
        proposed again.
    random_state : int, RandomState, Generator or None, default=None
        Draws the items among which the search runs.

    Returns
    -------
    list of Sheet
        No item is on two of them. Sheets are fewer, or smaller, where items without a label run out.

    Raises
    ------
    ParameterError
        If `n_sheets` or `size` is no positive integer, or `n_sheets` is more than there are items without a
        label.
    DataError, LabelError
        If the encoding has no latents, `y` cannot be used, or all items have a label.

    Notes
    -----
    The centre of a sheet is the item whose random walk on the graph of neighbours adds most to what the
    labelled items and earlier sheets reach, each item counting by how open its answer still is, as in
    `labelwise.suggest`. What else is on the sheet depends on the labels. While at least half of the finds are
    the only ones of their classes (close items of one class are one find), it is what is nearest to the
    centre: mostly items of one class, so that one decision names all of them. Then it is what adds most among
    the nearest 10 % of the typical items: predictions are mostly right there, and where they are not, the
    graph learns most.

    Sources: the greedy choice is that of facility location, within 1 - 1/e of the best one (Nemhauser et al.,
    *Mathematical Programming* 14, 1978); the share of finds is Good's estimate that the next one is of a new
    class (*Biometrika* 40, 1953); predictions are those of Poisson learning (Calder et al., ICML 2020). The
    sizes were chosen by simulation: see `benchmarks/decisions.py`.
    """
    check_parameters(
        {"n_sheets": n_sheets, "size": size},
        {"n_sheets": Integer(1), "size": Either(Option(None), Integer(1))},
    )
    labels, labeled = sampling.labels_so_far(encoding, y)
    n_free = len(encoding) - len(labeled)
    if n_sheets > n_free:
        raise ParameterError(
            f"n_sheets={n_sheets} is more than the {n_free} items without a label: ask for fewer"
        )
    seen = np.asarray(shown, dtype=np.int64)
    n_free -= len(np.setdiff1d(seen, labeled))
    search = _Search(encoding, labels, labeled, size, seen, draw_seed(random_state))
    while len(search.found) < n_sheets and search.n_shown < n_free:
        search.choose(n_sheets - len(search.found))
    return search.found


class _Search:
    """Choose sheets in batches, each on a sample of other items."""

    def __init__(
        self,
        encoding: Encoding,
        labels: np.ndarray,
        labeled: np.ndarray,
        size: int | None,
        seen: np.ndarray,
        seed: int,
    ) -> None:
        self._seen = seen
        self._wanted_size = size
        self._encoding = encoding
        self._labels = labels
        self._labeled = labeled
        self._is_labeled = np.zeros(len(encoding), dtype=bool)
        self._is_labeled[labeled] = True
        self._seed = seed
        self._n_batches = 0
        self.found: list[Sheet] = []

    @property
    def n_shown(self) -> int:
        """Items on all sheets so far."""
        return sum(len(sheet.items) for sheet in self.found)

    def choose(self, n_wanted: int) -> None:
        """Add up to `n_wanted` sheets: as many as one sample is good for."""
        most = _WIDE_SIZE if self._wanted_size is None else self._wanted_size
        n_wanted = min(n_wanted, max(1, sampling.BATCH // most))
        rng = numpy_generator(self._seed, self._n_batches)
        self._n_batches += 1
        shown = np.concatenate([self._seen, *(sheet.items for sheet in self.found)])
        sample = sampling.Sample(self._encoding, self._labels, self._labeled, shown, n_wanted * most, rng)
        finds = self._look_back(sample, rng)
        is_tight = finds.new_share >= _STILL_NEW
        size = _size(finds) if self._wanted_size is None else self._wanted_size
        cover = _Cover(sample)
        n_more = n_wanted
        while n_more and cover.free.any():
            self._add(sample, *(cover.tight(size) if is_tight else cover.wide(size)))
            n_more -= 1
        # Copies of what has a label, or is on a sheet, come last: nothing is left that differs.
        left = np.setdiff1d(sample.free, np.concatenate([sheet.items for sheet in self.found] or [shown]))
        left = left[np.lexsort((sample.node_of[left], self._encoding.top[left]))]
        for items in np.split(left, range(size, len(left), size))[:n_more]:
            if len(items):
                there = self._encoding.top[left] == self._encoding.top[items[0]]
                n_items = max(len(items), int(there.sum()))
                self._append(sample, items, n_items, sample.reason_of_copy(int(items[0])))

    def _look_back(self, sample: sampling.Sample, rng: np.random.Generator) -> Finds:
        # Some of the labels tell enough, in bounded time.
        places = rng.permutation(len(self._labeled))[:_N_LABELS_BACK]
        return look_back(sample.graph, sample.node_of[self._labeled[places]], self._labels[places])

    def _add(self, sample: sampling.Sample, nodes: np.ndarray, radius: float, gain: float) -> None:
        """Add a sheet of these nodes, whose group reaches as far as `radius` from the first of them."""
        items = sample.item_of[nodes]
        points = self._encoding.points("both").values
        inside = np.linalg.norm(points - points[items[0]], axis=1) <= radius
        inside[items] = True
        n_items = int((inside & ~self._is_labeled).sum())
        self._append(sample, items, n_items, sample.reason(int(nodes[0]), gain))

    def _append(self, sample: sampling.Sample, items: np.ndarray, n_items: int, reason: str) -> None:
        predictions = None
        scores = sample.scores[sample.node_of[items]]
        if len(sample.classes) > 1 and scores.any(axis=1).all():
            predictions = sample.classes[scores.argmax(axis=1)]
        self.found.append(Sheet(int(self._encoding.top[items[0]]), items, predictions, n_items, reason))


def _size(finds: Finds) -> int:
    """Items on a sheet, unless the caller says how many."""
    if finds.new_share < _STILL_NEW:
        return _WIDE_SIZE
    return min(TIGHT_SIZE, 1 + int(_ODD_ITEMS / finds.odd_share))


class _Cover:
    """How well items are reached so far, and which sheet adds most to that."""

    def __init__(self, sample: sampling.Sample) -> None:
        self._sample = sample
        self._points = sample.graph.points
        self._weights = sample.weights.astype(np.float32)
        self._covered = sample.known.astype(np.float32)
        self._is_free = ~sample.is_taken

    @property
    def free(self) -> np.ndarray:
        """Which candidates are on no sheet yet."""
        return self._is_free[self._sample.candidates]

    def tight(self, size: int) -> tuple[np.ndarray, float, float]:
        """Nodes of the best sheet of a centre and its nearest nodes, how far these are, and what it adds."""
        centre, gain = self._take(np.flatnonzero(self.free))
        node = self._sample.candidates[centre]
        near = np.flatnonzero(self._is_free)
        distances = np.linalg.norm(self._points[near] - self._points[node], axis=1)
        order = np.argsort(distances, kind="stable")[: size - 1]
        self._is_free[near[order]] = False
        return np.append(node, near[order]), float(distances[order].max(initial=0)), gain

    def wide(self, size: int) -> tuple[np.ndarray, float, float]:
        """Nodes of the best sheet among those next to its centre, how far these reach, and what it adds."""
        centre, gain = self._take(np.flatnonzero(self.free))
        candidates = self._sample.candidates
        near = np.flatnonzero(self.free)
        distances = np.linalg.norm(self._points[candidates[near]] - self._points[candidates[centre]], axis=1)
        # A group holds at least what fits on the sheet.
        order = np.argsort(distances, kind="stable")[: max(size - 1, math.ceil(_WIDE * len(near)))]
        near, radius = near[order], float(distances[order].max(initial=0))
        chosen = [centre]
        while len(chosen) < size and self.free[near].any():
            place, more = self._take(near[self.free[near]])
            chosen.append(place)
            gain += more
        return candidates[chosen], radius, gain

    def _take(self, places: np.ndarray) -> tuple[int, float]:
        """The one of these candidates that adds most, and how much."""
        reach = self._sample.reach[:, places]
        gains = self._weights @ np.maximum(reach - self._covered[:, None], 0)
        best = int(gains.argmax())
        self._covered = np.maximum(self._covered, reach[:, best])
        self._is_free[self._sample.candidates[places[best]]] = False
        return int(places[best]), float(gains[best])
