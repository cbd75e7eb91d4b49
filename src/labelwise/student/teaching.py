"""One round of teaching a network: it learns from answers, and its features give better ones."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from labelwise.decoding.crossfit import temper
from labelwise.decoding.poisson import PoissonDecoder
from labelwise.events import Event, Listener, ignore, part_of
from labelwise.graph.neighbours import Neighbourhood
from labelwise.nn.batches import Items
from labelwise.nn.replay import Replayed, adamw, set_rate
from labelwise.randomness import numpy_generator, torch_generator
from labelwise.student.network import StudentNetwork
from labelwise.student.rounds import STAGE, calming_temperature, combine
from labelwise.student.views import student_views

# Purposes of the random streams.
WEIGHTS, ORDER, VIEWS, LABELS, CHECKS = range(5)

# Chosen together on letters26 and MNIST; benchmarks/README.md, "What was tuned, and on what", says on which
# labels, and what else was tried.
_SHARPNESS = 2.0  # answers are taken to this power before they teach
_GRAPH_SHARPNESS = 4.0  # makes the graph as sure as the network, so that neither outvotes the other
_LABELS_A_STEP = 64  # true labels beside each batch of answers, drawn with replacement
_LABEL_WEIGHT = 0.5  # of the loss on true labels, beside 1 for the loss on answers
_WEIGHT_DECAY = 1e-3
_AVERAGE = 0.01  # share of the weights that the running average takes in at each step
_N_NEIGHBORS = 10

_WARMUP = 0.5  # of the first round: AdamW's first steps, at the full rate, would be the largest of all
_N_PRINCIPAL = (
    64  # dimensions to search neighbours in: a search in all 1,152 features would cost 18 times as much
)
_INFERENCE_BATCH = 1024  # items: some 100 MB of activations for images of 28x28
_FULL_AGE = 9 / _AVERAGE  # steps after which the running average is no longer young

# Parts of a round's seconds, for the bar: steps; steps and inference.
_LEARNING, _LEARNING_AND_INFERENCE = 0.8, 0.9


@dataclass(frozen=True)
class Lesson:
    """What is taught.

    Attributes
    ----------
    items : Items
        The pool.
    labeled : ndarray of shape (n_labeled,), int
    codes : ndarray of shape (n_labeled,), int
    augment : {None, "affine", "elastic", "strokes", "photo"}
    n_steps, batch_size : int
        Steps of one round.
    learning_rate : float
    temperature : float
        Factor on top of the temperature at which a round's probabilities are as sure as the graph's.
    seed : int
    """

    items: Items
    labeled: np.ndarray
    codes: np.ndarray
    augment: str | None
    n_steps: int
    batch_size: int
    learning_rate: float
    temperature: float
    seed: int


@dataclass(frozen=True)
class Projection:
    """Principal components of features.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
    axes : ndarray of shape (n_features, n_principal)
    """

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> Projection:
        """Fit to features of shape (n, n_features)."""
        mean = features.mean(axis=0)
        covariance = np.cov(features, rowvar=False, dtype=np.float64)
        _, vectors = np.linalg.eigh(covariance)
        return cls(mean, np.ascontiguousarray(vectors[:, -_N_PRINCIPAL:], dtype=np.float32))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Points of shape (n, n_principal)."""
        return np.asarray((features - self.mean) @ self.axes)


@dataclass(frozen=True)
class Outcome:
    """The result of a round.

    Attributes
    ----------
    answers : ndarray of shape (n_samples, n_classes), float32
        Network and graph combined; labelled items have their label. They teach the next round.
    temperature : float
        What `calming_temperature` finds, times that of the lesson.
    probabilities : ndarray of shape (n_samples, n_classes), float32
        `answers` at that temperature; labelled items have their label.
    projection : Projection
    pool : Neighbourhood
        The graph of projected features.
    scores : ndarray of shape (n_nodes, n_classes), float32
        Labels spread on it.
    """

    answers: np.ndarray
    temperature: float
    probabilities: np.ndarray
    projection: Projection
    pool: Neighbourhood
    scores: np.ndarray


class Teaching:
    """A network in training, and the running average of its weights that gives the answers.

    Parameters
    ----------
    network : StudentNetwork
    lesson : Lesson
    mixed : bool
        Whether layers compute in bfloat16.
    grown : bool, default=False
        Whether `network` holds the running average of an earlier student, from which teaching continues.
    """

    def __init__(self, network: StudentNetwork, lesson: Lesson, *, mixed: bool, grown: bool = False) -> None:
        self.network = network
        self.average = copy.deepcopy(network).eval()
        self.lesson = lesson
        self.mixed = mixed
        self._device = next(network.parameters()).device
        self._optimizer = adamw(
            network.parameters(), lesson.learning_rate, weight_decay=_WEIGHT_DECAY, fused=False
        )
        self._n_done = 0
        self._age = _FULL_AGE if grown else 0
        self._rows = _endless_rows(len(lesson.items), numpy_generator(lesson.seed, ORDER))
        self._label_rows = numpy_generator(lesson.seed, LABELS)
        self._views = torch_generator(lesson.seed, VIEWS, device=self._device)
        self._share = torch.ones((), device=self._device)  # of the weights that the average takes in
        self._replayed = Replayed(self._update, [self._views])

    def round(self, answers: np.ndarray, listen: Listener = ignore) -> Outcome:
        """Learn the `answers` of all items and the labels, and answer anew.

        `listen` gets events of this round alone, whose fractions end below 1.
        """
        answers = answers.copy()
        answers[self.lesson.labeled] = self._one_hot(answers.shape[1])
        self._learn(answers, part_of(listen, STAGE, 0, _LEARNING))
        return self.answer(part_of(listen, STAGE, _LEARNING, _LEARNING_AND_INFERENCE))

    def answer(self, listen: Listener = ignore) -> Outcome:
        """Answer as the running average of the network and the graph of its features say."""
        labeled = self.lesson.labeled
        features, from_network = infer(self.average, self.lesson.items, mixed=self.mixed, listen=listen)
        one_hot = self._one_hot(from_network.shape[1])
        projection = Projection.of(features)
        pool = neighbourhood(projection(features))
        given = np.zeros_like(from_network)
        given[labeled] = one_hot
        scores = PoissonDecoder(sharpness=_GRAPH_SHARPNESS).node_scores(pool, pool.gather(given))
        from_graph = scores[pool.nodes]
        answers = combine(from_network, from_graph)
        temperature = self.lesson.temperature * calming_temperature(answers, from_graph)
        probabilities = temper(answers, temperature).astype(np.float32)
        answers[labeled] = probabilities[labeled] = one_hot
        return Outcome(answers, temperature, probabilities, projection, pool, scores)

    def _one_hot(self, n_classes: int) -> np.ndarray:
        return np.asarray(np.eye(n_classes, dtype=np.float32)[self.lesson.codes])

    def _learn(self, answers: np.ndarray, listen: Listener) -> None:
        powers = answers**_SHARPNESS
        targets = torch.from_numpy((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32))
        self.network.train()
        for step in range(self.lesson.n_steps):
            listen(Event(STAGE, step / self.lesson.n_steps))
            rows = np.fromiter(self._rows, dtype=np.int64, count=self.lesson.batch_size)
            self._step(rows, targets[torch.from_numpy(rows)])

    def _step(self, rows: np.ndarray, targets: Tensor) -> None:
        lesson = self.lesson
        picked = self._label_rows.choice(len(lesson.labeled), _LABELS_A_STEP)
        batch = lesson.items[np.concatenate([rows, lesson.labeled[picked]])]
        codes = torch.from_numpy(lesson.codes[picked])
        # The rate does not fall: at low ones the network learns the teacher's mistakes by heart. The running
        # average settles instead.
        warmup = min(1.0, (self._n_done + 1) / (_WARMUP * lesson.n_steps))
        set_rate(self._optimizer, lesson.learning_rate * warmup)
        self._n_done += 1
        self._share.fill_(max(_AVERAGE, 9 / (9 + self._age + self._n_done)))  # more while it is young
        self._replayed(batch, targets.to(self._device), codes.to(self._device))

    def _update(self, batch: Tensor, targets: Tensor, codes: Tensor) -> None:
        """One step on items, of which the first have `targets` and the rest labels."""
        values = self.network.scaling.scale(batch)
        views = student_views(values, self.network.item_shape, self.lesson.augment, self._views)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.mixed):
            logits = self.network(views, self._views)
        log_probabilities = logits.float().log_softmax(-1)
        weights = targets.max(dim=1).values.square()
        taught = -(weights * (targets * log_probabilities[: len(targets)]).sum(-1)).sum() / weights.sum()
        loss = taught + _LABEL_WEIGHT * F.nll_loss(log_probabilities[len(targets) :], codes)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running average."""
        pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
        for average, current in pairs:
            if average.dtype.is_floating_point:
                average.lerp_(current, self._share)
            else:
                average.copy_(current)


@torch.no_grad()
def infer(
    network: StudentNetwork, items: Items, *, mixed: bool, listen: Listener = ignore
) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, n_features) and class probabilities (n, n_classes), float32."""
    network.eval()
    device = next(network.parameters()).device
    features, probabilities = [], []
    n_done = 0
    for batch in items.ordered(_INFERENCE_BATCH):
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            found = network.features(network.scaling.scale(batch))
            logits = network.head(found)
        listen(Event(STAGE, n_done / len(items)))
        n_done += len(batch)
        features.append(found.float().cpu().numpy())
        probabilities.append(logits.float().softmax(-1).cpu().numpy())
    return np.concatenate(features), np.concatenate(probabilities)


def neighbourhood(points: np.ndarray) -> Neighbourhood:
    """The graph of the student's features."""
    return Neighbourhood(points, _N_NEIGHBORS)


def _endless_rows(n_samples: int, rng: np.random.Generator) -> Iterator[int]:
    """All rows in random order, again and again."""
    while True:
        yield from rng.permutation(n_samples)
