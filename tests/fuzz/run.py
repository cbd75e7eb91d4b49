"""Fuzz a reader: `python tests/fuzz/run.py TARGET --seconds 300`, from the root of the repository.

Needs atheris, which is built for Linux and for few versions of Python (pip install atheris): it leads changes
of valid files to code that was not run before. Whatever is raised that is no LabelwiseError is a finding: its
bytes are kept in build/fuzz/TARGET/, one file for each kind and place of error, and the run goes on. To make
a finding a test, mend the reader and add the bytes to CASES in tests/fuzz/test_cases.py.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["labelwise"]):
    import torch

    from fuzz.targets import TARGETS
    from labelwise.errors import LabelwiseError, LabelwiseWarning


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


_ROOM = 6 << 30  # bytes of address space: who asks for more without need is found out
_SLOW = 5.0  # seconds


class Findings:
    """What went wrong, once for each kind of error and line of our code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, content: bytes, error: BaseException) -> None:
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "labelwise" in f.filename] or [None]
        place = "nowhere" if ours[-1] is None else f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
        name = f"{type(error).__name__} at {place}"
        if name in self._seen:
            return
        self._seen.add(name)
        digest = hashlib.sha256(content).hexdigest()[:8]
        (self._folder / f"{type(error).__name__}-{digest}").write_bytes(content)
        tell(f"FINDING {name}: {str(error)[:200]!r} ({digest}, {len(content)} bytes)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=300)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    # The same files in memory where that is possible: thousands of small ones are written.
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    findings = Findings(Path("build/fuzz") / asked.target)
    with tempfile.TemporaryDirectory(dir=fast) as folder:
        place = Path(folder)
        target = TARGETS[asked.target](place)
        corpus = place / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(target.seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
            with contextlib.suppress(LabelwiseError):
                target.read(seed)  # before memory is short: much is imported late
        resource.setrlimit(resource.RLIMIT_AS, (_ROOM, _ROOM))
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", LabelwiseWarning)
        # A saved model may name columns, and arrays have none.
        warnings.filterwarnings("ignore", module="PIL")
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        n_runs = 0
        end = time.monotonic() + asked.seconds

        def one(content: bytes) -> None:
            nonlocal n_runs
            n_runs += 1
            start = time.monotonic()
            try:
                target.read(content)
            except LabelwiseError as error:
                if "\n" in str(error):
                    findings.add(content, AssertionError(f"more than one line: {error}"))
            except Exception as error:  # noqa: BLE001 (all of them are findings)
                findings.add(content, error)
            if time.monotonic() - start > _SLOW:
                findings.add(content, TimeoutError(f"took {time.monotonic() - start:.1f} s"))
            if time.monotonic() > end:
                tell(f"{asked.target}: {n_runs:,} runs, {len(findings)} findings")
                shutil.rmtree(place, ignore_errors=True)
                os._exit(1 if len(findings) else 0)  # libFuzzer's own end skips what waits for an exit

        def change(content: bytes, most: int, seed: int) -> bytes:
            def bytewise(inside: bytes) -> bytes:
                return atheris.Mutate(inside, max(len(inside) + 64, 64))

            return target.mutate(content, bytewise, random.Random(seed))[:most]

        options = ["-max_len=65536", "-rss_limit_mb=0", "-timeout=60", "-print_final_stats=0", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=change)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
