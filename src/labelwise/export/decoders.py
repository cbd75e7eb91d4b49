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

    They are those of the most probable class but for components without a name.

    Raises
    ------
    DataError
        As `label_table`.
    """
    if not isinstance(decoder, HardDecoder) or decoder.unnamed != "abstain":
        return None
    table = label_table(decoder.component_names_, decoder.classes_)
    return graph("Gather", table, graph("ArgMax", encoded.posteriors, axis=1, keepdims=0), axis=0)


def label_table(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Labels as text, int64, floats or truths: types that all readers of ONNX have.

    Where there is none it is -1, or empty where classes are text.

    Raises
    ------
    DataError
        If classes are truths and there is not a label everywhere.
    """
    plain = np.array(classes.tolist()).dtype
    if plain.kind == "U":
        texts = [label if isinstance(label, str) else "" for label in labels.tolist()]
        return np.array(texts, dtype=object)
    values = labels.tolist()
    if plain.kind == "b" and UNLABELED in values:
        raise DataError(
            "HardDecoder(unnamed='abstain') answers True, False and -1, which no ONNX output can hold "
            "together: name classes by numbers or text, or choose another unnamed"
        )
    return np.array(values, dtype=np.int64 if plain.kind in "iu" else plain)


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
