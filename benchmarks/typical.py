"""How far labels of typical items may make probabilities surer: `python benchmarks/typical.py --models DIR`.

Labels are suggested; `auto` answers at a risk of 5 %. The width of the prior on the logarithm of its
temperature was chosen on digits, letters26 and NSL-KDD; Banking77 was looked at afterwards. Pools are
those of `pools.py`, and so are the models: DIR/POOL-SEED.gmvae. Writes results/typical.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest import mock

import numpy as np

from labelwise import GMVAE
from labelwise.decoding import UNLABELED, AutoDecoder, auto
from labelwise.decoding.abstention import abstention_threshold
from labelwise.decoding.crossfit import fit_temperature
from labelwise.planning.suggest import suggest_from
from pools import BUDGETS, RESULTS, RISK, given, read

WIDTHS = (0.07, 0.1, 0.2, 1.0)


def temperatures(decoder: AutoDecoder, encoding, y: np.ndarray) -> list[float]:
    """Fit `decoder`, and say which temperature each width would give, and none below 1."""
    held_out = []

    def note(found: np.ndarray, codes: np.ndarray, width: float = 1.0) -> float:
        if width == 1.0 and not held_out:  # the first call is about all of them
            held_out.append((found, codes))
        return fit_temperature(found, codes, width)

    with mock.patch.object(auto, "fit_temperature", note):
        decoder.fit(encoding, y)
    full = fit_temperature(*held_out[0])
    if full > 1:
        return [full] * (1 + len(WIDTHS))
    return [1.0, *(fit_temperature(*held_out[0], width) for width in WIDTHS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--pools", nargs="+", default=["digits", "letters26", "nsl-kdd", "banking77-minilm"])
    options = parser.parse_args()
    widths = [f"width {w}" for w in WIDTHS]
    lines = [
        "# Suggested labels, and probabilities that they make surer",
        "",
        f"`python benchmarks/typical.py --models DIR`. Share answered at `--risk {RISK}`, and share of those "
        "that is wrong; one row a model.",
        "",
        f"| pool, model | labels | accuracy | never surer | {' | '.join(widths)} |",
        "| --- | --- | --- | --- |" + " --- |" * len(WIDTHS),
    ]
    for pool in options.pools:
        X, truth = read(pool)
        for path in sorted(options.models.glob(f"{pool}-*.gmvae")):
            encoding = GMVAE.load(path).encode(X)
            chosen = BUDGETS[pool][1]
            rows = np.array([s.index for s in suggest_from(encoding, max(chosen), random_state=0)])
            for n in chosen:
                y = given(truth, rows[:n])
                left = y == UNLABELED
                decoder = AutoDecoder()
                cells = []
                for temperature in temperatures(decoder, encoding, y):
                    decoder.temperature_ = temperature
                    P = decoder.predict_proba(encoding)[left]
                    right = decoder.classes_[P.argmax(axis=1)] == truth[left]
                    sure = P.max(axis=1) >= abstention_threshold(P, RISK)
                    wrong = f", {(~right[sure]).mean():.1%}" if sure.any() else ""
                    cells.append(f"{sure.mean():.0%}{wrong}")
                lines.append(f"| {path.stem} | {n} | {right.mean():.3f} | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    (RESULTS / "typical.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
