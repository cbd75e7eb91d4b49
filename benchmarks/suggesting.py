"""Where `suggest` walks, on latents, features or both: `python benchmarks/suggesting.py --models DIR`.

Accuracy of the product of decoders, on the items without a label. Pools and models are those of `pools.py`.
Writes results/suggesting.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from labelwise import GMVAE
from labelwise.decoding import UNLABELED
from labelwise.decoding.product import ProductDecoder
from labelwise.encoding import Encoding
from labelwise.planning.suggest import suggest_from
from pools import BUDGETS, RESULTS, given, read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--pools", nargs="+", default=["digits", "letters26", "nsl-kdd", "banking77-minilm"])
    options = parser.parse_args()
    lines = [
        "# Where suggestions walk",
        "",
        "`python benchmarks/suggesting.py --models DIR`. Accuracy of the product of decoders with suggested "
        "labels, by the points among which `suggest` looked; one row a model.",
        "",
        "| pool, model | labels | latents | features | both |",
        "| --- | --- | --- | --- | --- |",
    ]
    for pool in options.pools:
        X, truth = read(pool)
        for path in sorted(options.models.glob(f"{pool}-*.gmvae")):
            encoding = GMVAE.load(path).encode(X)
            of_latents = Encoding(encoding.posteriors, encoding.latents)
            of_features = Encoding(encoding.posteriors, encoding.features)
            of_both = Encoding(encoding.posteriors, encoding.latents, encoding.features)
            chosen = BUDGETS[pool][1]
            lists = [
                [each.index for each in suggest_from(walked, max(chosen), random_state=0)]
                for walked in (of_latents, of_features, of_both)
            ]
            for n in chosen:
                cells = []
                for rows in lists:
                    y = given(truth, np.array(rows[:n]))
                    right = ProductDecoder().fit(encoding, y).predict(encoding) == truth
                    cells.append(f"{right[y == UNLABELED].mean():.3f}")
                lines.append(f"| {path.stem} | {n} | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    (RESULTS / "suggesting.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
