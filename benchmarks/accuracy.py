"""Accuracy of a pool over model seeds and label draws. Resumable: one file a model seed.

Example: python benchmarks/accuracy.py mnist --data ../data/mnist --augment affine --budgets 35 140 700
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch

from labelwise import GMVAE, load_dataset
from labelwise.study.methods import METHODS
from labelwise.study.results import Cell, summarise, write_csv, write_rows
from labelwise.study.sweep import score_draw

RESULTS = Path(__file__).parent / "results"
N_DRAWS = 5


def run_seed(pool: str, options: argparse.Namespace, seed: int) -> None:
    """Train one model, score all methods, write its cells and its facts."""
    X, truth, names = load_dataset(options.data or pool)
    if truth is None or names is None:
        raise SystemExit(f"{pool} has no labels to score with")
    start = time.perf_counter()
    gmvae = GMVAE(
        options.components,
        augment=None if options.augment == "none" else options.augment,
        random_state=seed,
        verbose=1,
    ).fit(X)
    seconds = time.perf_counter() - start
    Q = gmvae.predict_proba(X)
    cells = [
        cell
        for n_labeled in options.budgets
        for draw in range(N_DRAWS)
        for cell in score_draw(
            X, Q, truth, METHODS, dataset=pool, model_seed=seed, draw=draw, n_labeled=n_labeled
        )
    ]
    facts = {
        "seed": seed,
        "seconds": round(seconds),
        "threads": torch.get_num_threads(),
        "epochs": gmvae.n_epochs_,
        "batch": gmvae.batch_size_,
        "encoder": gmvae.encoder_,
        "augment": options.augment,
        "active": gmvae.history_[-1]["n_active_components"],
        "loss": round(gmvae.history_[-1]["loss"], 2),
        "purity": round(purity(Q, truth), 4),
    }
    write_csv(facts_file(pool, seed), list(facts), [facts])
    write_rows(cells_file(pool, seed), cells)


def purity(Q: np.ndarray, truth: np.ndarray) -> float:
    """Share of items that belong to the largest class of their component; uses all labels, no accuracy."""
    table = np.zeros((Q.shape[1], truth.max() + 1))
    np.add.at(table, (Q.argmax(axis=1), truth), 1)
    return float(table.max(axis=1).sum() / len(truth))


def cells_file(pool: str, seed: int) -> Path:
    return RESULTS / pool / f"cells_seed{seed}.csv"


def facts_file(pool: str, seed: int) -> Path:
    return RESULTS / pool / f"model_seed{seed}.csv"


def read_cells(path: Path) -> list[Cell]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Cell(
                dataset=row["dataset"],
                model_seed=int(row["model_seed"]),
                draw=int(row["draw"]),
                n_labeled=int(row["n_labeled"]),
                fraction=float(row["fraction"]),
                method=row["method"],
                accuracy=float(row["accuracy"]),
                n_classes_seen=int(row["n_classes_seen"]),
                n_components_named=int(row["n_components_named"]),
                seconds=float(row["seconds"]),
            )
            for row in csv.DictReader(file)
        ]


def table(pool: str, seeds: list[int], command: str) -> str:
    """The results in Markdown."""
    cells = [cell for seed in seeds for cell in read_cells(cells_file(pool, seed))]
    summary = summarise(cells)
    methods = list(dict.fromkeys(row.method for row in summary))
    lines = [f"# {pool}", "", f"`{command}`", "", "| labels | " + " | ".join(methods) + " |"]
    lines.append("| --- " * (len(methods) + 1) + "|")
    for n_labeled in dict.fromkeys(row.n_labeled for row in summary):
        found = {row.method: row for row in summary if row.n_labeled == n_labeled}
        values = [f"{found[name].mean:.3f} ± {found[name].half_width:.3f}" for name in methods]
        lines.append(f"| {n_labeled:,} | " + " | ".join(values) + " |")
    lines += [
        "",
        f"Accuracy on the items without a label; {len(seeds)} model seeds x {N_DRAWS} draws of random",
        "labels. ± is half the 95 % interval, Student's t over the means of the model seeds (logistic",
        "regression does not depend on the model, so it has none).",
        "",
    ]
    rows = []
    for seed in seeds:
        with facts_file(pool, seed).open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    lines += ["| " + " | ".join(rows[0]) + " |", "| --- " * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", help="name of the results, and of the data set unless --data is given")
    parser.add_argument("--data", help="path to the data")
    parser.add_argument("--components", type=int, default=100)
    parser.add_argument("--augment", choices=("none", "affine"), default="none")
    parser.add_argument("--budgets", type=int, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    (RESULTS / options.pool).mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        if not cells_file(options.pool, seed).exists():
            run_seed(options.pool, options, seed)
    command = (
        f"python benchmarks/accuracy.py {options.pool} --augment {options.augment} --budgets "
        + " ".join(map(str, options.budgets))
    )
    text = table(options.pool, options.seeds, command)
    print(text)
    (RESULTS / f"{options.pool}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
