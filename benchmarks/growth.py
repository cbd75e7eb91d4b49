"""How time grows with the number of items and of components: seconds, and fitted exponents.

Items are made up: images of digits with noise for training and encoding, latents around components for the
rest. An exponent is the slope of a line through the logarithms; 1 is linear.
Writes `results/growth.md`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from labelwise import GMVAE, SoftDecoder
from labelwise.errors import LabelwiseWarning
from labelwise.planning.suggest import suggest_from
from rungs import made_up, spread
from scale import with_noise
from step_cost import published_networks, training_step

ITEMS = (10_000, 31_623, 100_000, 316_228, 1_000_000)
N_LEARNED = 4  # so many of these are trained on: one epoch of a million takes five minutes
COMPONENTS = (10, 50, 200, 1000, 2000)
N_COMPONENTS, N_ENCODED = 100, 100_000
AIM = 1.1


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """The least of several."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def by_items() -> dict[str, list[float]]:
    rows: dict[str, list[float]] = {name: [] for name in ("training, one epoch", "encoding")}
    for n in ITEMS[:N_LEARNED]:
        items = with_noise(n)
        gmvae = GMVAE(N_COMPONENTS, features="pixels", encoder="dense", max_epochs=1, random_state=0)
        rows["training, one epoch"].append(seconds(lambda model=gmvae, X=items: model.fit(X)))
        rows["encoding"].append(seconds(lambda model=gmvae, X=items: model.encode(X)))
        print(n, {name: values[-1] for name, values in rows.items()}, flush=True)
    rows |= {name: [] for name in ("suggesting 100 items", "graph and Poisson learning", "soft decoding")}
    for n in ITEMS:
        encoding, homes = made_up(n, N_COMPONENTS)
        y = np.full(n, -1)
        y[:291] = homes[:291] % 26
        rows["suggesting 100 items"].append(seconds(lambda Q=encoding: suggest_from(Q, 100, random_state=0)))
        rows["graph and Poisson learning"].append(seconds(lambda Q=encoding, h=homes: spread(Q.latents, h)))
        rows["soft decoding"].append(
            seconds(lambda Q=encoding, y=y: SoftDecoder().fit(Q, y).predict_proba(Q), 3)
        )
        print(n, {name: values[-1] for name, values in rows.items()}, flush=True)
    return rows


def by_components() -> dict[str, list[float]]:
    rows: dict[str, list[float]] = {
        name: [] for name in ("a step of 512 items", "suggesting 100 items", "soft decoding")
    }
    for n in COMPONENTS:
        step = training_step(published_networks("collapsed", n), 512)
        step()
        rows["a step of 512 items"].append(seconds(step, 20))
        encoding, homes = made_up(N_ENCODED, n)
        y = np.full(N_ENCODED, -1)
        y[:291] = homes[:291] % 26
        rows["suggesting 100 items"].append(seconds(lambda Q=encoding: suggest_from(Q, 100, random_state=0)))
        rows["soft decoding"].append(
            seconds(lambda Q=encoding, y=y: SoftDecoder().fit(Q, y).predict_proba(Q), 3)
        )
        print(n, {name: values[-1] for name, values in rows.items()}, flush=True)
    return rows


def table(sizes: Sequence[int], what: str, rows: dict[str, list[float]]) -> list[str]:
    lines = [
        f"| {what} | {' | '.join(f'{size:,}' for size in sizes)} | exponent | aim |",
        "| --- " * (len(sizes) + 3) + "|",
    ]
    for name, values in rows.items():
        slope = np.polyfit(np.log(sizes[: len(values)]), np.log(values), 1)[0]
        cells = [f"{value:.3g}" for value in values] + [""] * (len(sizes) - len(values))
        lines.append(f"| {name} | {' | '.join(cells)} | {slope:.2f} | {AIM} |")
    return lines


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", LabelwiseWarning)  # one epoch leaves components dead
    lines = [
        "# How time grows",
        "",
        f"`make bench` (or `python benchmarks/growth.py`), {torch.get_num_threads()} threads: seconds.",
        f"An exponent of 1 is linear. By items with {N_COMPONENTS} components; by components, decoding and",
        f"suggesting on {N_ENCODED:,} items.",
        "",
        *table(ITEMS, "items", by_items()),
        "",
        *table(COMPONENTS, "components", by_components()),
    ]
    path = Path(__file__).parent / "results" / "growth.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
