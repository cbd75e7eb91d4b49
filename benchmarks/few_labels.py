"""Fewer than 20 labels: how much logistic regression should count in the product of decoders.

`python benchmarks/few_labels.py POOL --models FOLDER` writes `results/few_labels/POOL.csv`; without a name it
puts all pools that were measured into `results/few_labels.md`. Pools and their settings are those of
`pools.py`.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import clone

from labelwise.decoding.product import LINEAR, first_exponents, members, multiplied
from labelwise.encoding import Encoding
from labelwise.errors import LabelwiseWarning
from labelwise.planning.suggest import suggest_from
from labelwise.randomness import numpy_generator
from labelwise.study.spreading import neighbour_graph, spread_codes
from pools import BUDGETS, RESULTS, Row, Table, given, model_of, read, rows_of, score

N_LABELS = (10, 15)
SEEDS, N_DRAWS = (0, 1, 2), 3
EXPONENTS = (0.0, 0.02, 0.05, 0.1, 0.25)  # of logistic regression; those of the graphs sum to 1
PEER = "label spreading"
CHOSEN_ON = ("digits", "nsl-kdd", "cifar10", "mnist")


@dataclass(frozen=True)
class FewRow(Row):
    """One exponent, or the peer, with one set of labels."""


def measure(pool: str, models: Path | None) -> None:
    X, truth = read(pool)
    table = Table(RESULTS / "few_labels" / f"{pool}.csv", FewRow, [])
    for seed in SEEDS:
        encoding = model_of(pool, seed, X, models).encode(X)
        graph = neighbour_graph(encoding.features, encoding.features[:0])
        found = suggest_from(encoding, max(N_LABELS), random_state=seed)
        suggested = np.array([each.index for each in found])
        orders = [("random", draw, numpy_generator(draw).permutation(len(truth))) for draw in range(N_DRAWS)]
        for selection, draw, order in [*orders, ("suggested", 0, suggested)]:
            for n in N_LABELS:
                y = given(truth, order[:n])
                answers = answers_of(encoding, y)
                answers[PEER] = spread_codes(graph, y, int(truth.max()) + 1)[0].argmax(axis=1)
                for name, codes in answers.items():
                    scores = score(codes, truth, y)
                    table.keep(FewRow(pool, seed, draw, selection, n, name, **scores))


def answers_of(encoding: Encoding, y: np.ndarray) -> dict[str, np.ndarray]:
    """Class of each item, by exponent of logistic regression."""
    labeled = np.flatnonzero(y >= 0)
    classes, codes = np.unique(y[labeled], return_inverse=True)
    own = np.full(len(y), -1)
    own[labeled] = codes
    experts = members(encoding, use_features=True)
    start = {name: value for name, value in first_exponents(experts, encoding, own).items() if value > 0}
    said = {name: clone(experts[name]).fit(encoding, own)._opinion(encoding)[0] for name in start}
    return {
        str(exponent): classes[multiplied(said, start | {LINEAR: exponent}).argmax(axis=1)]
        for exponent in EXPONENTS
    }


def summarise() -> None:
    lines = [
        "# Fewer than 20 labels",
        "",
        "`python benchmarks/few_labels.py POOL --models FOLDER` for each pool, then without a name.",
        "Accuracy on the items without a label, by the exponent of logistic regression in the product of",
        "decoders; those of the graphs sum to 1. Means over",
        f"{len(SEEDS)} models and {N_DRAWS} draws of random labels (of suggested ones: over models).",
        "Label spreading is that of [pools](pools.md), on the features. The default, .05, was chosen on",
        f"{', '.join(CHOSEN_ON)}; the other pools had no say.",
        "",
        f"| pool | labels | {' | '.join(map(str, EXPONENTS))} | {PEER} |",
        "| --- " * (len(EXPONENTS) + 3) + "|",
    ]
    gains, deficits = [], []  # of .05 over .25, on the pools that had no say; behind label spreading
    for pool in BUDGETS:
        found = defaultdict(list)
        for row in rows_of(RESULTS / "few_labels" / f"{pool}.csv", FewRow):
            found[row.selection, row.n_labels, row.method].append(row.accuracy)
        for selection, n in sorted({key[:2] for key in found}):
            mean = {name: np.mean(found[selection, n, name]) for name in (*map(str, EXPONENTS), PEER)}
            cells = " | ".join(f"{cell:.3f}" for cell in mean.values())
            lines.append(f"| {pool} | {n} {selection} | {cells} |")
            deficits.append(mean[PEER] - mean["0.05"])
            if pool not in CHOSEN_ON:
                gains.append(mean["0.05"] - mean["0.25"])
    behind = [each for each in deficits if each > 0]
    lines += [
        "",
        f"On the pools that had no say, .05 is {min(gains):.3f} to {max(gains):.3f} above .25.",
        f"Label spreading is ahead in {len(behind)} of {len(deficits)} rows,",
        f"by up to {max(behind, default=0):.3f}.",
    ]
    (RESULTS / "few_labels.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", nargs="?", choices=list(BUDGETS))
    parser.add_argument("--models", type=Path, help="folder of POOL-SEED.gmvae")
    options = parser.parse_args()
    if options.pool is None:
        summarise()
        return
    warnings.simplefilter("ignore", LabelwiseWarning)
    measure(options.pool, options.models)


if __name__ == "__main__":
    main()
