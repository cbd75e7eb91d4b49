"""A fitted decoder as JSON values and arrays, and back. Nothing is pickled.

All fitted attributes, whose names end in an underscore, are kept: a new decoder needs no code here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labelwise.decoding import DECODERS, Decoder
from labelwise.errors import DataError
from labelwise.graph.neighbours import Neighbourhood
from labelwise.storage import Arrays, plain


def decoder_state(decoder: Decoder, prefix: str = "") -> tuple[dict[str, Any], Arrays]:
    """Take a fitted decoder apart.

    Parameters
    ----------
    decoder : Decoder
        One of those in `DECODERS`.
    prefix : str
        What names of its arrays begin with.

    Returns
    -------
    settings : dict of JSON values
    arrays : dict of str to ndarray

    Raises
    ------
    DataError
        If it is a decoder of another class, which could not be found again.
    """
    names = [name for name, kind in DECODERS.items() if type(decoder) is kind]
    if not names:
        raise DataError(
            f"a {type(decoder).__name__} cannot be saved: only the decoders of labelwise can "
            f"({', '.join(DECODERS)})"
        )
    arrays: Arrays = {}
    fitted: dict[str, Any] = {}
    for name, value in vars(decoder).items():
        if name.endswith("_") and not name.startswith("_"):
            fitted[name] = _take_apart(value, f"{prefix}{name}", arrays)
    parameters = {
        name: np.asarray(value).tolist() if name == "classes" and value is not None else plain(value)
        for name, value in decoder.get_params(deep=False).items()
    }
    return {"name": names[0], "parameters": parameters, "fitted": fitted}, arrays


def decoder_from_state(settings: dict[str, Any], arrays: Arrays, prefix: str = "") -> Decoder:
    """Put together what `decoder_state` took apart; errors of broken input are Python's own."""
    decoder = DECODERS[settings["name"]](**settings["parameters"])
    for name, value in settings["fitted"].items():
        setattr(decoder, name, _put_together(value, f"{prefix}{name}", arrays))
    return decoder


def _take_apart(value: Any, name: str, arrays: Arrays) -> dict[str, Any]:
    if isinstance(value, Decoder):
        settings, found = decoder_state(value, f"{name}.")
        arrays |= found
        return {"decoder": settings}
    if isinstance(value, Neighbourhood):
        arrays[f"{name}.points"] = np.ascontiguousarray(value.points)
        return {"graph": {"n_neighbors": value.n_neighbors, "horizon": value.horizon}}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = np.ascontiguousarray(value)
        return {"array": value.dtype.str}
    if isinstance(value, np.ndarray):
        return {"objects" if value.dtype == object else "texts": value.tolist()}
    return {"value": plain(value)}


def _put_together(kept: dict[str, Any], name: str, arrays: Arrays) -> Any:
    ((how, value),) = kept.items()
    match how:
        case "decoder":
            return decoder_from_state(value, arrays, f"{name}.")
        case "graph":
            points = arrays[f"{name}.points"]
            return Neighbourhood.of_nodes(points, value["n_neighbors"], horizon=value["horizon"])
        case "array":
            return arrays[name]
        case "objects":
            return np.array(value, dtype=object)
        case "texts":
            return np.array(value, dtype=str)
        case "value":
            return value
        case _:
            raise ValueError(f"{name} is kept as {how!r}, which this labelwise does not know")
