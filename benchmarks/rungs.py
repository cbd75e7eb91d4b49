"""What each step from a model to an answer costs on MNIST, and choosing and spreading on 145,600 items.

Prints the table of benchmarks/results/rungs.md. Without `--model` a model is trained first: that is a step
too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from labelwise import GMVAE, load_dataset
from labelwise.decoding import DECODERS
from labelwise.encoding import Encoding
from labelwise.errors import DownloadError
from labelwise.graph.neighbours import Neighbourhood
from labelwise.planning.suggest import suggest_from
from labelwise.student import Student, refine

N_LABELS = 140
N_NEIGHBORS = 10  # as the decoders have by default
N_MANY = 145_600  # items of EMNIST Letters
N_LATENT, N_COMPONENTS = 32, 100

Row = tuple[str, float]


def timed(rows: list[Row], name: str, run: Callable[[], object]) -> object:
    start = time.perf_counter()
    result = run()
    rows.append((name, time.perf_counter() - start))
    print(f"{name}: {rows[-1][1]:.1f} s", flush=True)
    return result


def rungs_of(name: str, model: Path | None) -> list[Row]:
    """Seconds of each step on a data set."""
    rows: list[Row] = []
    X, truth, _ = load_dataset(name)
    if model is None:
        gmvae = timed(rows, "training the model", lambda: GMVAE(augment="affine", random_state=0).fit(X))
    else:
        gmvae = GMVAE.load(model)
    encoding = timed(rows, "posteriors and latents", lambda: gmvae.encode(X))
    found = timed(
        rows, f"suggesting {N_LABELS} items", lambda: suggest_from(encoding, N_LABELS, random_state=0)
    )
    chosen = np.array([suggestion.index for suggestion in found])
    y = np.full(len(X), -1)
    y[chosen] = truth[chosen]
    timed(rows, "graphs of neighbours, once for all decoders", lambda: encoding.precompute(N_NEIGHBORS))
    for decoder in DECODERS:
        timed(rows, decoder, lambda kind=DECODERS[decoder]: kind().fit(encoding, y).predict(encoding))
    decoder = DECODERS["auto"]().fit(encoding, y)
    timed(
        rows,
        "student",
        lambda: refine(Student("affine"), decoder, X, encoding, y, random_state=0),
    )
    return rows


def made_up(n_items: int, n_components: int) -> tuple[Encoding, np.ndarray]:
    """Posteriors and latents as a model of many items might give them, and the component of each."""
    rng = np.random.default_rng(0)
    homes = rng.integers(n_components, size=n_items)
    centres = rng.standard_normal((n_components, N_LATENT))
    latents = (centres[homes] + 0.5 * rng.standard_normal((n_items, N_LATENT))).astype(np.float32)
    responsibilities = np.full((n_items, n_components), 0.1 / n_components, dtype=np.float32)
    responsibilities[np.arange(n_items), homes] += 0.9
    return Encoding(responsibilities, latents), homes


def spread(latents: np.ndarray, homes: np.ndarray) -> np.ndarray:
    """Graph of neighbours, and Poisson learning of 291 labels of 26 classes on it."""
    given = np.zeros((len(latents), 26), dtype=np.float32)
    labeled = np.random.default_rng(0).permutation(len(latents))[:291]
    given[labeled, homes[labeled] % 26] = 1
    pool = Neighbourhood(latents, N_NEIGHBORS)
    return DECODERS["poisson"]().node_scores(pool, pool.gather(given))


def on_many_items() -> list[Row]:
    """Choosing and spreading on latents as a model of many items might give them."""
    rows: list[Row] = []
    encoding, homes = made_up(N_MANY, N_COMPONENTS)
    timed(rows, "suggesting 100 items", lambda: suggest_from(encoding, 100, random_state=0))
    timed(rows, "spreading 291 labels, graph included", lambda: spread(encoding.latents, homes))
    return rows


def table(rows: list[Row]) -> list[str]:
    return ["| step | seconds |", "| --- | --- |", *[f"| {name} | {seconds:.1f} |" for name, seconds in rows]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--model", type=Path, help="a trained model of the data, to leave training out")
    options = parser.parse_args()
    lines = ["# What each step costs", "", "`make bench` (or `python benchmarks/rungs.py`).", ""]
    try:
        rows = rungs_of(options.data, options.model)
    except DownloadError as error:
        print(f"{options.data} is left out: {error}")
    else:
        lines += [f"## {options.data}, {N_LABELS} labels", "", *table(rows), ""]
    lines += [f"## {N_MANY:,} synthetic items, {N_LATENT} latent dimensions", "", *table(on_many_items()), ""]
    path = Path(__file__).parent / "results" / "rungs.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
