"""labelwise: learn the structure of unlabelled data first; name it afterwards, with a handful of labels."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

# Public names and the modules that hold them. They load on first use, so that `import labelwise`
# and `labelwise --help` stay fast and free of torch.
_PUBLIC = {
    "GMVAE": "labelwise.gmvae",
    "GMVAEClassifier": "labelwise.classifier",
    "HardDecoder": "labelwise.decoding",
    "SoftDecoder": "labelwise.decoding",
    "UNLABELED": "labelwise.decoding",
    "label_budget": "labelwise.planning.budget",
    "load_dataset": "labelwise.data",
    "suggest": "labelwise.planning.suggest",
}

__all__ = [
    "GMVAE",
    "UNLABELED",
    "GMVAEClassifier",
    "HardDecoder",
    "SoftDecoder",
    "label_budget",
    "load_dataset",
    "suggest",
]

if TYPE_CHECKING:
    from labelwise.classifier import GMVAEClassifier
    from labelwise.data import load_dataset
    from labelwise.decoding import UNLABELED, HardDecoder, SoftDecoder
    from labelwise.gmvae import GMVAE
    from labelwise.planning.budget import label_budget
    from labelwise.planning.suggest import suggest


def __getattr__(name: str) -> object:
    if name == "__version__":
        return version("labelwise")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'labelwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
