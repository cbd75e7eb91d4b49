"""Learning by contrast: a small network learns that two views of an item are the same item.

NT-Xent (Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations*, ICML 2020):
among all views of a batch, a view must find the other one of its own item. No label is looked at. Everything
random derives from (seed, purpose, step), so that a run which stops resumes with the same bits.

B items, F features of an item (height x width x channels, channels last).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labelwise.events import Event, Listener
from labelwise.features.base import STAGE
from labelwise.nn.batches import Items
from labelwise.nn.checkpoint import CheckpointFile
from labelwise.nn.layers import CONVOLVED, BatchNorm1d, convolutions, moments_shared, reset_layers
from labelwise.nn.likelihoods import Bernoulli
from labelwise.nn.processes import ALONE, Group
from labelwise.nn.replay import Replayed, adamw, set_rate
from labelwise.nn.run import Run
from labelwise.nn.views import random_views
from labelwise.randomness import numpy_generator, seed_anew
from labelwise.scratch import scratch_array
from labelwise.storage import fingerprint

# Widths and rates are those of the prototype (benchmarks/results/learned.md), which were not tuned.
N_PROJECTED = 128
HIDDEN = 256  # units between the convolutions and the projection

# Purposes of the random streams of one run.
WEIGHTS, ORDER, VIEWS = range(3)

# .1, .2 and .4 came within a point of each other (benchmarks/results/learned.md).
_TEMPERATURE = 0.2
_LEARNING_RATE = 2e-3
_WARMUP_STEPS = 100
_WEIGHT_DECAY = 1e-4
_TOLD_EVERY = 25  # steps, of which each record of the history has the mean loss
_INFERENCE_BATCH = 512


class ContrastNetwork(nn.Module):
    """Convolutions and a projection to the unit sphere.

    Parameters
    ----------
    item_shape : (height, width) or (height, width, channels)
    """

    def __init__(self, item_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.item_shape = item_shape
        self.scaling = Bernoulli(math.prod(item_shape))
        self.layers = nn.Sequential(*convolutions(item_shape))
        self.head = nn.Sequential(
            nn.Linear(CONVOLVED, HIDDEN), BatchNorm1d(HIDDEN), nn.GELU(), nn.Linear(HIDDEN, N_PROJECTED)
        )
        # Batch normalisation cancels this bias: its gradient is only rounding, and Adam would follow it.
        self.head[0].bias.requires_grad_(False)

    def forward(self, values: Tensor) -> Tensor:
        """Scaled values (B, F) to points on the unit sphere, (B, 128)."""
        height, width, channels = (*self.item_shape, 1)[:3]
        images = values.view(-1, height, width, channels).permute(0, 3, 1, 2)
        return F.normalize(self.head(self.layers(images)).float(), dim=1)


@dataclass(frozen=True)
class Plan:
    """How to learn."""

    n_steps: int
    batch_size: int
    augment: str
    seed: int
    bfloat16: bool


def build_network(item_shape: tuple[int, ...], generator: torch.Generator) -> ContrastNetwork:
    """Build a network with fresh weights; torch's global generator is not asked for anything."""
    with torch.device("meta"):
        network = ContrastNetwork(item_shape)
    network.to_empty(device="cpu")
    reset_layers(network, generator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def nt_xent(first: Tensor, second: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
    """Mean cross-entropy, in nats, of finding each view's other half among all other views.

    Parameters
    ----------
    first, second : Tensor of shape (B, D)
        Views of the same items, of length 1.
    temperature : float
    """
    views = torch.cat([first, second])
    similarities = views @ views.T / temperature
    similarities.fill_diagonal_(-torch.inf)  # no view is its own other half
    halves = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarities, halves)


def contrast(
    network: ContrastNetwork,
    items: Items,
    plan: Plan,
    *,
    checkpoint: CheckpointFile | None,
    group: Group = ALONE,
    listen: Listener,
) -> list[dict[str, Any]]:
    """Teach `network` in place, from the state in `checkpoint` if it holds one, and return the history.

    `listen` gets an event of the stage "features" for each step. The history has a record every 25 steps:
    `step` and `loss`, the mean over these steps in nats.
    """
    run = Run(network, adamw(network.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY))
    state = group.take_over(None if checkpoint is None else checkpoint.restore())
    if state is not None:
        run.adopt(state)
    n_done = run.history[-1]["step"] if run.history else 0
    listen(Event(STAGE, n_done / plan.n_steps, f"resuming after step {n_done}" if n_done else ""))
    network.train()
    learner = _Learner(run, plan, group)
    losses = []
    with moments_shared(network, group):
        for step in range(n_done, plan.n_steps):
            losses.append(learner.take_step(items, step))
            last = step + 1 == plan.n_steps
            if (step + 1) % _TOLD_EVERY and not last:
                listen(Event(STAGE, (step + 1) / plan.n_steps))
                continue
            record = {"step": step + 1, "loss": float(torch.stack(losses).mean())}
            losses.clear()
            run.history.append(record)
            if checkpoint is not None:
                checkpoint.keep(run.state(), last=last)
            message = f"step {step + 1}/{plan.n_steps} of contrast: loss {record['loss']:.2f} nats"
            listen(Event(STAGE, (step + 1) / plan.n_steps, message, record))
    return run.history


def run_settings(
    network: ContrastNetwork, plan: Plan, items: Items, device: torch.device, group: Group
) -> dict[str, Any]:
    """All that decides the bits of a run."""
    return {
        **group.settings,
        **asdict(plan),
        "item_shape": list(network.item_shape),
        "device": device.type,
        "n_samples": len(items),
        "data": fingerprint(items.X),
        "labelwise": version("labelwise"),
        "torch": torch.__version__.split("+")[0],
        "threads": torch.get_num_threads(),
    }


@torch.no_grad()
def project(network: ContrastNetwork, items: Items, listen: Listener) -> np.ndarray:
    """Points of all items on the unit sphere, shape (n, 128), float32."""
    network.eval()
    points = scratch_array((len(items), N_PROJECTED))
    start = 0
    for batch in items.ordered(_INFERENCE_BATCH):
        points[start : start + len(batch)] = network(network.scaling.scale(batch)).cpu().numpy()
        start += len(batch)
        listen(Event(STAGE, start / len(items)))
    return points


class _Learner:
    """Steps of a run; on a GPU they are recorded once."""

    def __init__(self, run: Run[ContrastNetwork], plan: Plan, group: Group) -> None:
        self._run, self._plan, self._group = run, plan, group
        device = next(run.module.parameters()).device
        self._views = torch.Generator(device)
        self._loss = torch.zeros((), device=device)
        self._step = self._learn if group.size > 1 else Replayed(self._learn, [self._views])

    def take_step(self, items: Items, step: int) -> Tensor:
        """One step, and its loss."""
        seed_anew(self._views, self._plan.seed, VIEWS, step)
        set_rate(self._run.optimizer, _LEARNING_RATE * _rate(step, self._plan.n_steps))
        self._step(items[_rows(len(items), self._plan, step)])
        return self._loss.clone()

    def _learn(self, batch: Tensor) -> None:
        network, plan, optimizer = self._run.module, self._plan, self._run.optimizer
        values, n = network.scaling.scale(batch), len(batch)
        rows = self._group.share(n).rows
        pairs = [random_views(values, network.item_shape, plan.augment, self._views)[rows] for _ in range(2)]
        with torch.autocast(values.device.type, torch.bfloat16, enabled=plan.bfloat16):
            points = network(torch.cat(pairs))
        first, second = (self._group.gather(half, n) for half in points.chunk(2))
        loss = nt_xent(first, second)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._group.add_gradients(self._run.parameters)
        optimizer.step()
        self._loss.copy_(loss.detach())


def _rows(n_samples: int, plan: Plan, step: int) -> np.ndarray:
    """Rows of one batch: all items in random order, then in another, without what is left at the end."""
    n_batches = n_samples // plan.batch_size
    epoch, place = divmod(step, n_batches)
    order = numpy_generator(plan.seed, ORDER, epoch).permutation(n_samples)
    return order[place * plan.batch_size :][: plan.batch_size]


def _rate(step: int, n_steps: int) -> float:
    """Linear warm-up times a cosine down to 0."""
    warmup = min(1.0, (step + 1) / min(_WARMUP_STEPS, max(1, n_steps // 4)))
    return 0.5 * warmup * (1 + math.cos(math.pi * step / n_steps))
