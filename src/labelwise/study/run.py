"""Run a study: models, cells in parallel, results as they are finished. A run folder can be gone on with."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed, parallel_config

from labelwise.data import Dataset, load_dataset
from labelwise.decoding import PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.errors import MissingExtraError, StorageError, StudyError
from labelwise.gmvae import GMVAE
from labelwise.planning.suggest import suggest_from
from labelwise.randomness import numpy_generator
from labelwise.storage import differing, fingerprint, read_manifest, write_text
from labelwise.study.features import Task, prepare
from labelwise.study.methods import METHODS
from labelwise.study.protocol import Parts, Study, check_data, label_budgets, split_parts
from labelwise.study.results import NO_MODEL, Cell, CellKey, CellLog, summarise, write_rows
from labelwise.study.sweep import score_cell

Say = Callable[[str], None]

# Labels are chosen up to this number; beyond it random ones do about as well.
MAX_CHOSEN = 500

# What a run folder must agree about to be gone on with; draws, seeds, budgets and methods may grow.
_FIXED = ("dataset", "held_out", "label_column", "model")
_SECONDS_BETWEEN_LINES = 10.0
_VERSIONS = ("labelwise", "numpy", "scipy", "scikit-learn", "torch", "xgboost", "xgboost-cpu", "joblib")


@dataclass(frozen=True)
class Workers:
    """Where cells run.

    Attributes
    ----------
    n_jobs : int
        Cells at a time; -1 for one a core.
    backend : "loky" or "dask"
        Processes of this machine, or a Dask cluster.
    address : str or None
        Of the Dask scheduler; None starts a cluster on this machine.
    timeout : float
        Seconds to wait for the scheduler.
    """

    n_jobs: int = -1
    backend: str = "loky"
    address: str | None = None
    timeout: float = 30.0


def run_study(
    study: Study, output: Path, workers: Workers | None = None, *, say: Say = lambda line: None
) -> None:
    """Run what is missing of a study and write `results.csv`, `summary.csv` and `study.json`.

    Parameters
    ----------
    study : Study
    output : Path
        Run folder. Cells that it holds already are not run again, unless they failed; trained models are used
        as they are.
    workers : Workers, default=None
        None uses all cores of this machine.
    say : callable
        Gets lines of progress.

    Raises
    ------
    StudyError
        If the data do not serve, or the folder belongs to another study.
    StorageError
        If the folder cannot be written.
    """
    dataset = load_dataset(study.dataset, label_column=study.label_column)
    parts = split_parts(study, dataset)
    check_data(study, dataset, parts)
    say(dataset.describe())
    if len(parts.held_out):
        say(f"{len(parts.held_out):,} items are held out; {len(parts.pool):,} are the pool")
    _claim_folder(study, dataset, parts, output)
    log = CellLog(output / "results.csv")
    if failed := log.drop_failed():
        say(f"{failed:,} cells failed before and are tried again")
    keys = plan_cells(study, label_budgets(study, len(parts.pool)))
    done = {cell.key for cell in log.cells}
    pending = [key for key in keys if key not in done]
    if len(pending) < len(keys):
        say(f"{len(keys) - len(pending):,} of {len(keys):,} cells are done already")
    bench = _Bench(study, dataset, parts, output, log, say)
    models = {seed: [key for key in pending if key.model_seed == seed] for seed in study.model_seeds}
    # First of all, so that a cluster that does not answer is told before models are trained.
    with _backend(workers or Workers()):
        gmvaes = {seed: bench.model(seed) for seed in study.model_seeds}
        for seed, wanted in models.items():
            if wanted:
                bench.score(wanted, bench.model_task(gmvaes[seed], wanted))
        wanted = [key for key in pending if key.model_seed == NO_MODEL]
        if wanted:
            say("preparing the other methods: " + ", ".join(sorted(_needs(wanted))))
            task, seconds = prepare(
                _needs(wanted), dataset.X[parts.pool], dataset.X[parts.held_out], _n_components(study)
            )
            _note(output, preparation_seconds={name: round(value, 2) for name, value in seconds.items()})
            bench.score(wanted, task)
    finish(study, output)


def finish(study: Study, output: Path) -> None:
    """Put `results.csv` in order and write `summary.csv`."""
    cells = CellLog(output / "results.csv").cells
    order = {name: number for number, name in enumerate(METHODS)}
    cells.sort(key=lambda cell: (cell.n_labeled, order.get(cell.method, -1), cell.model_seed, cell.draw))
    write_rows(output / "results.csv", cells, Cell)
    write_rows(output / "summary.csv", summarise(cells))


def plan_cells(study: Study, budgets: Iterable[int]) -> list[CellKey]:
    """All cells of a study; slow methods get fewer draws at large budgets."""
    keys = []
    for n_labeled in budgets:
        for name in study.methods:
            method = METHODS[name]
            if method.selection != "random" and n_labeled > MAX_CHOSEN:
                continue
            few = method.slow and n_labeled > study.slow_labels
            n_draws = min(study.slow_draws, study.draws) if few else study.draws
            seeds = study.model_seeds if method.uses_model else (NO_MODEL,)
            keys += [CellKey(name, seed, n_labeled, draw) for seed in seeds for draw in range(n_draws)]
    return keys


def _needs(keys: Iterable[CellKey]) -> set[str]:
    return {feature for key in keys for feature in METHODS[key.method].needs} - {"items"}


def _n_components(study: Study) -> int:
    return int(study.model.get("n_components", GMVAE().n_components))


@contextmanager
def _backend(workers: Workers) -> Iterator[None]:
    """Within, joblib runs cells where they should be run."""
    if workers.backend == "loky":
        n_jobs = cpu_count() if workers.n_jobs < 0 else workers.n_jobs
        with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("the dask backend", "dask.distributed", "scale") from None
    try:
        client = Client(workers.address, timeout=workers.timeout)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise StudyError(f"no Dask scheduler answers at {workers.address}: {error}") from error
    with client, parallel_config("dask", n_jobs=workers.n_jobs):
        yield


class _Clock:
    """Says how many cells of a group are done and how long the rest of it will take."""

    def __init__(self, what: str, n_cells: int, say: Say) -> None:
        self._what, self._n_cells, self._say = what, n_cells, say
        self._n_done, self._start = 0, time.monotonic()
        self._last_line = self._start

    def count(self) -> None:
        """One more cell is done."""
        self._n_done += 1
        now = time.monotonic()
        if now - self._last_line < _SECONDS_BETWEEN_LINES and self._n_done < self._n_cells:
            return
        self._last_line = now
        left = (now - self._start) / self._n_done * (self._n_cells - self._n_done)
        self._say(f"{self._what}: cell {self._n_done:,} of {self._n_cells:,}, about {_duration(left)} left")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@dataclass(frozen=True, eq=False)
class _Bench:
    """The data of a study, where models are trained and cells are scored."""

    study: Study
    dataset: Dataset
    parts: Parts
    output: Path
    log: CellLog
    say: Say

    def model(self, seed: int) -> GMVAE:
        """The model of a seed: loaded from the run folder, or trained with a checkpoint beside it."""
        path = self.output / "models" / f"seed-{seed}.labelwise"
        if path.exists():
            return self._load(path, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.say(f"training the model of seed {seed}")
        checkpoint = path.with_suffix(".checkpoint")
        gmvae = GMVAE(**self.study.model, random_state=seed, verbose=1)
        start = time.perf_counter()
        gmvae.fit(self.dataset.X[self.parts.pool], checkpoint=checkpoint, resume=checkpoint.exists())
        seconds = time.perf_counter() - start
        gmvae.save(
            path,
            extra={
                "data": {"name": self.dataset.name, "n_samples": len(self.parts.pool)},
                "seconds": seconds,
            },
        )
        checkpoint.unlink(missing_ok=True)
        self.say(f"trained the model of seed {seed} in {_duration(seconds)}")
        return gmvae

    def _load(self, path: Path, seed: int) -> GMVAE:
        there = read_manifest(path)["parameters"]
        here = GMVAE(**self.study.model, random_state=seed, verbose=1).get_params()
        here = {name: list(value) if isinstance(value, tuple) else value for name, value in here.items()}
        if differences := differing(there, here):
            raise StudyError(
                f"{path} was trained otherwise ({'; '.join(differences)}): use another run folder"
            )
        return GMVAE.load(path)

    def model_task(self, gmvae: GMVAE, wanted: list[CellKey]) -> Task:
        """What the model says of pool and held-out items, computed once for all cells."""
        X = self.dataset.X
        task, _ = prepare(set(), X[self.parts.pool], X[self.parts.held_out], 1)
        needs = _needs(wanted)
        parts = [X[self.parts.pool], X[self.parts.held_out]]
        encoding = gmvae.encode(parts[0])
        for part in ("latents", "features"):
            graph = encoding.points(part).neighbourhood(PoissonDecoder().n_neighbors)
            for each in (encoding.top, encoding.overlap, graph.degrees, graph.parts):
                each.shape  # noqa: B018 (computed here, and not in every cell)
        pool = replace(task.pool, images=parts[0], encoding=encoding)
        if "suggested" in needs:
            pool = replace(pool, suggested=self._suggestions(encoding, wanted))
        held_out = task.held_out
        if held_out is not None:
            held_out = replace(held_out, images=parts[1], encoding=gmvae.encode(parts[1]))
        return Task(pool, held_out, augment=gmvae.augment_)

    def _suggestions(self, encoding: Encoding, wanted: list[CellKey]) -> np.ndarray:
        keys = [key for key in wanted if METHODS[key.method].selection == "suggested"]
        n_labels = max(key.n_labeled for key in keys)
        self.say(f"suggesting {n_labels} items to label")
        return np.array(
            [
                [found.index for found in suggest_from(encoding, n_labels, random_state=draw)]
                for draw in range(max(key.draw for key in keys) + 1)
            ]
        )

    def score(self, keys: list[CellKey], task: Task) -> None:
        """Run cells, in an order that makes the time left easy to foretell, and keep each at once."""
        if self.dataset.y is None:
            raise StudyError("there are no classes to score with")
        truth, truth_held_out = (self.dataset.y[part] for part in (self.parts.pool, self.parts.held_out))
        order = numpy_generator(0).permutation(len(keys))
        jobs = (
            delayed(score_cell)(keys[number], task, truth, truth_held_out, self.dataset.name)
            for number in order
        )
        seed = keys[0].model_seed
        clock = _Clock("without a model" if seed == NO_MODEL else f"model {seed}", len(keys), self.say)
        for cell in Parallel(return_as="generator_unordered")(jobs):
            self.log.add(cell)
            clock.count()


def _claim_folder(study: Study, dataset: Dataset, parts: Parts, output: Path) -> None:
    """Make the run folder ours, or refuse one that belongs to another study."""
    if dataset.y is None or dataset.names is None:
        raise StudyError("there are no classes to score with")
    settings = study.as_dict()
    data = {
        "name": dataset.name,
        "n_pool": len(parts.pool),
        "n_held_out": len(parts.held_out),
        "item_shape": list(dataset.X.shape[1:]),
        "classes": {
            name: int(count)
            for name, count in zip(
                dataset.names,
                np.bincount(dataset.y[parts.pool], minlength=len(dataset.names)),
                strict=True,
            )
        },
        "fingerprint": fingerprint(dataset.X[parts.pool].reshape(len(parts.pool), -1)),
    }
    place = output / "study.json"
    if place.exists():
        before = read_notes(output)
        there = {
            **{name: before["study"].get(name) for name in _FIXED},
            "data": before["data"]["fingerprint"],
        }
        here = {**{name: settings[name] for name in _FIXED}, "data": data["fingerprint"]}
        # Where the data lie is no part of what they are.
        there["dataset"], here["dataset"] = before["data"]["name"], data["name"]
        if differences := differing(there, here):
            raise StudyError(
                f"{output} belongs to another study ({'; '.join(differences)}): choose another folder with -o"
            )
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise StudyError(f"{output} is not empty and no run folder: choose another folder with -o")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write {output}: {error.strerror}; choose another folder with -o"
        ) from error
    _note(output, study=settings, data=data, versions=versions())


def versions() -> dict[str, str]:
    """Versions of what results depend on."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read_notes(output: Path) -> dict[str, Any]:
    """What `study.json` of a run folder says.

    Raises
    ------
    StudyError
        If there is none, or it is damaged.
    """
    place = output / "study.json"
    try:
        notes: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        if not {"study", "data"} <= notes.keys():
            raise ValueError("it is not complete")
        return notes
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StudyError(f"{place} cannot be read: {error}; run the study in another folder") from error


def _note(output: Path, **notes: Any) -> None:
    place = output / "study.json"
    text = json.dumps({**(read_notes(output) if place.exists() else {}), **notes}, indent=2)
    write_text(place, text + "\n")
