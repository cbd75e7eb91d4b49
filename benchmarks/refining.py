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
WAYS = (
    "from nothing, with a rehearsal",
    "from nothing, without a rehearsal",
    f"continued after {N_MORE} more labels",
)

Result = tuple[float, float]  # seconds, accuracy


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


def compare(pool: Pool, n_labeled: int, start: Student) -> list[Result]:
    """Seconds and accuracy of each of the `WAYS`."""
    _, anew, accuracy = pool.refine(n_labeled, rehearse=True)
    _, continued, accuracy_of_continued = pool.refine(n_labeled, start=start)
    return [
        (anew.whole, accuracy),
        (anew.whole - anew.rehearsal, accuracy),  # the same student, which the rehearsal only delays
        (continued.whole, accuracy_of_continued),
    ]


def table(options: argparse.Namespace, earlier: list[float], results: dict[str, list[Result]]) -> str:
    """The text of benchmarks/results/refining.md."""
    means = {name: np.mean(result, axis=0) for name, result in results.items()}
    whole = next(iter(means.values()))[0]
    data = Path(options.data).name
    model = " --model …" if options.model else ""
    lines = [
        "# Refining again after ten more labels",
        "",
        f"`make bench` (or `python benchmarks/refining.py`), here with `--data {data}{model} --items "
        f"{options.items} --labels {options.labels} --draws {options.draws}`:",
        f"{options.items:,} items of {data}, {options.labels} random labels and then {N_MORE} more; "
        "one thread, seconds of the processor.",
        f"The earlier student, of {options.labels} labels, has an accuracy of {np.mean(earlier):.3f}.",
        "",
        "| way | seconds | part of the first | accuracy on items without a label |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {seconds:.0f} | {seconds / whole:.2f} | {accuracy:.3f} |"
        for name, (seconds, accuracy) in means.items()
    ]
    return "\n".join(lines) + "\n"


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
    results: dict[str, list[Result]] = {name: [] for name in WAYS}
    earlier = []
    for draw in range(options.draws):
        try:
            pool = Pool(options.data, options.model, options.items, draw)
        except DownloadError as error:
            print(f"{options.data} is left out: {error}")
            return
        start, _, accuracy = pool.refine(options.labels, rehearse=False)
        earlier.append(accuracy)
        for way, result in zip(WAYS, compare(pool, options.labels + N_MORE, start), strict=True):
            results[way].append(result)
            print(f"draw {draw}, {way}: {result[0]:.0f} s, accuracy {result[1]:.3f}", flush=True)
    text = table(options, earlier, results)
    print(text)
    path = Path(__file__).parent / "results" / "refining.md"
    # How the settings were chosen stands below the table, and stays.
    kept = path.read_text(encoding="utf-8").partition("\n## ") if path.exists() else ("", "", "")
    path.write_text(text + kept[1] + kept[2], encoding="utf-8")


if __name__ == "__main__":
    main()
