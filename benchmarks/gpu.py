"""What a GPU gives: a step beside its matrix products and the chip's limit, and a run of the size of EMNIST.

`python benchmarks/gpu.py step` and `python benchmarks/gpu.py letters LETTERS26.npz` write
`results/gpu_step.md` and `results/gpu_letters.md`. There are as many letters as in EMNIST Letters, 145,600,
made by bending, turning and thickening those of letters26: a measure of size and speed. How good the answers
are says little about EMNIST itself, all the less for features learned from views of the same kind.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from labelwise import GMVAE, load_dataset
from labelwise.decoding import UNLABELED, PoissonDecoder, SoftDecoder
from labelwise.errors import LabelwiseWarning
from labelwise.nn.views import random_views
from labelwise.randomness import torch_generator
from labelwise.study.analysis import describe_components
from labelwise.study.sweep import draw_labels
from step_cost import DECODER_HIDDEN, HIDDEN, matrix_products, published_networks, training_step

RESULTS = Path(__file__).parent / "results"
N_LETTERS = 145_600
N_LABELED, N_DRAWS = 291, 5
_ROUNDS, _REPEATS = 7, 50
_SIDE = 8192  # of the square product that measures the chip's limit
_CHUNK = 4096  # letters made at a time

# The published network, and today's defaults.
PUBLISHED = {
    "features": "pixels",
    "encoder": "dense",
    "n_hidden": HIDDEN[0],
    "n_layers": len(HIDDEN),
    "decoder_hidden": list(DECODER_HIDDEN),
    "n_latent": 100,
}
RUNS = {
    "published network, collapsed objective": PUBLISHED,
    "defaults on pixels": {"features": "pixels"},
    "defaults, features learned by contrast": {"features": "learned"},
    "published network, exact objective": {**PUBLISHED, "objective": "exact"},
}


def seconds_of(job: Callable[[], object]) -> float:
    """Median over rounds, after a warm-up."""
    times = []
    for number in range(_ROUNDS + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(_REPEATS):
            job()
        torch.cuda.synchronize()
        if number:
            times.append((time.perf_counter() - start) / _REPEATS)
    return median(times)


def step() -> None:
    """Time steps of the published network in bfloat16, for batches of several sizes."""
    one, other = (torch.randn(_SIDE, _SIDE, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    limit = 2 * _SIDE**3 / seconds_of(lambda: one @ other)
    lines = [
        "# A training step on a GPU",
        "",
        f"`python benchmarks/gpu.py step`: {torch.cuda.get_device_name()}, torch "
        f"{torch.__version__.split('+')[0]}, bfloat16, K=100; 784-768x4 encoder, 100 latent dimensions,",
        f"decoder 100-512-768-768-784. Medians of {_ROUNDS} rounds of {_REPEATS} steps. A product of two "
        f"{_SIDE} x {_SIDE} matrices runs at {limit / 1e12:.0f} TFLOP/s.",
        "Steps are replayed as a CUDA graph; products are launched one by one, which takes longer than small "
        "ones do.",
        "",
        "| batch | ms a step | million items a second | products alone, ms | share of the step | "
        "TFLOP/s of the step | share of the limit |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for batch_size in (512, 2048, 8192, 32768):
        module = published_networks("collapsed").cuda()
        module.mixed = True
        whole = seconds_of(training_step(module, batch_size))
        products = seconds_of(matrix_products(module, batch_size))
        sizes = [x.in_features * x.out_features for x in module.modules() if isinstance(x, torch.nn.Linear)]
        rate = 2 * batch_size * (3 * sum(sizes) - sizes[0]) / whole
        lines.append(
            f"| {batch_size} | {1e3 * whole:.2f} | {batch_size / whole / 1e6:.2f} | {1e3 * products:.2f} | "
            f"{products / whole:.0%} | {rate / 1e12:.1f} | {rate / limit:.1%} |"
        )
    write("gpu_step.md", lines)


def enlarged(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As many letters as in EMNIST Letters: views of these."""
    rows = np.arange(N_LETTERS) % len(X)
    views = np.empty((N_LETTERS, X[0].size), dtype=np.uint8)
    generator = torch_generator(0, device="cuda")
    for start in range(0, N_LETTERS, _CHUNK):
        part = rows[start : start + _CHUNK]
        values = torch.from_numpy(X[part]).cuda().flatten(1).float() / 255
        changed = random_views(values, X.shape[1:], "strokes", generator).clamp(0, 1)
        views[start : start + _CHUNK] = (255 * changed).round().byte().cpu().numpy()
    return views.reshape(-1, *X.shape[1:]), y[rows]


def letters(path: Path) -> None:
    """Train once a setting, and answer from 291 random labels."""
    X, truth, _ = load_dataset(path)
    X, truth = enlarged(X, truth)
    lines = [
        "# A run of the size of EMNIST Letters on a GPU",
        "",
        f"`python benchmarks/gpu.py letters letters26.npz`: {N_LETTERS:,} letters made from letters26 by "
        "views, so that answers say little about EMNIST;",
        f"{torch.cuda.get_device_name()}, torch {torch.__version__.split('+')[0]}, K=100, seed 0. Accuracy "
        f"with {N_LABELED} random labels, mean ± standard deviation of {N_DRAWS} draws",
        "(Poisson learning: of the first).",
        "",
        "| setting | seconds to train | epochs | batch | ELBO, nats | purity | soft | Poisson learning |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, settings in RUNS.items():
        start = time.perf_counter()
        gmvae = GMVAE(100, device="cuda", random_state=0, **settings).fit(X)
        seconds = time.perf_counter() - start
        encoding = gmvae.encode(X)
        purity = describe_components(encoding.posteriors, truth, truth.max() + 1).mean_purity
        draws = [draw_labels(truth, N_LABELED, draw) for draw in range(N_DRAWS)]
        soft = [accuracy(SoftDecoder(), encoding, truth, y) for y in draws]
        poisson = accuracy(PoissonDecoder(), encoding, truth, draws[0])
        lines.append(
            f"| {name} | {seconds:.0f} | {gmvae.n_epochs_} | {gmvae.batch_size_} | "
            f"{-gmvae.history_[-1]['loss']:.1f} | {purity:.3f} | "
            f"{np.mean(soft):.3f} ± {np.std(soft, ddof=1):.3f} | {poisson:.3f} |"
        )
        note = ["", "Features have nats of their own: compare evidence between rows on pixels only."]
        write("gpu_letters.md", lines + note)  # as far as it goes: the last run takes longest


def accuracy(decoder, encoding, truth: np.ndarray, y: np.ndarray) -> float:
    left = y == UNLABELED
    return float((decoder.fit(encoding, y).predict(encoding) == truth)[left].mean())


def write(name: str, lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    print(text)
    (RESULTS / name).write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("step")
    commands.add_parser("letters").add_argument("path", type=Path)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("there is no GPU here")
    warnings.simplefilter("ignore", LabelwiseWarning)
    if options.command == "step":
        step()
    else:
        letters(options.path)


if __name__ == "__main__":
    main()
