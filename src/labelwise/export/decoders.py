"""Fitted decoders as operators: from what a model says of items to probabilities of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelwise.decoding import (
    AutoDecoder,
    BayesDecoder,
    Decoder,
    HardDecoder,
    RelatedDecoder,
    SoftDecoder,
)
from labelwise.decoding.base import GraphDecoder, equal_shares
from labelwise.decoding.crossfit import FLOOR
from labelwise.errors import DataError
from labelwise.export.graph import Graph
from labelwise.export.neighbours import placed
from labelwise.labels import UNLABELED


@dataclass(frozen=True)
class Encoded:
    """Names of the values that an `Encoding` holds."""

    posteriors: str
    latents: str
    features: str | None


def tempered(graph: Graph, probabilities: str, temperature: float) -> str:
    """`temper` of labelwise.decoding.crossfit."""
    powers = graph("Pow", graph("Max", probabilities, FLOOR), 1 / temperature)
    return shared(graph, powers)


def shared(graph: Graph, values: str) -> str:
    """Rows divided by their sums."""
    return graph("Div", values, graph("ReduceSum", values, np.array([1]), keepdims=1))


def mixed(graph: Graph, trust: str, own: str, unknown: np.ndarray) -> str:
    """Rows of `own` as far as they are to be trusted, (n, 1), and `unknown` beyond."""
    rest = graph("Mul", graph("Sub", 1.0, trust), unknown.astype(np.float32)[None])
    return graph("Add", graph("Mul", trust, own), rest)


def decoded(graph: Graph, decoder: Decoder, encoded: Encoded) -> str:
    """Probabilities of the classes, (n, n_classes).

    Raises
    ------
    DataError
        If the decoder is of a kind that is not known here.
    """
    own, trust = _opinion(graph, decoder, encoded)
    shares = decoder.class_prior_
    spreads = isinstance(decoder, (GraphDecoder, AutoDecoder))
    return mixed(graph, trust, own, equal_shares(shares) if spreads else shares)


def component_labels(graph: Graph, decoder: Decoder, encoded: Encoded) -> str | None:
    """Labels that a hard decoder gives where it may abstain; None for all other answers.

    They are those of the most probable class but for components without a name, whose label is -1, or empty
    where classes are text.
    """
    if not isinstance(decoder, HardDecoder) or decoder.unnamed != "abstain":
        return None
    is_text = decoder.classes_.dtype.kind not in "iuf"
    names = [
        ("" if is_text else UNLABELED) if isinstance(name, int) and name == UNLABELED else name
        for name in decoder.component_names_.tolist()
    ]
    table = np.array(names, dtype=object) if is_text else np.array(names).astype(decoder.classes_.dtype)
    return graph("Gather", table, graph("ArgMax", encoded.posteriors, axis=1, keepdims=0), axis=0)


def _opinion(graph: Graph, decoder: Decoder, encoded: Encoded) -> tuple[str, str]:
    """What labels say, (n, n_classes), and how far to trust that, (n, 1)."""
    if isinstance(decoder, AutoDecoder):
        own, trust = _opinion(graph, decoder.decoder_, encoded)
        own = tempered(graph, own, decoder.temperature_)
        # The decoder inside knows only classes with a label, by their numbers.
        places = np.eye(len(decoder.classes_), dtype=np.float32)[decoder.decoder_.classes_]
        return graph("MatMul", own, places), trust
    if isinstance(decoder, GraphDecoder):
        points = encoded.latents if decoder.on == "latents" else encoded.features
        if points is None:
            raise DataError("the model has no principal components of its items: train it again")
        scores, faded = placed(graph, decoder.pool_, points, decoder.node_scores_)
        totals = graph("ReduceSum", scores, np.array([1]), keepdims=1)
        trust = graph("Min", graph("Mul", faded, totals), 1.0)
    else:
        scores = _scores(graph, decoder, encoded)
        totals = graph("ReduceSum", scores, np.array([1]), keepdims=1)
        trust = graph.cast(graph("Greater", totals, 0.0), np.float32)
    said = graph("Where", graph("Greater", totals, 0.0), totals, 1.0)
    return graph("Div", scores, said), trust


def _scores(graph: Graph, decoder: Decoder, encoded: Encoded) -> str:
    match decoder:
        case HardDecoder():
            table = decoder.component_probabilities_.astype(np.float32)
            top = graph("ArgMax", encoded.posteriors, axis=1, keepdims=0)
            return graph("Gather", table, top, axis=0)
        case SoftDecoder():
            return graph("MatMul", encoded.posteriors, decoder.class_profiles_.T.astype(np.float32))
        case RelatedDecoder() | BayesDecoder():
            table = decoder.component_probabilities_.astype(np.float32)
            return graph("MatMul", encoded.posteriors, table)
    raise DataError(f"a {type(decoder).__name__} cannot be exported: only the decoders of labelwise can")
