"""What a second process gives: training by torchrun, and answering by `--jobs`, beside one process.

`OMP_NUM_THREADS=1 python benchmarks/processes.py` writes `results/processes.md`. Images are made up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from labelwise import GMVAE, SoftDecoder, predict_parts
from labelwise.answerer import DecoderAnswerer
from labelwise.features.learned import LearnedFeaturizer
from labelwise.nn.processes import joined
from labelwise.workers import Workers

N_ITEMS, SIDE, N_ANSWERED = 20_480, 28, 1_000_000
N_STEPS = 40  # of contrast
MODELS = {
    f"{encoder} layers on pixels, batches of {batch}": {"encoder": encoder, "batch_size": batch}
    for encoder in ("dense", "conv")
    for batch in (64, 512)
}


def images(n: int) -> np.ndarray:
    """Digits in 28x28 pixels, with noise."""
    digits = np.pad(np.kron(load_digits().images * 15, np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
    noise = np.random.default_rng(0).integers(0, 16, (n, SIDE, SIDE), np.uint8)
    return digits.astype(np.uint8)[np.arange(n) % len(digits)] | noise


def train() -> dict[str, float]:
    """Items a second of each model, in all processes together."""
    X, rates = images(N_ITEMS), {}
    with joined() as group:
        for name, settings in MODELS.items():
            ends: list[float] = []
            gmvae = GMVAE(100, features="pixels", max_epochs=3, init="random", random_state=0, **settings)
            gmvae.fit(
                X, listen=lambda event, ends=ends: ends.append(time.perf_counter()) if event.numbers else None
            )
            rates[name] = 2 * N_ITEMS / (ends[2] - ends[0])  # the first epoch waits for memory
        featurizer = LearnedFeaturizer("strokes", n_steps=N_STEPS, random_state=0)
        start = time.perf_counter()
        featurizer.fit(X)
        rates["contrast, pairs of views"] = 256 * N_STEPS / (time.perf_counter() - start)
        return rates if group.is_first else {}


def answer(folder: Path) -> dict[int, float]:
    """Items a second of one and of two processes."""
    X = images(N_ANSWERED)
    np.save(folder / "items.npy", X)
    gmvae = GMVAE(100, features="pixels", encoder="dense", max_epochs=1, random_state=0).fit(X[:20_000])
    answerer = DecoderAnswerer(gmvae, SoftDecoder().fit(gmvae.encode(X[:1000]), np.arange(1000) % 1797 % 10))
    rates = {}
    for n in (1, 2):
        start = time.perf_counter()
        workers = None if n == 1 else Workers(n)
        predict_parts(answerer, folder / "items.npy", folder / str(n), part_size=50_000, workers=workers)
        rates[n] = N_ANSWERED / (time.perf_counter() - start)
    return rates


def main() -> None:
    if "WORLD_SIZE" in os.environ:
        rates = train()
        if rates:
            Path(sys.argv[1]).write_text(json.dumps(rates))
        return
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    lines = [
        "# What a second process gives",
        "",
        f"`OMP_NUM_THREADS=1 python benchmarks/processes.py`: {N_ITEMS:,} images of {SIDE}x{SIDE}, 100 "
        "components, one thread a process. Starting processes",
        f"is not counted for training; for answering {N_ANSWERED:,} items in parts of 50,000 it is.",
        "",
        "| what | one process, a second | two | ratio |",
        "| --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as place:
        found = []
        for n in (1, 2):
            command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone"]
            command += ["--nproc-per-node", str(n), __file__, f"{place}/{n}.json"]
            subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
            found.append(json.loads(Path(place, f"{n}.json").read_text()))
        rows = [(name, *(rates[name] for rates in found)) for name in found[0]]
        answered = answer(Path(place))
        rows.append(("answering in parts, dense layers", answered[1], answered[2]))
    lines += [f"| {name} | {one:,.0f} | {two:,.0f} | {two / one:.2f} |" for name, one, two in rows]
    target = Path(__file__).parent / "results" / "processes.md"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
