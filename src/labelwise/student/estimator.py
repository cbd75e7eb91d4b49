"""`Student`: a compact classifier that learns from another one's answers on unlabelled items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from labelwise.damage import check_probabilities, damage_told
from labelwise.decoding.crossfit import temper
from labelwise.decoding.targets import as_column, split_labels
from labelwise.events import Listener, check_listener
from labelwise.hub import read_card
from labelwise.nn.batches import Items
from labelwise.nn.defaults import resolve_device, use_bfloat16
from labelwise.nn.inputs import check_image_options, check_items, choose_likelihood, column_moments
from labelwise.nn.likelihoods import Gaussian
from labelwise.nn.views import AUGMENTATIONS, resolve_augmentation
from labelwise.parameters import (
    Constraint,
    Either,
    Integer,
    Option,
    Positive,
    check_parameters,
    check_parameters_of,
)
from labelwise.progress import shown
from labelwise.randomness import RandomState, draw_seed, torch_generator
from labelwise.student.base import BaseStudent
from labelwise.student.continuing import CONTINUED_ROUNDS, check_start, grow, steps_to_continue
from labelwise.student.inputs import ask_neighbours, checked_answers, checked_classes
from labelwise.student.network import PRODUCT_WIDTH, build_network
from labelwise.student.persistence import NetworkState, load_student, save_student
from labelwise.student.rounds import combine, teach
from labelwise.student.teaching import WEIGHTS, Lesson, Teaching, infer, neighbourhood

LEAST_TOTAL = 1e-12  # of what the nearest items say; rows of zeros stay as they are


class Student(BaseStudent):
    """A compact network that learns a teacher's answers for unlabelled items from changed views of them.

    It learns in rounds. In each, the network learns the answers (soft and sharpened; sure ones count more)
    and the true labels. Then the labels spread over the graph of neighbours in its features by Poisson
    learning. Network and graph together teach the next round. Label propagation between rounds is that of
    Iscen et al., *Label Propagation for Deep Semi-Supervised Learning*, CVPR 2019.

    Parameters
    ----------
    augment : {"auto", None, "affine", "elastic", "strokes", "photo"}, default="auto"
        Changes under which an item stays what it is, as for `GMVAE`. A part of each view is erased in any
        case.
    likelihood : {"auto", "bernoulli", "gaussian"}, default="auto"
        How values are scaled, as for `GMVAE`.
    max_rounds : int, default=5
        Rounds end early: one round after the first in which fewer than 0.2 % of the answers change.
    n_steps : int, default=400
        Optimiser steps a round.
    batch_size : int, default=256
        Unlabelled items a step.
    learning_rate : float, default=4e-3
        Highest learning rate of AdamW.
    device : str, default="auto"
        "cpu", "cuda", …; "auto" takes the GPU if there is one.
    random_state : int, RandomState, Generator or None, default=None
    verbose : int, default=0
        1 shows progress with the changes of each round: a bar on a terminal, plain lines elsewhere.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    augment_ : {None, "affine", "elastic", "strokes", "photo"}
        What "auto" became.
    answers_ : ndarray of shape (n_samples, n_classes), float32, or None
        Probabilities of the items of `fit`; labelled items have their label. None in students that were
        saved before labelwise 0.2.
    check_ : Check or None
        How often teacher and student were right in the rehearsal of `refine`, if there was one.
    temperature_ : float
        Above 1 if network and graph together are surer than the graph, which spreads true labels only.
    history_ : list of dict
        One record a round: round, changed (share of answers that changed), sure (mean largest probability).
    """

    _constraints: dict[str, Constraint] = {  # noqa: RUF012 (never changed)
        "augment": Option(*AUGMENTATIONS),
        "likelihood": Option("auto", "bernoulli", "gaussian"),
        "max_rounds": Integer(2),
        "n_steps": Integer(1),
        "batch_size": Integer(1),
        "learning_rate": Positive(),
        "verbose": Either(Option(True, False), Integer(0)),
    }

    def __init__(
        self,
        augment: str | None = "auto",
        *,
        likelihood: str = "auto",
        max_rounds: int = 5,
        n_steps: int = 400,
        batch_size: int = 256,
        learning_rate: float = 4e-3,
        device: str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.augment = augment
        self.likelihood = likelihood
        self.max_rounds = max_rounds
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        answers: Any = None,
        *,
        classes: Any = None,
        temperature: float = 1.0,
        start: Student | None = None,
        layers: nn.Module | None = None,
        listen: Listener | None = None,
    ) -> Student:
        """Learn from a few labels and a teacher's answers.

        Parameters
        ----------
        X : array-like
            Items, as for `GMVAE.fit`.
        y : array-like of shape (n_samples,)
            Labels of any kind; -1 (`labelwise.UNLABELED`) where there is none.
        answers : array-like of shape (n_samples, n_classes), default=None
            The teacher's probabilities of all items. With None, Poisson learning on the principal components
            of the items is the teacher.
        classes : array-like of shape (n_classes,), default=None
            Classes of the columns, in sorted order; None takes those among the labels.
        temperature : float, default=1.0
            Factor on top of `temperature_`, for a student that is known to be surer than it is right.
        start : Student, default=None
            A fitted student of the same items and fewer labels. Its network is the beginning, so that fewer
            rounds and steps suffice. It may lack classes, and stays as it is.
        layers : Module, default=None
            Layers that learned something of these images, from which to begin where there is no `start`:
            `gmvae.featurizer_.layers()`. They stay as they are.
        listen : callable, default=None
            Gets an `Event` of the stage "refining" for each step; those of rounds have numbers, as in
            `history_`. If it raises `Cancelled`, learning ends there and the student stays as it was.

        Returns
        -------
        Student
            Itself.

        Raises
        ------
        ParameterError, DataError, LabelError
            If parameters, data, labels or answers cannot be used.
        """
        check_parameters_of(self)
        check_parameters({"temperature": temperature}, {"temperature": Positive()})
        check_listener(listen)
        X, item_shape = check_items(self, X, reset=True)
        item_shape = tuple(int(side) for side in item_shape)
        likelihood = choose_likelihood(X, X.shape[1:], self.likelihood)
        augment = resolve_augmentation(self.augment, X, item_shape, likelihood)
        check_image_options(item_shape, likelihood, augment, "auto")
        y = as_column(y, type(self).__name__)
        labels, labeled = split_labels(y, len(X))
        classes = checked_classes(labels, classes)
        if start is not None:
            check_start(start, item_shape, likelihood, classes)
        lesson = Lesson(
            items=Items(X, resolve_device(self.device)),
            labeled=labeled,
            codes=np.searchsorted(classes, labels),
            augment=augment,
            n_steps=self.n_steps if start is None else steps_to_continue(self.n_steps),
            batch_size=min(self.batch_size, len(X)),
            learning_rate=self.learning_rate,
            temperature=temperature,
            seed=draw_seed(self.random_state),
        )
        teaching = self._begin(lesson, item_shape, likelihood, classes, start, layers)
        n_rounds = self.max_rounds if start is None else min(self.max_rounds, CONTINUED_ROUNDS)
        if answers is None:
            answers = ask_neighbours(X, y, classes, is_table=len(item_shape) == 1)
        answers = checked_answers(answers, len(X), classes)
        with shown(listen, self.verbose) as tell:
            outcome, history = teach(teaching, answers, n_rounds, tell)
        # Only now: where learning is cancelled, the student stays as it was.
        self.item_shape_, self.likelihood_, self.augment_ = item_shape, likelihood, augment
        self.classes_, self.history_ = classes, history
        self.check_, self.featurizer_, self.card_ = None, None, ""
        self.network_, self.projection_, self._pool = teaching.average, outcome.projection, outcome.pool
        self.points_, self.node_scores_ = outcome.pool.points, outcome.scores
        self.temperature_, self.answers_ = outcome.temperature, outcome.probabilities
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, from the network and from the nearest items of `fit`.

        `temperature_` makes the probabilities as sure, on average, as labels that spread on the graph alone.
        The farther the features of an item are from those of all items of `fit`, the closer the classes come
        to being equally probable.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Columns as in `classes_`; rows sum to 1.
        """
        return self.answer(X, mixed=self._mixed())

    def answer(self, X: Any, *, mixed: bool) -> np.ndarray:
        """Answer as `predict_proba`, with layers in bfloat16 or, whatever the machine prefers, in float32."""
        return self.combined(*self.embed(X, mixed=mixed))

    def combined(self, points: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Answer for items of which `embed` said this."""
        place = self._pool.place(points)
        near = np.asarray(place @ self.node_scores_)
        # Of the nearest items some may lie where no label reaches.
        answers = combine(probabilities, near / np.maximum(near.sum(axis=1, keepdims=True), LEAST_TOTAL))
        answers = temper(answers, self.temperature_)
        # What is far from everything could be anything.
        trust = place.sum(axis=1)[:, None]
        return np.asarray(trust * answers + (1 - trust) / len(self.classes_))

    def embed(self, X: Any, *, mixed: bool) -> tuple[np.ndarray, np.ndarray]:
        """Where items lie in the graph of features, (n_samples, n_principal), and what the network says."""
        check_is_fitted(self, "network_")
        X = X if self.featurizer_ is None else self.featurizer_.transform(X)
        X, _ = check_items(self, X, reset=False)
        if self.likelihood_ == "bernoulli":
            choose_likelihood(X, self.item_shape_, "bernoulli")
        items = Items(X, resolve_device(self.device))
        features, probabilities = infer(self.network_, items, mixed=mixed)
        return self.projection_(features), probabilities

    def save(self, path: str | Path) -> None:
        """Write the folder `path`: `manifest.json` and `weights.safetensors`.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        check_is_fitted(self, "network_")
        save_student(Path(path), self.get_params(deep=False), self._state(), self.card_)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Student:
        """Read a student that `save` wrote; nothing is unpickled.

        Raises
        ------
        StorageError
            If the folder is missing, damaged or from a newer labelwise.
        """
        parameters, state = load_student(Path(path))
        with damage_told(Path(path)):
            self = cls(**{**parameters, "device": device})
            self.take(state)
            self._pool = neighbourhood(self.points_)
            # Without the network: its shapes are checked, and its items may be of any size.
            point, n_classes = np.zeros((1, self.points_.shape[1]), np.float32), len(self.classes_)
            with np.errstate(all="ignore"):
                found = self.combined(point, np.full((1, n_classes), 1 / n_classes, np.float32))
                check_probabilities(found, n_classes)
        self.network_.to(resolve_device(device))
        self.card_ = read_card(Path(path))
        return self

    def _state(self) -> NetworkState:
        """What `save` keeps: the fitted attributes, named without the last underscore."""
        return NetworkState(
            item_shape=self.item_shape_,
            likelihood=self.likelihood_,
            augment=self.augment_,
            classes=self.classes_,
            feature_names=[str(name) for name in getattr(self, "feature_names_in_", [])],
            temperature=self.temperature_,
            history=self.history_,
            check=self.check_,
            featurizer=self.featurizer_,
            network=self.network_,
            points=self.points_,
            node_scores=self.node_scores_,
            projection=self.projection_,
            answers=self.answers_,
        )

    def _begin(
        self,
        lesson: Lesson,
        item_shape: tuple[int, ...],
        likelihood: str,
        classes: np.ndarray,
        start: Student | None,
        layers: nn.Module | None,
    ) -> Teaching:
        weights = torch_generator(lesson.seed, WEIGHTS)
        network = build_network(item_shape, len(classes), likelihood, weights)
        if start is not None:
            grow(network, classes, start)
        elif isinstance(network.scaling, Gaussian):
            network.scaling.standardise(*map(torch.from_numpy, column_moments(lesson.items.X)))
        if start is None and layers is not None:
            network.layers.load_state_dict(layers.state_dict())
        network.to(resolve_device(self.device))
        return Teaching(network, lesson, mixed=self._mixed(), grown=start is not None)

    def _mixed(self) -> bool:
        return use_bfloat16("auto", resolve_device(self.device), PRODUCT_WIDTH)
