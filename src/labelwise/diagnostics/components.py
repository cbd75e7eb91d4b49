"""How many components? Candidates are trained on part of the data and compared on the rest.

Too few components mix classes; too many need more labels than there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import KFold

from labelwise.decoding import SoftDecoder
from labelwise.decoding.targets import split_labels
from labelwise.errors import CheckpointError, DataError
from labelwise.events import Event, Listener, check_listener, ignore, part_of
from labelwise.features import make_featurizer
from labelwise.gmvae import GMVAE
from labelwise.randomness import numpy_generator
from labelwise.storage import differing, fingerprint, read_manifest

# About doubling each time, since accuracy depends on the order of magnitude; 100 is GMVAE's default.
AUTO_GRID = (10, 20, 50, 100, 200)
_SEEDS = (0, 1)  # the fewest that show how much components change from one training to another
_HELD_OUT = 0.1
# A part of large data is enough to rank candidates, and bounds the time: two models are trained for each.
_MAX_TRAIN, _MAX_HELD_OUT = 20_000, 5_000
_ITEMS_PER_COMPONENT = 20  # a rule of thumb: the items of a component must show its mean and variance
_MIN_LABELS = 20  # as in `decoding.auto`: fewer cannot rank candidates
_STEADY = 0.1  # of the adjusted Rand index, which varies with the pair of seeds; not tuned
_FOLDS, _REPEATS = 5, 5  # five splits of the labels, since one alone makes the mean depend on its luck


@dataclass(frozen=True)
class Candidate:
    """A number of components, and the evidence for and against it.

    Attributes
    ----------
    n_components : int
    elbo : float
        Mean evidence lower bound of held-out items, in nats, averaged over two seeds.
    behind, behind_error : float
        The best candidate's bound minus this one's, averaged over items, and its standard error.
    stability : float
        Adjusted Rand index between the components that two seeds give held-out items.
    accuracy, accuracy_error : float
        Of soft decoding, cross-validated on the given labels, and its standard error; NaN with fewer than 20
        labels.
    chosen : bool
    """

    n_components: int
    elbo: float
    behind: float
    behind_error: float
    stability: float
    accuracy: float
    accuracy_error: float
    chosen: bool


def auto_grid(n_samples: int) -> list[int]:
    """Numbers of components worth trying: 10 to 200, with at least 20 items each."""
    return [n for n in AUTO_GRID if n * _ITEMS_PER_COMPONENT <= n_samples] or [2]


def compare_components(
    X: np.ndarray,
    grid: Sequence[int],
    *,
    parameters: Mapping[str, Any],
    folder: Path,
    y: np.ndarray | None = None,
    listen: Listener | None = None,
) -> list[Candidate]:
    """Train candidates and choose one.

    With at least 20 labels, this is the smallest candidate whose cross-validated accuracy is within one
    standard error of the best (Breiman et al., *Classification and Regression Trees*, 1984). Otherwise, among
    those whose evidence lower bound on held-out items is within one standard error of the best, it is the
    largest that is about as stable as the most stable one (adjusted Rand index at most 0.1 lower): splitting
    a class costs labels, but no label can undo mixing two.

    Parameters
    ----------
    X : ndarray of shape (n, ...), a frame, or what else a featurizer reads
    grid : sequence of int
    parameters : mapping
        Of `GMVAE`; `n_components` and `random_state` are set here.
    folder : Path
        Where trained candidates are kept, so that the same call resumes.
    y : ndarray of shape (n,), default=None
        Labels; -1 where there is none.
    listen : callable, default=None
        Gets an `Event` of the stage "components" before each model, for each batch and at the end. If it
        raises `Cancelled`, models trained so far stay in `folder`.

    Raises
    ------
    DataError
        If there are too few items for the largest candidate.
    Cancelled
        If the listener raised it.
    """
    check_listener(listen)
    listen = listen or ignore
    train, held_out = _split(len(X), max(grid))
    X, parameters = _features(X, train, parameters, folder, listen)
    labels, labeled = (np.empty(0), np.empty(0, np.int64)) if y is None else split_labels(y, len(X))
    elbos, components, accuracies = [], [], []
    n_steps = len(_SEEDS) * len(grid) + 1  # models, and the choice
    for number, n_components in enumerate(grid):
        models: list[GMVAE] = []
        for seed in _SEEDS:
            start = len(_SEEDS) * number + len(models)
            message = "" if models else f"{n_components} components: candidate {number + 1} of {len(grid)}"
            listen(Event("components", start / n_steps, message))
            path = folder / f"{n_components}-{seed}.labelwise"
            during = _during(listen, start / n_steps, (start + 1) / n_steps)
            models.append(_candidate(X[train], n_components, seed, parameters, path, during))
        elbos.append(np.mean([model.elbo(X[held_out]) for model in models], axis=0))
        components.append([model.predict(X[held_out]) for model in models])
        enough = len(labeled) >= _MIN_LABELS
        accuracies.append(
            [_cross_validated(model.predict_proba(X[labeled]), labels) for model in models] if enough else []
        )
    listen(Event("components", 1.0))
    return _choose(grid, elbos, components, accuracies, len(labeled))


def _during(listen: Listener, start: float, stop: float) -> Listener:
    """Report a training as a part of the comparison; the encoding at its end moves nothing."""
    part = part_of(listen, "components", start, stop)

    def tell(event: Event) -> None:
        part(event if event.stage == "training" else replace(event, fraction=1.0, message=""))

    return tell


def _split(n_samples: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    order = numpy_generator(0).permutation(n_samples)
    n_held_out = min(max(1, round(_HELD_OUT * n_samples)), _MAX_HELD_OUT)
    held_out, train = order[:n_held_out], order[n_held_out:][:_MAX_TRAIN]
    if len(train) < largest:
        raise DataError(
            f"{n_samples} items are too few to try {largest} components, as a tenth of them is held out: try "
            "fewer components"
        )
    return np.sort(train), np.sort(held_out)


def _features(
    X: Any, train: np.ndarray, parameters: Mapping[str, Any], folder: Path, listen: Listener
) -> tuple[np.ndarray, Mapping[str, Any]]:
    """What all candidates look at, made once, and parameters for that."""
    parameters = {**GMVAE(**parameters).get_params(), "random_state": _SEEDS[0]}
    featurizer, _ = make_featurizer(X, parameters)
    if featurizer is None:
        return X, parameters
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "features"
    try:
        featurizer.fit(X, checkpoint=place, resume=True, listen=listen)
    except CheckpointError:  # of other data or settings, as candidates may be: they are trained again, too
        featurizer.fit(X, checkpoint=place, listen=listen)
    features = featurizer.transform(X, listen=listen)
    features = features[:, np.ptp(features[train], axis=0) > 0]  # rare categories may be in other rows alone
    views = None if featurizer.of_pixels else parameters["augment"]  # they were of the images
    return features, {**parameters, "features": "none", "augment": views}


def _candidate(
    X: np.ndarray,
    n_components: int,
    seed: int,
    parameters: Mapping[str, Any],
    path: Path,
    listen: Listener,
) -> GMVAE:
    gmvae = GMVAE(**{**parameters, "n_components": n_components, "random_state": seed})
    data = fingerprint(X.reshape(len(X), -1))
    if path.exists():
        manifest = read_manifest(path)
        same_data = manifest["extra"].get("fingerprint") == data
        if same_data and not differing(manifest["parameters"], gmvae.get_params()):
            return GMVAE.load(path, device=gmvae.device)
    path.parent.mkdir(parents=True, exist_ok=True)
    gmvae.fit(X, listen=listen)
    gmvae.save(path, extra={"fingerprint": data})
    return gmvae


def _cross_validated(Q: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of repetitions in which each labelled item is predicted correctly from others; shape (n,)."""
    _, codes = np.unique(labels, return_inverse=True)
    right = np.zeros(len(codes))
    for repeat in range(_REPEATS):
        for train, test in KFold(_FOLDS, shuffle=True, random_state=repeat).split(Q):
            y = np.full(len(codes), -1)
            y[train] = codes[train]
            right[test] += SoftDecoder().fit(Q, y).predict(Q[test]) == codes[test]
    return right / _REPEATS


def _choose(
    grid: Sequence[int],
    elbos: Sequence[np.ndarray],
    components: Sequence[Sequence[np.ndarray]],
    accuracies: Sequence[Sequence[np.ndarray]],
    n_labeled: int,
) -> list[Candidate]:
    use_labels = n_labeled >= _MIN_LABELS
    goods = [np.mean(each, axis=0) for each in accuracies] if use_labels else list(elbos)
    best = max(range(len(grid)), key=lambda number: goods[number].mean())
    best_elbo = max(range(len(grid)), key=lambda number: elbos[number].mean())

    def gap(values: Sequence[np.ndarray], top: int, number: int) -> tuple[float, float]:
        difference = values[top] - values[number]
        return float(difference.mean()), float(difference.std(ddof=1) / math.sqrt(len(difference)))

    good_enough = [
        number for number in range(len(grid)) if gap(goods, best, number)[0] <= gap(goods, best, number)[1]
    ]
    stability = [float(adjusted_rand_score(*each)) for each in components]
    if use_labels:
        chosen = min(good_enough, key=lambda number: grid[number])
    else:
        steady = max(stability[number] for number in good_enough) - _STEADY
        chosen = max(
            (number for number in good_enough if stability[number] >= steady), key=lambda number: grid[number]
        )
    rows = []
    for number, n_components in enumerate(grid):
        behind, behind_error = gap(elbos, best_elbo, number)
        scores = goods[number] if use_labels else np.array([math.nan, math.nan])
        rows.append(
            Candidate(
                n_components=int(n_components),
                elbo=float(elbos[number].mean()),
                behind=behind,
                behind_error=behind_error,
                stability=stability[number],
                accuracy=float(scores.mean()),
                accuracy_error=float(scores.std(ddof=1) / math.sqrt(len(scores))),
                chosen=number == chosen,
            )
        )
    return rows
