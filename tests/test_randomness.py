"""Seeds and generators."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwise.errors import ParameterError
from labelwise.randomness import draw_seed, numpy_generator, torch_generator


@pytest.mark.parametrize("value", [0, 7, 2**63 - 1, np.int32(5), np.uint8(200)])
def test_an_integer_is_its_own_seed(value):
    seed = draw_seed(value)
    assert seed == value
    assert type(seed) is int


def test_a_generator_is_asked_for_one_draw():
    first, second = np.random.default_rng(0), np.random.default_rng(0)
    assert draw_seed(first) == draw_seed(second)
    assert draw_seed(first) != draw_seed(np.random.default_rng(0))  # it has moved on
    legacy = np.random.RandomState(0)
    assert draw_seed(legacy) == draw_seed(np.random.RandomState(0))
    assert draw_seed(legacy) != draw_seed(np.random.RandomState(0))


def test_none_is_fresh_each_time_and_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (the global generator is what is looked at)
    seeds = {draw_seed(None) for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("value", [-1, 2**63, True, 1.0, "1", [1], np.bool_(True), torch.Generator])
def test_anything_else_is_refused(value):
    with pytest.raises(ParameterError) as caught:
        draw_seed(value)
    assert str(caught.value) == (
        f"random_state={value!r} must be None, an integer from 0 to 2**63 - 1, "
        "a numpy RandomState or a numpy Generator"
    )


def numpy_stream(*key):
    return tuple(numpy_generator(*key).integers(2**62, size=4).tolist())


def torch_stream(*key):
    return tuple(torch.randint(2**62, (4,), generator=torch_generator(*key)).tolist())


@pytest.mark.parametrize("stream", [numpy_stream, torch_stream])
def test_each_seed_and_purpose_has_a_stream_of_its_own(stream):
    keys = [(0,), (0, 1), (0, 2), (1,), (1, 1), (0, 1, 1), (0, 1, 2), (2**63 - 1,), (2**63 - 1, 1)]
    streams = [stream(*key) for key in keys]
    assert len(set(streams)) == len(keys)
    assert streams == [stream(*key) for key in keys]


def test_torch_generators_are_local():
    before = torch.get_rng_state()
    torch.randn(3, generator=torch_generator(0, 1, device="cpu"))
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_of_neighbouring_purposes_are_not_correlated():
    draws = torch.stack([torch.randn(4000, generator=torch_generator(0, 3, e)) for e in range(6)]).numpy()
    correlations = np.corrcoef(draws)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4000)
