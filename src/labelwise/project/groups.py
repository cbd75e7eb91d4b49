"""Names of components, carried over from one model to the next by the items that components share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelwise.damage import damage_told
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
    said: dict[tuple[str, int], str | None] = {}  # None where a name was taken away
    for decision in decisions:
        if decision.model is not None and decision.component is not None:
            said[decision.model, decision.component] = decision.label
    names: dict[int, str | None] = {}
    became: dict[tuple[str, int], set[int]] = {key: set() for key in said}
    # What was said of a later model counts for more; of today's it counts last, whenever that was.
    for where in sorted(dict.fromkeys(key[0] for key in said), key=lambda each: each == model):
        if where == model:
            found = [((where, component), component) for _, component in said if _ == where]
            found = [(key, component) for key, component in found if (top == component).any()]
        else:
            found = _carried_over(where, said, digests, top, folder)
        for key, component in found:
            became[key].add(component)
            names[component] = said[key]
    groups = [
        Group(key[1], label, key[0], tuple(sorted(became[key])))
        for key, label in said.items()
        if label is not None
    ]
    return {component: label for component, label in names.items() if label is not None}, groups


def _carried_over(
    old: str, said: dict[tuple[str, int], str | None], digests: np.ndarray, top: np.ndarray, folder: Path
) -> list[tuple[tuple[str, int], int]]:
    """Named components of an earlier model, each with one of today's that has its name."""
    place = folder / f"{old}.safetensors"
    # A journal that was copied from another project may name any model: its names are lost, and are shown so.
    if place.parent != folder or not os.path.exists(place):
        return []
    arrays, _ = read_tensors(place)
    with damage_told(place):
        order = np.argsort(arrays["digests"])
        places = np.searchsorted(arrays["digests"][order], digests).clip(max=len(order) - 1)
        known = arrays["digests"][order][places] == digests
        before = np.where(known, arrays["components"][order][places], -1)
    found = []
    for component in np.unique(top):
        homes = before[(top == component) & known]
        if not len(homes):
            continue
        counts = {home: count for home, count in Counter(homes.tolist()).items() if (old, home) in said}
        votes: Counter[str | None] = Counter()
        for home, count in counts.items():
            votes[said[old, home]] += count
        for label, count in votes.items():
            if count > _MAJORITY * len(homes):
                found += [((old, home), int(component)) for home in counts if said[old, home] == label]
    return found
