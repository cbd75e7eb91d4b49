"""How long the program takes to say what it can do: seconds before the help of each command is there.

Writes `results/startup.md`. Every command is started in turn, several rounds; the
median counts. Beside it, Python alone, and importing what most commands need.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import typer

from labelwise.cli.main import app

PROGRAM = [sys.executable, "-m", "labelwise"]


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    names = sorted(typer.main.get_command(app).commands)
    commands = {
        "Python alone": [sys.executable, "-c", "pass"],
        "labelwise --version": [*PROGRAM, "--version"],
        **{f"labelwise {name} --help": [*PROGRAM, name, "--help"] for name in names},
        "import torch": [sys.executable, "-c", "import torch"],
        "labelwise.load": [sys.executable, "-c", "from labelwise import load"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(timed(command))
    alone = statistics.median(taken["Python alone"])
    lines = [
        "# Starting the program",
        "",
        f"`make bench` (or `python benchmarks/startup.py`): medians of {rounds} rounds.",
        "",
        "| what | seconds | times Python alone |",
        "| --- | --- | --- |",
    ]
    for name, values in taken.items():
        seconds = statistics.median(values)
        lines.append(f"| {name} | {seconds:.2f} | {seconds / alone:.0f} |")
    path = Path(__file__).parent / "results" / "startup.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
