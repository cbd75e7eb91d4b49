"""The linear student beside its teacher: accuracy, and seconds.

`python benchmarks/linear_student.py POOL [--models FOLDER]` writes `results/linear_student/POOL.csv`,
except for what is there already; `python benchmarks/linear_student.py` puts all pools that were measured into
`results/linear_student.md`. Pools are those of `pools.py`; `digits` is taken as a table of 64 columns.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from labelwise.decoding import AutoDecoder
from labelwise.errors import LabelwiseWarning
from labelwise.planning.suggest import suggest_from
from labelwise.randomness import numpy_generator
from labelwise.student import LinearStudent, refine
from pools import RESULTS, Row, Table, given, model_of, peers, read, rows_of, score

BUDGETS = {"banking77-minilm": (154, 385), "nsl-kdd": (50, 200), "digits": (36, 90), "cifar10": (100, 250)}
N_DRAWS = 2
# C of the student, to see what it takes.
OTHERS = (0.003, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class LinearRow(Row):
    """One set of labels: accuracies on the items without a label, and seconds."""

    sure: float = np.nan
    seconds: float = np.nan
    verdict: str = ""


def timed(work: Callable) -> tuple[object, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def measure(pool: str, models: Path | None) -> None:
    X, truth = read(pool)
    if pool == "digits":
        X = X.reshape(len(X), -1)
    gmvae = model_of(pool, 0, X, models)
    encoding = gmvae.encode(X)
    path = RESULTS / "linear_student" / f"{pool}.csv"
    done = rows_of(path, LinearRow)
    table = Table(path, LinearRow, done)
    known = {(row.draw, row.selection, row.n_labels) for row in done}
    for draw in range(N_DRAWS):
        for selection in ("random", "suggested"):
            rows = numpy_generator(draw).permutation(len(truth))
            if selection == "suggested":
                found = suggest_from(encoding, max(BUDGETS[pool]), random_state=draw)
                rows = np.array([each.index for each in found])
            for n in BUDGETS[pool]:
                if (draw, selection, n) not in known:
                    for scores in compare(gmvae, encoding, X, truth, given(truth, rows[:n]), draw, selection):
                        table.keep(LinearRow(pool, 0, draw, selection, n, **scores))


def compare(gmvae, encoding, X, truth, y, draw, selection) -> list[dict]:
    """Teacher, student with its teacher, student alone, other settings, and simple peers."""
    left = y == -1
    found = []

    def keep(method: str, codes: np.ndarray, P: np.ndarray | None = None, **more) -> None:
        scores = score(codes, truth, y)
        sure = np.nan if P is None else float(P[left].max(axis=1).mean())
        found.append({"method": method, **scores, "sure": sure, **more})

    encoding = encoding[np.arange(len(truth))]  # without graphs made before, so that seconds are those of one
    decoder, seconds = timed(lambda: AutoDecoder().fit(encoding, y))
    P = decoder.predict_proba(encoding)
    keep("auto", decoder.classes_[P.argmax(axis=1)], P, seconds=seconds)
    options = {"featurizer": gmvae.featurizer_, "random_state": 0}

    def taught(C: float, rehearse: bool | None = False):
        return refine(LinearStudent(C), decoder, X, encoding, y, rehearse=rehearse, **options)

    C = LinearStudent().C
    refinement, seconds = timed(lambda: taught(C))
    student = refinement.student
    codes = student.classes_[student.answers_.argmax(axis=1)]
    keep("student", codes, student.answers_, seconds=seconds)
    P = student.predict_proba(X)
    keep("student alone", student.classes_[P.argmax(axis=1)], P)
    if draw == 0:  # in the rehearsal the teacher learns anew, which takes as long as before
        refinement, seconds = timed(lambda: taught(C, None))
        answers = decoder.predict(encoding) if refinement.student is None else codes
        keep("refine", answers, seconds=seconds, verdict=refinement.verdict)
    for other in OTHERS if (draw, selection) == (0, "random") else ():
        student = taught(other).student
        keep(f"student, C={other:g}", student.classes_[student.answers_.argmax(axis=1)])
        keep(f"student alone, C={other:g}", student.predict(X))
    if len(np.unique(y)) > 2:
        for name, answer in peers(encoding.features, len(np.unique(truth)), trees=False).items():
            keep(name, answer(y))
    return found


def summarise() -> None:
    rows = [
        row for path in sorted((RESULTS / "linear_student").glob("*.csv")) for row in rows_of(path, LinearRow)
    ]

    def those(**of: object) -> list[LinearRow]:
        return [row for row in rows if all(getattr(row, key) == value for key, value in of.items())]

    def mean(key: str, **of: object) -> float:
        values = [getattr(row, key) for row in those(**of)]
        return float(np.mean(values)) if values else np.nan

    def cells(methods: list[str], **of: object) -> str:
        return " | ".join(f"{mean('accuracy', method=m, **of):.3f}" for m in methods)

    there = {row.pool for row in rows}
    shown_C = sorted([*OTHERS, LinearStudent().C])
    cases = [
        (pool, how, n)
        for pool in BUDGETS
        if pool in there
        for how in ("random", "suggested")
        for n in BUDGETS[pool]
    ]
    lines = [
        "# The linear student and its teacher",
        "",
        "`python benchmarks/linear_student.py POOL` for each pool, then without a name: one model a pool, "
        f"means of at most {N_DRAWS} draws of",
        "labels (of suggested ones: two seeds of `suggest`), accuracy on the items without a label. Student: "
        "what it answers for the",
        "pool, together with its teacher `auto`. Alone: logistic regression, which answers new items. "
        "Peers see the principal",
        "components. `digits` is a table of 64 columns here. Seconds on one thread, with other work on the "
        "second core; `refine`",
        "includes the rehearsal, from 100 labels on, in which the teacher learns once more (first draw).",
        "",
        "| pool | labels | draws | auto | student | alone | label spreading | logistic regression | "
        "seconds: auto, student, refine | kept |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pool, how, n in cases:
        of = {"pool": pool, "selection": how, "n_labels": n}
        seconds = ", ".join(f"{mean('seconds', method=m, **of):.1f}" for m in ("auto", "student", "refine"))
        verdicts = [row.verdict for row in those(method="refine", **of)]
        draws = len(those(method="auto", **of))
        kept = sum("left out" not in verdict for verdict in verdicts)
        shown = cells(["auto", "student", "student alone", "label spreading", "logistic regression"], **of)
        lines.append(f"| {pool} | {n} {how} | {draws} | {shown} | {seconds} | {kept} of {len(verdicts)} |")
    lines += [
        "",
        "On Banking77 and NSL-KDD the student is .001 to .008 above its teacher, and alone 0 to .007; on "
        "CIFAR-10, which had no say in",
        "any setting of the student, .003 to .011, and alone as much. On digits, where classes are",
        "not separated by planes, it is from .005 above to .013 below, alone up to .022 below, and below 100 "
        "labels no rehearsal sees",
        "that.",
        "",
        "## What C takes",
        "",
        "The same, student and student alone, at other strengths of the penalty: first draw, random labels.",
        "The default, .03, was chosen on these pools and on draws that are in the table above: its gains "
        "there are not those of",
        "a pool that nobody looked at.",
        "",
        f"| pool | labels | {' | '.join(f'{C:g}' for C in shown_C)} |",
        f"| --- | --- | {' | '.join('---' for _ in shown_C)} |",
    ]
    for pool, _, n in (case for case in cases if case[1] == "random"):
        of = {"pool": pool, "selection": "random", "n_labels": n, "draw": 0}
        names = ["" if C == LinearStudent().C else f", C={C:g}" for C in shown_C]
        both = [cells([f"student{name}", f"student alone{name}"], **of) for name in names]
        lines.append(f"| {pool} | {n} | {' | '.join(b.replace(' | ', ', ') for b in both)} |")
    text = "\n".join(lines) + "\n"
    (RESULTS / "linear_student.md").write_text(text, encoding="utf-8")
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", nargs="?", choices=list(BUDGETS))
    parser.add_argument("--models", type=Path, help="folder of POOL-0.gmvae")
    options = parser.parse_args()
    warnings.simplefilter("ignore", LabelwiseWarning)
    if options.pool:
        with threadpool_limits(limits=1):
            measure(options.pool, options.models)
    else:
        summarise()


if __name__ == "__main__":
    main()
