"""What labels tell about the next ones, on a chain of tight groups."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise.graph.neighbours import Neighbourhood
from labelwise.planning.finds import look_back

N_GROUPS, SIZE = 12, 15


@pytest.fixture(scope="module")
def graph():
    """Groups so far apart that no walk leaves them."""
    rng = np.random.default_rng(0)
    points = np.repeat(np.arange(N_GROUPS) * 100.0, SIZE)[:, None] + rng.standard_normal((N_GROUPS * SIZE, 2))
    return Neighbourhood(points, 10)


def nodes_of(graph, *items):
    return graph.nodes[list(items)]


def test_without_labels_everything_is_new(graph):
    finds = look_back(graph, np.empty(0, dtype=int), np.empty(0, dtype=int))
    assert (finds.new_share, finds.odd_share) == (1.0, 0.05)


@pytest.mark.parametrize(
    ("labels", "expected"), [("abcd", 1.0), ("aabb", 0.0), ("aabc", 0.5), ("aaab", 0.25), ("a", 1.0)]
)
def test_the_share_of_finds_that_are_the_only_ones_of_their_class(graph, labels, expected):
    nodes = nodes_of(graph, *range(0, SIZE * len(labels), SIZE))
    assert look_back(graph, nodes, np.array(list(labels))).new_share == expected


def test_close_items_of_one_class_are_one_find(graph):
    nodes = nodes_of(graph, 0, 1, 2, 3, SIZE)
    assert look_back(graph, nodes, np.array(list("aaaab"))).new_share == 1.0


def test_odd_pairs_are_counted_among_the_close_ones(graph):
    nodes = nodes_of(graph, 0, 1, SIZE, SIZE + 1, 5 * SIZE)
    labels = np.array(["a", "a", "b", "c", "d"])
    close = np.array([[0, 1], [2, 3]])  # both pairs, one of which is odd; the prior is one of 20
    assert look_back(graph, nodes, labels).odd_share == pytest.approx((1 + 1) / (len(close) + 20))


def test_neither_order_nor_type_of_labels_matters(graph):
    rng = np.random.default_rng(1)
    items = rng.choice(N_GROUPS * SIZE, 60, replace=False)
    labels = rng.integers(4, size=60)
    first = look_back(graph, nodes_of(graph, *items), labels)
    order = rng.permutation(60)
    assert look_back(graph, nodes_of(graph, *items[order]), labels[order].astype(str)) == first
