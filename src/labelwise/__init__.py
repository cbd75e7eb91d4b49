"""labelwise: learn the structure of unlabelled data first; name it afterwards, with a handful of labels."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

# Public names and the modules that hold them. They load on first use, so that `import labelwise`
# and `labelwise --help` stay fast and free of torch.
_PUBLIC = {
    "GMVAE": "labelwise.gmvae",
    "UNLABELED": "labelwise.labels",
    "AutoDecoder": "labelwise.decoding",
    "Encoding": "labelwise.encoding",
    "GMVAEClassifier": "labelwise.classifier",
    "HardDecoder": "labelwise.decoding",
    "LinearStudent": "labelwise.student",
    "Project": "labelwise.project",
    "SoftDecoder": "labelwise.decoding",
    "Student": "labelwise.student",
    "export_onnx": "labelwise.export",
    "forecast_accuracy": "labelwise.planning.forecast",
    "label_budget": "labelwise.planning.budget",
    "load": "labelwise.answerer",
    "load_dataset": "labelwise.data",
    "predict_parts": "labelwise.project.parts",
    "suggest": "labelwise.planning.suggest",
}

__all__ = [
    "GMVAE",
    "UNLABELED",
    "AutoDecoder",
    "Encoding",
    "GMVAEClassifier",
    "HardDecoder",
    "LinearStudent",
    "Project",
    "SoftDecoder",
    "Student",
    "export_onnx",
    "forecast_accuracy",
    "label_budget",
    "load",
    "load_dataset",
    "predict_parts",
    "suggest",
]

if TYPE_CHECKING:
    from labelwise.answerer import load
    from labelwise.classifier import GMVAEClassifier
    from labelwise.data import load_dataset
    from labelwise.decoding import AutoDecoder, HardDecoder, SoftDecoder
    from labelwise.encoding import Encoding
    from labelwise.export import export_onnx
    from labelwise.gmvae import GMVAE
    from labelwise.labels import UNLABELED
    from labelwise.planning.budget import label_budget
    from labelwise.planning.forecast import forecast_accuracy
    from labelwise.planning.suggest import suggest
    from labelwise.project import Project
    from labelwise.project.parts import predict_parts
    from labelwise.student import LinearStudent, Student


def __getattr__(name: str) -> object:
    if name == "__version__":
        return version("labelwise")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'labelwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
