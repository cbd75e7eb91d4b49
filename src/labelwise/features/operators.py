"""Importing torchvision where it was built for another device than torch."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

# Operators that torchvision names while it is imported. It loads them from a file that may not fit torch.
_NAMED = ("nms", "qnms")


@functools.cache  # the operators are gone when what is returned is
def let_torchvision_be_imported() -> Any:
    """Name the operators whose absence stops the import of torchvision.

    The wheels of torchvision on the package index are for GPUs. Beside a torch for CPUs they cannot load
    their operators, and timm and transformers, which import torchvision, fail with them. Both use nothing of
    it but transforms of images, which need no operator; to call one remains an error.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return None  # nothing that needs it is there either, or it says so better
    except RuntimeError:
        import torch

        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for name in _NAMED:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    return None
