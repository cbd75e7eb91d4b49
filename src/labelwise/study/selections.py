"""Published ways to choose what to label, to compare `labelwise.suggest` with.

Each sees latents and a seed, never a label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from labelwise.encoding import Encoding
from labelwise.randomness import numpy_generator

# Random items among which these choose: ProbCover compares all pairs, and `suggest` looks at as many.
_N_ITEMS = 10_000
# As in the code of Hacohen et al. (https://github.com/avihu111/TypiClust): typicality is the inverse mean
# distance of at most so many neighbours, and smaller clusters are left out.
_N_NEIGHBORS = 20
_MIN_CLUSTER = 6
# As in Yehuda et al.: the share of balls that should hold items of one cluster only.
_PURE = 0.95
_MAX_BALL = 500  # neighbours among which the first one of another cluster is sought, to bound memory

Select = Callable[[Encoding, int, int], np.ndarray]


def kmeans_medoids(encoding: Encoding, n_labels: int, seed: int) -> np.ndarray:
    """The item nearest to each centre of `n_labels` k-means clusters of the latents."""
    rows, points = _sample(encoding, seed)
    kmeans = KMeans(n_labels, n_init=1, random_state=seed).fit(points)
    return np.asarray(rows[_fill(np.unique(kmeans.transform(points).argmin(axis=0)), n_labels, len(rows))])


def typiclust(encoding: Encoding, n_labels: int, seed: int) -> np.ndarray:
    """The most typical item of each of `n_labels` k-means clusters (Hacohen et al., ICML 2022, TPC_RP).

    As in their code, neighbours are sought within the cluster, among at most half of it, and the largest
    clusters give another item each in place of those that are too small.
    """
    rows, points = _sample(encoding, seed)
    clusters = KMeans(n_labels, n_init=1, random_state=seed).fit_predict(points)
    groups = [np.flatnonzero(clusters == cluster) for cluster in range(n_labels)]
    groups = sorted((group for group in groups if len(group) >= _MIN_CLUSTER), key=len, reverse=True)
    chosen: list[int] = []
    for turn in range(n_labels if groups else 0):
        group = np.setdiff1d(groups[turn % len(groups)], chosen)
        if len(group) > 1:
            search = NearestNeighbors(n_neighbors=min(_N_NEIGHBORS, len(group) // 2), algorithm="brute")
            chosen.append(int(group[search.fit(points[group]).kneighbors()[0].mean(axis=1).argmin()]))
    return np.asarray(rows[_fill(np.array(chosen, dtype=np.int64), n_labels, len(rows))])


def probcover(encoding: Encoding, n_labels: int, seed: int) -> np.ndarray:
    """Greedy cover of the latents by balls (Yehuda et al., NeurIPS 2022).

    Their radius is the largest at which 95 % of the balls hold items of one k-means cluster only; there are
    as many clusters as labels, since the number of classes is not known.
    """
    rows, points = _sample(encoding, seed)
    clusters = KMeans(n_labels, n_init=1, random_state=seed).fit_predict(points)
    search = NearestNeighbors(n_neighbors=min(_MAX_BALL, len(points) - 1), algorithm="brute").fit(points)
    distances, near = search.kneighbors()
    foreign = clusters[near] != clusters[:, None]
    # Distance of the first neighbour in another cluster: the ball is pure below it.
    first = np.where(foreign.any(axis=1), foreign.argmax(axis=1), near.shape[1] - 1)
    radius = np.quantile(distances[np.arange(len(points)), first], 1 - _PURE)
    balls = search.radius_neighbors_graph(points, radius, mode="connectivity").tocsr()
    covered = np.zeros(len(points), dtype=bool)
    chosen = []
    for _ in range(n_labels):
        gains = balls @ ~covered
        best = int(gains.argmax())
        if gains[best] == 0:
            break
        chosen.append(best)
        covered[balls[[best]].indices] = True
    return np.asarray(rows[_fill(np.array(chosen, dtype=np.int64), n_labels, len(rows))])


def _sample(encoding: Encoding, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rows = numpy_generator(seed).permutation(len(encoding))[:_N_ITEMS]
    return rows, encoding.points().values[rows]


def _fill(chosen: np.ndarray, n_labels: int, n_items: int) -> np.ndarray:
    """Add random items where a strategy gives too few; the sample is in random order."""
    others = np.setdiff1d(np.arange(n_items), chosen)
    return np.concatenate([chosen, others[: n_labels - len(chosen)]])


@dataclass(frozen=True)
class Selection:
    """A way to choose what to label.

    Attributes
    ----------
    id : str
    name : str
        As its authors call it.
    select : callable
        From an `Encoding`, a number of labels and a seed to as many different rows.
    """

    id: str
    name: str
    select: Select


SELECTIONS: dict[str, Selection] = {
    selection.id: selection
    for selection in (
        Selection("kmeans", "k-means", kmeans_medoids),
        Selection("typiclust", "TypiClust", typiclust),
        Selection("probcover", "ProbCover", probcover),
    )
}
