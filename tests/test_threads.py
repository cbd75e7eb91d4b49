"""One thread for BLAS, whoever else wants that at the same time."""

from __future__ import annotations

import threading

import pytest
import sklearn.cluster  # noqa: F401 (loads what is limited)
from threadpoolctl import threadpool_info, threadpool_limits

from labelwise.threads import one_thread


def blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two():
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def test_it_may_be_nested():
    with one_thread():
        with one_thread():
            assert blas() == {1}
        assert blas() == {1}
    assert blas() == {2}


def test_threads_take_turns():
    entered, leave, seen = threading.Event(), threading.Event(), []

    def first():
        with one_thread():
            entered.set()
            leave.wait(30)
            seen.append("first")

    def second():
        with one_thread():
            seen.append("second")

    threads = [threading.Thread(target=work) for work in (first, second)]
    threads[0].start()
    assert entered.wait(30)
    threads[1].start()
    threads[1].join(0.2)
    assert seen == []
    leave.set()
    for thread in threads:
        thread.join(30)
    assert seen == ["first", "second"]
