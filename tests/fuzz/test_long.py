"""Each reader is fuzzed for a while; `python tests/fuzz/run.py TARGET --seconds 300` goes on for longer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import labelwise
from fuzz.targets import TARGETS

N_SECONDS = int(os.environ.get("LABELWISE_FUZZ", "20"))  # for each reader


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(tmp_path, name):
    pytest.importorskip("atheris")
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "run.py", name, "--seconds", str(N_SECONDS)],
        cwd=tmp_path,  # findings are kept below it
        env=os.environ | {"PYTHONPATH": str(Path(labelwise.__file__).parents[1])},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=N_SECONDS + 120,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith(("FINDING", name))]
    assert done.returncode == 0, (told, done.stderr[-2000:])
    assert told[-1].endswith(" 0 findings")
