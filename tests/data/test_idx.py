import gzip
import re
import struct

import numpy as np
import pytest

from labelwise.data import read_idx
from labelwise.data.idx import idx_header
from labelwise.errors import DataError

from .conftest import idx_bytes

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_idx(path)
    text = str(caught.value)
    assert "\n" not in text
    return text.replace(str(path), "FILE")


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_type_plain_and_gzipped_whatever_the_name(tmp_path, dtype, pack):
    array = (np.arange(24) - 3).astype(dtype).reshape(2, 3, 4)
    path = tmp_path / "anything.dat"
    path.write_bytes(pack(idx_bytes(array)))
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.flags.writeable
    assert idx_header(path) == ((2, 3, 4), array.dtype)


def test_reads_into_a_slice_of_a_larger_array(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES)))
    pooled = np.zeros((5, 3, 4), np.uint8)
    assert np.shares_memory(read_idx(path, out=pooled[1:3]), pooled)
    np.testing.assert_array_equal(pooled[1:3], IMAGES)
    assert not pooled[[0, 3, 4]].any()
    with pytest.raises(DataError, match=r"holds uint8 \(2, 3, 4\), not uint8 \(5, 3, 4\) as expected"):
        read_idx(path, out=pooled)


def test_an_array_larger_than_one_read(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (3, 1000, 700)).astype(np.uint8)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(idx_bytes(array), 1))
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"", "nothing"),
        (b"\0\0\x08", "00 00 08"),
        (b"\x89PNG\r\n", "89 50 4e 47"),
        (b"\0\0\x07\x01abcd", "00 00 07 01"),
    ],
)
def test_bad_magic(tmp_path, content, shown):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert refusal(path) == f"FILE is not an IDX file: it starts with {shown}"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_ends_inside_the_header(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(idx_bytes(IMAGES)[:9]))
    assert refusal(path) == "FILE ends inside its header: get it again"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_too_few_values(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(idx_bytes(IMAGES)[:-5]))
    assert refusal(path) == "FILE is cut short: its header promises 24 bytes of values and it holds 19"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_too_many_values(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(idx_bytes(IMAGES) + b"!"))
    assert refusal(path) == (
        "FILE has more than the 24 bytes of values that its header promises: get it again"
    )


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_promises_terabytes_asks_for_no_memory(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**20, 2**10)))
    assert refusal(path).startswith("FILE is cut short: its header promises 2,305,843,009,213,693,952 bytes")


def test_damaged_gzip(tmp_path):
    path = tmp_path / "x.gz"
    whole = gzip.compress(idx_bytes(np.random.default_rng(0).integers(0, 256, (9, 28, 28)).astype(np.uint8)))
    path.write_bytes(whole[: len(whole) // 2])
    assert re.fullmatch(
        r"FILE is a damaged gzip file \(Compressed file ended .*\): get it again", refusal(path)
    )
    path.write_bytes(whole[:-8] + b"12345678")
    assert re.fullmatch(r"FILE is a damaged gzip file \(CRC check failed .*\): get it again", refusal(path))
    path.write_bytes(whole[:12] + b"\xff" * 50 + whole[62:])
    assert refusal(path).startswith("FILE is a damaged gzip file (")
