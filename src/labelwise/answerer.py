"""What is shipped: a fitted answer that can be saved, loaded, and asked about new items without the pool."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from labelwise.damage import check_probabilities, damage_told
from labelwise.decoding import Decoder
from labelwise.decoding.persistence import decoder_from_state, decoder_state
from labelwise.encoding import Encoding
from labelwise.errors import StorageError
from labelwise.features import Featurizer
from labelwise.gmvae import GMVAE
from labelwise.hub import HubMixin, fetched, read_card, write_card
from labelwise.storage import load_folder, read_manifest, save_folder
from labelwise.student import LinearStudent, Student
from labelwise.student.linear import KIND as LINEAR_STUDENT

KIND = "answerer"
_MODEL = "model"


class Answerer(Protocol):
    """What every fitted answer can do: a `DecoderAnswerer`, a `Student` or a `LinearStudent`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    item_shape_ : tuple of int
        Shape of the items that it answers.
    """

    classes_: np.ndarray

    @property
    def featurizer_(self) -> Featurizer | None:
        """What makes rows of numbers of items; None if they are taken as they are."""
        ...

    @property
    def item_shape_(self) -> tuple[int, ...]:
        """Shape of one item."""
        ...

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of shape (n_samples, n_classes)."""
        ...

    def predict(self, X: Any) -> np.ndarray:
        """Labels of shape (n_samples,)."""
        ...

    def save(self, path: str | Path) -> None:
        """Write a folder that `labelwise.load` reads."""
        ...


class DecoderAnswerer(HubMixin):
    """A model and a fitted decoder, in one.

    Parameters
    ----------
    gmvae : GMVAE
        Fitted.
    decoder : Decoder
        Fitted to encodings of that model, with its classes and its calibration.
    """

    def __init__(self, gmvae: GMVAE, decoder: Decoder) -> None:
        self.gmvae = gmvae
        self.decoder = decoder
        self.classes_: np.ndarray = decoder.classes_

    @property
    def item_shape_(self) -> tuple[int, ...]:
        """Shape of one item, as the model was given it."""
        return self.gmvae.item_shape_

    @property
    def featurizer_(self) -> Featurizer | None:
        """What makes rows of numbers of items; None if they are taken as they are."""
        return self.gmvae.featurizer_

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : array-like
            Items, as for `GMVAE.predict_proba`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`; rows sum to 1.
        """
        return self.decoder.predict_proba(self.gmvae.encode(X))

    def predict(self, X: Any) -> np.ndarray:
        """Label of each item, shape (n_samples,)."""
        return self.decoder.predict(self.gmvae.encode(X))

    def save(self, path: str | Path) -> None:
        """Write the folder `path`: the model, the decoder, its classes and its calibration.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        settings, arrays = decoder_state(self.decoder)
        manifest = {
            "kind": KIND,
            "labelwise": importlib.metadata.version("labelwise"),
            "classes": self.classes_.tolist(),
            "decoder": settings,
        }

        def fill(folder: Path) -> None:
            self.gmvae.save(folder / _MODEL)
            write_card(folder, self.card_)

        save_folder(Path(path), manifest, arrays, fill=fill)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> DecoderAnswerer:
        """Read what `save` wrote; nothing is unpickled.

        Raises
        ------
        StorageError
            If the folder is missing, damaged or from a newer labelwise.
        """
        path = Path(path)
        manifest, arrays = load_folder(path, KIND)
        gmvae = GMVAE.load(path / _MODEL, device=device)
        with damage_told(path):
            self = cls(gmvae, decoder_from_state(manifest["decoder"], arrays))
            _try_out(self)
        self.card_ = read_card(path)
        return self


def _try_out(answerer: DecoderAnswerer) -> None:
    """Ask about an item that is like nothing: parts that do not fit each other fail now, and not later.

    Raises
    ------
    Exception
        Whatever the parts raise; ValueError if what they give are no probabilities.
    """
    a, principal = answerer.gmvae.module_.architecture, answerer.gmvae.principal_
    nothing = Encoding.of_checked(
        np.full((1, a.n_components), 1 / a.n_components, np.float32),
        np.zeros((1, a.n_latent), np.float32),
        None if principal is None else np.zeros((1, principal.axes_.shape[1]), np.float32),
    )
    with np.errstate(all="ignore"):
        check_probabilities(answerer.decoder.predict_proba(nothing), len(answerer.classes_))


def load(path: str | Path, *, device: str = "auto") -> Answerer:
    """Read an answerer: what `GMVAEClassifier.save`, a student's `save` or a project wrote.

    Parameters
    ----------
    path : path
        A folder; of a project, its answerer is read. "hub:NAME" names what `push_to_hub` uploaded.
    device : str, default="auto"
        Where to compute.

    Returns
    -------
    Answerer
        With `classes_`, `predict_proba(X)` and `predict(X)`.

    Raises
    ------
    StorageError
        If there is no answerer, or it is damaged or from a newer labelwise.
    DownloadError
        If it cannot be downloaded.
    """
    path = fetched(path)
    kind = read_manifest(path)["kind"]
    if kind == "project":
        path = path / "answerer"
        if not path.exists():
            raise StorageError(f"{path.parent} has no answerer yet: run labelwise decode {path.parent} first")
        kind = read_manifest(path)["kind"]
    if kind == "student":
        return Student.load(path, device=device)
    if kind == LINEAR_STUDENT:
        return LinearStudent.load(path)
    if kind == "gmvae":
        raise StorageError(
            f"{path} holds a model that knows components, but no labels: read it with GMVAE.load, and name "
            "its components with GMVAEClassifier or a project"
        )
    return DecoderAnswerer.load(path, device=device)
