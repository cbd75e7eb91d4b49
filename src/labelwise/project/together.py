"""Parts that several processes answer; all of them see the same files."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

# Imported with this module, thus before a worker's first job: joblib takes what grows later for a leak.
from labelwise.answerer import Answerer, load
from labelwise.data.catalogue import dataset_names
from labelwise.data.dataset import Dataset
from labelwise.data.parts import read_parts
from labelwise.data.shards import files_of
from labelwise.data.texts import is_texts
from labelwise.errors import ParameterError
from labelwise.events import Event, Listener
from labelwise.project.answers import asked
from labelwise.project.exchange import write_predictions
from labelwise.workers import Workers

_ANSWERER = "_answerer"  # readers of a folder of Parquet files pass over such names


@dataclass(frozen=True)
class Piece:
    """A part to answer.

    Attributes
    ----------
    source : str or Path
        The file that it is in, or what holds all items.
    number : int
        Which of the parts in there.
    file : Path
        Where its answers go.
    start : int
        Index of its first item.
    """

    source: str | Path
    number: int
    file: Path
    start: int


def answer_together(
    answerer: Answerer,
    source: str | Path,
    folder: Path,
    part_size: int,
    abstain: float,
    *,
    workers: Workers,
    reading: Mapping[str, Any],
    listen: Listener,
) -> list[Path]:
    """Answer the parts that `folder` lacks, and return the files of all.

    Raises
    ------
    ParameterError
        If images that cannot be read are to be skipped: the items after them could not be numbered.
    """
    if reading.get("on_unreadable") == "skip":
        raise ParameterError(
            "images that cannot be read can only be skipped by one process: leave out --skip-unreadable, or "
            "both --jobs and --backend"
        )
    # Workers on other machines have another working directory.
    folder, files = folder.absolute(), [_absolute(file) for file in files_of(source)]
    shutil.rmtree(folder / _ANSWERER, ignore_errors=True)
    with workers.employed():
        counts = Parallel()(delayed(count_parts)(file, part_size, dict(reading)) for file in files)
        pieces = _pieces(files, counts, folder)
        missing = [piece for piece in pieces if not piece.file.exists()]
        answerer.save(folder / _ANSWERER)
        try:
            jobs = [
                delayed(answer_pieces)(folder / _ANSWERER, job, part_size, abstain, dict(reading))
                for job in _jobs(missing, len(files))
            ]
            n_done = len(pieces) - len(missing)
            for n in Parallel(return_as="generator_unordered")(jobs):
                n_done += n
                listen(
                    Event("answering", n_done / len(pieces), f"{n_done:,} of {len(pieces):,} parts answered")
                )
        finally:
            shutil.rmtree(folder / _ANSWERER, ignore_errors=True)
    return [piece.file for piece in pieces]


def _absolute(source: str | Path) -> str | Path:
    return source if source in dataset_names() else Path(source).expanduser().absolute()


def part_file(folder: Path, number: int) -> Path:
    """Where the answers of a part go."""
    return folder / f"part-{number:05d}.parquet"


def answer_part(answerer: Answerer, dataset: Dataset, file: Path, start: int, abstain: float) -> None:
    """Write the answers of a part, whose first item has the index `start`."""
    answers = asked(answerer, dataset.X).abstain(abstain)
    texts = dataset.X if is_texts(dataset.X) else None
    write_predictions(file, answers, dataset.paths, texts, start=start)


def count_parts(source: str | Path, part_size: int, reading: Mapping[str, Any]) -> list[int]:
    """Items in each part of a source."""
    return [part.n_items for part in read_parts(source, part_size, **reading)]


def answer_pieces(
    answerer: Path, pieces: list[Piece], part_size: int, abstain: float, reading: Mapping[str, Any]
) -> int:
    """Answer parts of one source, in a process of its own; returns how many."""
    able = load(answerer)
    wanted = {piece.number: piece for piece in pieces}
    for number, part in enumerate(read_parts(pieces[0].source, part_size, **reading)):
        if number in wanted:
            piece = wanted.pop(number)
            answer_part(able, part.read(), piece.file, piece.start, abstain)
        if not wanted:
            break
    return len(pieces)


def _pieces(files: list[str | Path], counts: list[list[int]], folder: Path) -> list[Piece]:
    pieces: list[Piece] = []
    start = 0
    for file, sizes in zip(files, counts, strict=True):
        for number, size in enumerate(sizes):
            pieces.append(Piece(file, number, part_file(folder, len(pieces)), start))
            start += size
    return pieces


def _jobs(pieces: list[Piece], n_files: int) -> list[list[Piece]]:
    """One job for each of several files, which are read once; of one file, for each part."""
    if n_files == 1:
        return [[piece] for piece in pieces]
    by_source = defaultdict(list)
    for piece in pieces:
        by_source[piece.source].append(piece)
    return list(by_source.values())
