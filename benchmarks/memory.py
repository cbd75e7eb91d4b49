"""Peak memory of training on 145,600 images of 28x28, beside the size of the data."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

N_SAMPLES = 145_600


def train_once() -> None:
    """Train one epoch of each phase on random images and print data and peak, in MB."""
    import numpy as np

    from labelwise import GMVAE

    X = np.random.default_rng(0).integers(0, 256, (N_SAMPLES, 28, 28), dtype=np.uint8)
    GMVAE(max_epochs=2, encoder="dense", random_state=0).fit(X)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux
    print(X.nbytes / 2**20, peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().child:
        train_once()
        return
    # A process of its own, so that the peak is training's and nothing else's.
    command = [sys.executable, "-W", "ignore", __file__, "--child"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    data, peak = map(float, output.split())
    text = (
        "# Peak memory of training\n\n"
        f"`make bench` (or `python benchmarks/memory.py`): two epochs on {N_SAMPLES:,} random images "
        "of 28x28, default networks and batch.\n\n"
        "| data, MB | peak of the process, MB | above the data, MB | aim |\n| --- | --- | --- | --- |\n"
        f"| {data:.0f} | {peak:.0f} | {peak - data:.0f} | at most 700 |\n"
    )
    print(text)
    path = Path(__file__).parent / "results" / "memory.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
