"""Features of images by a pre-trained model of timm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.damage import parse_json
from labelwise.data.photos import Photos
from labelwise.errors import DataError, MissingExtraError, first_line
from labelwise.features.operators import let_torchvision_be_imported
from labelwise.features.pretrained import FAULTS, PretrainedFeaturizer
from labelwise.nn.defaults import resolve_device

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"


@dataclass(frozen=True)
class _Loaded:
    """A model of timm, and what it wants done to an image."""

    network: Any
    prepare: Any
    device: Any


class ImageFeaturizer(PretrainedFeaturizer):
    """What a model of timm has before its last layer, of images of any size."""

    name = "image"
    organisation = "timm"
    items = "images"

    @classmethod
    def check(cls, items: Any) -> None:
        """Refuse what is no image.

        Raises
        ------
        DataError
        """
        if isinstance(items, Photos) or _are_pixels(items):
            return
        shape = getattr(items, "shape", None)
        kind = type(items).__name__ + (f" of shape {tuple(shape)}" if shape is not None else "")
        raise DataError(
            f"features='image:…' reads images, and these are a {kind}: give a folder of images, or an array "
            "of shape (n, height, width) or (n, height, width, 3), uint8"
        )

    @classmethod
    def _items_of(cls, items: Any) -> Any:
        return items

    def _load(self, folder: Path) -> Any:
        timm = _timm()
        for name in (_CONFIG, _WEIGHTS):
            if not (folder / name).is_file():
                raise DataError(f"{folder} is no model of timm: there is no {name} in it")
        try:
            known = parse_json((folder / _CONFIG).read_text(encoding="utf-8"))
            network = timm.create_model(
                known["architecture"],
                pretrained=False,
                num_classes=0,
                pretrained_cfg=known.get("pretrained_cfg"),
                **known.get("model_args", {}),
            )
            _fill(network, folder / _WEIGHTS)
            options = timm.data.resolve_model_data_config(network)
            prepare = timm.data.create_transform(**options, is_training=False)
        except FAULTS as error:
            raise DataError(
                f"{folder} cannot be loaded as a model of timm ({first_line(error)}): copy its files again"
            ) from error
        device = resolve_device(self.device)
        return _Loaded(network.eval().to(device), prepare, device)

    def _compute(self, model: Any, items: Any) -> np.ndarray:
        import torch

        batch = torch.stack([model.prepare(image) for image in _images(items)])
        with torch.inference_mode():
            features = model.network(batch.to(model.device))
        return np.asarray(features.float().cpu().numpy())


def _timm() -> Any:
    let_torchvision_be_imported()
    try:
        import timm
        import timm.data
    except (ImportError, RuntimeError) as error:  # torchvision raises either
        if isinstance(error, ModuleNotFoundError) and error.name == "timm":
            raise MissingExtraError("reading images with a pre-trained model", "timm", "photos") from error
        raise DataError(
            f"timm cannot be used ({first_line(error)}): install torch and torchvision anew, for the same "
            "device"
        ) from error
    return timm


def _fill(network: Any, path: Path) -> None:
    """Load weights; the last layer, of which there is none here, is left out."""
    from safetensors.torch import load_file

    weights = load_file(path)
    missing, _ = network.load_state_dict(weights, strict=False)
    if missing:
        raise ValueError(f"{path.name} lacks {missing[0]}")


def _are_pixels(items: Any) -> bool:
    if not isinstance(items, np.ndarray) or items.dtype != np.uint8 or items.ndim not in (3, 4):
        return False
    return items.ndim == 3 or items.shape[3] in (1, 3)


def _images(items: Any) -> Any:
    """Images of Pillow, in colour."""
    if isinstance(items, Photos):
        return items
    from PIL import Image

    pixels = items if items.ndim == 3 else items[..., 0] if items.shape[3] == 1 else items
    return (Image.fromarray(np.ascontiguousarray(image)).convert("RGB") for image in pixels)
