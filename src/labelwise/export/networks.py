"""Networks of torch as operators: the same layers with the same weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor, nn

from labelwise.errors import DataError
from labelwise.export.graph import Graph
from labelwise.gmvae.mixture import LOG_VARIANCE_RANGE, GaussianMixture
from labelwise.gmvae.networks import CollapsedGMVAE, ConvLayers, ExactGMVAE
from labelwise.nn.likelihoods import Gaussian

Sides = tuple[int, int]
"""Height and width of an image."""

_TINY = 1e-12  # to which torch's `normalize` raises lengths


def numbers(tensor: Tensor) -> np.ndarray:
    """Weights as an array."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy())


def scaled(graph: Graph, rows: str, likelihood: nn.Module, *, is_uint8: bool) -> str:
    """Rows of float32 as the networks see them: what `scale` of a likelihood makes of them."""
    if isinstance(likelihood, Gaussian):
        return graph("Div", graph("Sub", rows, numbers(likelihood.location)), numbers(likelihood.spread))
    return graph("Div", rows, 255.0) if is_uint8 else rows


def convolved(graph: Graph, rows: str, layers: Iterable[nn.Module], item_shape: Sequence[int]) -> str:
    """Rows (n, F) as images, channels first, through layers that end flat."""
    height, width, channels = (*item_shape, 1)[:3]
    images = graph("Reshape", rows, np.array([-1, height, width, channels]))
    images = graph("Transpose", images, perm=[0, 3, 1, 2])
    return through(graph, images, layers, (height, width))


def through(graph: Graph, value: str, layers: Iterable[nn.Module], sides: Sides = (1, 1)) -> str:
    """Pass a value through layers, one after the other; `sides` are those of an image.

    Raises
    ------
    DataError
        If one is of a kind that is not known here.
    """
    for layer in layers:
        match layer:
            case nn.Sequential():
                value = through(graph, value, layer, sides)
            case ConvLayers():
                shape = layer.height, layer.width, layer.channels
                value = convolved(graph, value, layer.layers, shape)
            case nn.Conv2d() | nn.MaxPool2d():
                value, sides = _sliding(graph, value, layer, sides)
            case nn.AdaptiveAvgPool2d():
                value = _averaged(graph, value, layer, sides)
            case _:
                value = _flat_layer(graph, value, layer)
    return value


def _flat_layer(graph: Graph, value: str, layer: nn.Module) -> str:
    match layer:
        case nn.Linear():
            return graph("Gemm", value, numbers(layer.weight), numbers(layer.bias), transB=1)
        case nn.LayerNorm():
            weights = numbers(layer.weight), numbers(layer.bias)
            return graph("LayerNormalization", value, *weights, axis=-1, epsilon=layer.eps)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            assert layer.running_mean is not None  # noqa: S101 (ours all keep running moments)
            assert layer.running_var is not None  # noqa: S101
            moments = layer.running_mean, layer.running_var
            parts = [numbers(part) for part in (layer.weight, layer.bias, *moments)]
            return graph("BatchNormalization", value, *parts, epsilon=layer.eps)
        case nn.GELU():
            erf = graph("Erf", graph("Mul", value, math.sqrt(0.5)))
            return graph("Mul", graph("Mul", value, 0.5), graph("Add", erf, 1.0))
        case nn.SiLU():
            return graph("Mul", value, graph("Sigmoid", value))
        case nn.Flatten():
            return graph("Flatten", value, axis=1)
    raise DataError(f"a layer {type(layer).__name__} cannot be exported: use the networks of labelwise")


def _sliding(graph: Graph, value: str, layer: nn.Conv2d | nn.MaxPool2d, sides: Sides) -> tuple[str, Sides]:
    """A layer that looks at one window after the other, and the sides of what it makes."""
    kernel, stride, padding = (_pair(each) for each in (layer.kernel_size, layer.stride, layer.padding))
    window = {"kernel_shape": kernel, "strides": stride, "pads": [*padding, *padding]}
    if isinstance(layer, nn.Conv2d):
        weights = [numbers(layer.weight)] + ([] if layer.bias is None else [numbers(layer.bias)])
        value = graph("Conv", value, *weights, **window)
    else:
        value = graph("MaxPool", value, **window)
    height, width = (
        (side + 2 * pad - size) // step + 1
        for side, size, step, pad in zip(sides, kernel, stride, padding, strict=True)
    )
    return value, (height, width)


def _averaged(graph: Graph, value: str, layer: nn.AdaptiveAvgPool2d, sides: Sides) -> str:
    """Means over a grid, whose cells overlap where it does not divide the image: a product from each side."""
    rows, columns = (
        _cells(side, n_cells) for side, n_cells in zip(sides, _pair(layer.output_size), strict=True)
    )
    return graph("MatMul", graph("MatMul", rows, value), columns.T)


def _cells(side: int, n_cells: int) -> np.ndarray:
    """Weights of pixels in each cell, shape (n_cells, side)."""
    weights = np.zeros((n_cells, side), dtype=np.float32)
    for cell in range(n_cells):
        start, end = cell * side // n_cells, math.ceil((cell + 1) * side / n_cells)
        weights[cell, start:end] = 1 / (end - start)
    return weights


def _pair(value: object) -> list[int]:
    pair = value if isinstance(value, tuple) else (value, value)
    return [int(each) for each in pair]


def normalised(graph: Graph, rows: str) -> str:
    """Rows of length 1."""
    length = graph("ReduceL2", rows, axes=[1], keepdims=1)
    return graph("Div", rows, graph("Max", length, _TINY))


def encoded(graph: Graph, module: CollapsedGMVAE | ExactGMVAE, values: str) -> tuple[str, str]:
    """Posteriors (n, K) and latents (n, D) of scaled values."""
    a = module.architecture
    hidden = through(graph, values, module.encoder)
    heads = through(graph, hidden, [module.posterior_head])
    if isinstance(module, CollapsedGMVAE):
        mean, log_variance = graph.several(2, "Split", heads, axis=1)
        return graph("Softmax", _log_joint(graph, module.mixture, mean, log_variance), axis=1), mean
    posteriors = graph("Softmax", through(graph, hidden, [module.component_head]), axis=1)
    heads = graph("Reshape", heads, np.array([-1, a.n_components, 2 * a.n_latent]))
    means, _ = graph.several(2, "Split", heads, axis=2)
    rows = graph("Unsqueeze", posteriors, np.array([1]))
    return posteriors, graph("Squeeze", graph("MatMul", rows, means), np.array([1]))


def _log_joint(graph: Graph, mixture: GaussianMixture, mean: str, log_variance: str) -> str:
    """`GaussianMixture.expected_log_joint`; what does not depend on items is worked out here."""
    means, log_variances = (
        numbers(each).astype(np.float64) for each in (mixture.means, mixture.log_variances)
    )
    centre = means.mean(axis=0)
    means, precisions = means - centre, np.exp(-log_variances)
    constant = (means**2 * precisions + log_variances + math.log(2 * math.pi)).sum(axis=1)
    offset = numbers(mixture.log_weights) - 0.5 * constant
    mean = graph("Sub", mean, centre.astype(np.float32))
    low, high = LOG_VARIANCE_RANGE
    variance = graph("Exp", graph("Clip", log_variance, low, high))
    second_moment = graph("Add", graph("Mul", mean, mean), variance)
    quadratic = graph("MatMul", second_moment, (-0.5 * precisions.T).astype(np.float32))
    linear = graph("MatMul", mean, (means * precisions).T.astype(np.float32))
    return graph("Add", graph("Add", quadratic, linear), offset.astype(np.float32))
