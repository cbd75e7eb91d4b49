"""Whether the probabilities of the default decoder can be believed, on the models of finished studies.

At the budgets for which the study holds "poisson, suggested".

Example: python benchmarks/calibration.py mnist.run letters26.run fashion-mnist.run
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

from labelwise import GMVAE, load_dataset
from labelwise.decoding import AutoDecoder
from labelwise.decoding.abstention import abstention_threshold
from labelwise.decoding.posteriors import Posteriors
from labelwise.decoding.principal import PrincipalComponents
from labelwise.errors import LabelwiseWarning
from labelwise.labels import UNLABELED
from labelwise.selection import suggest_from
from labelwise.study.analysis import reliability
from labelwise.study.results import read_cells
from labelwise.study.run import read_notes
from labelwise.study.sweep import draw_labels

RISK = 0.05


def measure(posteriors: Posteriors, truth: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """Accuracy, mean probability, calibration error; at `RISK` the share answered, and wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelwiseWarning)
        decoder = AutoDecoder().fit(posteriors, y)
    hidden = y == UNLABELED
    probabilities = decoder.predict_proba(posteriors)[hidden]
    right = decoder.classes_[probabilities.argmax(axis=1)] == truth[hidden]
    stated = probabilities.max(axis=1)
    answered = stated >= abstention_threshold(probabilities, RISK)
    wrong = 1 - right[answered].mean() if answered.any() else 0.0
    return right.mean(), stated.mean(), reliability(stated, right).error, answered.mean(), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--model-seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    lines = [
        "# Can probabilities be believed?",
        "",
        '`python benchmarks/calibration.py RUN...`: `decoder="auto"` on items without a label, means over '
        f"{len(options.model_seeds)} models with one draw",
        "of labels each. Calibration error: mean of |accuracy - probability|, in ten bins. At a risk of "
        f"{RISK:.0%} so many items are",
        "answered that as many of the answers are expected to be wrong (`labelwise decode --risk`).",
        "",
        "| pool | labels | accuracy | mean probability | calibration error | answered | wrong among them |",
        "| --- " * 7 + "|",
    ]
    for run in options.runs:
        notes = read_notes(run)
        X, truth, _ = load_dataset(notes["study"]["dataset"])
        cells = read_cells(run / "results.csv")
        budgets = sorted({cell.n_labeled for cell in cells if cell.method == "poisson, suggested"})
        items = PrincipalComponents(random_state=0).fit_transform(X)
        found: dict[tuple[int, str], list[tuple[float, ...]]] = {}
        for seed in options.model_seeds:
            gmvae = GMVAE.load(run / "models" / f"seed-{seed}.labelwise")
            posteriors = Posteriors(gmvae.predict_proba(X), gmvae.transform(X), items=items)
            chosen = [each.index for each in suggest_from(posteriors, max(budgets), random_state=seed)]
            for n_labeled in budgets:
                suggested = np.full(len(truth), UNLABELED)
                suggested[chosen[:n_labeled]] = truth[chosen[:n_labeled]]
                for how, y in (("random", draw_labels(truth, n_labeled, seed)), ("suggested", suggested)):
                    found.setdefault((n_labeled, how), []).append(measure(posteriors, truth, y))
        for (n_labeled, how), values in found.items():
            numbers = " | ".join(f"{value:.3f}" for value in np.mean(values, axis=0))
            lines.append(f"| {notes['data']['name']} | {n_labeled} {how} | {numbers} |")
            print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    Path(__file__).parent.joinpath("results", "calibration.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
