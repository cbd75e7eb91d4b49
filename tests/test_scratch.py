"""Arrays that are filled a batch at a time."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pytest
from joblib import Parallel, delayed

from labelwise import scratch
from labelwise.errors import StorageError
from labelwise.scratch import scratch_array, scratch_joined


def is_on_disk(array):
    """Whether it is a map, which does not own what it shows."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return isinstance(array, memoryview)


def test_a_large_array_lies_in_a_file_that_nobody_sees(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "_MOST_IN_MEMORY", 4 * 5 * 7)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small, large = scratch_array((5, 7)), scratch_array((6, 7))
    assert (is_on_disk(small), is_on_disk(large)) == (False, True)
    assert list(tmp_path.iterdir()) == []
    for array in (small, large):
        assert array.dtype == np.float32
        array[:] = np.arange(array.size).reshape(array.shape)
        assert array.sum() == array.size * (array.size - 1) / 2


def test_other_processes_are_given_what_is_in_it(monkeypatch):
    monkeypatch.setattr(scratch, "_MOST_IN_MEMORY", 100)
    array = scratch_joined(iter([np.arange(50.0), np.arange(50.0)]))
    assert is_on_disk(array)
    sums = Parallel(n_jobs=2)(delayed(np.sum)(array[start:]) for start in (0, 50))
    assert sums == [2450, 1225]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs a system that reserves space in files")
def test_a_disk_without_space_is_told(monkeypatch):
    with pytest.raises(StorageError, match="TMPDIR"):
        scratch_array((2**50,))
