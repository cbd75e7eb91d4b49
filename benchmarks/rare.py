"""What `suggest --rare` finds and costs: `python benchmarks/rare.py --models DIR`.

Pools of unequal classes and their models are those of `pools.py`; answers are those of `auto`. Writes
results/rare.md.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

from labelwise import GMVAE
from labelwise.decoding import AutoDecoder
from labelwise.errors import LabelwiseWarning
from labelwise.planning.suggest import suggest_from
from pools import BUDGETS, RESULTS, given, read, score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--pools", nargs="+", default=["nsl-kdd", "letters26"])
    options = parser.parse_args()
    warnings.simplefilter("ignore", LabelwiseWarning)
    lines = [
        "# Looking for rare classes",
        "",
        "`python benchmarks/rare.py --models DIR`: `suggest` as it is, and with `--rare`, at equal numbers "
        "of labels. Means over the models;",
        "accuracy, macro F1 and the lowest recall of a class are those of `auto` on the items without a "
        "label.",
        "",
        "| pool | models | labels | suggested | classes with a label | accuracy | macro F1 | lowest recall |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pool in options.pools:
        X, truth = read(pool)
        found: dict[tuple[int, bool], list[tuple[float, ...]]] = {}
        for path in sorted(options.models.glob(f"{pool}-*.gmvae")):
            encoding = GMVAE.load(path).encode(X)
            for rare in (False, True):
                chosen = BUDGETS[pool][1]
                rows = [each.index for each in suggest_from(encoding, max(chosen), rare=rare, random_state=0)]
                for n in chosen:
                    y = given(truth, np.array(rows[:n]))
                    answers = AutoDecoder(typical_labels=True).fit(encoding, y).predict(encoding)
                    hit = len(np.unique(truth[rows[:n]]))
                    found.setdefault((n, rare), []).append((hit, *score(answers, truth, y).values()))
        for (n, rare), scores in sorted(found.items()):
            hit, *rates = np.mean(scores, axis=0)
            lines.append(
                f"| {pool} | {len(scores)} | {n} | {'--rare' if rare else 'as it is'} | "
                f"{hit:.1f} of {len(np.unique(truth))} | {' | '.join(f'{rate:.3f}' for rate in rates)} |"
            )
            print(lines[-1], flush=True)
    (RESULTS / "rare.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
