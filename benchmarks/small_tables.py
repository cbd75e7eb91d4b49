"""Small tables: what sizes of networks and numbers of steps that follow from the table cost, and save.

Default classifiers against the settings that were the defaults before, in one run and on the same draws of
labels. Writes results/small_tables.md. NSL-KDD is used where a table of it is given.

Example: python benchmarks/small_tables.py --nsl-kdd nsl-kdd.csv
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_classification,
    make_moons,
)
from sklearn.preprocessing import StandardScaler

from labelwise import GMVAE, UNLABELED
from labelwise.decoding import AutoDecoder, PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.nn.defaults import resolve_batch_size

SEEDS, N_DRAWS = (0, 1, 2), 10
N_LABELS, N_LABELS_OF_MANY, MANY = 30, 60, 6  # labels in a draw: more where there are so many classes

Table = tuple[np.ndarray, np.ndarray]


def moons() -> Table:
    """Two moons, bent into 20 noisy columns."""
    rng = np.random.default_rng(0)
    X, y = make_moons(400, noise=0.1, random_state=0)
    bent = np.column_stack([X, X**2, np.sin(2 * X)]) @ rng.standard_normal((6, 20))
    return bent + 0.3 * rng.standard_normal(bent.shape), y


def digits(start: int, stop: int) -> Table:
    """Some of the embedded digits, as rows of pixels."""
    X, y = load_digits(return_X_y=True)
    return np.minimum(X * 16, 255).astype(np.uint8)[start:stop], y[start:stop]


def make_classes(n_samples: int, n_features: int, n_informative: int, **options: float) -> Table:
    """Draw one cluster a class."""
    return make_classification(
        n_samples, n_features, n_informative=n_informative, n_clusters_per_class=1, **options
    )


TABLES: dict[str, Callable[[], Table]] = {
    "wine": lambda: load_wine(return_X_y=True),
    "moons": moons,
    "blobs": lambda: make_blobs(300, 10, centers=6, cluster_std=4, random_state=0),
    "iris": lambda: load_iris(return_X_y=True),
    "classes, small": lambda: make_classes(200, 8, 5, n_classes=3, class_sep=1.2, random_state=3),
    "digits": lambda: digits(900, 1050),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "classes": lambda: make_classes(600, 20, 8, n_classes=4, class_sep=1.5, random_state=0),
    "classes, long": lambda: make_classes(
        900, 6, 5, n_classes=3, n_redundant=1, class_sep=1.2, random_state=2
    ),
}
CHOSEN_ON = ("iris", "classes, small")
LOOKED_AT = ("breast cancer", "classes", "NSL-KDD")  # by earlier rules, while the last was looked for


def attacks(path: Path, n_samples: int, seed: int) -> Table:
    """Rows of NSL-KDD: numbers as log(1 + x), categories one-hot, standardised."""
    import pandas as pd

    frame = pd.read_csv(path)
    frame = frame.iloc[np.random.default_rng(seed).choice(len(frame), n_samples, replace=False)]
    y = np.unique(frame.pop("family"), return_inverse=True)[1]
    numbers = np.log1p(frame.select_dtypes("number").to_numpy(float))
    X = np.column_stack([numbers, pd.get_dummies(frame.select_dtypes(exclude="number")).to_numpy(float)])
    return StandardScaler().fit_transform(X[:, X.std(axis=0) > 0]), y


@dataclass(frozen=True)
class Outcome:
    """Of one model: accuracies of each draw, processor seconds, and what was trained."""

    answers: list[float]
    latents: list[float]
    seconds: float
    steps: int
    width: int
    components: int


def before(X: np.ndarray) -> GMVAE:
    """Build what `GMVAE()` was: 4,000 steps, at most 500 epochs, and networks of one size."""
    batches = math.ceil(len(X) / resolve_batch_size("auto", len(X)))
    return GMVAE(
        100,
        n_hidden=512,
        learning_rate=1e-3,
        max_epochs=min(max(math.ceil(4000 / batches), 20), 500),
        batch_size=resolve_batch_size("auto", len(X)),
    )


def after(X: np.ndarray) -> GMVAE:
    """Build what a classifier takes by default."""
    return GMVAE(None)


def measure(X: np.ndarray, truth: np.ndarray, template: GMVAE, seed: int) -> Outcome:
    start = time.process_time()
    gmvae = template.set_params(random_state=seed).fit(X)
    seconds = time.process_time() - start
    encoding = gmvae.encode(X)
    of_model = Encoding(encoding.posteriors, encoding.latents)
    n_labels = N_LABELS if len(np.unique(truth)) < MANY else N_LABELS_OF_MANY
    answers, latents = [], []
    for draw in range(N_DRAWS):
        rows = np.random.default_rng([draw, len(X)]).permutation(len(X))[:n_labels]
        y = np.full(len(X), UNLABELED)
        y[rows] = truth[rows]
        hidden = y == UNLABELED
        for found, decoder, seen in (
            (answers, AutoDecoder(), encoding),
            (latents, PoissonDecoder(), of_model),
        ):
            found.append(float((decoder.fit(seen, y).predict(seen) == truth)[hidden].mean()))
    steps = gmvae.n_epochs_ * math.ceil(len(X) / gmvae.batch_size_)
    width = gmvae.module_.architecture.hidden[0]
    return Outcome(answers, latents, seconds, steps, width, len(gmvae.weights_))


def row(name: str, X: np.ndarray, truth: np.ndarray) -> str:
    """Train both ways with each seed, and give one row of the table."""
    old, new = ([measure(X, truth, make(X), seed) for seed in SEEDS] for make in (before, after))
    last = new[-1]
    cells = [
        f"{name} ({len(X):,} x {X.shape[1]})",
        "chosen on" if name in CHOSEN_ON else "seen" if name in LOOKED_AT else "confirmed on",
        f"{old[-1].steps:,} to {last.steps:,}",
        f"512 to {last.width}",
        f"{old[-1].components} to {last.components}",
        *(
            " to ".join(
                f"{np.mean([getattr(outcome, what) for outcome in outcomes]):.3f}" for outcomes in (old, new)
            )
            for what in ("answers", "latents")
        ),
        f"{sum(o.seconds for o in old) / sum(o.seconds for o in new):.1f}",
    ]
    line = "| " + " | ".join(cells) + " |"
    print(line, flush=True)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nsl-kdd", type=Path, help="table with a column `family`")
    parser.add_argument("--only", nargs="*", help="names of tables")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    tables = dict(TABLES)
    if arguments.nsl_kdd is not None:
        tables["NSL-KDD"] = lambda: attacks(arguments.nsl_kdd, 1000, 0)
    names = arguments.only or list(tables)
    rows = "\n".join(row(name, *tables[name]()) for name in names)
    text = f"""# Small tables

`python benchmarks/small_tables.py --nsl-kdd nsl-kdd.csv`, one thread: the default classifier's model
before and after settings followed from the size of the table. Mean accuracy on unlabelled rows, of
`AutoDecoder` and of Poisson learning on the model's latents alone, over {len(SEEDS)} model seeds and
{N_DRAWS} draws of {N_LABELS} labels ({N_LABELS_OF_MANY} from {MANY} classes on). The last column is processor
time of training, before over after. From 1,500 rows of 16 columns on only the number of components is
another, from 1,600 rows on nothing.

| table | | steps | width | components | accuracy | of the latents | times as fast |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}
"""
    if not arguments.only:
        Path(__file__).parent.joinpath("results", "small_tables.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
