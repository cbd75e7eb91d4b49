"""What `forecast_accuracy` promised against what came, on the models of finished studies.

Example: python benchmarks/forecast.py mnist.run letters26.run --budgets 70 140 291
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from labelwise import GMVAE, SoftDecoder, load_dataset
from labelwise.encoding import Encoding
from labelwise.labels import UNLABELED
from labelwise.planning.forecast import forecast_accuracy
from labelwise.study.folder import read_notes
from labelwise.study.sweep import draw_labels

FURTHER = (10, 50, 100)
N_DRAWS = 10


def accuracy(encoding: Encoding, truth: np.ndarray, n_labeled: int, draw: int) -> float:
    y = draw_labels(truth, n_labeled, draw)
    hidden = y == UNLABELED
    return float((SoftDecoder().fit(encoding, y).predict(encoding)[hidden] == truth[hidden]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--budgets", type=int, nargs="+", default=[35, 70, 140, 291])
    options = parser.parse_args()
    lines = [
        "# Forecasts of accuracy against what came",
        "",
        f"`python benchmarks/forecast.py RUN...`: soft decoding, model seed 0, {N_DRAWS} draws of labels",
        "at each budget. Each forecast saw its labels only. A draw with more labels keeps those it had.",
        "",
        "| pool | labels | now | came | inside | +10 | came | +50 | came | +100 | came | inside |",
        "| --- " * 12 + "|",
    ]
    for run in options.runs:
        notes = read_notes(run)
        X, truth, _ = load_dataset(notes["study"]["dataset"])
        posteriors = GMVAE.load(run / "models" / "seed-0.labelwise").encode(X)
        for n_labeled in options.budgets:
            promised, came, inside = [], [], []
            for draw in range(N_DRAWS):
                y = draw_labels(truth, n_labeled, draw)
                forecast = forecast_accuracy(
                    SoftDecoder(), posteriors.posteriors, y, further=FURTHER, random_state=draw
                )
                found = [accuracy(posteriors, truth, n_labeled + more, draw) for more in (0, *FURTHER)]
                promised.append([forecast.accuracy[0], *forecast.gain[1:]])
                came.append([found[0], *(value - found[0] for value in found[1:])])
                inside.append((forecast.low <= found) & (found <= forecast.high))
            p, c, i = (np.mean(values, axis=0) for values in (promised, came, inside))
            gains = " | ".join(f"{100 * p[k]:+.1f} | {100 * c[k]:+.1f}" for k in (1, 2, 3))
            lines.append(
                f"| {notes['data']['name']} | {n_labeled} | {p[0]:.3f} | {c[0]:.3f} | {i[0]:.0%} "
                f"| {gains} | {i[3]:.0%} |"
            )
            print(lines[-1], flush=True)
    lines += [
        "",
        "Inside: share of the 95 % intervals that held the accuracy that came, now and with 100 more.",
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).parent.joinpath("results", "forecast.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
