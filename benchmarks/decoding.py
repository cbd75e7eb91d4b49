"""A sweep of hard and soft decoding over label draws, against decoding each cell anew in float64.

The other side does what the reference code of the study does for each cell (build_M_soft, build_M_hard,
decode_soft and decode_hard in weak_supervision.py of https://github.com/murex/gmvae-label-decoding), written
from its formulas. Answers must be the same. Prints the table of benchmarks/results/decoding.md.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from labelwise.decoding import HardDecoder, SoftDecoder
from labelwise.encoding import Encoding
from labelwise.labels import UNLABELED
from labelwise.study.protocol import PUBLISHED_FRACTIONS
from labelwise.study.sweep import draw_labels

N_SAMPLES, N_COMPONENTS, N_CLASSES, N_DRAWS = 145_600, 100, 26, 5


def make_pool(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors of a Gaussian mixture, and classes of its components.

    The models of MNIST, Fashion-MNIST and letters26 have posteriors of mean entropy 0.5 to 0.8 nats.
    """
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 0.68, (N_COMPONENTS, 32))
    components = rng.integers(N_COMPONENTS, size=N_SAMPLES)
    points = means[components] + rng.normal(0, 1, (N_SAMPLES, 32)).astype(np.float32)
    logits = points @ means.T - 0.5 * (means**2).sum(axis=1)
    Q = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (Q / Q.sum(axis=1, keepdims=True)).astype(np.float32), components % N_CLASSES


def decode_anew(Q: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Soft and hard answers of all items by dense float64 arithmetic."""
    rows = np.flatnonzero(y != UNLABELED)
    profiles, counts = np.zeros((N_CLASSES, N_COMPONENTS)), np.zeros(N_CLASSES)
    np.add.at(profiles, y[rows], Q[rows])
    np.add.at(counts, y[rows], 1.0)
    profiles /= np.maximum(counts, 1.0)[:, None]
    profiles /= np.maximum(profiles.sum(axis=1, keepdims=True), 1e-12)
    soft = (Q @ profiles.T).argmax(axis=1)
    table, sizes = np.zeros((N_CLASSES, N_COMPONENTS)), np.zeros(N_COMPONENTS)
    homes = Q[rows].argmax(axis=1)
    np.add.at(table, (y[rows], homes), 1.0)
    np.add.at(sizes, homes, 1.0)
    table /= np.maximum(sizes, 1e-12)
    hard = table[:, Q.argmax(axis=1)].T.argmax(axis=1)
    return soft, hard


def main() -> None:
    Q, truth = make_pool()
    entropy = -(Q * np.log(np.maximum(Q, 1e-30))).sum(axis=1).mean()
    cells = [
        (round(fraction * N_SAMPLES), draw) for fraction in PUBLISHED_FRACTIONS for draw in range(N_DRAWS)
    ]
    labels = [draw_labels(truth, n_labeled, draw) for n_labeled, draw in cells]
    wide = Q.astype(np.float64)
    start = time.perf_counter()
    for y in labels:
        decode_anew(wide, y)
    seconds_converted = time.perf_counter() - start
    # The reference's prepare_decoding turns the model's float32 posteriors into float64 for each cell.
    start = time.perf_counter()
    theirs = [decode_anew(Q.astype(np.float64), y) for y in labels]
    seconds_anew = time.perf_counter() - start
    start = time.perf_counter()
    posteriors = Encoding(Q)
    ours = []
    for y in labels:
        # The reference answers the first of all classes where no label reached, so it must know them all.
        hard = HardDecoder(unnamed="first").fit(posteriors, y)
        ours.append((SoftDecoder().fit(posteriors, y).predict(posteriors), hard.predict(posteriors)))
    seconds = time.perf_counter() - start
    same = [
        np.mean([(a == b).mean() for (a, _), (b, _) in zip(ours, theirs, strict=True)]),
        np.mean(
            [
                (a == np.where(np.isin(b, np.unique(y[y >= 0])), b, y[y >= 0].min())).mean()
                for (_, a), (_, b), y in zip(ours, theirs, labels, strict=True)
            ]
        ),
    ]
    once = "dense float64, each cell anew, converted once"
    each = "dense float64, each cell anew, converted for each cell as in `prepare_decoding`"
    text = f"""# Decoding sweep

`make bench` (or `python benchmarks/decoding.py`): {N_SAMPLES:,} x {N_COMPONENTS} posteriors of mean entropy
{entropy:.2f} nats, {N_CLASSES} classes, {len(PUBLISHED_FRACTIONS)} budgets x {N_DRAWS} draws, hard and soft.

| way | seconds for the sweep | times as long |
| --- | --- | --- |
| labelwise, posteriors checked and ranked once | {seconds:.2f} | 1 |
| {each} | {seconds_anew:.2f} | {seconds_anew / seconds:.1f} |
| {once} | {seconds_converted:.2f} | {seconds_converted / seconds:.1f} |

The aim was 10. Same answers: soft {same[0]:.6%}, hard {same[1]:.6%} (where no label reached, the
first labelled class).
"""
    print(text)
    Path(__file__).parent.joinpath("results", "decoding.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
