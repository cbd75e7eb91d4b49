"""Both objectives side by side: 10,000 MNIST images, the same small networks, the same epochs.

Example: python benchmarks/objectives.py --data ../data/mnist
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from labelwise import GMVAE, SoftDecoder, load_dataset
from labelwise.study.analysis import describe_components
from labelwise.study.sweep import draw_labels

N_SAMPLES, N_LABELED, N_DRAWS = 10_000, 140, 5
SETTINGS = [
    ("collapsed", "kmeans"),
    ("collapsed", "random"),
    ("exact", "random"),
    ("exact", "kmeans"),
]


def measure(X: np.ndarray, truth: np.ndarray, objective: str, init: str, epochs: int) -> str:
    """Train once and give one row of the table."""
    gmvae = GMVAE(
        50,
        n_latent=16,
        n_hidden=256,
        n_layers=2,
        objective=objective,
        init=init,
        encoder="dense",
        max_epochs=epochs,
        batch_size=128,
        learning_rate=2e-3,
        random_state=0,
        verbose=1,
    )
    start = time.perf_counter()
    gmvae.fit(X)
    seconds = time.perf_counter() - start
    Q = gmvae.predict_proba(X)
    scores = []
    for draw in range(N_DRAWS):
        y = draw_labels(truth, N_LABELED, draw)
        rest = y == -1
        scores.append((SoftDecoder().fit(Q, y).predict(Q)[rest] == truth[rest]).mean())
    active = gmvae.history_[-1]["n_active_components"]
    purity = describe_components(Q, truth, truth.max() + 1).mean_purity
    return (
        f"| {objective} | {init} | {seconds:.0f} | {gmvae.score(X):.2f} | {active} of 50 "
        f"| {purity:.3f} | {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    X, truth, _ = load_dataset(options.data)
    rows = np.random.default_rng(0).permutation(len(X))[:N_SAMPLES]
    X, truth = X[rows], truth[rows]
    lines = [
        "# The two objectives",
        "",
        f"`python benchmarks/objectives.py --epochs {options.epochs}`: {N_SAMPLES:,} MNIST images, K=50,",
        "16 latent dimensions, hidden layers 256x2, batch 128, seed 0. The exact objective with",
        f"init=random is the published start. Soft: {N_LABELED} random labels, mean and standard deviation",
        f"of {N_DRAWS} draws on one model.",
        "",
        "| objective | init | seconds | ELBO, nats | active components | purity | soft |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dead components are in the table
        lines += [measure(X, truth, *setting, options.epochs) for setting in SETTINGS]
    text = "\n".join(lines) + "\n"
    print(text)
    (Path(__file__).parent / "results" / "objectives.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
