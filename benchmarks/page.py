"""The page through its own addresses: how long a person waits, and what an expert who is right reaches.

    python benchmarks/page.py latency mnist.labelwise
    python benchmarks/page.py expert letters26.labelwise --decisions 100 200 350 --refine
    python benchmarks/page.py replay letters26.labelwise --decisions 20000

Works on a copy of the project, whose data must know their classes. The expert names a sheet or confirms its
predictions, whichever leaves fewer items that differ, and names each of those: every one is a decision.
Accuracy is that of the predictions that the page exports, on items that the expert did not label.
A replay makes as many decisions as a person in a long day, without the pauses of one: sheets are named,
items corrected, decisions taken back and restored, panel, wall and history looked at. Writes
benchmarks/results/page_COMMAND_NAME.md.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from labelwise import Project

PROGRAM = "from labelwise.cli.main import main; main()"
N_TIMES, N_DECISIONS = 30, 12
N_LINES = 10  # of the table of a replay
FRAMES = """async () => {
  const canvas = document.querySelector("#overlay"), box = canvas.getBoundingClientRect();
  const at = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, clientX: x, clientY: y, movementX: 3, movementY: 2, bubbles: true }));
  canvas.setPointerCapture = () => {};
  at("pointerdown", box.x + 300, box.y + 200);
  const times = [];
  let before = performance.now();
  for (let frame = 0; frame < 60; frame++) {
    at("pointermove", box.x + 300 + frame, box.y + 200 + frame);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - before);
    before = performance.now();
  }
  at("pointerup", box.x, box.y);
  return times;
}"""


class Page:
    """`labelwise name` in a process, and a client that asks as the page does."""

    def __init__(self, project: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "name", str(project), "--json"], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline() if self.process.stdout is not None else ""
        self.address = json.loads(line)["address"]
        parts = urlsplit(self.address)
        self.token = parse_qs(parts.query)["token"][0]
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1200)

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """Ask, and read the answer; an error ends the run."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        self.connection.request(method, path, content, headers)
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {found.decode()}")
        return found

    def get(self, path: str) -> Any:
        """JSON at an address."""
        return json.loads(self.ask("GET", path))

    def post(self, path: str, body: Any) -> Any:
        """Send JSON, and get some."""
        return json.loads(self.ask("POST", path, body))

    def wait(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Until the state is so."""
        while not condition(state := self.get("/api/state")):
            time.sleep(0.2)
        return dict(state)

    def close(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait()


class Expert:
    """Somebody who is always right and never tires.

    Parameters
    ----------
    page : Page
    truth : ndarray of shape (n_samples,), dtype object
    pace : int
        Decisions after which it waits for sheets that know all labels. A person who takes five seconds for a
        decision waits for nothing.
    """

    def __init__(self, page: Page, truth: np.ndarray, pace: int) -> None:
        self.page, self.truth, self.pace = page, truth, pace
        self.n_decisions = self.waited_at = 0
        self.labeled: set[int] = set()

    def label(self, rows: list[int], labels: list[str], sheet: int | None) -> None:
        """Make a decision."""
        self.page.post("/api/label", {"items": rows, "labels": labels, "by": "expert", "sheet": sheet})
        self.labeled.update(rows)
        self.n_decisions += 1

    def next_sheet(self) -> dict[str, Any]:
        """The sheet that comes first."""
        if self.n_decisions - self.waited_at >= self.pace:
            self.page.wait(lambda state: "sheets" not in state["busy"])
            self.waited_at = self.n_decisions
        while not (sheets := self.page.get("/api/sheets?n=1")["sheets"]):
            time.sleep(0.2)
        return dict(sheets[0])

    def name_sheet(self) -> None:
        """Name a sheet truly, in as few decisions as possible."""
        sheet = self.next_sheet()
        items = [item for item in sheet["items"] if item["label"] is None]
        rows = [item["row"] for item in items]
        true = [str(self.truth[row]) for row in rows]
        most = Counter(true).most_common(1)[0][0]
        said = [most] * len(rows)
        predicted = [item["prediction"] for item in items]
        if sum(map(str.__ne__, true, map(str, predicted))) < sum(name != most for name in true):
            said = [str(each) for each in predicted]
        for row, name, proposed in zip(rows, true, said, strict=True):
            if name != proposed:
                self.label([row], [name], None)
        right = [place for place, name in enumerate(true) if name == said[place]]
        if right:
            self.label([rows[place] for place in right], [true[place] for place in right], sheet["id"])
        else:
            self.page.post("/api/skip", {"sheet": sheet["id"]})

    def accuracy(self) -> float:
        """Of what the page exports, on items that have no label."""
        content = self.page.ask("GET", "/api/files/predictions.csv").decode()
        rows = csv.DictReader(io.StringIO(content))
        right = [
            row["label"] == str(self.truth[int(row["index"])])
            for row in rows
            if int(row["index"]) not in self.labeled
        ]
        return float(np.mean(right))


def measure_expert(page: Page, truth: np.ndarray, options: argparse.Namespace) -> list[str]:
    expert = Expert(page, truth, options.pace)
    lines = ["| decisions | items labelled | classes seen | accuracy |", "| --- | --- | --- | --- |"]
    for wanted in sorted(options.decisions):
        while expert.n_decisions < wanted:
            expert.name_sheet()
        n_seen = len({str(truth[row]) for row in expert.labeled})
        accuracy = expert.accuracy()
        lines.append(f"| {expert.n_decisions} | {len(expert.labeled)} | {n_seen} | {accuracy:.4f} |")
        print(lines[-1], flush=True)
    if options.refine:
        page.post("/api/refine", {})
        state = page.wait(lambda state: not state["refining"]["running"])
        accuracy = expert.accuracy()
        lines.append(f"| {expert.n_decisions}, refined | {len(expert.labeled)} | {n_seen} | {accuracy:.4f} |")
        lines += ["", state["refining"]["verdict"]]
    return lines


def timed(act: Callable[[int], object], n: int = N_TIMES) -> np.ndarray:
    """Milliseconds of each call."""
    times = np.empty(n)
    for number in range(n):
        start = time.perf_counter()
        act(number)
        times[number] = 1000 * (time.perf_counter() - start)
    return times


def measure_latency(page: Page, truth: np.ndarray, project: Path) -> list[str]:
    """What a person waits for, while answers and sheets are being made in the background."""
    rng = np.random.default_rng(0)
    expert = Expert(page, truth, 10**9)
    for _ in range(5):
        expert.name_sheet()

    def decide() -> float:
        """Milliseconds from a decision to the answer that has the next sheet."""
        page.wait(lambda state: "sheets" not in state["busy"])  # a person looks at the items meanwhile
        sheet = page.get("/api/sheets")["sheets"][0]
        rows = [item["row"] for item in sheet["items"]]
        body = {"items": rows, "labels": [str(truth[row]) for row in rows], "sheet": sheet["id"]}
        start = time.perf_counter()
        page.post("/api/label", body)
        return 1000 * (time.perf_counter() - start)

    def new_name(number: int) -> None:
        row = int(rng.integers(len(truth)))
        page.post("/api/label", {"items": [row], "label": f"new {number % 3}", "how": "correction"})
        page.ask("GET", "/api/answers")
        page.ask("GET", sprite())

    def sprite() -> str:
        rows = ",".join(map(str, rng.integers(len(truth), size=128)))
        return f"/api/sprite?rows={rows}&columns=16"

    rows = [
        (
            "a decision on disk, and the sheet after the next",
            np.array([decide() for _ in range(N_DECISIONS)]),
        ),
        ("wall after a new name: a decision, all answers, 128 images", timed(new_name)),
        ("128 images of the wall", timed(lambda _: page.ask("GET", sprite()))),
        ("taking a decision back", timed(lambda _: page.post("/api/undo", {}), 20)),
        ("state of the panel", timed(lambda _: page.get("/api/state"))),
    ]
    frames = frame_times(page)
    if frames is not None:
        rows.append((f"a frame of the map of {len(truth):,} points while panning", frames))
    page.close()
    starts = []
    for _ in range(3):
        start = time.perf_counter()
        again = Page(project)
        again.ask("GET", "/")
        again.get("/api/state")
        while not again.get("/api/sheets")["sheets"]:
            time.sleep(0.02)
        starts.append(1000 * (time.perf_counter() - start))
        again.close()
    rows.append(("from starting the program to the first sheet, warm", np.array(starts)))
    lines = ["| what | median, ms | 95th percentile, ms |", "| --- | --- | --- |"]
    return lines + [f"| {name} | {np.median(t):.0f} | {np.quantile(t, 0.95):.0f} |" for name, t in rows]


class Replay:
    """A long day of a person, in a hurry.

    Parameters
    ----------
    page : Page
    truth : ndarray of shape (n_samples,), dtype object
    """

    def __init__(self, page: Page, truth: np.ndarray) -> None:
        self.page, self.truth = page, truth
        self.rng = np.random.default_rng(0)
        self.sheets: list[dict[str, Any]] = []
        self.milliseconds: dict[str, list[float]] = {"decision": [], "undo": [], "panel": []}

    def timed(self, what: str, act: Callable[[], Any]) -> Any:
        """Do it, and remember how long that took."""
        start = time.perf_counter()
        found = act()
        self.milliseconds[what].append(1000 * (time.perf_counter() - start))
        return found

    def decide(self, number: int) -> None:
        """Name the sheet that waits, or correct an item where none does; every sixth item falsely."""
        sheet = self.sheets[0] if self.sheets and number % 2 else None
        rows = [int(self.rng.integers(len(self.truth)))]
        if sheet is not None:
            rows = [item["row"] for item in sheet["items"]]
        names = self.rng.choice(self.truth, len(rows)) if number % 6 == 0 else self.truth[rows]
        body = {"items": rows, "labels": list(map(str, names)), "by": f"person {number % 3}"}
        body |= {"how": "correction"} if sheet is None else {"sheet": sheet["id"]}
        answer = self.timed("decision", lambda: self.page.post("/api/label", body))
        self.sheets = answer["sheets"]

    def look(self, number: int) -> None:
        """What the page asks for beside decisions."""
        if number % 10 == 0:
            self.timed("undo", lambda: self.page.post("/api/undo", {}))
            self.sheets = self.page.post("/api/redo", {})["sheets"]
            self.timed("panel", lambda: self.page.get("/api/state"))
        if number % 50 == 0:
            rows = ",".join(map(str, self.rng.integers(len(self.truth), size=128)))
            self.page.ask("GET", "/api/answers")
            self.page.ask("GET", f"/api/sprite?rows={rows}&columns=16")
            self.page.get("/api/history")

    def megabytes(self) -> list[int]:
        """Memory of the server: now, and the most so far."""
        content = Path(f"/proc/{self.page.process.pid}/status").read_text(encoding="ascii")
        return [int(content.split(name)[1].split()[0]) // 1024 for name in ("VmRSS:", "VmHWM:")]

    def told(self) -> str:
        """A line of the table, of what happened since the last."""
        times = []
        for name, found in self.milliseconds.items():
            times += [f"{np.median(found):.0f}", f"{np.quantile(found, 0.95):.0f}"]
            self.milliseconds[name] = []
        return " | ".join([*map(str, self.megabytes()), *times])


def measure_replay(page: Page, truth: np.ndarray, options: argparse.Namespace) -> list[str]:
    """Memory and waiting in a long day; all through HTTP."""
    replay = Replay(page, truth)
    head = ["decisions", "memory, MB", "most so far"]
    head += [f"{what}, {how}" for what in replay.milliseconds for how in ("ms", "95 %")]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    wanted = max(options.decisions)
    for number in range(1, wanted + 1):
        replay.decide(number)
        replay.look(number)
        if number % max(wanted // N_LINES, 10) == 0:
            lines.append(f"| {number:,} | {replay.told()} |")
            print(lines[-1], flush=True)
    return lines


def frame_times(page: Page) -> np.ndarray | None:
    """Milliseconds of frames of the map, in a browser that draws by software; None without a browser."""
    browser = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if browser is None:
        return None
    while len(page.ask("GET", "/api/map")) == 0:
        time.sleep(0.5)
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = opened.new_page(viewport={"width": 1280, "height": 800})
        tab.add_init_script("localStorage.setItem('labelwise-by', 'expert')")
        tab.goto(page.address + "#map")
        tab.wait_for_selector("#overlay", timeout=120_000)
        tab.wait_for_timeout(1500)
        times = np.array(tab.evaluate(FRAMES))
        opened.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["latency", "expert", "replay"])
    parser.add_argument("project", type=Path)
    parser.add_argument("--decisions", type=int, nargs="+", default=[100])
    parser.add_argument("--pace", type=int, default=1, help="decisions between waits for new sheets")
    parser.add_argument("--refine", action="store_true", help="at the end, teach a student")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copytree(options.project, Path(folder) / options.project.name))
        (place / "labels.jsonl").unlink(missing_ok=True)
        opened = Project.open(place)
        truth = opened.pool.truth()
        if truth is None:
            raise SystemExit(f"the data of {options.project} do not know their classes")
        about = (
            f"{len(truth):,} items of {len(set(truth))} classes, {opened.encoding.n_components} components"
        )
        opened.close()
        page = Page(place)
        try:
            if options.command == "latency":
                lines = measure_latency(page, truth, place)
            elif options.command == "replay":
                lines = measure_replay(page, truth, options)
            else:
                lines = measure_expert(page, truth, options)
        finally:
            page.close()
    name = options.project.stem
    how = f"python benchmarks/page.py {' '.join(sys.argv[1:])}".replace(
        str(options.project), options.project.name
    )
    target = Path(__file__).parent / "results" / f"page_{options.command}_{name}.md"
    target.write_text(
        "\n".join([f"# The page: {name}", "", f"`{how}`: {about}.", "", *lines, ""]), encoding="utf-8"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
