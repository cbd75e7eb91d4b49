"""Run a study: train models, score cells in parallel, keep results as they come. A run can be resumed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from labelwise.data import Dataset, load_dataset
from labelwise.data.texts import is_texts
from labelwise.encoding import Encoding
from labelwise.errors import DataError, StudyError
from labelwise.events import Cancelled, Event, Listener, check_listener, ignore
from labelwise.features import is_frame
from labelwise.gmvae import GMVAE
from labelwise.nn.checkpoint import is_unfinished, remove
from labelwise.planning.suggest import suggest_from
from labelwise.randomness import numpy_generator
from labelwise.storage import differing, read_manifest
from labelwise.study.features import Task, model_task, prepare
from labelwise.study.folder import claim_folder, write_notes
from labelwise.study.methods import METHODS, RANDOM, SUGGESTED
from labelwise.study.protocol import Parts, Study, check_data, label_budgets, split_parts
from labelwise.study.results import NO_MODEL, Cell, CellKey, CellLog, Summary, summarise, write_rows
from labelwise.study.sweep import score_cell
from labelwise.workers import Workers

# Labels are chosen up to this number. Choosing takes time that grows with it, while the lead over random
# labels shrinks: at 291 it is half of that at 73 on letters26, and at 140 one point on MNIST
# (benchmarks/results/fewer_labels.md).
MAX_CHOSEN = 500

_SECONDS_BETWEEN_MESSAGES = 10.0  # frequent enough to see that work goes on, and a page of lines an hour


def run_study(
    study: Study, output: Path, workers: Workers | None = None, *, listen: Listener | None = None
) -> None:
    """Run what is missing of a study and write `results.csv`, `summary.csv` and `study.json`.

    Parameters
    ----------
    study : Study
    output : Path
        Run folder. Cells that it holds are not run again unless they failed, and trained models are reused.
    workers : Workers, default=None
        None uses all cores of this machine.
    listen : callable, default=None
        Gets an `Event` of the stage "study" before each model and after each cell, whose numbers are "cells"
        (finished) and "n_cells", and those of training and encoding between them. If it raises `Cancelled`,
        epochs, models and cells finished so far stay in the folder, where the same call resumes.

    Raises
    ------
    StudyError
        If the data cannot be studied, or the folder belongs to another study.
    StorageError
        If the folder cannot be written.
    Cancelled
        If the listener raised it.
    """
    check_listener(listen)
    dataset = load_dataset(study.dataset, label_column=study.label_column)
    if is_texts(dataset.X):
        raise DataError(
            f"{study.dataset} holds texts, and a study takes numbers alone: save what TextFeaturizer makes "
            "of them as .npz"
        )
    if is_frame(dataset.X):
        raise DataError(
            f"{study.dataset} is a table in which something is no number, or missing, and a study takes "
            "numbers alone: save what TableFeaturizer makes of it as .npz"
        )
    parts = split_parts(study, dataset)
    check_data(study, dataset, parts)
    claim_folder(study, dataset, parts, output)
    log = CellLog(output / "results.csv")
    n_failed = log.drop_failed()
    keys = plan_cells(study, label_budgets(study, len(parts.pool)))
    done = {cell.key for cell in log.cells}
    pending = [key for key in keys if key not in done]
    progress = _Progress(listen or ignore, n_cells=len(keys), n_done=len(keys) - len(pending))
    bench = _Bench(study, dataset, parts, output, log, progress)
    try:
        progress.tell("; ".join(_start_words(dataset, parts, progress, n_failed)))
        # The backend comes first, so that a cluster that does not answer is noticed before any training.
        with (workers or Workers()).employed():
            bench.run(pending)
    except Cancelled:
        finish(output)
        raise
    finish(output)
    progress.end()


def _start_words(dataset: Dataset, parts: Parts, progress: _Progress, n_failed: int) -> Iterator[str]:
    yield dataset.describe()
    if len(parts.held_out):
        yield f"{len(parts.held_out):,} items are held out, {len(parts.pool):,} are the pool"
    if n_failed:
        yield f"{n_failed:,} cells failed before and are run again"
    if progress.n_done:
        yield f"{progress.n_done:,} of {progress.n_cells:,} cells are already done"


def finish(output: Path) -> None:
    """Put `results.csv` in order and write `summary.csv`."""
    cells = CellLog(output / "results.csv").cells
    order = {method: number for number, method in enumerate(METHODS)}
    cells.sort(key=lambda cell: (cell.n_labeled, order.get(cell.method, -1), cell.model_seed, cell.draw))
    write_rows(output / "results.csv", cells, Cell)
    write_rows(output / "summary.csv", summarise(cells), Summary)


def plan_cells(study: Study, budgets: Iterable[int]) -> list[CellKey]:
    """List all cells of a study; slow methods get fewer draws at large budgets."""
    keys = []
    for n_labeled in budgets:
        for method in (METHODS[name] for name in study.methods):
            if method.selection != RANDOM and n_labeled > MAX_CHOSEN:
                continue
            few = method.slow and n_labeled > study.slow_labels
            n_draws = min(study.slow_draws, study.draws) if few else study.draws
            seeds = study.model_seeds if method.uses_model else (NO_MODEL,)
            keys += [CellKey(method.id, seed, n_labeled, draw) for seed in seeds for draw in range(n_draws)]
    return keys


@dataclass(eq=False)
class _Progress:
    """Tells a listener how many cells are done and, now and then in words, how long the rest may take."""

    listen: Listener
    n_cells: int
    n_done: int
    _last_message: float = field(default_factory=time.monotonic)

    def tell(self, message: str = "") -> None:
        """Send an event; writing the tables is one more step, so that the fraction stays below 1."""
        self._send(self.n_done / (self.n_cells + 1), message)

    def end(self) -> None:
        """Send the last event."""
        self._send(1.0, "")

    def _send(self, fraction: float, message: str) -> None:
        numbers = {"cells": float(self.n_done), "n_cells": float(self.n_cells)}
        self.listen(Event("study", fraction, message, numbers))

    def follow(self, cells: Iterable[Cell], n_cells: int, what: str) -> Iterator[Cell]:
        """Pass on the cells of a group; each counts as done once the next one is asked for."""
        start = time.monotonic()
        for number, cell in enumerate(cells, 1):
            yield cell
            self.n_done += 1
            now = time.monotonic()
            message = ""
            if number == n_cells or now - self._last_message >= _SECONDS_BETWEEN_MESSAGES:
                self._last_message = now
                left = (now - start) / number * (n_cells - number)
                message = f"{what}: cell {number:,} of {n_cells:,}, about {_duration(left)} left"
            self.tell(message)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@dataclass(frozen=True, eq=False)
class _Bench:
    """Where models are trained and cells are scored."""

    study: Study
    dataset: Dataset
    parts: Parts
    output: Path
    log: CellLog
    progress: _Progress

    def run(self, pending: Sequence[CellKey]) -> None:
        """Train all models, then score cells: those of each model, and those without one."""
        X_pool, X_held_out = (self.dataset.X[part] for part in (self.parts.pool, self.parts.held_out))
        gmvaes = {seed: self.model(seed, X_pool) for seed in self.study.model_seeds}
        for seed, gmvae in gmvaes.items():
            wanted = [key for key in pending if key.model_seed == seed]
            if wanted:
                task = model_task(gmvae, X_pool, X_held_out, listen=self.progress.listen)
                if SUGGESTED in _needs(wanted):
                    task = self._with_suggestions(task, wanted)
                self.score(wanted, task, f"model {seed}")
        wanted = [key for key in pending if key.model_seed == NO_MODEL]
        if wanted:
            self.progress.tell("preparing the other methods: " + ", ".join(sorted(_needs(wanted))))
            n_components = int(self.study.model.get("n_components", GMVAE().n_components))
            task, seconds = prepare(_needs(wanted), X_pool, X_held_out, n_components)
            rounded = {name: round(value, 2) for name, value in seconds.items()}
            write_notes(self.output, preparation_seconds=rounded)
            self.score(wanted, task, "without a model")

    def model(self, seed: int, X: np.ndarray) -> GMVAE:
        """The model of a seed: loaded from the run folder, or trained with a checkpoint beside it."""
        path = self.output / "models" / f"seed-{seed}.labelwise"
        if path.exists():
            return self._load(path, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.progress.tell(f"training the model of seed {seed}")
        checkpoint = path.with_suffix(".checkpoint")
        gmvae = GMVAE(**self.study.model, random_state=seed)
        start = time.perf_counter()
        gmvae.fit(X, checkpoint=checkpoint, resume=is_unfinished(checkpoint), listen=self.progress.listen)
        seconds = time.perf_counter() - start
        data = {"name": self.dataset.name, "n_samples": len(X)}
        gmvae.save(path, extra={"data": data, "seconds": seconds})
        remove(checkpoint)
        self.progress.tell(f"trained the model of seed {seed} in {_duration(seconds)}")
        return gmvae

    def _load(self, path: Path, seed: int) -> GMVAE:
        there = read_manifest(path)["parameters"]
        here = GMVAE(**self.study.model, random_state=seed).get_params()
        here = {name: list(value) if isinstance(value, tuple) else value for name, value in here.items()}
        here["verbose"] = there.get("verbose")  # changes nothing about a model
        if differences := differing(there, here):
            raise StudyError(
                f"{path} was trained with other settings ({'; '.join(differences)}): use another run folder"
            )
        return GMVAE.load(path)

    def _with_suggestions(self, task: Task, wanted: Sequence[CellKey]) -> Task:
        """Add the items that `labelwise.suggest` names, once for each draw."""
        keys = [key for key in wanted if METHODS[key.method].selection == SUGGESTED]
        n_labels, n_draws = max(key.n_labeled for key in keys), 1 + max(key.draw for key in keys)
        self.progress.tell(f"suggesting {n_labels} items to label")
        encoding: Encoding = task.pool.get("encoding")
        suggested = np.array(
            [
                [found.index for found in suggest_from(encoding, n_labels, random_state=draw)]
                for draw in range(n_draws)
            ]
        )
        return replace(task, pool=replace(task.pool, suggested=suggested))

    def score(self, keys: Sequence[CellKey], task: Task, what: str) -> None:
        """Run cells in random order, so that the time left can be foreseen, and record each one at once."""
        if self.dataset.y is None:
            raise StudyError("there are no classes to score with")
        truth, truth_held_out = (self.dataset.y[part] for part in (self.parts.pool, self.parts.held_out))
        order = numpy_generator(0).permutation(len(keys))
        jobs = (
            delayed(score_cell)(keys[number], task, truth, truth_held_out, self.dataset.name)
            for number in order
        )
        cells = Parallel(return_as="generator_unordered")(jobs)
        try:
            for cell in self.progress.follow(cells, len(keys), what):
                self.log.add(cell)
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # joblib warns of cells that were under way when cancelled
                cells.close()


def _needs(keys: Iterable[CellKey]) -> set[str]:
    return {feature for key in keys for feature in METHODS[key.method].needs} - {"items"}
