"""Featurizers: what items become before a model sees them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from labelwise.data.photos import Photos
from labelwise.data.texts import is_texts
from labelwise.errors import DataError, ParameterError
from labelwise.features.base import Featurizer
from labelwise.features.schema import is_frame
from labelwise.parameters import Constraint, Either, Option, StartsWith
from labelwise.storage import Arrays

__all__ = [
    "NAMED",
    "Featurizer",
    "featurizer_of_state",
    "is_frame",
    "make_featurizer",
    "named_arrays",
    "reading",
    "take_arrays",
]

# Where each is; "auto" asks them in this order. They are imported late: some need an extra.
_FEATURIZERS = {
    "learned": "labelwise.features.learned:LearnedFeaturizer",
    "table": "labelwise.features.table:TableFeaturizer",
}
# A pre-trained model is named after a colon; "auto" takes none, as it cannot know which.
_PRETRAINED = {
    "text": "labelwise.features.text:TextFeaturizer",
    "image": "labelwise.features.image:ImageFeaturizer",
}
_AS_THEY_ARE = ("pixels", "none")
_IMAGES = 3  # dimensions, at least

# All that `GMVAE(features=...)` takes beside a featurizer.
NAMED: Constraint = Either(
    Option("auto", *_FEATURIZERS, *_AS_THEY_ARE), StartsWith(*(f"{name}:" for name in _PRETRAINED))
)

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
    if features in ("auto", *_AS_THEY_ARE):
        _refuse_unread(features, items)
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


def reading(features: Any) -> dict[str, Any]:
    """How files are read for a featurizer, or for what names one: options of `load_dataset`."""
    named = features.name if isinstance(features, Featurizer) else features
    name = named.partition(":")[0] if isinstance(named, str) else ""
    return {"as_frame": name == "table", "as_photos": name == "image"}


def featurizer_of_state(values: dict[str, Any] | None, arrays: Arrays) -> Featurizer | None:
    """Take back what `as_json` and `arrays` of a featurizer gave."""
    return None if values is None else _kind(values["name"]).of_state(values, arrays)


def _refuse_unread(features: str, items: Any) -> None:
    """Refuse texts and photos where nothing makes numbers of them."""
    if is_texts(items):
        kind, name = "texts", "text"
    elif isinstance(items, Photos):
        kind, name = "photos of any size", "image"
    else:
        return
    raise DataError(
        f"features={features!r} does not make numbers of {kind}: name a pre-trained model, as in "
        f"features='{name}:FOLDER' (on the command line: --features {name}:FOLDER)"
    )


def _kind(name: str) -> type[Featurizer]:
    places = _FEATURIZERS | _PRETRAINED
    if name not in places:
        raise ParameterError(f"features={name!r} must be {NAMED.describe()}")
    module, _, class_name = places[name].partition(":")
    found: type[Featurizer] = getattr(import_module(module), class_name)
    return found


def named_arrays(featurizer: Featurizer | None) -> Arrays:
    """Arrays of a featurizer, named so that they can lie beside others."""
    return {} if featurizer is None else {f"{_PREFIX}{n}": a for n, a in featurizer.arrays().items()}


def take_arrays(arrays: Arrays) -> Arrays:
    """Take those of a featurizer out of `arrays`."""
    return {name.removeprefix(_PREFIX): arrays.pop(name) for name in list(arrays) if name.startswith(_PREFIX)}
