"""A computation as ONNX knows it, put together operator by operator.

torch's exporters would not do: half of an answer is no network (neighbours, decoders, schemas of tables).
They cannot pool to a grid that does not divide the image, and what they make changes with each torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwise.errors import MissingExtraError

# The lowest that have all operators: the older the file, the more programs can read it.
_OPSET, _ML_OPSET, _IR_VERSION = 17, 3, 8
_ML = "ai.onnx.ml"
_OF_ML = ("LabelEncoder",)

Operand = str | float | np.floating[Any] | np.ndarray
"""The name of a value, or a constant; a number is float32."""


@dataclass(frozen=True)
class _Node:
    operator: str
    operands: list[str]
    results: list[str]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class _Port:
    name: str
    dtype: Any
    shape: Sequence[int]  # of one item: the number of items is left open


class Graph:
    """Operators, constants, inputs and outputs; values are known by names that they have only here."""

    def __init__(self) -> None:
        self._nodes: list[_Node] = []
        self._constants: dict[str, np.ndarray] = {}
        self._inputs: dict[str, _Port] = {}
        self._outputs: dict[str, _Port] = {}
        self._counts: Counter[str] = Counter()

    @property
    def n_bytes(self) -> int:
        """Size of all constants."""
        return sum(constant.nbytes for constant in self._constants.values())

    def input(self, name: str, dtype: Any, shape: Sequence[int]) -> str:
        """An input of any number of items, each of `shape`; dtype `str` stands for text."""
        value = self._name("input")
        self._inputs[value] = _Port(name, dtype, shape)
        return value

    def output(self, name: str, value: str, dtype: Any, shape: Sequence[int] = ()) -> None:
        """Give a value out under a name; one value for each item, of `shape`."""
        self._outputs[self("Identity", value)] = _Port(name, dtype, shape)

    def __call__(self, operator: str, *operands: Operand, **attributes: Any) -> str:
        """Apply an operator that has one result, and name that."""
        (result,) = self.several(1, operator, *operands, **attributes)
        return result

    def several(self, n_results: int, operator: str, *operands: Operand, **attributes: Any) -> list[str]:
        """Apply an operator that has several results."""
        names = [operand if isinstance(operand, str) else self._constant(operand) for operand in operands]
        results = [self._name(operator) for _ in range(n_results)]
        self._nodes.append(_Node(operator, names, results, attributes))
        return results

    def cast(self, value: Operand, dtype: Any) -> str:
        """Take the same numbers as another type."""
        return self("Cast", value, to=_onnx_type(dtype))

    def build(self, name: str, notes: Mapping[str, str]) -> Any:
        """Make a `ModelProto` of it, with `notes` as its metadata.

        Raises
        ------
        MissingExtraError
            If onnx is not installed.
        """
        onnx = import_onnx()
        helper = onnx.helper
        names = self._names_in_the_file()
        nodes = [
            helper.make_node(
                node.operator,
                [names[value] for value in node.operands],
                [names[value] for value in node.results],
                domain=_ML if node.operator in _OF_ML else "",
                **node.attributes,
            )
            for node in self._nodes
        ]
        constants = [
            onnx.numpy_helper.from_array(array, names[value]) for value, array in self._constants.items()
        ]
        ports = [
            [
                helper.make_tensor_value_info(port.name, _onnx_type(port.dtype), ["n", *port.shape])
                for port in each.values()
            ]
            for each in (self._inputs, self._outputs)
        ]
        graph = helper.make_graph(nodes, name, *ports, initializer=constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ML, _ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        helper.set_model_props(model, dict(notes))
        return model

    def _constant(self, value: float | np.floating[Any] | np.ndarray) -> str:
        array = np.ascontiguousarray(value) if isinstance(value, np.ndarray) else np.float32(value)
        name = self._name("constant")
        # Text is an array of objects to onnx.
        self._constants[name] = np.asarray(array, object if np.asarray(array).dtype.kind == "U" else None)
        return name

    def _names_in_the_file(self) -> dict[str, str]:
        """Ports by the names that they were given, which can be any, all else by names that no port has."""
        ports = {value: port.name for value, port in (*self._inputs.items(), *self._outputs.items())}
        taken, names = set(ports.values()), {}
        for stem, count in self._counts.items():
            for value in (f"{stem}_{number + 1}" for number in range(count)):
                name = value
                while name in taken:
                    name += "_"  # no other value ends so
                names[value] = ports.get(value, name)
        return names

    def _name(self, stem: str) -> str:
        self._counts[stem] += 1
        return f"{stem}_{self._counts[stem]}"


def import_onnx() -> Any:
    """The package onnx, with its helpers.

    Raises
    ------
    MissingExtraError
    """
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise MissingExtraError("export", "onnx", "export") from error
    return onnx


def _onnx_type(dtype: Any) -> int:
    onnx = import_onnx()
    if dtype is str:
        return int(onnx.TensorProto.STRING)
    return int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
