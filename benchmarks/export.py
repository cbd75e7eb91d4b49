"""Exported answers of the digits beside our own: `python benchmarks/export.py` writes `results/export.md`."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np

from labelwise import GMVAE, LinearStudent, Student, export_onnx, load_dataset
from labelwise.answerer import DecoderAnswerer
from labelwise.decoding import DECODERS
from labelwise.errors import LabelwiseWarning
from labelwise.nn.defaults import resolve_device, use_bfloat16
from pools import RESULTS, given

N_LABELS, N_COMPONENTS = 60, 30
SEEDS = range(3)  # of the small network that --compact teaches


def main() -> None:
    warnings.simplefilter("ignore", LabelwiseWarning)
    X, truth, _ = load_dataset("digits")
    gmvae = GMVAE(N_COMPONENTS, random_state=0).fit(X)
    encoding = gmvae.encode(X)
    y = given(truth, np.random.default_rng(0).permutation(len(truth))[:N_LABELS])
    decoders = {name: kind().fit(encoding, y) for name, kind in DECODERS.items()}
    answers = decoders["auto"].predict_proba(encoding)
    student = Student(random_state=0).fit(X, y, answers)
    rows_of_numbers = X.reshape(len(X), -1)
    linear = LinearStudent(random_state=0).fit(rows_of_numbers, y, answers)
    lines = [
        "# Exported answers",
        "",
        f"`python benchmarks/export.py`: digits, {N_LABELS} random labels, K={N_COMPONENTS}, seed 0. "
        "Difference: the largest of a probability from labelwise's",
        "own, on 512 items. Agreement: items kept back that get the same label from a file made with "
        f"`--compact`, for seeds {SEEDS[0]} to {SEEDS[-1]}.",
        "",
        "| answer | kB | difference | kB, compact | agreement, compact |",
        "| --- | --- | --- | --- | --- |",
    ]
    named = {name: DecoderAnswerer(gmvae, decoder) for name, decoder in decoders.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.onnx"
        for name, answerer in {**named, "Student": student, "LinearStudent": linear}.items():
            items = rows_of_numbers if answerer is linear else X
            exact = export_onnx(answerer, file, items)
            compact = ["", ""]
            if name in ("auto", "Student"):
                found = [export_onnx(answerer, file, items, compact=True, random_state=s) for s in SEEDS]
                compact = [f"{found[0].n_bytes / 1e3:.0f}", ", ".join(f"{f.agreement:.1%}" for f in found)]
            size = f"{exact.n_bytes / 1e3:.0f}"
            lines.append(f"| {name} | {size} | {exact.difference:.1e} | {' | '.join(compact)} |")
            print(lines[-1], flush=True)
    apart = np.abs(student.answer(X, mixed=True) - student.answer(X, mixed=False))
    takes = "takes" if use_bfloat16("auto", resolve_device("auto"), (256,)) else "does not take"
    lines += [
        "",
        f"In bfloat16, which this machine {takes} by default, probabilities of the `Student` differ from "
        f"those in float32 by {apart.mean():.4f} on average and by {apart.max():.2f} at most.",
    ]
    (RESULTS / "export.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines[-2:]))


if __name__ == "__main__":
    main()
