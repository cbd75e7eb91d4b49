"""What features cost: contrast and training on images, the linear student, the schema of a million rows.

`python benchmarks/features.py` writes `results/features.md`. Contrast is timed over some of its steps, which
all take the same time, and counted up. Data are made up: the time does not depend on what they show.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from labelwise import GMVAE
from labelwise.decoding import LinearStudentDecoder, ProductDecoder
from labelwise.encoding import Encoding
from labelwise.features.learned import LearnedFeaturizer
from labelwise.features.table import TableFeaturizer
from labelwise.graph.principal import PrincipalComponents

N_IMAGES, N_MNIST, SIDE = 34_205, 70_000, 28
N_TEXTS, N_WIDTH, N_CLASSES, N_LABELS = 13_083, 384, 77, 385
N_ROWS = 1_000_000
STEPS = 40  # of contrast that are timed


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def contrast(n_images: int) -> tuple[float, float, np.ndarray]:
    """Seconds of all steps, seconds of the features of all images, and these features."""
    images = np.random.default_rng(0).integers(0, 256, (n_images, SIDE, SIDE), dtype=np.uint8)
    whole = LearnedFeaturizer("strokes").n_steps
    short, longer = (
        LearnedFeaturizer("strokes", n_steps=n, random_state=0) for n in (STEPS // 4, STEPS + STEPS // 4)
    )
    began = timed(lambda: short.fit(images))  # what comes before the steps is not counted up
    step = (timed(lambda: longer.fit(images)) - began) / STEPS
    found: list[np.ndarray] = []
    looking = timed(lambda: found.append(longer.transform(images)))
    return began + step * (whole - STEPS // 4), looking, found[0]


def texts() -> tuple[float, float]:
    """Seconds of the linear student, and of its teacher alone."""
    rng = np.random.default_rng(0)
    truth = rng.integers(N_CLASSES, size=N_TEXTS)
    points = rng.standard_normal((N_CLASSES, N_WIDTH))[truth] + rng.standard_normal((N_TEXTS, N_WIDTH))
    features = PrincipalComponents().fit(points.astype(np.float32)).transform(points.astype(np.float32))
    posteriors = np.eye(N_CLASSES, dtype=np.float32)[truth]
    y = np.full(N_TEXTS, -1)
    rows = rng.permutation(N_TEXTS)[:N_LABELS]
    y[rows] = truth[rows]

    def answer(decoder: ProductDecoder) -> float:
        encoding = Encoding(posteriors, latents=features[:, :32], features=features)
        return timed(lambda: decoder.fit(encoding, y).predict_proba(encoding))

    return answer(LinearStudentDecoder()), answer(ProductDecoder())


def table() -> tuple[float, float]:
    """Seconds to fit the schema of a million rows, and to make features of them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"number{i}": rng.lognormal(size=N_ROWS) for i in range(30)})
    for i in range(8):
        frame[f"category{i}"] = np.array([f"kind {k}" for k in range(12)])[rng.integers(12, size=N_ROWS)]
    frame["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(2000, size=N_ROWS), unit="D")
    frame.loc[::7, "number3"] = np.nan
    featurizer = TableFeaturizer()
    return timed(lambda: featurizer.fit(frame)), timed(lambda: featurizer.transform(frame))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    lines = [
        "# What features cost",
        "",
        f"`python benchmarks/features.py`, {torch.get_num_threads()} threads, made-up data. Contrast was "
        f"timed over {STEPS} steps and counted up.",
        "",
        "| what | seconds | aim |",
        "| --- | --- | --- |",
    ]
    learning, looking, _ = contrast(N_IMAGES)
    contrasting, seeing, features = contrast(N_MNIST)
    modelling = timed(lambda: GMVAE(100, features="none", random_state=0).fit(features))
    student, teacher = texts()
    schema, columns = table()
    for what, seconds, aim in (
        (f"contrast on {N_IMAGES:,} images of {SIDE}x{SIDE}", learning, "300"),
        ("features of these images", looking, ""),
        (f"training on {N_MNIST:,} images of {SIDE}x{SIDE}", contrasting + seeing + modelling, "180"),
        ("of this: contrast", contrasting, ""),
        ("of this: features", seeing, ""),
        ("of this: 100 components on the features", modelling, ""),
        (f"linear student, {N_TEXTS:,} x {N_WIDTH}, {N_CLASSES} classes, {N_LABELS} labels", student, "20"),
        ("its teacher, the product, alone", teacher, ""),
        (f"schema of {N_ROWS:,} rows of 39 columns", schema, "30"),
        ("features of these rows", columns, ""),
    ):
        lines.append(f"| {what} | {seconds:.1f} | {aim} |")
        print(lines[-1], flush=True)
    path = Path(__file__).parent / "results" / "features.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
