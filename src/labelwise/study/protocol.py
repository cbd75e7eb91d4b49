"""What a study is: its settings, read from TOML, and the checks that are made before anything runs."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from labelwise.data import Dataset
from labelwise.errors import StudyError
from labelwise.gmvae import GMVAE
from labelwise.parameters import Constraint, Either, Fraction, Integer, Option, SequenceOf, check_parameters
from labelwise.study.methods import DEFAULT_METHODS, METHODS, id_of, name_of

# Of the pool: the labelled fractions of the published study (`docs/study.md`, "Methods").
PUBLISHED_FRACTIONS = (5e-5, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 5e-1)

_OWN_MODEL_KEYS = ("random_state", "verbose")  # the study sets these itself


class _Text:
    """Some text."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and bool(value)

    def describe(self) -> str:
        return "text"


class _ModelTable:
    """Parameters of `GMVAE`."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def describe(self) -> str:
        return "a table of GMVAE parameters"


@dataclass(frozen=True)
class Study:
    """The settings of a study, as in its TOML file.

    Attributes
    ----------
    dataset : str
        A name or path, as for `load_dataset`.
    fractions : tuple of float, or None
        Labelled fractions of the pool; None takes the published ones that give at least 2 labels.
    budgets : tuple of int, or None
        Numbers of labels, instead of fractions.
    draws : int
        Random draws of labels, not stratified, at each budget.
    model_seeds : tuple of int
        One model is trained for each.
    methods : tuple of str
        Keys of `METHODS`; by default all but students and methods with chosen labels, which take long.
    held_out : "auto", "none" or float
        Items that take no part in training and are scored separately: the test part of the data set if it has
        one ("auto"), none, or a random share.
    slow_draws, slow_labels : int
        Slow methods get only the first `slow_draws` draws at budgets above `slow_labels`.
    target : float
        The report says how many labels reach this accuracy.
    label_column : str or None
        Column of a table that holds the classes.
    model : dict
        Parameters of `GMVAE`.
    """

    dataset: str
    fractions: tuple[float, ...] | None = None
    budgets: tuple[int, ...] | None = None
    draws: int = 5
    model_seeds: tuple[int, ...] = (0,)
    methods: tuple[str, ...] = DEFAULT_METHODS
    held_out: str | float = "auto"
    slow_draws: int = 1
    slow_labels: int = 5000
    target: float = 0.8
    label_column: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON values, with methods by name; `make_study` reads them back."""
        settings = {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        return {**settings, "methods": [name_of(method) for method in self.methods]}


_CONSTRAINTS: dict[str, Constraint] = {
    "dataset": _Text(),
    "fractions": Either(Option(None), SequenceOf(Fraction())),
    "budgets": Either(Option(None), SequenceOf(Integer(1))),
    "draws": Integer(1),
    "model_seeds": SequenceOf(Integer(0)),
    "methods": SequenceOf(_Text()),
    "held_out": Either(Option("auto", "none"), Fraction()),
    "slow_draws": Integer(1),
    "slow_labels": Integer(0),
    "target": Fraction(),
    "label_column": Either(Option(None), _Text()),
    "model": _ModelTable(),
}


def read_study(path: Path) -> Study:
    """Read a study from a TOML file.

    Raises
    ------
    StudyError
        If it cannot be read, or keys are unknown or have values that are not allowed; all are named.

    Notes
    -----
    A path in `dataset` is relative to the folder of the file.
    """
    try:
        with path.open("rb") as file:
            settings = tomllib.load(file)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not TOML: {error}") from error
    try:
        study = make_study(settings)
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from error
    beside = path.parent / study.dataset
    return replace(study, dataset=str(beside)) if os.path.exists(beside) else study


# As in studies/digits.toml: the embedded digits are 8x8 and few, so that a small model is enough, and several
# seeds take seconds.
_DIGITS: dict[str, Any] = {
    "model_seeds": [0, 1, 2],
    "model": {
        "n_components": 30,
        "n_latent": 8,
        "n_hidden": 128,
        "n_layers": 2,
        "max_epochs": 150,
        "batch_size": 64,
        "learning_rate": 2e-3,
    },
}


def default_study(dataset: str, label_column: str | None = None) -> Study:
    """Study a data set with the published protocol and the default model."""
    settings: dict[str, Any] = {"dataset": dataset, "label_column": label_column}
    if dataset == "digits":
        settings |= _DIGITS
    return make_study(settings)


def make_study(settings: Mapping[str, Any]) -> Study:
    """Check settings, with methods given by name or id, and make a study of them.

    Raises
    ------
    StudyError
    """
    settings = dict(settings)
    faults = [_unknown(key, list(_CONSTRAINTS), "key") for key in settings if key not in _CONSTRAINTS]
    if "dataset" not in settings:
        faults.append('dataset is missing: name the data, such as dataset = "mnist"')
    faults += _method_faults(settings)
    for key, constraint in _CONSTRAINTS.items():
        if key in settings and not constraint.accepts(settings[key]):
            faults.append(f"{key}={settings[key]!r} must be {constraint.describe()}")
    model = settings.get("model", {})
    if isinstance(model, Mapping):
        faults += _model_faults(model)
    if settings.get("fractions") is not None and settings.get("budgets") is not None:
        faults.append("give fractions or budgets, not both")
    for key in ("model_seeds", "methods", "fractions", "budgets"):
        values = settings.get(key)
        if isinstance(values, list | tuple) and len({repr(value) for value in values}) < len(values):
            faults.append(f"{key} lists a value twice")
    if faults:
        raise StudyError("; ".join(faults))
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()
    }
    return Study(**fields)


def _method_faults(settings: dict[str, Any]) -> list[str]:
    """Replace names of methods by ids in `settings`, where they are a list, and name those nobody knows."""
    listed = settings.get("methods")
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str) for name in listed):
        return []
    names = [method.name for method in METHODS.values()]
    faults = [_unknown(name, names, "method") for name in listed if id_of(name) is None]
    if not faults:
        settings["methods"] = [id_of(name) for name in listed]
    return faults


def _model_faults(model: Mapping[str, Any]) -> list[str]:
    allowed = [name for name in GMVAE().get_params() if name not in _OWN_MODEL_KEYS]
    faults = [
        _unknown(f"model.{key}", [f"model.{name}" for name in allowed], "key")
        for key in model
        if key not in allowed
    ]
    known = {key: value for key, value in model.items() if key in allowed}
    try:
        check_parameters({**GMVAE().get_params(), **known}, GMVAE._constraints)
    except ValueError as error:
        faults.append(f"model: {error}")
    return faults


def _unknown(key: str, allowed: list[str], kind: str) -> str:
    close = difflib.get_close_matches(key, allowed, n=1, cutoff=0.75)  # catches a letter or two, not chance
    hint = f"did you mean {close[0]}?" if close else f"allowed are {', '.join(allowed)}"
    return f"unknown {kind} {key}: {hint}"


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows of a data set: those the model learns from and labels are drawn from, and those held out."""

    pool: np.ndarray
    held_out: np.ndarray


def split_parts(study: Study, dataset: Dataset) -> Parts:
    """Split the rows of a data set into the pool and the held-out items, each in its order."""
    rows = np.arange(len(dataset.X))
    if isinstance(study.held_out, float):
        n_held_out = max(1, round(study.held_out * len(rows)))
        # A fixed seed: held-out items are the same for all model seeds and draws.
        mask = np.zeros(len(rows), dtype=bool)
        mask[np.random.default_rng(0).permutation(rows)[:n_held_out]] = True
    elif study.held_out == "auto" and dataset.split is not None:
        mask = np.asarray(dataset.split)
    else:
        mask = np.zeros(len(rows), dtype=bool)
    return Parts(rows[~mask], rows[mask])


def check_data(study: Study, dataset: Dataset, parts: Parts) -> None:
    """Refuse data that cannot be studied.

    Raises
    ------
    StudyError
    """
    if dataset.y is None or dataset.names is None:
        raise StudyError(
            f"{dataset.name} has no label column: a study scores answers, so it needs the class of every "
            "item (y in .npz, label_column for a table, one subfolder per class for images)"
        )
    counts = np.bincount(dataset.y[parts.pool], minlength=len(dataset.names))
    if len(counts) < 2:
        raise StudyError(f"{dataset.name} has only one class: there is nothing to tell apart")
    if len(parts.pool) <= len(counts):
        raise StudyError(f"{dataset.name} has {len(parts.pool)} items of {len(counts)} classes: too few")
    rare = np.flatnonzero(counts < 2)
    if len(rare):
        names = ", ".join(f"{dataset.names[code]!r} ({counts[code]})" for code in rare[:5])
        raise StudyError(
            f"{dataset.name} has classes with fewer than two items: {names}; a class needs one item to label "
            "and one to score: merge or remove such classes"
        )
    label_budgets(study, len(parts.pool))


def label_budgets(study: Study, n_pool: int) -> list[int]:
    """Numbers of labels, ascending.

    Raises
    ------
    StudyError
        If a budget rounds to no label, or leaves no item to score.
    """
    if study.budgets is not None:
        budgets = list(study.budgets)
    elif study.fractions is not None:
        budgets = [round(fraction * n_pool) for fraction in study.fractions]
    else:
        budgets = [round(fraction * n_pool) for fraction in PUBLISHED_FRACTIONS]
        budgets = [n_labels for n_labels in budgets if n_labels >= 2]
    wrong = [n_labels for n_labels in budgets if not 1 <= n_labels < n_pool]
    if wrong:
        raise StudyError(
            f"a budget of {wrong[0]} labels cannot be studied with {n_pool:,} items: it must be from 1 to "
            f"{n_pool - 1:,}; change fractions or budgets"
        )
    return sorted(set(budgets))
