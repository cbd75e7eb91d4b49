"""Features of texts by a pre-trained model of sentence-transformers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.data.texts import as_texts, is_texts
from labelwise.errors import DataError, MissingExtraError, first_line
from labelwise.features.operators import let_torchvision_be_imported
from labelwise.features.pretrained import FAULTS, PretrainedFeaturizer
from labelwise.features.schema import is_frame, listed
from labelwise.nn.defaults import resolve_device


class TextFeaturizer(PretrainedFeaturizer):
    """Embeddings of length 1 by a model of sentence-transformers."""

    name = "text"
    organisation = "sentence-transformers"
    items = "texts"

    @classmethod
    def check(cls, items: Any) -> None:
        """Refuse what is no text.

        Raises
        ------
        DataError
        """
        if is_frame(items):
            names = listed([str(name) for name in items.columns])
            raise DataError(
                f"features='text:…' reads texts, and this is a table of columns {names}: name one with "
                "text_column (--text-column), or pass that column alone"
            )
        if not is_texts(items):
            raise DataError(
                f"features='text:…' reads texts, and these are {_kind(items)}: pass a list of str, or give a "
                ".txt file, or a .csv or .jsonl file with text_column (--text-column)"
            )

    @classmethod
    def _items_of(cls, items: Any) -> np.ndarray:
        return as_texts(items)

    def _order(self, items: Any) -> np.ndarray:
        # Texts of a batch are padded to the longest of it.
        return np.argsort([len(text) for text in items], kind="stable")

    def _load(self, folder: Path) -> Any:
        let_torchvision_be_imported()
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and error.name == "sentence_transformers":
                raise MissingExtraError("reading texts", "sentence-transformers", "text") from error
            raise DataError(
                f"sentence-transformers cannot be used ({first_line(error)}): install torch, torchvision and "
                "transformers anew, all for the same device"
            ) from error
        if not (folder / "modules.json").is_file():
            raise DataError(f"{folder} is no model of sentence-transformers: there is no modules.json in it")
        if (code := next(folder.rglob("*.py"), None)) is not None:
            raise DataError(f"{code} is code of the model's own, which is never run: use a model without any")
        try:
            with _quiet():
                return SentenceTransformer(
                    str(folder),
                    device=str(resolve_device(self.device)),
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
        except (*FAULTS, ImportError) as error:
            raise DataError(
                f"{folder} cannot be loaded as a model of sentence-transformers ({first_line(error)}): copy "
                "its files again"
            ) from error

    def _compute(self, model: Any, items: Any) -> np.ndarray:
        features = model.encode(
            list(items),
            batch_size=len(items),
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.asarray(features, np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Draw no bar while a model is read; ours is on the same terminal."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def _kind(items: Any) -> str:
    shape = getattr(items, "shape", None)
    if shape is None:
        return f"of type {type(items).__name__}"
    return f"of type {type(items).__name__} and shape {tuple(shape)}"
