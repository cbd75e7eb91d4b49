"""Keep the results of a finished study: tables, figures, and a page.

Example: labelwise study studies/mnist.toml -o mnist.run && python benchmarks/tables.py mnist.run mnist
"""

from __future__ import annotations

import argparse
import math
import shutil
from pathlib import Path

from labelwise.report.findings import COMPARED, paired_gains
from labelwise.report.report import ladder_rows
from labelwise.report.sentences import answers
from labelwise.storage import read_manifest
from labelwise.study.folder import read_notes
from labelwise.study.ladder import climb
from labelwise.study.methods import LABEL_SPREADING, SOFT, label_of
from labelwise.study.protocol import make_study
from labelwise.study.results import NO_MODEL, Cell, Summary, read_cells, summarise

RESULTS = Path(__file__).parent / "results"
KEPT = (
    "results.csv",
    "summary.csv",
    "figure_1.png",
    "figure_2.png",
    "figure_3.png",
    "figures/ladder.png",
    "robustness.csv",
)


def number(mean: float, half_width: float) -> str:
    if math.isnan(mean):
        return ""
    return f"{mean:.3f}" + ("" if math.isnan(half_width) else f" ± {half_width:.3f}")


def accuracy_table(summaries: list[Summary]) -> list[str]:
    budgets = sorted({row.n_labeled for row in summaries})
    found = {(row.method, row.n_labeled): row for row in summaries}
    lines = ["| labels | " + " | ".join(f"{n:,}" for n in budgets) + " | seconds per cell |"]
    lines.append("| --- " * (len(budgets) + 2) + "|")
    for method in dict.fromkeys(row.method for row in summaries):
        rows = [found.get((method, n)) for n in budgets]
        cost = [row.seconds for row in rows if row is not None]
        values = ["" if row is None else number(row.mean, row.half_width) for row in rows]
        lines.append(
            f"| {label_of(method)} | " + " | ".join(values) + f" | {min(cost):.2g} to {max(cost):.2g} |"
        )
    return lines


def draws_and_seeds(cells: list[Cell]) -> str:
    """Say how many draws and seeds there are; studies that share a run folder may differ in them."""
    found: dict[tuple[int, int], list[str]] = {}
    for method in dict.fromkeys(cell.method for cell in cells if cell.model_seed != NO_MODEL):
        own = [cell for cell in cells if cell.method == method]
        size = len({cell.draw for cell in own}), len({cell.model_seed for cell in own})
        found.setdefault(size, []).append(method)
    (most, _), *others = sorted(found.items(), reverse=True)
    fewer = (f"{size[0]} x {size[1]} of {'; '.join(map(label_of, methods))}" for size, methods in others)
    return "; ".join([f"{most[0]} x {most[1]}", *fewer])


def gain_table(cells: list[Cell]) -> list[str]:
    columns = [
        {gain.n_labeled: gain for gain in paired_gains(cells, SOFT.id, other.id)} for other in COMPARED
    ]
    lines = ["| labels | " + " | ".join(f"minus {other.label}" for other in COMPARED) + " |"]
    lines.append("| --- " * (len(COMPARED) + 1) + "|")
    for n_labeled in sorted({cell.n_labeled for cell in cells}):
        values = [
            number(column[n_labeled].mean, column[n_labeled].half_width) if n_labeled in column else ""
            for column in columns
        ]
        lines.append(f"| {n_labeled:,} | " + " | ".join(values) + " |")
    return lines


def ladder_table(summaries: list[Summary]) -> list[str]:
    rows = ladder_rows(climb(summaries))
    if not rows:
        return []
    return [
        "## From published decoding to the student",
        "",
        f"| labels | step | method | accuracy, % | gain | over {LABEL_SPREADING.label} | seconds per cell |",
        "| --- " * 7 + "|",
        *["| " + " | ".join(row) + " |" for row in rows],
        "",
    ]


def model_table(run: Path) -> list[str]:
    lines = ["| seed | epochs | batch | seconds | loss, nats | active components |", "| --- " * 6 + "|"]
    for path in sorted((run / "models").glob("*.labelwise")):
        manifest = read_manifest(path)
        training, last = manifest["training"], manifest["history"][-1]
        lines.append(
            f"| {training['seed']} | {training['n_epochs']} | {training['batch_size']} "
            f"| {manifest['extra']['seconds']:.0f} | {last['loss']:.2f} | {last['n_active_components']} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--plan", default="", help="path of the study file, for the command on the page")
    options = parser.parse_args()
    run, name = options.run, options.name
    notes, cells = read_notes(run), read_cells(run / "results.csv")
    study, summaries = make_study(notes["study"]), summarise(cells)
    data = notes["data"]
    failed = sum(row.n_failed for row in summaries)
    lines = [
        f"# {name}",
        "",
        f"`labelwise study {options.plan or f'studies/{name}.toml'} -o {name}.run`, then",
        f"`python benchmarks/tables.py {name}.run {name}`. {data['n_pool']:,} items in the pool, "
        f"{data['n_held_out']:,} held out, {len(data['classes'])} classes.",
        "",
        *[f"- {line}" for line in answers(study, summaries, cells)],
        "",
        "## Accuracy on items without a label",
        "",
        *accuracy_table(summaries),
        "",
        "Mean and half the 95 % interval over label draws and model seeds as crossed random effects",
        f"({draws_and_seeds(cells)}); methods without a model: over draws. Above "
        f"{study.slow_labels:,} labels, slow methods got {study.slow_draws} draw(s). {failed} cells failed.",
        "",
        "## Soft decoding against others, with the same labels and models",
        "",
        *gain_table(cells),
        "",
        *ladder_table(summaries),
        "## Models",
        "",
        *model_table(run),
        "",
    ]
    (RESULTS / name).mkdir(parents=True, exist_ok=True)
    for file in KEPT:
        if (run / file).exists():
            shutil.copyfile(run / file, RESULTS / name / Path(file).name)
    (RESULTS / f"{name}.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
