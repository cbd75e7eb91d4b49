"""Encodings and graphs of a pool on disk: made once, then mapped into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labelwise.damage import damage_told
from labelwise.data.npy import map_array
from labelwise.encoding import PARTS, Encoding
from labelwise.errors import DataError, StorageError
from labelwise.graph.neighbours import Neighbourhood
from labelwise.storage import Arrays, load_folder, save_folder

_KIND, _POSTERIORS = "encoding", "posteriors"
_GRAPH = "graph"


def save_encoding(path: Path, encoding: Encoding) -> None:
    """Write the folder `path`: one .npy file a part.

    Raises
    ------
    StorageError
    """
    parts = [_POSTERIORS, *(part for part in PARTS if encoding.has(part))]

    def fill(folder: Path) -> None:
        _save_arrays(folder, {part: getattr(encoding, part) for part in parts})

    about = {"parts": parts, "n_samples": len(encoding), "is_learned": encoding.is_learned}
    save_folder(path, {"kind": _KIND, **about}, {}, fill=fill)


def open_encoding(path: Path) -> Encoding:
    """Map what `save_encoding` wrote, with the graphs that were kept since.

    Raises
    ------
    StorageError
        If it is missing or damaged.
    """
    manifest, _ = load_folder(path, _KIND)
    known = [part for part in (_POSTERIORS, *PARTS) if part in _listed(manifest)]
    arrays = {part: _map(path / f"{part}.npy") for part in known}
    if _POSTERIORS not in arrays or any(
        array.ndim != 2 or array.dtype.kind != "f" or len(array) != manifest.get("n_samples")
        for array in arrays.values()
    ):
        raise StorageError(
            f"{path} is damaged: its parts are missing or differ in length; "
            "run labelwise update on the project"
        )
    encoding = Encoding.of_checked(
        arrays[_POSTERIORS],
        arrays.get("latents"),
        arrays.get("features"),
        is_learned=manifest.get("is_learned", False) is True,  # older ones do not say
    )
    for folder in path.glob(f"{_GRAPH}-*-*"):
        with damage_told(folder):
            _, part, n_neighbors = folder.name.split("-")
            encoding.points(part).keep(int(n_neighbors), _open_graph(folder, int(n_neighbors)))
    return encoding


def _listed(manifest: dict[str, Any]) -> list[Any]:
    parts = manifest.get("parts")
    return parts if isinstance(parts, list) else []


def keep_graph(path: Path, encoding: Encoding, part: str, n_neighbors: int) -> None:
    """Make the graph of a part, if there is none, and write it beside the encoding at `path`.

    Raises
    ------
    StorageError
    """
    place = path / f"{_GRAPH}-{part}-{n_neighbors}"
    if place.exists():
        return
    graph = encoding.points(part).neighbourhood(n_neighbors)
    distances, near = (
        graph.others if graph.n_neighbors > 0 else (np.empty((0, 0)), np.empty((0, 0), np.int64))
    )
    arrays = {"points": graph.points, "nodes": graph.nodes, "distances": distances, "near": near}
    manifest = {"kind": _GRAPH, "horizon": graph.horizon}
    save_folder(place, manifest, {}, fill=lambda folder: _save_arrays(folder, arrays))


def _open_graph(path: Path, n_neighbors: int) -> Neighbourhood:
    manifest, _ = load_folder(path, _GRAPH)
    arrays = {name: _map(path / f"{name}.npy") for name in ("points", "nodes", "distances", "near")}
    return Neighbourhood.of_nodes(
        arrays["points"],
        n_neighbors,
        nodes=arrays["nodes"],
        others=(arrays["distances"], arrays["near"]),
        horizon=float(manifest["horizon"]),
    )


def _save_arrays(folder: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _map(path: Path) -> np.ndarray:
    try:
        return np.asarray(map_array(path))
    except (OSError, DataError) as error:
        raise StorageError(f"{path} cannot be read ({error}): run labelwise update on the project") from error
