"""A small network in place of a lookup among the points of a pool: it approximates, and says how well."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from labelwise.errors import DataError
from labelwise.export.decoders import mixed
from labelwise.export.graph import Graph
from labelwise.export.networks import through
from labelwise.nn.layers import dense_layers, reset_layers
from labelwise.randomness import numpy_generator, torch_generator
from labelwise.student.linear import horizon_of

# Purposes of the random streams.
_WEIGHTS, _ORDER, _KEPT_BACK = range(3)

# Of 1,797 digits, 500 or 3,000 steps, or layers of 256, gave the same share the same label within a point.
_HIDDEN = (128, 128)
_N_STEPS, _BATCH = 1500, 256
_LEARNING_RATE, _WEIGHT_DECAY = 2e-3, 1e-2
_MAX_ROWS = 20_000  # random items to learn from
_SHARE_KEPT_BACK, _MAX_KEPT_BACK = 0.2, 2000
_MIN_ITEMS = 50  # with fewer, agreement on the ten kept back would say nothing


@dataclass(frozen=True)
class Distilled:
    """What learned the answers of a lookup.

    Attributes
    ----------
    network : Sequential
        From standardised points to logits.
    mean, scale : ndarray of shape (n_features,), float32
        By which points are standardised.
    horizon : float
        Root mean square of standardised values, beyond which a point is far from those it learned, as for
        `LinearStudent`.
    agreement : float
        Share of the items kept back that it gives the same label.
    n_kept_back : int
    """

    network: nn.Sequential
    mean: np.ndarray
    scale: np.ndarray
    horizon: float
    agreement: float
    n_kept_back: int

    def declare(self, graph: Graph, points: str) -> str:
        """Probabilities of points, as operators."""
        values = graph("Div", graph("Sub", points, self.mean), self.scale)
        answers = graph("Softmax", through(graph, values, self.network), axis=1)
        size = graph("Sqrt", graph("ReduceMean", graph("Mul", values, values), axes=[1], keepdims=1))
        share = graph("Div", self.horizon, graph("Max", size, self.horizon))
        n_classes = len(self.network[-1].bias)  # type: ignore[arg-type]
        return mixed(graph, graph("Mul", share, share), answers, np.full(n_classes, 1 / n_classes))

    @torch.no_grad()
    def answer(self, points: np.ndarray) -> np.ndarray:
        """Probabilities of points, (n, n_classes)."""
        values = (points - self.mean) / self.scale
        answers = self.network(torch.from_numpy(values)).softmax(-1).numpy()
        size = np.sqrt(np.square(values).mean(axis=1, keepdims=True))
        trust = (self.horizon / np.maximum(size, self.horizon)) ** 2
        return np.asarray(trust * answers + (1 - trust) / answers.shape[1])


def draw_rows(n_items: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the items to keep back, and of those to learn from: all that need to be looked at.

    Raises
    ------
    DataError
        If there are too few items to keep some back.
    """
    if n_items < _MIN_ITEMS:
        raise DataError(
            f"{n_items} items are too few to teach a network and keep some back: give at least "
            f"{_MIN_ITEMS}, or export without compact (--compact)"
        )
    n_kept_back = min(int(_SHARE_KEPT_BACK * n_items), _MAX_KEPT_BACK)
    order = numpy_generator(seed, _KEPT_BACK).permutation(n_items)
    return order[:n_kept_back], order[n_kept_back:][:_MAX_ROWS]


def distil(points: np.ndarray, answers: np.ndarray, n_kept_back: int, seed: int) -> Distilled:
    """Teach a network what a lookup answers.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_features), float32
    answers : ndarray of shape (n_samples, n_classes)
        Probabilities.
    n_kept_back : int
        As many of the first points are not learned, but say how often the label is the same.
    seed : int
    """
    kept_back, learned = np.split(points, [n_kept_back])
    mean = learned.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = learned.std(axis=0, dtype=np.float64).astype(np.float32)
    scale[scale == 0] = 1
    values = (learned - mean) / scale
    network = _taught(values, answers[n_kept_back:].astype(np.float32), seed)
    found = Distilled(network, mean, scale, horizon_of(values), 0.0, n_kept_back)
    same = found.answer(kept_back).argmax(axis=1) == answers[:n_kept_back].argmax(axis=1)
    return replace(found, agreement=float(same.mean()))


def _taught(values: np.ndarray, answers: np.ndarray, seed: int) -> nn.Sequential:
    with torch.device("meta"):
        widths = (values.shape[1], *_HIDDEN)
        network = nn.Sequential(*dense_layers(widths), nn.Linear(_HIDDEN[-1], answers.shape[1]))
    network.to_empty(device="cpu")
    reset_layers(network, torch_generator(seed, _WEIGHTS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _N_STEPS)
    rng = numpy_generator(seed, _ORDER)
    X, targets = torch.from_numpy(values), torch.from_numpy(answers)
    for _ in range(_N_STEPS):
        rows = torch.from_numpy(rng.integers(0, len(values), min(_BATCH, len(values))))
        loss = -(targets[rows] * network(X[rows]).log_softmax(-1)).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()
