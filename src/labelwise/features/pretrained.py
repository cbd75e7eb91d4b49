"""What featurizers by pre-trained models share: finding the model, and computing nothing twice."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from safetensors import SafetensorError

from labelwise.data.download import cache_root
from labelwise.data.hashing import hash_items
from labelwise.errors import DataError
from labelwise.events import Event, Listener, ignore
from labelwise.features.base import STAGE, Featurizer
from labelwise.features.cache import FeatureCache
from labelwise.features.models import find_model, fingerprint_of
from labelwise.hub import HUB
from labelwise.scratch import scratch_array
from labelwise.storage import Arrays

if TYPE_CHECKING:
    import torch

# What is wrong with the files of a model shows anywhere inside the libraries that read them.
FAULTS = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError)

_DIGEST_BYTES = 16
_FINGERPRINT = re.compile(f"[0-9a-f]{{{2 * _DIGEST_BYTES}}}")
# Items of a part of the cache: half a minute of work, or less, that an end of the process can lose.
_PART = 1024
# Fewer items at a time are not kept: they take a moment, and a service that is asked about single items would
# fill the disk with tiny files.
_WORTH_KEEPING = 64
_BATCH = 32  # larger ones save nothing on a CPU


class PretrainedFeaturizer(Featurizer):
    """Features by a model that others trained, which stays where it is.

    Parameters
    ----------
    model : str
        A folder, the name of a model in the cache of the Hugging Face hub, or "hub:NAME" to download it.
    device : str, default="auto"
        Where it computes: "cpu", "cuda", …; "auto" takes the GPU if there is one.

    Attributes
    ----------
    place_ : str
        Folder of the model in `fit`.
    fingerprint_ : str
        Hash of the model's files: another one is never taken for it.
    n_features_ : int
    """

    organisation: ClassVar[str]  # of the hub, where a name has none
    items: ClassVar[str]  # what it reads, in the plural
    _model: Any

    def __init__(self, model: str, device: str = "auto") -> None:
        self.model = model
        self.device = device

    @classmethod
    def of_name(cls, argument: str, parameters: Mapping[str, Any]) -> Self:
        """One that reads the model `argument`, and computes where `device` says."""
        return cls(argument, parameters["device"])

    @property
    def as_parameter(self) -> str:
        """What to write in `GMVAE(features=...)` for one like it."""
        return f"{self.name}:{self.model}"

    @classmethod
    @abstractmethod
    def _items_of(cls, items: Any) -> Any:
        """Items as an array or as `Photos`, once they are known to be of the right kind."""

    @abstractmethod
    def _load(self, folder: Path) -> Any:
        """Read the model into memory."""

    @abstractmethod
    def _compute(self, model: Any, items: Any) -> np.ndarray:
        """Features of a batch, shape (n, n_features)."""

    def _order(self, items: Any) -> np.ndarray:
        """In which order to read items, so that those of a batch are alike."""
        return np.arange(len(items))

    def fit(
        self, items: Any, *, checkpoint: Path | None = None, resume: bool = False, listen: Listener = ignore
    ) -> Self:
        """Find the model, and look at one item; parts of the cache are all that a broken run leaves.

        Raises
        ------
        DataError, DownloadError, MissingExtraError
            If there is no such model, or it cannot be used.
        """
        self.check(items)
        folder = find_model(self.model, self.organisation)
        self.place_ = str(folder)
        self._remember(fingerprint_of(folder))
        first = self._items_of(items)[:1]
        _, known = self._cache.find(hash_items(first, _DIGEST_BYTES, with_shape=True))
        self.n_features_ = (self._features(first) if known is None else known).shape[1]
        return self

    def transform(self, items: Any, *, listen: Listener = ignore) -> np.ndarray:
        """Features of each item, shape (n_samples, n_features), float32; found in the cache, or computed.

        Raises
        ------
        DataError
            If the items are of another kind, or the model is gone or is another one.
        """
        self.check(items)
        items = self._items_of(items)
        features = scratch_array((len(items), self.n_features_))
        digests = hash_items(items, _DIGEST_BYTES, with_shape=True)
        rows, found = self._cache.find(digests)
        if found is not None:
            features[rows] = found
        missing = np.setdiff1d(np.arange(len(items)), rows)
        for start in range(0, len(missing), _PART):
            part = missing[start : start + _PART]
            here = items[part]
            order = self._order(here)
            for at in range(0, len(part), _BATCH):
                words = "" if start or at else f"features of {len(missing):,} {self.items} by {self.model}"
                listen(Event(STAGE, (start + at) / len(missing), words))
                batch = order[at : at + _BATCH]
                features[part[batch]] = self._features(here[batch])
            if len(items) >= _WORTH_KEEPING:
                self._cache.keep(digests[part], features[part])
        if len(missing):
            listen(Event(STAGE, 1.0))
        return features

    def describe(self) -> str:
        """Say in one line what becomes of what; of a folder its name alone, as others may read it."""
        model = self.model if self.model.startswith(HUB) else Path(self.model).name
        return f"{self.n_features_} features by {self.name}:{model}"

    def as_json(self) -> dict[str, Any]:
        """JSON values; `of_state` takes them back."""
        return {
            "name": self.name,
            "description": self.describe(),
            "model": self.model,
            "place": self.place_,
            "fingerprint": self.fingerprint_,
            "n_features": self.n_features_,
        }

    @classmethod
    def of_state(cls, values: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what `as_json` gave; the model itself is read when items need it."""
        self = cls(str(values["model"]))
        self.place_, self.n_features_ = str(values["place"]), int(values["n_features"])
        self._remember(str(values["fingerprint"]))
        return self

    def to(self, device: torch.device) -> None:
        """Compute on `device` from now on."""
        self.device = str(device)
        self._model = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_model": None}  # a copy reads it again

    def _remember(self, fingerprint: str) -> None:
        if not _FINGERPRINT.fullmatch(fingerprint):  # it names a file, and a manifest may say anything
            raise ValueError(f"{fingerprint!r} is no fingerprint of a model")
        self.fingerprint_ = fingerprint
        self._cache = FeatureCache(cache_root() / STAGE / f"{self.name}-{fingerprint}")
        self._model = None

    def _features(self, items: Any) -> np.ndarray:
        """Features of a batch by the model, which is read into memory when it is first needed."""
        if self._model is None:
            folder = Path(self.place_)
            if not folder.is_dir():
                folder = find_model(self.model, self.organisation)
            if (found := fingerprint_of(folder)) != self.fingerprint_:
                raise DataError(
                    f"{folder} holds another model than the one that features were made with (fingerprint "
                    f"{found[:8]}, not {self.fingerprint_[:8]}): put that one back, or train again"
                )
            self._model = self._load(folder)
        return self._compute(self._model, items)
