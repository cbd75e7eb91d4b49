"""Features that were computed before, on disk: by what an item holds, and by the model that read it.

A folder for each model holds parts, each a safetensors file with the hashes and the features of some items.
They are only ever added, so that several processes can share the folder; deleting it loses nothing but time.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from labelwise.errors import StorageError
from labelwise.storage import Arrays, read_tensors, write_tensors

__all__ = ["FeatureCache"]


class FeatureCache:
    """Features by one model.

    Parameters
    ----------
    folder : Path
        Made when the first part is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: set[Path] = set()
        self._places: dict[bytes, tuple[Path, int]] = {}

    def find(self, digests: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Look for items that are known.

        Parameters
        ----------
        digests : ndarray of shape (n_samples, n_bytes), uint8

        Returns
        -------
        rows : ndarray of shape (n_found,), int
            Of the items that are known.
        features : ndarray of shape (n_found, n_features), float32, or None
            None if nothing was found.
        """
        self._read_index()
        wanted: dict[Path, list[tuple[int, int]]] = {}
        for row, digest in enumerate(digests):
            if (place := self._places.get(digest.tobytes())) is not None:
                wanted.setdefault(place[0], []).append((row, place[1]))
        rows, found = [], []
        for path, pairs in wanted.items():
            features = self._features(path)
            if features is not None:
                here, there = np.array(pairs).T
                rows.append(here)
                found.append(features[there])
        return (np.concatenate(rows), np.concatenate(found)) if rows else (np.empty(0, dtype=int), None)

    def keep(self, digests: np.ndarray, features: np.ndarray) -> None:
        """Keep a part; where it cannot be written, the same features will be computed again.

        Parameters
        ----------
        digests : ndarray of shape (n, n_bytes), uint8
        features : ndarray of shape (n, n_features), float32
        """
        arrays = {"digests": np.ascontiguousarray(digests), "features": np.ascontiguousarray(features)}
        name = hashlib.blake2b(arrays["digests"].data, digest_size=16).hexdigest()
        with contextlib.suppress(OSError, StorageError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_tensors(self.folder / f"{name}.safetensors", arrays, {"checksum": _checksum(arrays)})

    def _read_index(self) -> None:
        """Learn what is in parts that are new."""
        for path in set(self.folder.glob("*.safetensors")) - self._seen:
            self._seen.add(path)
            try:
                with safe_open(path, framework="numpy") as file:
                    digests = file.get_tensor("digests")
            except (OSError, SafetensorError):
                self._drop(path)
                continue
            self._places |= {digest.tobytes(): (path, row) for row, digest in enumerate(digests)}

    def _features(self, path: Path) -> np.ndarray | None:
        """Features of a part; None if it is damaged, or was removed."""
        try:
            arrays, header = read_tensors(path)
            if header["checksum"] == _checksum(arrays):
                return arrays["features"]
        except (StorageError, KeyError):
            pass
        self._drop(path)
        return None

    def _drop(self, path: Path) -> None:
        """Forget a part, so that it is written again."""
        self._seen.discard(path)
        self._places = {digest: place for digest, place in self._places.items() if place[0] != path}
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _checksum(arrays: Arrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in ("digests", "features"):
        digest.update(arrays[name].data)
    return digest.hexdigest()
