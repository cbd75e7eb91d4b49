"""The student's network and how its answers are combined with those of the graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwise.randomness import torch_generator
from labelwise.student.network import build_network
from labelwise.student.rounds import calming_temperature, combine
from labelwise.student.teaching import Projection


@pytest.mark.parametrize("shape", [(7,), (1, 9), (10, 10), (28, 28), (20, 17, 3)])
def test_features_are_as_many_as_promised_whatever_the_shape(shape):
    network = build_network(shape, 4, "bernoulli", torch_generator(0)).eval()
    values = torch.rand(5, torch.Size(shape).numel())
    features = network.features(values)
    assert features.shape == (5, network.n_features)
    assert network.head(features).shape == (5, 4)


def test_weights_depend_on_the_generator_alone():
    state = torch.get_rng_state()
    first, second, third = (build_network((10, 10), 3, "bernoulli", torch_generator(s)) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    weights = [network.head.weight for network in (first, second, third)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_features_left_out_in_training_depend_on_the_generator_and_are_made_up_for_on_average():
    network = build_network((6,), 3, "bernoulli", torch_generator(0)).train()
    values = torch.rand(1, 6, generator=torch_generator(1)).expand(4000, 6)
    state = torch.get_rng_state()
    with torch.no_grad():
        first, second = (network(values, torch_generator(2)) for _ in range(2))
        expected = network.head(network.features(values[:1]))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, second)
    assert first.std(0).min() > 0
    error = (first.mean(0) - expected[0]).abs() / (first.std(0) / 4000**0.5)
    assert error.max() < 4


def test_none_are_left_out_in_evaluation():
    network = build_network((6,), 3, "bernoulli", torch_generator(0)).eval()
    values = torch.rand(20, 6, generator=torch_generator(1))
    with torch.no_grad():
        expected = network.head(network.features(values))
        assert torch.equal(network(values), expected)
        assert torch.equal(network(values, torch_generator(2)), expected)


def test_training_without_a_generator_is_refused_rather_than_drawn_from_the_global_one():
    network = build_network((6,), 3, "bernoulli", torch_generator(0)).train()
    with pytest.raises(ValueError, match="generator"):
        network(torch.rand(2, 6))


def test_a_projection_keeps_what_varies_most():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 80)).astype(np.float32)
    features[:, 5] *= 30
    points = Projection.of(features)(features)
    assert points.shape == (200, 64)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-4)
    assert abs(np.corrcoef(points[:, -1], features[:, 5])[0, 1]) > 0.999
    # What is left out is the least of it.
    centred = features - features.mean(axis=0)
    assert np.square(points).sum() > 0.95 * np.square(centred).sum()


def test_the_network_alone_is_asked_where_no_label_reaches():
    network = np.array([[0.9, 0.1], [0.2, 0.8]])
    graph = np.array([[0.5, 0.5], [0.0, 0.0]])
    # sqrt(.9 x .5) : sqrt(.1 x .5) = 3 : 1.
    np.testing.assert_allclose(combine(network, graph), [[0.75, 0.25], [0.2, 0.8]], atol=1e-5)


def test_network_and_graph_count_alike_and_none_of_them_rules_a_class_out():
    network = np.array([[0.8, 0.2, 0.0], [0.0, 1.0, 0.0]])
    graph = np.array([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]])
    found = combine(network, graph)
    np.testing.assert_allclose(found, combine(graph, network))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.5, 0.5, 0]], atol=1e-3)


def pairs(*first):
    """Probabilities of two classes."""
    return np.array([[p, 1 - p] for p in first])


def test_the_temperature_makes_answers_as_sure_as_the_graph():
    # A temperature of 2 halves the logit of .9, which is log 9; log 3 is that of .75.
    assert calming_temperature(pairs(0.9, 0.1), pairs(0.25, 0.75)) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("graph", [0.9, 0.95])
def test_answers_that_are_less_sure_than_the_graph_stay_as_they_are(graph):
    assert calming_temperature(pairs(0.9, 0.2), pairs(graph, graph)) == 1


def test_what_no_label_reaches_does_not_count():
    answers = np.vstack([pairs(0.9, 0.1), pairs(0.99, 0.5)])
    graph = np.vstack([pairs(0.25, 0.75), np.zeros((2, 2))])
    assert calming_temperature(answers, graph) == pytest.approx(2, abs=0.01)


def test_a_graph_that_knows_nothing_gives_the_highest_temperature():
    assert calming_temperature(pairs(0.9, 0.1), pairs(0.5, 0.5)) == pytest.approx(20)
