"""Making a project's folder: all of it is written beside its place, and put there at once."""

from __future__ import annotations

import copy
import importlib.metadata
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelwise.encoding import Encoding
from labelwise.project.cache import save_encoding
from labelwise.project.groups import keep_assignment
from labelwise.project.pool import Pool
from labelwise.project.source import Source
from labelwise.storage import read_manifest, save_folder

if TYPE_CHECKING:
    from labelwise.gmvae import GMVAE

KIND = "project"
JOURNAL = "labels.jsonl"
MODEL, POOL, ENCODING, COMPONENTS = "model", "pool", "encoding", "components"
ANSWERER, ANSWERS, STUDENT, REFINEMENT = "answerer", "answers", "student", "refinement.json"


def build(path: Path, source: Source, pool: Pool, gmvae: GMVAE, encoding: Encoding) -> None:
    """Write a project; of one that is at `path` already, the labels stay.

    Raises
    ------
    StorageError
        If it cannot be written; what was at `path` is still there.
    """

    def fill(folder: Path) -> None:
        pool.save(folder / POOL)
        gmvae.save(folder / MODEL)
        save_encoding(folder / ENCODING, encoding)
        if path.exists():
            keep_labels(path, folder)
        (folder / COMPONENTS).mkdir(exist_ok=True)
        place = folder / COMPONENTS / f"{model_id(folder)}.safetensors"
        keep_assignment(place, pool.digests, encoding.top)

    manifest = {
        "kind": KIND,
        "labelwise": importlib.metadata.version("labelwise"),
        "data": source.as_json(),
        "n_samples": len(pool),
        "item_shape": list(pool.item_shape),
        "fingerprint": pool.fingerprint,
    }
    save_folder(path, manifest, {}, fill=fill)


def with_features(gmvae: GMVAE, X: np.ndarray) -> GMVAE:
    """The model, able to encode features: those of labelwise 0.1 do not know how, but the items show it."""
    if gmvae.principal_ is not None:
        return gmvae
    from labelwise.graph.principal import PrincipalComponents

    able = copy.copy(gmvae)
    able.principal_ = PrincipalComponents().fit(X, is_table=len(gmvae.item_shape_) == 1)
    return able


def keep_labels(before: Path, folder: Path) -> None:
    """Take over what people did: the journal, and the components that they named."""
    if (before / JOURNAL).exists():
        shutil.copy2(before / JOURNAL, folder / JOURNAL)
    if (before / COMPONENTS).exists():
        shutil.copytree(before / COMPONENTS, folder / COMPONENTS)


def model_id(project: Path) -> str:
    """Fingerprint of the project's model: the beginning of the checksum of its weights."""
    return str(read_manifest(project / MODEL)["weights_sha256"])[:16]
