"""What a project answers for the items of its pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from labelwise.damage import damage_told
from labelwise.labels import UNLABELED
from labelwise.storage import load_folder, save_folder

if TYPE_CHECKING:
    from labelwise.answerer import Answerer
    from labelwise.decoding import Decoder
    from labelwise.encoding import Encoding

_KIND = "answers"


@dataclass(frozen=True, eq=False)
class Answers:
    """Class probabilities of the items of a pool, and where they come from.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    probabilities : ndarray of shape (n_samples, n_classes)
        Rows sum to 1.
    labels : ndarray of shape (n_samples,), dtype object
        The most probable class of each item; None where the decoder abstains.
    about : dict of JSON values
        What answered: decoder, choice, reason, number of labels, doubtful labels, unnamed components.
    """

    classes: np.ndarray
    probabilities: np.ndarray
    labels: np.ndarray
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the most probable class of each item, shape (n_samples,), float64."""
        return np.asarray(self.probabilities.max(axis=1), dtype=np.float64)

    def abstain(self, threshold: float) -> Self:
        """Leave out answers that are less probable than `threshold`: their label becomes None."""
        labels = self.labels.copy()
        labels[self.confidence < threshold] = None
        return type(self)(self.classes, self.probabilities, labels, self.about)

    def save(self, path: Path, key: str) -> None:
        """Write the folder `path`; `key` says what the answers follow from."""
        codes = {label: code for code, label in enumerate(self.classes.tolist())}
        arrays = {
            "probabilities": np.ascontiguousarray(self.probabilities),
            "codes": np.array([codes.get(label, -1) for label in self.labels], dtype=np.int64),
        }
        manifest = {"kind": _KIND, "key": key, "classes": self.classes.tolist(), "about": self.about}
        save_folder(path, manifest, arrays)

    @classmethod
    def load(cls, path: Path, key: str) -> Self | None:
        """Read what `save` wrote for the same key; None where there is nothing, or it has another key."""
        if not path.exists():
            return None
        manifest, arrays = load_folder(path, _KIND)
        with damage_told(path):
            if manifest["key"] != key:
                return None
            classes = np.array(manifest["classes"])
            names = np.array([*manifest["classes"], None], dtype=object)
            return cls(classes, arrays["probabilities"], names[arrays["codes"]], manifest["about"])


def decoded(decoder: Decoder, encoding: Encoding, about: Mapping[str, Any] | None = None) -> Answers:
    """What a fitted decoder answers for encoded items; `about` adds to what it says of itself."""
    from labelwise.decoding import DECODERS

    labels = decoder.predict(encoding).astype(object)
    labels[labels == UNLABELED] = None
    known = {
        "answerer": "decoder",
        "decoder": next(name for name, kind in DECODERS.items() if type(decoder) is kind),
        "choice": getattr(decoder, "choice_", None),
        "reason": getattr(decoder, "reason_", None),
        "n_labeled": decoder.n_labeled_,
        "n_components": decoder.n_features_in_,
        "n_unnamed_components": len(decoder.unnamed_components_),
        "doubtful_labels": [int(row) for row in getattr(decoder, "doubtful_labels_", ())],
    }
    return Answers(decoder.classes_, decoder.predict_proba(encoding), labels, {**known, **(about or {})})


def asked(answerer: Answerer, X: Any) -> Answers:
    """What an answerer says of new items."""
    from labelwise.answerer import DecoderAnswerer

    if isinstance(answerer, DecoderAnswerer):
        found = decoded(answerer.decoder, answerer.gmvae.encode(X))
        found.about["doubtful_labels"] = []  # they are items of the pool
        return found
    probabilities = answerer.predict_proba(X)
    labels = answerer.classes_[probabilities.argmax(axis=1)].astype(object)
    return Answers(answerer.classes_, probabilities, labels, {"answerer": "student", "n_labeled": None})
