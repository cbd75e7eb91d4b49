"""Pools of every kind, beside the simple peers of that kind: accuracy, rare classes, risk, and labels saved.

`python benchmarks/pools.py POOL` fits one model a seed (those in the folder `--models` are read, new ones
kept there), and writes `results/pools/POOL.csv`; `python benchmarks/pools.py` puts all pools that were
measured into `results/pools.md` and `results/pools.png`. POOL is `digits`, `mnist`, `fashion-mnist`, or the
stem of a file in the folder that the environment variable LABELWISE_POOLS names: `letters26.npz`, `nsl-
kdd.csv`, `banking77-minilm.npz`, `cifar10` (a folder of CLASS/NAME.jpg). Photos need the model `efficientnet-
lite0`, which makes them 96 x 96 pixels, where LABELWISE_MODELS says. Settings are the defaults, and the same
for all pools.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from labelwise import GMVAE, load_dataset
from labelwise.decoding import UNLABELED, AutoDecoder, PoissonDecoder, SoftDecoder
from labelwise.decoding.abstention import abstention_threshold
from labelwise.encoding import Encoding
from labelwise.graph.principal import PrincipalComponents
from labelwise.planning.suggest import suggest_from
from labelwise.randomness import numpy_generator
from labelwise.study.answers import xgboost
from labelwise.study.spreading import neighbour_graph, spread_codes

RESULTS = Path(__file__).parent / "results"
N_DRAWS = 5
RISK = 0.05
# Labels drawn at random, and labels that were suggested.
BUDGETS = {
    "digits": ((36, 90), (36, 90)),
    "mnist": ((35, 140), (10, 35)),
    "fashion-mnist": ((140,), (50,)),
    "letters26": ((73, 291), (26, 73, 291)),
    "nsl-kdd": ((50, 200), (50, 200)),
    "banking77-minilm": ((154, 385), (154, 385)),
    "cifar10": ((100, 250), (100, 250)),
}
CLASSES_OF = {"nsl-kdd": "family"}
FEATURES_OF = {"cifar10": "image:efficientnet-lite0"}
TABLES = ("nsl-kdd",)
# How many times the labels peers get, to see when they reach what ours reach.
TIMES = (1, 2, 4, 8, 16, 32)
_DRAWS_OF_MORE = 2  # of those labels
PEERS = ("label spreading", "logistic regression", "nearest neighbour", "XGBoost")


@dataclass(frozen=True)
class Row:
    """One method, with one set of labels."""

    pool: str
    seed: int
    draw: int
    selection: str
    n_labels: int
    method: str
    accuracy: float
    macro_f1: float
    lowest_recall: float
    answered: float = np.nan  # share, at a risk of 5 %
    wrong: float = np.nan  # share of those


def read(pool: str) -> tuple[Any, np.ndarray]:
    """Items, and codes of their classes."""
    if pool in ("digits", "mnist", "fashion-mnist"):
        X, y, _ = load_dataset(pool)
        return X, y
    folder = Path(os.environ["LABELWISE_POOLS"])
    path = next(path for path in folder.iterdir() if path.stem == pool)
    X, y, _ = load_dataset(path, label_column=CLASSES_OF.get(pool), as_photos=pool in FEATURES_OF)
    if getattr(X, "dtype", None) == np.float16:  # embeddings, two columns of which are 0 at this precision
        X = X.astype(np.float32)
        X = X[:, X.std(axis=0) > 0]
    return X, y


def peers(
    points: np.ndarray, n_classes: int, *, trees: bool
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What a user could do with the same features, and no model of ours."""
    graph = neighbour_graph(points, points[:0])
    scaled = StandardScaler().fit_transform(points)

    def fitted(classifier: Any, X: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda y: classifier.fit(X[y != UNLABELED], y[y != UNLABELED]).predict(X)

    found = (
        lambda y: spread_codes(graph, y, n_classes)[0].argmax(axis=1),
        fitted(LogisticRegression(max_iter=1000), scaled),
        fitted(KNeighborsClassifier(1), points),
        lambda y: boosted(points, y),
    )
    return dict(zip(PEERS if trees else PEERS[:-1], found, strict=False))


def boosted(points: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Answers of XGBoost, with the settings of the study."""
    labeled = y != UNLABELED
    classes, codes = np.unique(y[labeled], return_inverse=True)
    return classes[xgboost()(codes, 0).fit(points[labeled], codes).predict(points)]


def score(answers: np.ndarray, truth: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """On the items without a label."""
    left = y == UNLABELED
    classes = np.unique(truth)
    recalls = [(answers[left & (truth == c)] == c).mean() for c in classes if (left & (truth == c)).any()]
    return {
        "accuracy": float((answers == truth)[left].mean()),
        "macro_f1": float(f1_score(truth[left], answers[left], average="macro", zero_division=0.0)),
        "lowest_recall": float(min(recalls)),
    }


def decoded(decoder: Any, encoding: Encoding, truth: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Scores of a decoder, and how `--risk 0.05` does."""
    P = decoder.fit(encoding, y).predict_proba(encoding)
    classes = decoder.classes_
    return {**score(classes[P.argmax(axis=1)], truth, y), **risk(P, classes, truth, y)}


def risk(P: np.ndarray, classes: np.ndarray, truth: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Shares answered, and wrong among those, at a risk of 5 %."""
    left = y == UNLABELED
    sure = P[left].max(axis=1) >= abstention_threshold(P[left], RISK)
    wrong = classes[P[left].argmax(axis=1)] != truth[left]
    return {"answered": float(sure.mean()), "wrong": float(wrong[sure].mean()) if sure.any() else np.nan}


def given(truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
    y = np.full(len(truth), UNLABELED)
    y[rows] = truth[rows]
    return y


def ours(*, are_suggested: bool) -> dict[str, Any]:
    """What a project would answer by; it knows from its journal which labels were suggested."""
    return {
        "soft": SoftDecoder(),
        "poisson": PoissonDecoder(),
        "auto": AutoDecoder(typical_labels=are_suggested),
    }


AnyRow = TypeVar("AnyRow", bound=Row)


class Table:
    """A file of rows, written as they come.

    Parameters
    ----------
    path : Path
    kind : type
        Of the rows.
    kept : list
        Rows that it begins with.
    """

    def __init__(self, path: Path, kind: type[Row], kept: list[Row]) -> None:
        path.parent.mkdir(exist_ok=True)
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, [field.name for field in fields(kind)], lineterminator="\n")
        self._writer.writeheader()
        for row in kept:
            self._write(row)

    def keep(self, row: Row) -> None:
        """Write a row, and show it."""
        self._write(row)
        where = f"{row.pool} {row.seed}, draw {row.draw}: {row.n_labels} {row.selection}"
        print(f"{where}, {row.method} {row.accuracy:.3f}", flush=True)

    def _write(self, row: Row) -> None:
        self._writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in asdict(row).items()})
        self._file.flush()


def measure(pool: str, seeds: list[int], models: Path | None, selections: list[str]) -> None:
    """All methods on one pool."""
    X, truth = read(pool)
    kept = [row for row in load(pool) if row.selection not in selections or row.seed not in seeds]
    table = Table(RESULTS / "pools" / f"{pool}.csv", Row, kept)
    for seed in seeds:
        start = time.perf_counter()
        gmvae = model_of(pool, seed, X, models)
        encoding = gmvae.encode(X)
        print(f"model {seed}: {time.perf_counter() - start:.0f} s, {gmvae.featurizer_}", flush=True)
        points = {"": encoding.features}
        if gmvae.painter_ is not None:  # learned features: peers could have the pixels instead
            pixels = X.reshape(len(X), -1)
            points[" on pixels"] = PrincipalComponents().fit(pixels).transform(pixels)
        others = {
            f"{name}{where}": answer
            for where, values in points.items()
            for name, answer in peers(values, len(np.unique(truth)), trees=pool in TABLES).items()
        }
        if "random" in selections:
            random_labels(pool, table, seed, seed == 0, encoding, truth, others)
        if "suggested" in selections:
            chosen = BUDGETS[pool][1]
            rows = [each.index for each in suggest_from(encoding, max(chosen), random_state=seed)]
            for n in chosen:
                y = given(truth, np.array(rows[:n]))
                for name, decoder in ours(are_suggested=True).items():
                    scores = decoded(decoder, encoding, truth, y)
                    table.keep(Row(pool, seed, 0, "suggested", n, name, **scores))
                for name, answer in others.items():
                    table.keep(Row(pool, seed, 0, "suggested", n, name, **score(answer(y), truth, y)))


def random_labels(
    pool: str,
    table: Table,
    seed: int,
    is_first: bool,
    encoding: Encoding,
    truth: np.ndarray,
    others: dict[str, Callable[[np.ndarray], np.ndarray]],
) -> None:
    """Draws of random labels; peers get more of them too, with the first model."""
    random, chosen = BUDGETS[pool]
    for draw in range(N_DRAWS):
        order = numpy_generator(draw).permutation(len(truth))
        for n in random:
            y = given(truth, order[:n])
            for name, decoder in ours(are_suggested=False).items():
                scores = decoded(decoder, encoding, truth, y)
                table.keep(Row(pool, seed, draw, "random", n, name, **scores))
        for n in sorted({n * times for n in (*random, *chosen) for times in TIMES}):
            more = is_first and draw < _DRAWS_OF_MORE
            if n < len(truth) / 2 and (more or n in random):
                y = given(truth, order[:n])
                for name, answer in others.items():
                    if len(np.unique(y)) > 2:
                        table.keep(Row(pool, seed, draw, "random", n, name, **score(answer(y), truth, y)))


def model_of(pool: str, seed: int, X: Any, models: Path | None) -> GMVAE:
    """The model in the folder `models`, where a new one is kept."""
    place = None if models is None else models / f"{pool}-{seed}.gmvae"
    if place is not None and place.exists():
        return GMVAE.load(place)
    n_components = 30 if pool == "digits" else 100
    gmvae = GMVAE(n_components, features=FEATURES_OF.get(pool, "auto"), random_state=seed).fit(X)
    if place is not None:
        gmvae.save(place)
    return gmvae


def load(pool: str = "*") -> list[Row]:
    paths = sorted((RESULTS / "pools").glob(f"{pool}.csv"))
    return [row for path in paths for row in rows_of(path, Row)]


def rows_of(path: Path, kind: type[AnyRow]) -> list[AnyRow]:
    """Rows of a table; none where there is no table yet."""
    if not path.exists():
        return []
    types = {"int": int, "float": float, "str": str}
    with path.open(encoding="utf-8") as file:
        return [
            kind(**{f.name: types[str(f.type)](line[f.name]) for f in fields(kind)})
            for line in csv.DictReader(file)
        ]


def wrong_of(rows: list[Row]) -> str:
    """Mean share of wrong answers where there are any answers."""
    shares = [r.wrong for r in rows if r.answered > 0]
    return f"{np.mean(shares):.1%}" if shares else "none"


def saved(rows: list[Row], n: int) -> float:
    """How many times the labels the best peer needs, drawn at random, to reach `auto` with n suggested.

    Infinite where no measured number of labels is enough; NaN where no random labels were measured.
    """
    aim = np.mean(
        [r.accuracy for r in rows if (r.selection, r.n_labels, r.method) == ("suggested", n, "auto")]
    )
    if not any(r.selection == "random" and r.method.startswith(PEERS) for r in rows):
        return np.nan
    best = np.inf
    for method in {r.method for r in rows if r.selection == "random" and r.method.startswith(PEERS)}:
        curve = defaultdict(list)
        for r in rows:
            if r.selection == "random" and r.method == method:
                curve[r.n_labels].append(r.accuracy)
        budgets = sorted(curve)
        means = np.maximum.accumulate([np.mean(curve[b]) for b in budgets])
        if means[-1] >= aim:
            best = min(best, float(np.exp(np.interp(aim, means, np.log(budgets)))))
    return best / n


def summarise() -> None:
    rows = load()
    lines = [
        "# Pools of every kind, and their simple peers",
        "",
        "`python benchmarks/pools.py POOL` for each, then without a name. Accuracy on the items without a "
        "label, mean ± standard deviation over",
        f"model seeds and {N_DRAWS} draws of random labels (suggested ones: over model seeds). The best peer "
        "is the best of label spreading, logistic",
        "regression and the nearest neighbour (on tables, XGBoost too), on the features that the model saw "
        "or on pixels, at that budget. Settings are the defaults for",
        "all pools. Wrong: share of wrong answers among those given at `--risk 0.05`, and the share "
        "answered.",
        "",
        "| pool | labels | models | soft | poisson | auto | best peer | macro F1 of auto, peer | "
        "wrong, answered | labels saved |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    factors = {}
    for pool in BUDGETS:
        own = [r for r in rows if r.pool == pool]
        for selection, budgets in zip(("random", "suggested"), BUDGETS[pool], strict=True):
            for n in budgets if own else ():
                there = defaultdict(list)
                for r in own:
                    if (r.selection, r.n_labels) == (selection, n):
                        there[r.method].append(r)
                if "auto" not in there:
                    continue
                accuracy = {m: [r.accuracy for r in group] for m, group in there.items()}
                peer = max((m for m in accuracy if m.startswith(PEERS)), key=lambda m: np.mean(accuracy[m]))
                auto = there["auto"]
                f1 = [np.mean([r.macro_f1 for r in there[m]]) for m in ("auto", peer)]
                times = ""
                if selection == "suggested":
                    factor = saved(own, n)
                    if not np.isnan(factor):
                        factors[f"{pool}, {n}"] = factor
                        times = f"{factor:.1f} times" if np.isfinite(factor) else "not reached"
                shown = (accuracy["soft"], accuracy["poisson"])
                cells = [f"{np.mean(a):.3f} ± {np.std(a):.3f}" for a in shown]
                lines.append(
                    f"| {pool} | {n} {selection} | {len({r.seed for r in auto})} | {' | '.join(cells)} | "
                    f"**{np.mean(accuracy['auto']):.3f}** ± {np.std(accuracy['auto']):.3f} | "
                    f"{np.mean(accuracy[peer]):.3f} ± {np.std(accuracy[peer]):.3f} ({peer}) | "
                    f"{f1[0]:.2f}, {f1[1]:.2f} | {wrong_of(auto)}, "
                    f"{np.mean([r.answered for r in auto]):.0%} | {times} |"
                )
    (RESULTS / "pools.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    draw(factors)


def draw(factors: dict[str, float]) -> None:
    """One bar a pool and budget."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.38 * len(factors) + 1.2), layout="constrained")
    axes = figure.subplots()
    known = [f for f in factors.values() if np.isfinite(f)]
    longest = 1.25 * max(known, default=1.0)
    names = list(factors)[::-1]
    lengths = [factors[name] if np.isfinite(factors[name]) else longest for name in names]
    axes.barh(names, lengths, color="#0072B2")
    for place, name in enumerate(names):
        told = f"{factors[name]:.1f}" if np.isfinite(factors[name]) else "not reached"
        axes.text(lengths[place], place, f" {told}", va="center")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlim(0, 1.15 * max(lengths, default=1.0))
    axes.set_xlabel("times the labels that the best simple peer needs, drawn at random")
    axes.set_title("Labels saved by labelwise, with suggested labels", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / "pools.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", nargs="?", choices=list(BUDGETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", type=Path, help="folder of POOL-SEED.gmvae")
    both = ["random", "suggested"]
    parser.add_argument(
        "--labels", nargs="+", choices=both, default=both, help="other rows stay, as for seeds"
    )
    options = parser.parse_args()
    if options.pool:
        measure(options.pool, options.seeds, options.models, options.labels)
    else:
        summarise()


if __name__ == "__main__":
    main()
