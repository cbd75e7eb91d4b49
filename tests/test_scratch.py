"""Arrays that are filled a batch at a time."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pytest

from labelwise import scratch
from labelwise.errors import StorageError
from labelwise.scratch import scratch_array


def is_on_disk(array):
    return isinstance(array.base, np.memmap)


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


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs a system that reserves space in files")
def test_a_disk_without_space_is_told(monkeypatch):
    with pytest.raises(StorageError, match="TMPDIR"):
        scratch_array((2**50,))
