"""Names of components, carried over from one model to the next by the items that components share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelwise.project.journal import Decision
from labelwise.storage import read_tensors, write_tensors

_MAJORITY = 0.5  # of a component's items that must have come from components of one name


@dataclass(frozen=True)
class Group:
    """A named component.

    Attributes
    ----------
    component : int
        As the model numbered it that was there when the name was given.
    label : str
    model : str
        Fingerprint of that model.
    now : tuple of int
        Components of today's model that the name holds for; empty where none is made of its items.
    """

    component: int
    label: str
    model: str
    now: tuple[int, ...]


def keep_assignment(path: Path, digests: np.ndarray, top: np.ndarray) -> None:
    """Write which component each item belongs to, so that names outlive the model.

    Raises
    ------
    StorageError
    """
    write_tensors(path, {"digests": digests, "components": top.astype(np.int32)}, {"kind": "components"})


def match_names(
    decisions: Sequence[Decision], model: str, digests: np.ndarray, top: np.ndarray, folder: Path
) -> tuple[dict[int, str], list[Group]]:
    """Names of today's components.

    A name given to a component of today's model holds as it is. One given to a component of an earlier model
    goes with its items: a component of today's is called what more than half of its items were called.

    Parameters
    ----------
    decisions : sequence of Decision
        Those that name components, in order.
    model : str
        Fingerprint of today's model.
    digests : ndarray of shape (n_samples,), uint64
    top : ndarray of shape (n_samples,), int
        Component of each item, as today's model has it.
    folder : Path
        Where `keep_assignment` wrote those of earlier models, one file a fingerprint.

    Returns
    -------
    names : dict of int to str
    groups : list of Group
        All names that were given, with what became of them.
    """
    latest: dict[tuple[str, int], str | None] = {}
    for decision in decisions:
        if decision.model is not None and decision.component is not None:
            latest[decision.model, decision.component] = decision.label
    called = {key: label for key, label in latest.items() if label is not None}
    names: dict[int, str] = {}
    became: dict[tuple[str, int], set[int]] = {key: set() for key in called}
    for old in sorted({key[0] for key in called} - {model}):
        for key, component in _carried_over(old, called, digests, top, folder):
            became[key].add(component)
            names[component] = called[key]
    for (where, component), label in called.items():
        if where == model:
            names[component] = label
            became[where, component].add(component)
    groups = [Group(key[1], label, key[0], tuple(sorted(became[key]))) for key, label in called.items()]
    return names, groups


def _carried_over(
    old: str, called: dict[tuple[str, int], str], digests: np.ndarray, top: np.ndarray, folder: Path
) -> list[tuple[tuple[str, int], int]]:
    """Named components of an earlier model, each with one of today's that has its name."""
    arrays, _ = read_tensors(folder / f"{old}.safetensors")
    order = np.argsort(arrays["digests"])
    places = np.searchsorted(arrays["digests"][order], digests).clip(max=len(order) - 1)
    known = arrays["digests"][order][places] == digests
    before = np.where(known, arrays["components"][order][places], -1)
    found = []
    for component in np.unique(top):
        homes = before[(top == component) & known]
        if not len(homes):
            continue
        votes = Counter({label: 0 for (where, _), label in called.items() if where == old})
        counts = Counter(homes.tolist())
        for home, count in counts.items():
            if (old, home) in called:
                votes[called[old, home]] += count
        label, count = max(votes.items(), key=lambda vote: vote[1])
        if count > _MAJORITY * len(homes):
            found += [((old, home), int(component)) for home in counts if called.get((old, home)) == label]
    return found
