"""What a project saves: the first and the second time of each command, and one pass of encoding beside two.

Prints the table of benchmarks/results/project.md. Every command is a process of its own, as a person runs it.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from labelwise import GMVAE, Project, load_dataset

N_LABELS = 100
PROGRAM = "from labelwise.cli.main import main; main()"

Row = tuple[str, float]


def run(*words: str | Path) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", PROGRAM, *map(str, words)], check=True, capture_output=True)
    return time.perf_counter() - start


def commands(data: str, model: Path | None, folder: Path) -> list[Row]:
    """Each command on a new project, once and again."""
    project, chosen, answers = folder / "bench.labelwise", folder / "to_label.csv", folder / "predictions.csv"
    given = [] if model is None else ["--model", model]
    rows = [("train, or with a model encode only", run("train", data, "-o", project, *given))]
    suggest = ("suggest", project, "--budget", N_LABELS, "-o", chosen)
    rows += [(f"suggest {N_LABELS} items, first", run(*suggest)), ("suggest, second", run(*suggest))]
    name_truly(project, chosen)
    rows.append((f"label {N_LABELS} items", run("label", project, chosen)))
    decode = ("decode", project, "-o", answers)
    rows += [("decode, first", run(*decode)), ("decode, second", run(*decode))]
    rows += [("info", run("info", project))]
    start = time.perf_counter()
    Project.open(project)
    return [*rows, ("opening in Python", time.perf_counter() - start)]


def name_truly(project: Path, chosen: Path) -> None:
    """Fill in the true classes, as a person would."""
    truth = Project.open(project).pool.truth()
    if truth is None:
        raise SystemExit(f"{project} has no classes to label with")
    with chosen.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    with chosen.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*found[0], "label"])
        writer.writeheader()
        writer.writerows({**row, "label": truth[int(row["index"])]} for row in found)


def encoding(data: str, model: Path) -> list[Row]:
    """One pass of `encode` beside `predict_proba` and `transform`, which were two."""
    X, _, _ = load_dataset(data)
    gmvae = GMVAE.load(model)
    gmvae.encode(X[:2048])  # memory and threads are there
    start = time.perf_counter()
    found = gmvae.encode(X)
    once = time.perf_counter() - start
    start = time.perf_counter()
    posteriors, latents = gmvae.predict_proba(X), gmvae.transform(X)
    twice = time.perf_counter() - start
    np.testing.assert_array_equal(found.posteriors, posteriors)
    np.testing.assert_array_equal(found.latents, latents)
    return [("encode", once), ("predict_proba and transform", twice), ("ratio", twice / once)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--model", type=Path, help="a trained model of the data, to leave training out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = commands(options.data, options.model, Path(folder))
        model = options.model or Path(folder) / "bench.labelwise" / "model"
        passes = encoding(options.data, model)
    lines = [
        "# What a project saves",
        "",
        "`make bench` (or `python benchmarks/project.py`, with `--model` to leave training out).",
        "",
        f"## {options.data}, each command a process",
        "",
        "| command | seconds |",
        "| --- | --- |",
        *[f"| {name} | {seconds:.2f} |" for name, seconds in rows],
        "",
        "## Encoding in one pass",
        "",
        "| what | seconds |",
        "| --- | --- |",
        *[f"| {name} | {seconds:.2f} |" for name, seconds in passes],
        "",
    ]
    path = Path(__file__).parent / "results" / "project.md"
    # What was measured by hand stands below the tables, and stays.
    kept = path.read_text(encoding="utf-8").partition("\nTwo passes were") if path.exists() else ("", "", "")
    path.write_text("\n".join(lines) + kept[1] + kept[2], encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
