"""The items of a project: their identities, and how the data have changed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from labelwise.damage import damage_told
from labelwise.data import Dataset
from labelwise.data.hashing import hash_items
from labelwise.data.photos import Photos
from labelwise.data.texts import as_texts, is_texts
from labelwise.errors import LabelError
from labelwise.features import is_frame
from labelwise.labels import UNLABELED
from labelwise.project.journal import Decision, Identity
from labelwise.storage import load_folder, save_folder

_KIND = "pool"
_DIGEST_BYTES = 8  # enough to tell a billion rows apart but for one chance in forty


@dataclass(frozen=True, eq=False)
class Pool:
    """What a project remembers of its items, without the items themselves.

    Attributes
    ----------
    digests : ndarray of shape (n_samples,), uint64
        A hash of the values of each item.
    item_shape : tuple of int
        Empty for texts and for photos of any size.
    paths : list of str or None
        For a folder of images.
    y : ndarray of shape (n_samples,), int, or None
        Classes, where the data know them: to report an accuracy, never to learn from.
    names : list of str or None
        Of the classes.
    """

    digests: np.ndarray
    item_shape: tuple[int, ...]
    paths: list[str] | None = None
    y: np.ndarray | None = None
    names: list[str] | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Remember the items of a data set."""
        return cls(
            digests=digests_of(dataset.X),
            item_shape=tuple(dataset.X.shape[1:]),
            paths=dataset.paths,
            y=dataset.y,
            names=dataset.names,
        )

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def is_texts(self) -> bool:
        """Whether the items are texts."""
        return not self.item_shape and self.paths is None

    @property
    def kind(self) -> str:
        """What the items are, in words."""
        if self.item_shape:
            return f"items of shape {self.item_shape}"
        return "texts" if self.is_texts else "photos"

    @property
    def fingerprint(self) -> str:
        """Hash of all items, of their order and of their names."""
        digest = hashlib.blake2b(repr(self.item_shape).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.digests).data)
        for path in self.paths or ():
            digest.update(path.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write the folder `path`."""
        manifest = {
            "kind": _KIND,
            "item_shape": list(self.item_shape),
            "paths": self.paths,
            "names": self.names,
        }
        arrays = {"digests": self.digests} | ({} if self.y is None else {"y": self.y})
        save_folder(path, manifest, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        manifest, arrays = load_folder(path, _KIND)
        with damage_told(path):
            pool = cls(
                arrays["digests"],
                tuple(manifest["item_shape"]),
                manifest["paths"],
                arrays.get("y"),
                manifest["names"],
            )
            pool.check()
            return pool

    def check(self) -> None:
        """Refuse what `of` does not make.

        Raises
        ------
        ValueError, TypeError
        """
        n_samples = len(self.digests)
        if self.digests.shape != (n_samples,) or self.digests.dtype != np.uint64:
            raise ValueError(f"digests have shape {self.digests.shape} and type {self.digests.dtype}")
        if any(type(side) is not int or side < 1 for side in self.item_shape):
            raise ValueError(f"item_shape is {self.item_shape}")
        for texts, length in ((self.paths, n_samples), (self.names, None)):
            if texts is None:
                continue
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise TypeError("paths or names are no list of texts")
            if length not in (None, len(texts)):
                raise ValueError(f"{len(texts):,} paths of {n_samples:,} items")
        for path in self.paths or ():
            path.encode("utf-8", "surrogateescape")  # as the fingerprint does
        if (self.y is None) != (self.names is None):
            raise ValueError("classes need names, and names classes")
        if self.y is not None and self.names is not None:
            is_whole = self.y.shape == (n_samples,) and self.y.dtype.kind == "i"
            if not is_whole or (self.y < 0).any() or (self.y >= len(self.names)).any():
                raise ValueError(f"classes are no numbers below {len(self.names)}")

    def row(self, item: Identity) -> int:
        """Row of an item, named by its path or by its row.

        Raises
        ------
        LabelError
            If there is no such item.
        """
        if isinstance(item, str):
            if self.paths is None:
                raise LabelError(f"there is no item {item!r}: name items by their row, 0 to {len(self) - 1}")
            try:
                return self._row_of_path[item]
            except KeyError:
                raise LabelError(
                    f"there is no item {item!r}: use paths relative to the folder, such as {self.paths[0]!r}"
                ) from None
        if not isinstance(item, (int, np.integer)) or isinstance(item, bool) or not 0 <= item < len(self):
            raise LabelError(f"there is no item {item!r}: rows go from 0 to {len(self) - 1}")
        return int(item)

    def identity(self, row: int) -> Identity:
        """What names the item in `row`: its path, or the row itself."""
        return int(row) if self.paths is None else self.paths[row]

    def described(self, rows: Iterable[int]) -> dict[str, Any]:
        """Items as a decision of the journal names them."""
        rows = list(rows)
        items = tuple(self.identity(row) for row in rows)
        if self.paths is not None:
            return {"items": items}
        return {"items": items, "digests": tuple(f"{self.digests[row]:016x}" for row in rows)}

    def rows_of(self, decision: Decision) -> list[int | None]:
        """Where the items of a decision are now; None for those that are gone.

        Rows of a table are known again by what they hold, wherever they are; a row that holds something else
        now is another item.
        """
        if self.paths is not None:
            return [self._row_of_path.get(item) if isinstance(item, str) else None for item in decision.items]
        rows: list[int | None] = []
        for place, item in enumerate(decision.items):
            digest = int(decision.digests[place], 16) if place < len(decision.digests) else -1
            stays = isinstance(item, int) and 0 <= item < len(self) and int(self.digests[item]) == digest
            rows.append(int(item) if stays else self._row_of_digest.get(digest))
        return rows

    @property
    def _row_of_path(self) -> Mapping[str, int]:
        if "_by_path" not in vars(self):
            vars(self)["_by_path"] = {path: row for row, path in enumerate(self.paths or ())}
        found: Mapping[str, int] = vars(self)["_by_path"]
        return found

    @property
    def _row_of_digest(self) -> Mapping[int, int]:
        if "_by_digest" not in vars(self):
            # Of equal items the first: they are one and the same to any model.
            vars(self)["_by_digest"] = {int(d): r for r, d in reversed(list(enumerate(self.digests)))}
        found: Mapping[int, int] = vars(self)["_by_digest"]
        return found

    def truth(self) -> np.ndarray | None:
        """Name of the class of each item, dtype object; None where the data do not know their classes."""
        if self.y is None or self.names is None:
            return None
        return np.asarray(np.array(self.names, dtype=object)[self.y])

    def truth_changes(self, now: Pool) -> str:
        """Say whether the same items have other classes `now`; empty if they do not."""
        before, after = self.truth(), now.truth()
        if before is None or after is None:
            return (
                "" if before is after else "classes are known" if before is None else "classes are not known"
            )
        n_changed = int((before != after).sum())
        return f"{n_changed:,} other classes" if n_changed else ""

    def changes(self, now: Pool) -> str:
        """Say how the items `now` differ from these; empty if they do not."""
        if self.fingerprint == now.fingerprint:
            return ""
        if self.item_shape != now.item_shape:
            if now.item_shape and self.item_shape:
                return f"{now.kind} instead of {self.item_shape}"
            return f"{now.kind} instead of {self.kind}"
        # Rows of a table have no other name than what they hold, and several may hold the same.
        before = Counter(self.digests.tolist() if self.paths is None else self.paths)
        after = Counter(now.digests.tolist() if now.paths is None else now.paths)
        counts = {
            "new": (after - before).total(),
            "gone": (before - after).total(),
            "changed": self._n_changed(now),
        }
        told = [f"{count:,} {what}" for what, count in counts.items() if count]
        return ", ".join(told) if told else "the same items in another order"

    def _n_changed(self, now: Pool) -> int:
        """How many images hold something else than they did."""
        if self.paths is None or now.paths is None:
            return 0
        rows = [
            (row, now._row_of_path[path])
            for path, row in self._row_of_path.items()
            if path in now._row_of_path
        ]
        return sum(int(self.digests[row] != now.digests[there]) for row, there in rows)


def as_items(data: Any) -> Any:
    """Items at hand as a project compares them: a frame, photos, texts, or an array."""
    if is_frame(data) or isinstance(data, Photos):
        return data
    return as_texts(data) if is_texts(data) else np.asarray(data)


def digests_of(X: Any) -> np.ndarray:
    """Hash what each item holds, shape (n_samples,), uint64."""
    if is_frame(X):
        return _digests_of_frame(X)
    return hash_items(X, _DIGEST_BYTES).view(np.uint64)[:, 0]


def _digests_of_frame(frame: Any) -> np.ndarray:
    """The same whatever types a reader chose: whole numbers become floats where one is missing."""
    from pandas import DataFrame
    from pandas.api.types import is_numeric_dtype
    from pandas.util import hash_pandas_object

    from labelwise.features.schema import as_text
    from labelwise.features.table import as_frame

    columns = {
        str(name): values.to_numpy(dtype=float, na_value=np.nan)
        if is_numeric_dtype(values.dtype)
        else as_text(values)
        for name, values in as_frame(frame).items()
    }
    return np.asarray(hash_pandas_object(DataFrame(columns), index=False, categorize=False), dtype=np.uint64)


def no_labels(n_samples: int) -> np.ndarray:
    """Labels of items of which none has one, shape (n_samples,), dtype object."""
    return np.full(n_samples, UNLABELED, dtype=object)
