"""Whether stated probabilities are right, on the models of finished studies.

At the budgets at which a study ran "poisson, suggested", and those of its students.

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
from labelwise.errors import LabelwiseWarning
from labelwise.labels import UNLABELED
from labelwise.planning.suggest import suggest_from
from labelwise.student import Student, refine
from labelwise.study.analysis import reliability
from labelwise.study.folder import read_notes
from labelwise.study.methods import POISSON_SUGGESTED, RANDOM, STUDENT, STUDENT_SUGGESTED, SUGGESTED
from labelwise.study.results import read_cells
from labelwise.study.sweep import draw_labels

RISK = 0.05
MODEL_SEEDS = (0, 1, 2)
STUDENT_SEEDS = (0,)  # minutes each
STUDENTS = {method.id: method.selection for method in (STUDENT, STUDENT_SUGGESTED)}

Figures = tuple[float, ...]


def figures(probabilities: np.ndarray, codes: np.ndarray) -> Figures:
    """Accuracy, mean probability, calibration error; at `RISK` the share answered, and wrong."""
    right = probabilities.argmax(axis=1) == codes
    stated = probabilities.max(axis=1)
    answered = stated >= abstention_threshold(probabilities, RISK)
    wrong = 1 - right[answered].mean() if answered.any() else 0.0
    return right.mean(), stated.mean(), reliability(stated, right).error, answered.mean(), wrong


def measure(run: Path) -> dict[tuple[int, str, str], list[Figures]]:
    """Figures of each model, by number of labels, how they were chosen, and who answers."""
    X, truth, _ = load_dataset(read_notes(run)["study"]["dataset"])
    cells = read_cells(run / "results.csv")
    budgets = sorted({cell.n_labeled for cell in cells if cell.method == POISSON_SUGGESTED.id})
    taught = {(cell.n_labeled, STUDENTS[cell.method]) for cell in cells if cell.method in STUDENTS}
    found: dict[tuple[int, str, str], list[Figures]] = {}
    for seed in MODEL_SEEDS:
        gmvae = GMVAE.load(run / "models" / f"seed-{seed}.labelwise")
        posteriors = gmvae.encode(X)
        chosen = [each.index for each in suggest_from(posteriors, max(budgets), random_state=seed)]
        for n_labeled in budgets:
            suggested = np.full(len(truth), UNLABELED)
            suggested[chosen[:n_labeled]] = truth[chosen[:n_labeled]]
            for how, y in ((RANDOM, draw_labels(truth, n_labeled, seed)), (SUGGESTED, suggested)):
                hidden = y == UNLABELED
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", LabelwiseWarning)
                    decoder = AutoDecoder(classes=np.unique(truth)).fit(posteriors, y)
                own = figures(decoder.predict_proba(posteriors)[hidden], truth[hidden])
                found.setdefault((n_labeled, how, "auto"), []).append(own)
                if seed in STUDENT_SEEDS and (n_labeled, how) in taught:
                    template = Student(gmvae.augment_, random_state=seed)
                    student = refine(template, decoder, X, posteriors, y).student
                    if student is not None:
                        own = figures(student.answers_[hidden], truth[hidden])
                        found.setdefault((n_labeled, how, "student"), []).append(own)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    for run in parser.parse_args().runs:
        name = Path(read_notes(run)["data"]["name"]).stem
        lines = [
            f"# Are the probabilities right? {name}",
            "",
            f"`python benchmarks/calibration.py {name}.run`: items without a label, one draw per model.",
            "Calibration error: mean of |accuracy - probability| in ten bins. At a risk of "
            f"{RISK:.0%}, as many",
            "items are answered as leave that share of the answers wrong in expectation",
            "(`labelwise decode --risk`).",
            "",
            "| labels | answers by | models | accuracy | mean probability | calibration error "
            "| answered at risk | wrong among them |",
            "| --- " * 8 + "|",
        ]
        for (n_labeled, how, who), values in measure(run).items():
            numbers = " | ".join(f"{value:.3f}" for value in np.mean(values, axis=0))
            lines.append(f"| {n_labeled} {how} | {who} | {len(values)} | {numbers} |")
            print(lines[-1], flush=True)
        target = Path(__file__).parent / "results" / f"calibration_{name}.md"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
