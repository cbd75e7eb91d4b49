"""Answers for more items than memory holds: a part at a time, each in a file of its own."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwise.data.catalogue import dataset_names
from labelwise.data.parts import Part, read_parts
from labelwise.errors import ParameterError, StorageError
from labelwise.events import Event, Listener, ignore
from labelwise.places import check_outside
from labelwise.project.exchange import check_parquet
from labelwise.project.together import answer_part, answer_together, part_file
from labelwise.storage import write_json
from labelwise.workers import Workers

if TYPE_CHECKING:
    from labelwise.answerer import Answerer

PART_SIZE = 100_000  # 78 MB of images of 28x28
_PARTS = "part-*.parquet"
_MANIFEST = "_predictions.json"  # readers of a folder of Parquet files pass over such names


@dataclass(frozen=True)
class PredictedParts:
    """What `predict_parts` wrote.

    Attributes
    ----------
    path : str
        The folder.
    n_samples, n_without_answer : int
        Items, and how many of them were left without a label.
    n_parts, n_resumed : int
        Files, and how many of them an earlier call had written.
    classes : list
    """

    path: str
    n_samples: int
    n_without_answer: int
    n_parts: int
    n_resumed: int
    classes: list[Any]


def predict_parts(
    answerer: Answerer,
    source: str | Path,
    path: str | Path,
    *,
    part_size: int = PART_SIZE,
    abstain: float = 0.0,
    overwrite: bool = False,
    workers: Workers | None = None,
    listen: Listener = ignore,
    **reading: Any,
) -> PredictedParts:
    """Answer for the items of files, without ever holding more than a part of them.

    Each part becomes a Parquet file with the columns index, label, probability, and path or text where items
    have one: `part-00000.parquet`, `part-00001.parquet`, … A file appears once it is whole. A call that was
    cut off continues where it was when it is repeated.

    Parameters
    ----------
    answerer : Answerer
        As `labelwise.load` and `Project.answerer` give it.
    source : path
        Items that `labelwise.data.parts.read_parts` reads.
    path : path
        Folder to make, or to go on with.
    part_size : int, default=100_000
        Most items of a part.
    abstain : float, default=0.0
        A label is left out where its probability is below this, 0..1.
    overwrite : bool, default=False
        Whether to begin anew where the folder has other predictions.
    workers : labelwise.workers.Workers, default=None
        Processes that share the work, here or on a Dask cluster, and see the same files. None answers in this
        process.
    listen : callable, optional
        Gets events of the stage "answering".
    **reading
        Options of `load_dataset`; `labelwise.features.reading(answerer.featurizer_)` gives those that the
        answerer's own items were read with.

    Returns
    -------
    PredictedParts

    Raises
    ------
    DataError, StorageError
        If items cannot be read or are of another kind, or files cannot be written.
    ParameterError
        If `part_size` or `abstain` is out of range.
    ProcessError
        If no Dask scheduler answers.
    MissingExtraError
        If pyarrow is not installed.

    Examples
    --------
    >>> import labelwise
    >>> answerer = labelwise.load("birds.answerer")                           # doctest: +SKIP
    >>> labelwise.predict_parts(answerer, "a-million-birds/", "answers/")     # doctest: +SKIP
    """
    if not 0 <= abstain <= 1:
        raise ParameterError(f"abstain={abstain!r} must be a probability from 0 to 1")
    check_parquet()
    check_outside(Path(path), Path(source))
    parts = read_parts(source, part_size, **reading)
    first = next(parts)  # what cannot be read is said before anything is written
    folder, about = Path(path), _about(answerer, source, part_size, abstain)
    _claim(folder, about, overwrite=overwrite)
    n_resumed = len(list(folder.glob(_PARTS)))
    listen(Event("answering", 0.0))
    if workers is None:
        files = list(_answer_alone(answerer, folder, chain([first], parts), abstain, listen))
    else:
        files = answer_together(
            answerer, source, folder, part_size, abstain, workers=workers, reading=reading, listen=listen
        )
    n_samples = n_without = 0
    for labels in map(_labels, files):
        n_samples += len(labels)
        n_without += labels.count("")
    classes = answerer.classes_.tolist()
    write_json(
        folder / _MANIFEST, {**about, "n_samples": n_samples, "n_parts": len(files), "classes": classes}
    )
    return PredictedParts(str(folder), n_samples, n_without, len(files), n_resumed, classes)


def _answer_alone(
    answerer: Answerer, folder: Path, parts: Iterator[Part], abstain: float, listen: Listener
) -> Iterator[Path]:
    """Answer the parts that `folder` lacks, and give the files of all."""
    n_samples = 0
    for number, part in enumerate(parts):
        file = part_file(folder, number)
        if not file.exists():
            answer_part(answerer, part.read(), file, n_samples, abstain)
        n_samples += _n_rows(file)
        listen(Event("answering", part.share, f"part {number + 1}: {n_samples:,} items answered"))
        yield file


def _about(answerer: Answerer, source: str | Path, part_size: int, abstain: float) -> dict[str, Any]:
    """What the parts follow from."""
    is_named = source in dataset_names()
    place = Path(source).expanduser().absolute()
    return {
        "source": str(source if is_named else place),
        "source_files": None if is_named else _stamp(place),
        "part_size": part_size,
        "abstain": abstain,
        "answerer": _digest(answerer),
    }


def _stamp(source: Path) -> list[int]:
    """Number of files, bytes, and when the newest was changed, in nanoseconds.

    Raises
    ------
    StorageError
    """
    files = [source]
    if source.is_dir():
        files = [Path(place, name) for place, _, names in os.walk(source) for name in names]
    try:
        states = [file.lstat() for file in files]  # of a link that leads nowhere too: images may be skipped
    except OSError as error:
        raise StorageError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    return [len(files), sum(state.st_size for state in states), max(state.st_mtime_ns for state in states)]


def _digest(answerer: Answerer) -> str:
    """Hash of an answerer as it would be saved, wherever it computes."""
    digest = hashlib.blake2b(digest_size=16)
    with tempfile.TemporaryDirectory() as folder:
        answerer.save(Path(folder) / "answerer")
        for file in sorted(Path(folder).rglob("*.json")):
            settings = json.loads(file.read_text(encoding="utf-8"), object_hook=_without_device)
            digest.update(json.dumps(settings).encode())
        for file in sorted(Path(folder).rglob("*.safetensors")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _without_device(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "device"}


def _claim(folder: Path, about: dict[str, Any], *, overwrite: bool) -> None:
    """Make the folder, or find in it a part of the same work.

    Raises
    ------
    StorageError
        If it holds something else.
    """
    if folder.exists():
        known = _read_manifest(folder)
        others = [name.replace("_", " ") for name, value in about.items() if known.get(name) != value]
        if not others:
            return
        if not known and (not folder.is_dir() or any(folder.iterdir())):
            raise StorageError(f"{folder} holds something else: name another folder")
        if any(folder.glob(_PARTS)) and not overwrite:
            raise StorageError(
                f"{folder} holds predictions with another {' and another '.join(others)}: name another "
                "folder, or overwrite them (--overwrite)"
            )
    try:
        folder.mkdir(exist_ok=True)
        for file in folder.glob(_PARTS):
            file.unlink()
    except OSError as error:
        raise StorageError(f"cannot write folder {folder}: {error.strerror or error}") from error
    write_json(folder / _MANIFEST, about)


def _read_manifest(folder: Path) -> dict[str, Any]:
    """What the predictions in a folder follow from; empty where it has none."""
    try:
        known = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _n_rows(file: Path) -> int:
    """Items in a part, without reading their answers."""
    from pyarrow import parquet

    with _damage_told(file):
        return int(parquet.read_metadata(file).num_rows)


def _labels(file: Path) -> list[str]:
    """Labels in a part."""
    from pyarrow import parquet

    with _damage_told(file):
        return list(parquet.read_table(file, columns=["label"])["label"].to_pylist())


@contextmanager
def _damage_told(file: Path) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, KeyError) as error:
        raise StorageError(f"{file} is damaged: remove it, and ask again for the same predictions") from error
