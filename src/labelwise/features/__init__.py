"""Featurizers: what items become before a model sees them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from labelwise.errors import DataError, ParameterError
from labelwise.features.base import Featurizer
from labelwise.features.schema import is_frame
from labelwise.storage import Arrays

__all__ = [
    "NAMES",
    "Featurizer",
    "featurizer_of_state",
    "is_frame",
    "make_featurizer",
    "named_arrays",
    "take_arrays",
]

# Where each is; "auto" asks them in this order. They are imported late: some need an extra.
_FEATURIZERS = {
    "learned": "labelwise.features.learned:LearnedFeaturizer",
    "table": "labelwise.features.table:TableFeaturizer",
}
_AS_THEY_ARE = ("pixels", "none")
_IMAGES = 3  # dimensions, at least

# All that `GMVAE(features=...)` takes beside a featurizer.
NAMES = ("auto", *_FEATURIZERS, *_AS_THEY_ARE)

_PREFIX = "featurizer."  # what names of its arrays begin with, in the files of a model


def make_featurizer(items: Any, parameters: Mapping[str, Any]) -> tuple[Featurizer | None, str]:
    """A featurizer for these items, not fitted yet; None where they go to the model as they are.

    Parameters
    ----------
    items : array-like
    parameters : mapping
        Of the `GMVAE`; `features` says what to make.

    Returns
    -------
    featurizer : Featurizer or None
    reason : str
        Why "auto" chose it; empty otherwise.

    Raises
    ------
    DataError
        If the items are none that it is for.
    ParameterError
        If there is no such featurizer.
    """
    features = parameters["features"]
    if isinstance(features, Featurizer):
        features.check(items)
        return copy.copy(features), ""  # parameters of an estimator stay as they were given
    if features == "auto":
        for kind in map(_kind, _FEATURIZERS):
            if reason := kind.suits(items, parameters):
                return kind.of_name("", parameters), reason
        return None, ""
    if features in _AS_THEY_ARE:
        if features == "pixels" and np.ndim(items) < _IMAGES:
            raise DataError("features='pixels' is for images, and these are none: set features='none'")
        return None, ""
    name, _, argument = features.partition(":")
    kind = _kind(name)
    kind.check(items)
    return kind.of_name(argument, parameters), ""


def featurizer_of_state(values: dict[str, Any] | None, arrays: Arrays) -> Featurizer | None:
    """Take back what `as_json` and `arrays` of a featurizer gave."""
    return None if values is None else _kind(values["name"]).of_state(values, arrays)


def _kind(name: str) -> type[Featurizer]:
    if name not in _FEATURIZERS:
        raise ParameterError(f"features={name!r} is not known: use one of {', '.join(NAMES)}")
    module, _, class_name = _FEATURIZERS[name].partition(":")
    found: type[Featurizer] = getattr(import_module(module), class_name)
    return found


def named_arrays(featurizer: Featurizer | None) -> Arrays:
    """Arrays of a featurizer, named so that they can lie beside others."""
    return {} if featurizer is None else {f"{_PREFIX}{n}": a for n, a in featurizer.arrays().items()}


def take_arrays(arrays: Arrays) -> Arrays:
    """Take those of a featurizer out of `arrays`."""
    return {name.removeprefix(_PREFIX): arrays.pop(name) for name in list(arrays) if name.startswith(_PREFIX)}
