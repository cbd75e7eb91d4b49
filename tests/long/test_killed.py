"""Work that is killed at any moment: files are old or new, it can go on, and it ends with the same bits.

`make test-long` kills each job 50 times; LABELWISE_KILLS sets another number.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys

import numpy as np
import pytest

from long.jobs import JOBS

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")]

N_KILLS = int(os.environ.get("LABELWISE_KILLS", "50"))


@pytest.mark.parametrize("kind", JOBS, ids=[kind.__name__ for kind in JOBS])
def test_work_that_is_killed_goes_on_and_ends_with_the_same_bits(tmp_path, place, nursery, kind):
    work = kind()

    def start(name):
        here = tmp_path / name
        here.mkdir()
        work.prepare(place, here)
        return here

    whole = start("whole")
    code, seconds = nursery.run(work.job(place, whole))
    assert code == 0
    expected = work.result(whole)
    assert expected is not None
    rng = np.random.default_rng(0)
    n_killed = 0
    while n_killed < N_KILLS:
        moment = rng.uniform(0, seconds)
        here = start("killed")
        code, _ = nursery.run(work.job(place, here), kill_after=moment)
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            seconds = moment  # it had ended: it takes no longer than that
        else:
            n_killed += 1
        # Readable, whatever there is. To look may mend what it looks at, hence the copy.
        found = work.result(shutil.copytree(here, tmp_path / "looked at"))
        shutil.rmtree(tmp_path / "looked at")
        assert found in (None, expected)
        if found is None:
            assert nursery.run(work.job(place, here))[0] == 0, f"killed after {moment:.3f} s of {seconds:.3f}"
            assert work.result(here) == expected
        shutil.rmtree(here)
