"""One writer at a time, and none for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from labelwise.errors import StorageError
from labelwise.project.lock import Lock

HOLDER = """
import sys, time
from pathlib import Path
from labelwise.project.lock import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.fixture
def number(tmp_path):
    return tmp_path / "lock.pid"


@pytest.fixture
def holder(path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().strip() == "True"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_is_taken_once_and_given_back(path):
    lock = Lock(path)
    assert not lock.is_held
    assert [lock.acquire(), lock.acquire(), lock.is_held] == [True, False, True]
    lock.release()
    lock.release()
    assert not lock.is_held
    assert lock.acquire()
    lock.release()


def test_another_object_of_this_process_is_told(path):
    lock = Lock(path)
    lock.acquire()
    with pytest.raises(StorageError, match=str(os.getpid())):
        Lock(path).acquire()
    lock.release()
    other = Lock(path)
    assert other.acquire()
    other.release()


def test_another_process_is_told_who_holds_it(path, holder):
    with pytest.raises(StorageError, match=rf"{path.parent}.* {holder.pid}\b"):
        Lock(path).acquire()


def test_goes_with_a_process_that_is_killed(path, number, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = Lock(path)
    assert lock.acquire()
    assert number.read_text() == str(os.getpid())
    lock.release()


def test_a_shorter_number_leaves_nothing_of_a_longer_one(path, number):
    number.write_text("123456789012345")
    lock = Lock(path)
    lock.acquire()
    assert number.read_text() == str(os.getpid())
    lock.release()


@pytest.mark.parametrize("content", ["", "12a", None])
def test_without_a_number_the_second_is_told_all_the_same(path, number, content):
    lock = Lock(path)
    lock.acquire()
    number.unlink()
    if content is not None:
        number.write_text(content)
    with pytest.raises(StorageError, match="is being changed: "):
        Lock(path).acquire()
    lock.release()


def test_a_full_disk_costs_only_the_number(path, number):
    number.mkdir()  # nothing can be written there
    lock = Lock(path)
    assert lock.acquire()
    with pytest.raises(StorageError, match="is being changed: "):
        Lock(path).acquire()
    lock.release()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match=r"cannot write .*gone: no such file or directory"):
        Lock(tmp_path / "gone" / "lock").acquire()
