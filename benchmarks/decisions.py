"""What a decision is worth: sheets, single items suggested or random, with an expert who is always right.

The expert names a sheet, or confirms what is predicted for it, whichever leaves fewer items to correct: one
decision, and one more for each of those. A single item is one decision. Sheets are asked for ten at a time,
so that later ones know the labels of earlier ones; suggestions all at once, or in batches, each as large as
all before it together. Only items that the expert did not label count.

Writes the table benchmarks/results/decisions_NAME.md. Example: python benchmarks/decisions.py mnist --model
mnist.gmvae --decisions 10 20 40 80. Without a name, draws all these tables: docs/decisions.png.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from labelwise import GMVAE, load_dataset
from labelwise.decoding import AutoDecoder, PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.errors import LabelwiseWarning
from labelwise.labels import UNLABELED
from labelwise.planning.sheets import sheets_from
from labelwise.planning.suggest import suggest_from

DECISIONS = (25, 50, 100, 200)
N_SEEDS = 3
A_CALL = 10  # sheets, or the first batch of single items
RESULTS = Path(__file__).parent / "results"
WAYS_DRAWN = {
    "sheets": ("sheets", "#0072B2", "o"),
    "suggested items, in batches": ("single items, suggested", "#E69F00", "s"),
    "random items": ("single items, random", "#555555", "^"),
}
TITLES = {
    "decisions_banking77": "Banking77, 77 classes of texts",
    "decisions_letters26": "letters26, 26 classes",
    "decisions_mnist": "MNIST, 10 classes",
}
SHARED_SEED = 1_000  # seeds of the calls of one run do not meet those of another run

Proposal = tuple[np.ndarray, np.ndarray | None]
Proposals = Iterator[Proposal]
Propose = Callable[[Encoding, np.ndarray, int, int], Proposals]


def sheets(encoding: Encoding, y: np.ndarray, seed: int, most: int) -> Proposals:
    """Sheets, ten a call."""
    for call in range(most):
        for sheet in sheets_from(encoding, A_CALL, y=y, random_state=SHARED_SEED * seed + call):
            yield sheet.items, sheet.predictions


def suggested_in_batches(encoding: Encoding, y: np.ndarray, seed: int, most: int) -> Proposals:
    """Single items, each batch as large as those before it."""
    for call in range(most):
        n_labels = min(most, max(A_CALL, int((y != UNLABELED).sum())))
        for found in suggest_from(encoding, n_labels, y=y, random_state=SHARED_SEED * seed + call):
            yield np.array([found.index]), None


def suggested(encoding: Encoding, y: np.ndarray, seed: int, most: int) -> Proposals:
    """Single items, all at once."""
    for found in suggest_from(encoding, most, random_state=seed):
        yield np.array([found.index]), None


def random_items(encoding: Encoding, y: np.ndarray, seed: int, most: int) -> Proposals:
    """Single items, drawn at random."""
    for row in np.random.default_rng(seed).permutation(len(encoding))[:most]:
        yield np.array([row]), None


WAYS: dict[str, Propose] = {
    "sheets": sheets,
    "suggested items, in batches": suggested_in_batches,
    "suggested items, at once": suggested,
    "random items": random_items,
}
DECODERS = {"Poisson": PoissonDecoder, "auto": AutoDecoder}


def n_decisions(codes: np.ndarray, predictions: np.ndarray | None) -> int:
    """What items of these classes cost: their name or a confirmation, and one for each that differs."""
    odd = len(codes) - int(np.bincount(codes).max())
    if predictions is not None:
        odd = min(odd, int((predictions != codes).sum()))
    return 1 + odd


def label(
    encoding: Encoding, truth: np.ndarray, propose: Propose, seed: int, decisions: list[int]
) -> Iterator[np.ndarray]:
    """Labels after each number of decisions, -1 for the rest; a sheet that would exceed it waits."""
    y = np.full(len(truth), UNLABELED)
    spent, waiting = 0, list(decisions)
    for items, predictions in propose(encoding, y, seed, decisions[-1]):
        spent += n_decisions(truth[items], predictions)
        while spent > waiting[0]:
            yield y.copy()
            waiting.pop(0)
            if not waiting:
                return
        y[items] = truth[items]
    yield from (y.copy() for _ in waiting)


def measure(encoding: Encoding, truth: np.ndarray, decisions: list[int], n_seeds: int) -> list[str]:
    """Lines of the table."""
    lines = []
    for way, propose in WAYS.items():
        n_labels = np.zeros((n_seeds, len(decisions)))
        accuracy = {name: np.zeros(n_labels.shape) for name in DECODERS}
        for seed in range(n_seeds):
            for place, y in enumerate(label(encoding, truth, propose, seed, decisions)):
                hidden = y == UNLABELED
                n_labels[seed, place] = len(y) - hidden.sum()
                for name, decoder in DECODERS.items():
                    answers = decoder().fit(encoding, y).predict(encoding)
                    accuracy[name][seed, place] = (answers == truth)[hidden].mean()
        for place, number in enumerate(decisions):
            cells = [
                f"{values[:, place].mean():.3f} ± {values[:, place].std(ddof=min(1, n_seeds - 1)):.3f}"
                for values in accuracy.values()
            ]
            lines.append(f"| {number} | {way} | {n_labels[:, place].mean():.0f} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return sorted(lines, key=lambda line: int(line.split("|")[1]))


def seconds_of_a_call(encoding: Encoding) -> float:
    """How long the first ten sheets take."""
    start = time.process_time()
    sheets_from(encoding, A_CALL, random_state=0)
    return time.process_time() - start


def read(options: argparse.Namespace) -> tuple[Encoding, np.ndarray]:
    """Encoding and classes, as numbers, of the data."""
    if options.encoding is not None:
        with np.load(options.encoding) as arrays:
            parts = {name: arrays[name] for name in ("posteriors", "latents", "features") if name in arrays}
            return Encoding(**parts), np.unique(arrays["y"], return_inverse=True)[1]
    X, truth, _ = load_dataset(options.name)
    gmvae = GMVAE(random_state=0).fit(X) if options.model is None else GMVAE.load(options.model)
    return gmvae.encode(X), np.unique(truth, return_inverse=True)[1]


def draw() -> None:
    """One panel a table: accuracy against decisions."""
    from matplotlib.figure import Figure

    tables = sorted(RESULTS.glob("decisions_*.md"))
    figure = Figure(figsize=(4 * len(tables), 3.6), layout="constrained")
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, table in zip(panels, tables, strict=True):
        rows = [line.strip("| ").split(" | ") for line in table.read_text(encoding="utf-8").splitlines()]
        cells = [row for row in rows if row[0].isdigit()]
        for way, (label, colour, marker) in WAYS_DRAWN.items():
            places = [int(row[0]) for row in cells if row[1] == way]
            values = [tuple(map(float, row[3].split(" ± "))) for row in cells if row[1] == way]
            means, spreads = np.array(values).T
            axes.plot(places, means, marker, color=colour, linestyle="-", label=label)
            axes.fill_between(places, means - spreads, means + spreads, color=colour, alpha=0.15, linewidth=0)
        axes.set_title(TITLES.get(table.stem, table.stem), loc="left")
        axes.set_xlabel("decisions")
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("accuracy on items without a label")
    panels[0].legend(loc="lower right", frameon=False)
    figure.savefig(Path(__file__).parents[1] / "docs" / "decisions.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", help="data set, or what encodings are called")
    parser.add_argument("--model", type=Path, help="a trained model of the data, to leave training out")
    parser.add_argument(
        "--encoding",
        type=Path,
        help=".npz of posteriors, latents, features and y, in place of data and model",
    )
    parser.add_argument("--decisions", type=int, nargs="+", default=DECISIONS)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    options = parser.parse_args()
    if options.name is None:
        draw()
        return
    warnings.simplefilter("ignore", LabelwiseWarning)
    # scikit-learn doubts that few labels of many classes are classes at all.
    warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
    encoding, truth = read(options)
    decisions = sorted(options.decisions)
    name = Path(options.name).stem
    lines = [
        f"# What a decision is worth: {name}",
        "",
        f"`python benchmarks/decisions.py {name} --decisions {' '.join(map(str, decisions))}`, with the",
        "model GMVAE(random_state=0): "
        f"{len(encoding):,} items of {len(np.unique(truth))} classes, {encoding.n_components} components.",
        "",
        "The expert names a sheet or confirms its predictions, whichever leaves fewer items to correct: one",
        "decision, and one more for each of those. A single item is one decision. Accuracy on items that the",
        f"expert did not label: mean and standard deviation of {options.seeds} seeds of the choice of items.",
        "",
        f"| decisions | way | items labelled | {' | '.join(DECODERS)} |",
        "| --- " * (3 + len(DECODERS)) + "|",
        *measure(encoding, truth, decisions, options.seeds),
        "",
        f"Ten sheets take {seconds_of_a_call(encoding):.0f} seconds on one processor.",
    ]
    target = RESULTS / f"decisions_{name}.md"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
