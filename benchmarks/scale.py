"""More items than memory holds: peak memory and speed of training and of answering in parts.

`python benchmarks/scale.py --items 5000000 --folder FOLDER` makes a file of that many images of 28x28 pixels
in FOLDER (3.9 GB), writes it once more as .npz files and reads those as one data set, trains a GMVAE of 100
components and dense layers on their pixels for one epoch, and answers for all of them in parts; beside it,
500,000 of them are answered in memory. Each runs in a process of its own. Memory is what the process cannot
give back (RssAnon): pages of a mapped file are dropped when others need them.
Writes `results/scale.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from labelwise import GMVAE, SoftDecoder, load, load_dataset, predict_parts
from labelwise.answerer import DecoderAnswerer
from labelwise.project.answers import asked

SIDE, N_COMPONENTS, N_LABELED = 28, 100, 1000
N_IN_MEMORY = 500_000
CHUNK = 50_000
SHARD = 100_000
AIM_MB = 1500


def with_noise(n_items: int, path: Path | None = None) -> np.ndarray:
    """Digits in 28x28 pixels, each with noise of its own; in a file, where one is named."""
    digits = np.kron(load_digits().images * 15, np.ones((3, 3)))
    digits = np.pad(digits, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    shape = (n_items, SIDE, SIDE)
    items = (
        np.empty(shape, np.uint8) if path is None else np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    )
    rng = np.random.default_rng(0)
    for start in range(0, n_items, CHUNK):
        rows = np.arange(start, min(n_items, start + CHUNK)) % len(digits)
        items[start : start + CHUNK] = digits[rows] | rng.integers(0, 16, (len(rows), SIDE, SIDE), np.uint8)
    return items


def peak_while(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of some work, and the most memory that it took, in MB."""
    peaks, is_done = [0.0], threading.Event()

    def watch() -> None:
        while not is_done.wait(0.05):
            lines = Path("/proc/self/status").read_text().splitlines()
            anonymous = next(line for line in lines if line.startswith("RssAnon:"))
            peaks.append(float(anonymous.split()[1]) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        work()
    finally:
        is_done.set()
        watcher.join()
    return {"seconds": time.perf_counter() - start, "peak": max(peaks)}


def read_shards(folder: Path) -> dict[str, float]:
    """All items from a folder of .npz files, which are made first."""
    items, shards = np.load(folder / "items.npy", mmap_mode="r"), folder / "shards"
    shards.mkdir(exist_ok=True)
    for number, start in enumerate(range(0, len(items), SHARD)):
        np.savez(shards / f"{number:04}.npz", X=items[start : start + SHARD])
    return peak_while(lambda: load_dataset(shards))


def train(folder: Path) -> dict[str, float]:
    """A GMVAE of the pixels of all items, and an answerer from it."""
    items = np.load(folder / "items.npy", mmap_mode="r")
    settings = {"features": "pixels", "encoder": "dense", "max_epochs": 1}  # convolutions take twice as long
    gmvae = GMVAE(N_COMPONENTS, random_state=0, **settings)
    found = peak_while(lambda: gmvae.fit(items))
    some = np.array(items[:N_LABELED])
    truth = load_digits().target[np.arange(N_LABELED) % 1797]
    DecoderAnswerer(gmvae, SoftDecoder().fit(gmvae.encode(some), truth)).save(folder / "answerer")
    return found


def answer(folder: Path) -> dict[str, float]:
    """Predictions for all items in parts."""
    answerer = load(folder / "answerer")
    return peak_while(
        lambda: predict_parts(answerer, folder / "items.npy", folder / "answers", overwrite=True)
    )


def answer_in_memory(folder: Path) -> dict[str, float]:
    """Predictions for some items at once."""
    answerer = load(folder / "answerer")
    items = np.array(np.load(folder / "items.npy", mmap_mode="r")[:N_IN_MEMORY])
    return peak_while(lambda: asked(answerer, items))


STAGES = {"read_shards": read_shards, "train": train, "answer": answer, "answer_in_memory": answer_in_memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="where 8 GB may lie; TMPDIR holds 4 more")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(STAGES[options.stage](options.folder)))
        return
    options.folder.mkdir(exist_ok=True)
    if not (options.folder / "items.npy").exists():
        with_noise(options.items, options.folder / "items.npy")
    n_items = len(np.load(options.folder / "items.npy", mmap_mode="r"))
    lines = [
        "# More items than memory holds",
        "",
        f"`python benchmarks/scale.py --items {n_items} --folder FOLDER`: images of {SIDE}x{SIDE} pixels in "
        f"an .npy file of {n_items * SIDE * SIDE / 1e6:,.0f} MB, {N_COMPONENTS} components, "
        f"{torch.get_num_threads()} threads.",
        "",
        "| what | items | seconds | items a second | peak memory, MB | aim |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for stage, what, n, aim in (
        ("read_shards", f"reading .npz files of {SHARD:,}", n_items, f"{AIM_MB:,}"),
        ("train", "training, one epoch on pixels", n_items, f"{AIM_MB:,}"),
        ("answer", "answering in parts, from the file", n_items, f"{AIM_MB:,}"),
        ("answer_in_memory", "answering at once, in memory", min(n_items, N_IN_MEMORY), ""),
    ):
        arguments = [sys.executable, __file__, "--folder", str(options.folder), "--stage", stage]
        run = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(run.stdout)
        seconds, peak = found["seconds"], found["peak"]
        lines.append(f"| {what} | {n:,} | {seconds:,.0f} | {n / seconds:,.0f} | {peak:,.0f} | {aim} |")
        print(lines[-1], flush=True)
    path = Path(__file__).parent / "results" / "scale.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
