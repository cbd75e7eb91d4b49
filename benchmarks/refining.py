"""What refining costs: from nothing, with and without a rehearsal, and continued after ten more labels.

Prints the table of benchmarks/results/refining.md. Seconds are those of the processor on one thread, so that
other work on the same machine hardly changes them.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from labelwise import GMVAE, load_dataset
from labelwise.decoding import AutoDecoder
from labelwise.encoding import Encoding
from labelwise.errors import DownloadError, LabelwiseWarning
from labelwise.events import Event
from labelwise.student import Student, refine

N_MORE = 10


class Stopwatch:
    """Seconds of a refinement, and those of its rehearsal, by the events that it sends."""

    def __init__(self) -> None:
        self._start = time.process_time()
        self._is_rehearsal = False
        self.rehearsal = self.whole = 0.0

    def __call__(self, event: Event) -> None:
        """Take the time of one event."""
        now = time.process_time() - self._start
        if event.message.startswith("rehearsal"):
            self._is_rehearsal = True
        if self._is_rehearsal and event.numbers:
            self.rehearsal = now
            self._is_rehearsal = event.numbers["round"] != 2
        self.whole = now


class Pool:
    """Part of a data set, its encoding, and labels for items drawn at random."""

    def __init__(self, data: str, model: Path | None, n_items: int, draw: int) -> None:
        X, truth, _ = load_dataset(data)
        rows = np.sort(np.random.default_rng(0).permutation(len(X))[:n_items])
        self.X, self.truth = X[rows], np.asarray(truth)[rows]
        self.gmvae = GMVAE(random_state=0).fit(self.X) if model is None else GMVAE.load(model)
        self.encoding: Encoding = self.gmvae.encode(self.X)
        self._order = np.random.default_rng([1, draw]).permutation(len(rows))

    def labels(self, n_labeled: int) -> np.ndarray:
        """Labels of the first items of the draw, -1 for the rest."""
        y = np.full(len(self.truth), -1)
        labeled = self._order[:n_labeled]
        y[labeled] = self.truth[labeled]
        return y

    def refine(self, n_labeled: int, **options: object) -> tuple[Student, Stopwatch, float]:
        """Student, seconds, and accuracy on items without a label."""
        y = self.labels(n_labeled)
        decoder = AutoDecoder().fit(self.encoding, y)
        template = Student(self.gmvae.augment_, random_state=0)
        watch = Stopwatch()
        student = refine(template, decoder, self.X, self.encoding, y, listen=watch, **options).student
        if student is None:
            raise SystemExit("the rehearsal left the student out: there is nothing to compare")
        answers = student.classes_[student.answers_.argmax(axis=1)]
        return student, watch, float((answers == self.truth)[y == -1].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--model", type=Path, help="a trained model of the data, to leave training out")
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--labels", type=int, default=140)
    parser.add_argument("--draws", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", LabelwiseWarning)
    names = (
        "from nothing, with a rehearsal",
        "from nothing, without a rehearsal",
        f"continued after {N_MORE} more labels",
    )
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    earlier = []
    for draw in range(options.draws):
        try:
            pool = Pool(options.data, options.model, options.items, draw)
        except DownloadError as error:
            print(f"{options.data} is left out: {error}")
            return
        start, _, accuracy = pool.refine(options.labels, rehearse=False)
        earlier.append(accuracy)
        _, anew, accuracy = pool.refine(options.labels + N_MORE, rehearse=True)
        results[names[0]].append((anew.whole, accuracy))
        results[names[1]].append((anew.whole - anew.rehearsal, accuracy))  # the same student
        _, watch, accuracy = pool.refine(options.labels + N_MORE, start=start)
        results[names[2]].append((watch.whole, accuracy))
        print({name: result[-1] for name, result in results.items()}, flush=True)
    means = {name: np.mean(result, axis=0) for name, result in results.items()}
    whole = means[names[0]][0]
    data = Path(options.data).name
    lines = [
        "# Refining again after ten more labels",
        "",
        f"`make bench` (or `python benchmarks/refining.py`), here with `--data {data}"
        f"{' --model …' if options.model else ''} --items {options.items} --labels {options.labels} "
        f"--draws {options.draws}`: {options.items:,} items of {data},",
        f"{options.labels} random labels and then {N_MORE} more, one thread, seconds of the processor, "
        f"mean of {options.draws} draw{'s' if options.draws > 1 else ''}.",
        f"The earlier student, of {options.labels} labels, has an accuracy of {np.mean(earlier):.3f}.",
        "",
        "| way | seconds | part of the first | accuracy on items without a label |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {seconds:.0f} | {seconds / whole:.2f} | {accuracy:.3f} |"
        for name, (seconds, accuracy) in means.items()
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    path = Path(__file__).parent / "results" / "refining.md"
    # What was chosen by hand-made runs stands below the table and stays.
    kept = path.read_text(encoding="utf-8").partition("\n## ") if path.exists() else ("", "", "")
    path.write_text(text + kept[1] + kept[2], encoding="utf-8")


if __name__ == "__main__":
    main()
