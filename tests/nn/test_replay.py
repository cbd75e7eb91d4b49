"""Steps of training as they are on a CPU; tests/gpu has those that are replayed."""

from __future__ import annotations

import pytest
import torch

from labelwise.nn.replay import Replayed, adamw, set_rate


def test_on_a_cpu_a_function_is_called_each_time():
    total = torch.zeros(3)
    add = Replayed(lambda values, factor: total.add_(factor * values.sum(0)))
    for size in (1, 2, 1, 5, 1):
        add(torch.ones(size, 3), torch.tensor(2.0))
    assert total.tolist() == [20.0, 20.0, 20.0]


def test_groups_learn_at_their_own_rates():
    weights = [torch.zeros(2, requires_grad=True) for _ in range(2)]
    groups = [{"params": weights[:1]}, {"params": weights[1:], "scale": 3.0}]
    optimizer = adamw(groups, 1.0)
    set_rate(optimizer, 0.1)
    for each in weights:
        each.grad = torch.ones(2)
    optimizer.step()
    # The first step of Adam is as long as the rate.
    assert [each[0].item() for each in weights] == pytest.approx([-0.1, -0.3])
