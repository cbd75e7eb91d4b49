"""Students of images beside their teachers: accuracy, risk, and seconds.

`python benchmarks/students.py POOL --seeds 0 1 2 --models FOLDER` writes `results/students/POOL-SEED.csv`,
except for what is there already; `python benchmarks/students.py` puts all that was measured into
`results/students.md`. Pools and models are those of `pools.py`; the teacher is `auto`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelwise import GMVAE
from labelwise.decoding import AutoDecoder
from labelwise.encoding import Encoding
from labelwise.errors import LabelwiseWarning
from labelwise.planning.suggest import suggest_from
from labelwise.randomness import numpy_generator
from labelwise.student import refine, student_for
from pools import BUDGETS, RESULTS, Row, Table, given, model_of, read, risk, rows_of, score, wrong_of

POOLS = ("letters26", "mnist", "fashion-mnist")
N_DRAWS = 2  # of random labels; suggestions are made once a model


@dataclass(frozen=True)
class StudentRow(Row):
    """Teacher or student, with one set of labels."""

    seconds: float = np.nan
    device: str = ""
    verdict: str = ""


def cases(pool: str) -> list[tuple[int, str, int]]:
    """Draw, selection and number of labels."""
    random, chosen = BUDGETS[pool]
    drawn = [(draw, "random", max(random)) for draw in range(N_DRAWS)]
    return drawn + [(0, "suggested", n) for n in chosen]


def measure(pool: str, seed: int, models: Path | None) -> None:
    """All cases of one model."""
    X, truth = read(pool)
    start = time.perf_counter()
    gmvae = model_of(pool, seed, X, models)
    print(f"{pool} {seed}: model {time.perf_counter() - start:.0f} s, {gmvae.featurizer_}", flush=True)
    encoding = gmvae.encode(X)
    path = RESULTS / "students" / f"{pool}-{seed}.csv"
    done = rows_of(path, StudentRow)
    table = Table(path, StudentRow, done)
    known = {(row.draw, row.selection, row.n_labels) for row in done}
    suggested = None
    for draw, selection, n in cases(pool):
        if (draw, selection, n) in known:
            continue
        if selection == "random":
            rows = numpy_generator(draw).permutation(len(truth))
        else:
            if suggested is None:
                found = suggest_from(encoding, max(BUDGETS[pool][1]), random_state=seed)
                suggested = np.array([each.index for each in found])
            rows = suggested
        y = given(truth, rows[:n])
        teacher = AutoDecoder(typical_labels=selection == "suggested")
        for method, scores in compare(teacher, gmvae, encoding, X, truth, y, seed).items():
            table.keep(StudentRow(pool, seed, draw, selection, n, method, **scores))


def compare(
    teacher: AutoDecoder,
    gmvae: GMVAE,
    encoding: Encoding,
    X: Any,
    truth: np.ndarray,
    y: np.ndarray,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Teacher and student; where a rehearsal leaves the student out, it is the teacher that answers."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    start = time.perf_counter()
    P = teacher.fit(encoding, y).predict_proba(encoding)
    seconds = time.perf_counter() - start
    found = {"teacher": {**scores_of(P, teacher.classes_, truth, y), "seconds": seconds, "device": device}}
    start = time.perf_counter()
    template = student_for(gmvae, random_state=seed)
    result = refine(template, teacher, X, encoding, y, featurizer=gmvae.featurizer_)
    if result.student is not None:
        P = result.student.answers_
    seconds = time.perf_counter() - start
    scores = scores_of(P, teacher.classes_, truth, y)
    found["student"] = {**scores, "seconds": seconds, "device": device, "verdict": result.verdict}
    return found


def scores_of(P: np.ndarray, classes: np.ndarray, truth: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return {**score(classes[P.argmax(axis=1)], truth, y), **risk(P, classes, truth, y)}


def summarise() -> None:
    rows = [row for path in sorted((RESULTS / "students").glob("*.csv")) for row in rows_of(path, StudentRow)]
    groups = defaultdict(list)
    for row in rows:
        groups[row.pool, row.selection, row.n_labels, row.method].append(row)
    lines = [
        "# Students of images and their teachers",
        "",
        "`python benchmarks/students.py POOL --models FOLDER` for each pool, then without a name. Accuracy "
        "on the items without a label,",
        f"mean ± standard deviation over model seeds and {N_DRAWS} draws of random labels (of suggested "
        "ones: over model seeds). The teacher is",
        "`auto`. Wrong: share of wrong answers among those given at `--risk 0.05`, and the share answered. "
        "Models were trained on an NVIDIA H200.",
        "",
        "| pool | labels | runs | teacher | student | lowest | macro F1 | wrong, answered: teacher | "
        "student | kept | seconds: teacher, student | on |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pool in POOLS:
        for selection, n in dict.fromkeys((how, n) for _, how, n in cases(pool)):
            teachers, students = (groups[pool, selection, n, m] for m in ("teacher", "student"))
            if not students:
                continue
            shown = [
                f"{np.mean([r.accuracy for r in g]):.3f} ± {np.std([r.accuracy for r in g]):.3f}"
                for g in (teachers, students)
            ]
            told = [f"{wrong_of(g)}, {np.mean([r.answered for r in g]):.0%}" for g in (teachers, students)]
            kept = sum("left out" not in row.verdict for row in students)
            device = ", ".join(sorted({row.device for row in students}))
            seconds = ", ".join(f"{np.median([r.seconds for r in g]):.0f}" for g in (teachers, students))
            lines.append(
                f"| {pool} | {n} {selection} | {len(students)} | {shown[0]} | **{shown[1]}** | "
                f"{min(r.accuracy for r in students):.3f} | {np.mean([r.macro_f1 for r in students]):.3f} | "
                f"{told[0]} | {told[1]} | {kept} of {len(students)} | {seconds} | {device} |"
            )
    (RESULTS / "students.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", nargs="?", choices=POOLS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", type=Path, help="folder of POOL-SEED.gmvae")
    options = parser.parse_args()
    warnings.simplefilter("ignore", LabelwiseWarning)
    if not options.pool:
        summarise()
    for seed in options.seeds if options.pool else ():
        measure(options.pool, seed, options.models)


if __name__ == "__main__":
    main()
