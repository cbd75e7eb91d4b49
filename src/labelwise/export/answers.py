"""Fitted answers as operators, whole: from inputs to labels and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwise.answerer import Answerer, DecoderAnswerer
from labelwise.decoding import AutoDecoder
from labelwise.decoding.base import GraphDecoder
from labelwise.export.decoders import (
    Encoded,
    component_labels,
    decoded,
    label_table,
    mixed,
    shared,
    tempered,
)
from labelwise.export.distilling import Distilled
from labelwise.export.graph import Graph
from labelwise.export.inputs import LABEL, PROBABILITIES, Source, source_of
from labelwise.export.neighbours import placed
from labelwise.export.networks import convolved, encoded, normalised, scaled, through
from labelwise.features.learned import LearnedFeaturizer
from labelwise.gmvae import GMVAE
from labelwise.student import LinearStudent, Student
from labelwise.student.estimator import LEAST_TOTAL
from labelwise.student.rounds import FLOOR
from labelwise.student.teaching import neighbourhood


@dataclass(frozen=True)
class Assembled:
    """A graph, and what to ask it with."""

    graph: Graph
    source: Source


def assembled(answerer: Answerer, items: Any, learned: Distilled | None = None) -> Assembled:
    """Put together the graph of a fitted answer.

    Parameters
    ----------
    answerer : DecoderAnswerer, Student or LinearStudent
    items : array-like
        Some items, which say whether pixels are uint8.
    learned : Distilled, default=None
        What takes the place of a lookup among the points of the pool.

    Raises
    ------
    DataError
        If a part of it is of a kind that is not known here.
    """
    graph = Graph()
    label = None
    match answerer:
        case DecoderAnswerer():
            module = answerer.gmvae.module_
            source = source_of(
                answerer, module.architecture.likelihood, module.architecture.n_features, items
            )
            said = _encoded(graph, answerer.gmvae, _begun(graph, answerer, source))
            if learned is None:
                probabilities = decoded(graph, answerer.decoder, said)
                label = component_labels(graph, answerer.decoder, said)
            else:
                parts = [part for part in (said.latents, said.features) if part is not None]
                probabilities = learned.declare(graph, graph("Concat", *parts, axis=1))
        case Student():
            source = source_of(answerer, answerer.likelihood_, answerer.n_features_in_, items)
            alone, points = _embedded(graph, answerer, _begun(graph, answerer, source))
            if learned is None:
                probabilities = _student(graph, answerer, alone, points)
            else:
                probabilities = learned.declare(graph, points)
        case _:
            assert isinstance(answerer, LinearStudent)  # noqa: S101 (`load` gives no others)
            source = source_of(answerer, "gaussian", len(answerer.mean_), items)
            probabilities = _linear_student(graph, answerer, _begun(graph, answerer, source).values)
    classes = label_table(answerer.classes_, answerer.classes_)
    if label is None:
        label = graph("Gather", classes, graph("ArgMax", probabilities, axis=1, keepdims=0), axis=0)
    graph.output(LABEL, label, str if classes.dtype == object else classes.dtype)
    graph.output(PROBABILITIES, probabilities, np.float32, (len(classes),))
    return Assembled(graph, source)


def looks_up(answerer: Answerer) -> bool:
    """Whether it answers by the nearest points of a pool, which it holds."""
    if isinstance(answerer, DecoderAnswerer):
        decoder = answerer.decoder
        return isinstance(decoder.decoder_ if isinstance(decoder, AutoDecoder) else decoder, GraphDecoder)
    return isinstance(answerer, Student)


def points_and_answers(answerer: Answerer, items: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a network learns that takes the place of a lookup, in float32 throughout, as a file has it.

    Returns
    -------
    points : ndarray of shape (n_samples, n_features), float32
    answers : ndarray of shape (n_samples, n_classes)
    """
    if isinstance(answerer, Student):
        points, alone = answerer.embed(items, mixed=False)
        return points, answerer.combined(points, alone)
    assert isinstance(answerer, DecoderAnswerer)  # noqa: S101 (no others look up)
    encoding = answerer.gmvae.encode(items)
    parts = [part for part in (encoding.latents, encoding.features) if part is not None]
    return np.hstack(parts).astype(np.float32), answerer.decoder.predict_proba(encoding)


@dataclass(frozen=True)
class _Rows:
    """Rows of numbers, (n, n_features), float32; of pixels that were uint8, still from 0 to 255."""

    values: str
    is_uint8: bool


def _begun(graph: Graph, answerer: Answerer, source: Source) -> _Rows:
    """Declare the inputs, and make of them the rows that models see, by the featurizer if there is one."""
    rows = _Rows(source.declare(graph), getattr(source, "is_uint8", False))
    if not isinstance(answerer.featurizer_, LearnedFeaturizer):
        return rows  # tables and features made elsewhere are those of the source
    network = answerer.featurizer_.network_
    pixels = scaled(graph, rows.values, network.scaling, is_uint8=rows.is_uint8)
    found = convolved(graph, pixels, network.layers, network.item_shape)
    return _Rows(normalised(graph, through(graph, found, network.head)), False)


def _encoded(graph: Graph, gmvae: GMVAE, rows: _Rows) -> Encoded:
    """What `GMVAE.encode` says of items."""
    module = gmvae.module_
    features = None
    if gmvae.principal_ is not None:
        centred = graph("Sub", rows.values, gmvae.principal_.location_)
        features = graph("MatMul", centred, gmvae.principal_.axes_)
    values = scaled(graph, rows.values, module.likelihood, is_uint8=rows.is_uint8)
    posteriors, latents = encoded(graph, module, values)
    return Encoded(posteriors, latents, features)


def _embedded(graph: Graph, student: Student, rows: _Rows) -> tuple[str, str]:
    """What the network of a student says alone, and where its graph has items."""
    network = student.network_
    values = scaled(graph, rows.values, network.scaling, is_uint8=rows.is_uint8)
    if len(network.item_shape) > 1:
        features = convolved(graph, values, network.layers, network.item_shape)
    else:
        features = through(graph, values, network.layers)
    alone = graph("Softmax", through(graph, features, [network.head]), axis=1)
    projection = student.projection_
    return alone, graph("MatMul", graph("Sub", features, projection.mean), projection.axes)


def _student(graph: Graph, student: Student, alone: str, points: str) -> str:
    """Network and graph of a student together."""
    near, trust = placed(graph, neighbourhood(student.points_), points, student.node_scores_)
    near = graph("Mul", near, trust)
    total = graph("ReduceSum", near, np.array([1]), keepdims=1)
    near = graph("Div", near, graph("Max", total, LEAST_TOTAL))
    both = graph("Mul", graph("Add", alone, FLOOR), graph("Add", near, FLOOR))
    both = shared(graph, graph("Sqrt", both))
    answers = graph("Where", graph("Greater", total, 0.0), both, alone)
    return _calmed(graph, answers, student.temperature_, trust, len(student.classes_))


def _linear_student(graph: Graph, student: LinearStudent, rows: str) -> str:
    points = graph("Div", graph("Sub", rows, student.mean_), student.scale_)
    logits = graph("Gemm", points, student.coef_, student.intercept_, transB=1)
    squares = graph("ReduceMean", graph("Mul", points, points), axes=[1], keepdims=1)
    size = graph("Max", graph("Sqrt", squares), student.horizon_)
    share = graph("Div", student.horizon_, size)
    trust = graph("Mul", share, share)
    answers = graph("Softmax", logits, axis=1)
    return _calmed(graph, answers, student.temperature_, trust, len(student.classes_))


def _calmed(graph: Graph, answers: str, temperature: float, trust: str, n_classes: int) -> str:
    """At the temperature of a student, and closer to equal probabilities the farther an item is."""
    return mixed(graph, trust, tempered(graph, answers, temperature), np.full(n_classes, 1 / n_classes))
