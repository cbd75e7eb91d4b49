"""Disks that are full or cannot be written: one line says so, files are whole, and the work can go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from long.jobs import JOBS, content


def _mount(*options):
    return subprocess.run(["mount", "-t", "tmpfs", *map(str, options)], capture_output=True, check=False)


def _may_mount(folder):
    if sys.platform != "linux" or os.geteuid():
        return False
    found = _mount("-o", "size=1m", "labelwise", folder).returncode == 0
    subprocess.run(["umount", folder], capture_output=True, check=False)
    return found


@pytest.fixture
def disk(tmp_path):
    """A small disk, and a function that sets its size in KiB, or makes it read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _may_mount(folder):
        pytest.skip("only root can mount a small disk, and only on Linux")
    _mount("-o", "size=64m", "labelwise", folder)

    def remount(option):
        assert _mount("-o", f"remount,{option}", "labelwise", folder).returncode == 0

    yield folder, remount
    subprocess.run(["umount", folder], check=True)


pytestmark = pytest.mark.long


def used(folder):
    """KiB of a disk that are taken."""
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize // 1024


def told(file):
    """What a job that failed said: one line, no traceback."""
    said = file.read_text().strip()
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert last.startswith("labelwise: "), said
    return last.lower()


def whole(tmp_path, place, nursery, work):
    """Result of the job where nothing is in its way."""
    here = tmp_path / "whole"
    here.mkdir()
    work.prepare(place, here)
    assert nursery.run(work.job(place, here))[0] == 0
    return work.result(here), sum(len(each) for each in content(here).values()) // 1024


@pytest.mark.parametrize("kind", JOBS, ids=[kind.__name__ for kind in JOBS])
def test_work_on_a_full_disk_leaves_files_whole_and_ends_with_the_same_bits(
    tmp_path, place, nursery, disk, kind
):
    (here, remount), work, errors = disk, kind(), tmp_path / "errors"
    expected, n_needed = whole(tmp_path, place, nursery, work)
    n_failed = 0
    for tenth in range(10):
        remount("size=64m")
        for each in here.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        work.prepare(place, here)
        before = used(here)
        remount(f"size={before + tenth * max(4, n_needed - before) // 10 // 4 * 4 or 4}k")
        code, _ = nursery.run(work.job(place, here), errors=errors)
        if code:
            n_failed += 1
            assert "space" in told(errors)
        found = work.result(shutil.copytree(here, tmp_path / "looked at"))
        shutil.rmtree(tmp_path / "looked at")
        assert found in (None, expected)
        assert not [file for file in content(here) if ".part" in file]
        remount("size=64m")
        if found is None:
            assert nursery.run(work.job(place, here), errors=errors)[0] == 0, errors.read_text()
            assert work.result(here) == expected
    assert n_failed


@pytest.mark.parametrize("kind", JOBS, ids=[kind.__name__ for kind in JOBS])
def test_work_on_a_disk_that_cannot_be_written_changes_nothing(tmp_path, place, nursery, disk, kind):
    (here, remount), work, errors = disk, kind(), tmp_path / "errors"
    work.prepare(place, here)
    before = content(here)
    remount("ro")
    code, _ = nursery.run(work.job(place, here), errors=errors)
    remount("rw")
    assert code
    assert "read-only" in told(errors) or "writable" in told(errors)
    assert content(here) == before
