"""What an exported answer is asked with: images or rows, columns of a table, or features made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from labelwise.answerer import Answerer
from labelwise.export.graph import Graph
from labelwise.features import Featurizer
from labelwise.features.learned import LearnedFeaturizer
from labelwise.features.schema import MISSING, Column
from labelwise.features.table import TableFeaturizer

ITEMS, FEATURES = "items", "features"
LABEL, PROBABILITIES = "label", "probabilities"
"""Names of inputs and outputs."""

_TAKEN = (LABEL, PROBABILITIES, "")  # no names for a column: an operand without a name is left out

_MEANING = {
    "number": "NaN where it is missing",
    "boolean": "1 for true, 0 for false, NaN where it is missing",
    "date": "days since 1970-01-01 UTC, NaN where it is missing",
    "category": f"text, {MISSING!r} where it is missing; whole numbers without a point",
}


class Source(Protocol):
    """Where an exported answer begins."""

    def declare(self, graph: Graph) -> str:
        """Make inputs, and of them rows of numbers, (n, n_features), float32."""
        ...

    def feeds(self, items: Any) -> dict[str, np.ndarray]:
        """Values of the inputs for some items."""
        ...

    def describe(self) -> list[dict[str, Any]]:
        """Each input, with what it means."""
        ...


@dataclass(frozen=True)
class Arrays:
    """Images or rows of numbers, as one input; pixels may be uint8."""

    item_shape: tuple[int, ...]
    is_uint8: bool
    scale: str

    def declare(self, graph: Graph) -> str:
        """Rows as float32, not scaled."""
        dtype = np.uint8 if self.is_uint8 else np.float32
        items = graph.input(ITEMS, dtype, self.item_shape)
        rows = graph("Flatten", items, axis=1) if len(self.item_shape) > 1 else items
        return graph.cast(rows, np.float32) if self.is_uint8 else rows

    def feeds(self, items: Any) -> dict[str, np.ndarray]:
        """Items in the shape that they had in `fit`."""
        values = np.asarray(items)
        values = values if values.dtype == np.uint8 and self.is_uint8 else values.astype(np.float32)
        return {ITEMS: values.reshape(len(values), *self.item_shape)}

    def describe(self) -> list[dict[str, Any]]:
        """One input."""
        meaning = "0..255" if self.is_uint8 else self.scale
        dtype = "uint8" if self.is_uint8 else "float32"
        return [{"name": ITEMS, "type": dtype, "shape": list(self.item_shape), "meaning": meaning}]


@dataclass(frozen=True)
class Table:
    """Columns of a table, each as an input; columns that the schema leaves out are not inputs."""

    featurizer: TableFeaturizer

    @property
    def columns(self) -> list[Column]:
        """Those that the schema looks at."""
        return [column for column in self.featurizer.schema_.columns if column.kind != "left out"]

    @property
    def names(self) -> list[str]:
        """Names of the inputs, one a column: its own, unless that is taken or empty."""
        names = [column.name for column in self.columns]
        taken = {*_TAKEN, *names}
        for place, name in enumerate(names):
            if name in _TAKEN:
                while name in taken:
                    name = f"column {name}"
                names[place] = name
        return names

    def declare(self, graph: Graph) -> str:
        """What `TableFeaturizer.transform` makes of them: numbers, flags of missing ones, categories."""
        parts: dict[str, list[str]] = {"number": [], "flag": [], "category": []}
        for column, name in zip(self.columns, self.names, strict=True):
            if column.kind == "category":
                parts["category"].append(_one_hot(graph, graph.input(name, str, ()), column))
                continue
            value = graph.input(name, np.float64, ())
            missing = graph("IsNaN", value)
            value = graph("Where", missing, np.array(float(column.fill)), value)
            parts["number"].append(_upright(graph, _signed_log(graph, value) if column.log else value))
            if column.flag:
                parts["flag"].append(_upright(graph, missing))
        rows = graph("Concat", *(each for part in parts.values() for each in part), axis=1)
        return graph("Gather", rows, np.flatnonzero(self.featurizer.varies_), axis=1)

    def feeds(self, items: Any) -> dict[str, np.ndarray]:
        """Numbers as float64, categories as text."""
        frame = self.featurizer.columns(items)
        named = zip(self.columns, self.names, strict=True)
        return {name: frame[column.name].to_numpy() for column, name in named}

    def describe(self) -> list[dict[str, Any]]:
        """One input a column."""
        return [
            {
                "name": name,
                "type": "text" if column.kind == "category" else "float64",
                "shape": [],
                "meaning": _MEANING[column.kind],
            }
            for column, name in zip(self.columns, self.names, strict=True)
        ]


@dataclass(frozen=True)
class Features:
    """Features that a pre-trained model made, which is not exported."""

    featurizer: Featurizer
    n_features: int

    def declare(self, graph: Graph) -> str:
        """Take them as they are."""
        return graph.input(FEATURES, np.float32, (self.n_features,))

    def feeds(self, items: Any) -> dict[str, np.ndarray]:
        """Let the model read the items."""
        return {FEATURES: self.featurizer.transform(items)}

    def describe(self) -> list[dict[str, Any]]:
        """One input."""
        meaning = f"what features={self.featurizer.as_parameter!r} makes of items"
        return [{"name": FEATURES, "type": "float32", "shape": [self.n_features], "meaning": meaning}]


def source_of(answerer: Answerer, likelihood: str, n_features: int, items: Any) -> Source:
    """What the answer is asked with.

    Parameters
    ----------
    answerer : Answerer
    likelihood : str
        Of the networks that see the items, where no featurizer does.
    n_features : int
        Numbers in a row that the answer looks at.
    items : array-like
        Some of them: pixels are asked for in the type that these have.
    """
    featurizer = answerer.featurizer_
    if isinstance(featurizer, TableFeaturizer):
        return Table(featurizer)
    if featurizer is not None and not featurizer.of_pixels:
        return Features(featurizer, n_features)
    is_uint8 = getattr(items, "dtype", None) == np.uint8
    item_shape = answerer.item_shape_
    if isinstance(featurizer, LearnedFeaturizer):
        # Its network sees the items, and a student may know of no more than the features that this makes.
        item_shape, likelihood = featurizer.network_.item_shape, featurizer.network_.scaling.name
    scale = "0..1" if likelihood == "bernoulli" else "as in the data"
    return Arrays(tuple(item_shape), is_uint8, scale)


def _signed_log(graph: Graph, value: str) -> str:
    size = graph("Log", graph("Add", graph("Abs", value), np.array(1.0)))
    return graph("Mul", graph("Sign", value), size)


def _one_hot(graph: Graph, value: str, column: Column) -> str:
    numbers = list(range(len(column.categories)))
    code = graph(
        "LabelEncoder",
        value,
        keys_strings=list(column.categories),
        values_int64s=numbers,
        default_int64=-1,
    )
    return graph.cast(
        graph("Equal", graph("Unsqueeze", code, np.array([1])), np.array([numbers])), np.float32
    )


def _upright(graph: Graph, value: str) -> str:
    """As a column of float32."""
    return graph.cast(graph("Unsqueeze", value, np.array([1])), np.float32)
