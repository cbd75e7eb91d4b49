"""Small files that promise much: refused before memory is taken. Nothing outside of a folder is touched."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

from labelwise import scratch
from labelwise.data import load_dataset, room
from labelwise.data.download import _extract
from labelwise.data.idx import read_idx
from labelwise.errors import DataError, StorageError
from labelwise.hub import _FILES
from labelwise.storage import read_tensors

MEBIBYTE = 1 << 20


@contextmanager
def at_most(n_mebibytes):
    """Fail if the block takes more memory than that."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n_mebibytes * MEBIBYTE, f"took {peak / MEBIBYTE:.0f} MiB"


def npy_header(shape, kind="|u1"):
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def zip_of(path, name, content, promised=None, method=zipfile.ZIP_DEFLATED):
    """An archive of one member whose directory may promise another size than it has."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, content)
        if promised is not None:
            archive.filelist[0].file_size = promised
    return path


def zeros(n_bytes):
    """So many zeros, packed, without having them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(bytes(MEBIBYTE)) for _ in range(n_bytes // MEBIBYTE)]
    return b"".join(pieces) + packer.flush()


class TestArchives:
    def test_a_shape_beyond_what_the_member_holds(self, tmp_path):
        path = zip_of(tmp_path / "x.npz", "X.npy", npy_header((2**20, 2**12)) + b"1234")
        with at_most(4), pytest.raises(DataError, match=r"promises 4,294,967,296 bytes of values"):
            load_dataset(path)

    def test_a_directory_that_promises_more_than_is_stored(self, tmp_path):
        content = npy_header((2**20, 2**12)) + b"1234"
        path = zip_of(tmp_path / "x.npz", "X.npy", content, promised=len(content) - 4 + 2**32)
        with at_most(4), pytest.raises(DataError, match="array X is damaged: the archive promises"):
            load_dataset(path)

    def test_a_member_that_is_no_array_is_not_unpacked(self, tmp_path):
        path = zip_of(tmp_path / "x.npz", "X.npy", bytes(64 * MEBIBYTE))
        with at_most(8), pytest.raises(DataError, match="array X is no numpy array"):
            load_dataset(path)

    def test_other_members_are_not_unpacked(self, tmp_path):
        path = tmp_path / "x.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("X.npy", npy_header((4, 1)) + b"1234")
            archive.writestr("bomb", bytes(64 * MEBIBYTE))
        with at_most(8):
            assert load_dataset(path).X.shape == (4, 1)

    def test_a_header_that_is_long(self, tmp_path):
        content = b"\x93NUMPY\x02\x00" + struct.pack("<I", 60 * MEBIBYTE) + bytes(60 * MEBIBYTE)
        path = zip_of(tmp_path / "x.npz", "X.npy", content)
        with at_most(8), pytest.raises(DataError, match="damaged header"):
            load_dataset(path)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_packed_otherwise(self, tmp_path, method):
        path = zip_of(tmp_path / "x.npz", "X.npy", npy_header((4, 1)) + b"1234", method=method)
        with pytest.raises(DataError, match="packed in a way that numpy does not use"):
            load_dataset(path)

    def test_larger_than_the_memory_there_is(self, tmp_path, monkeypatch):
        monkeypatch.setattr(room, "_memory", lambda: 8 * MEBIBYTE)
        np.savez_compressed(tmp_path / "x.npz", X=np.zeros((16, MEBIBYTE), np.uint8))
        with at_most(4), pytest.raises(DataError, match=r"needs 0\.0 GiB of memory, and this machine has"):
            load_dataset(tmp_path / "x.npz")

    def test_what_compresses_well_is_read(self, tmp_path):
        X = np.zeros((2, 4 * MEBIBYTE), np.uint8)
        np.savez_compressed(tmp_path / "x.npz", X=X)
        assert (tmp_path / "x.npz").stat().st_size < X.size / 500
        np.testing.assert_array_equal(load_dataset(tmp_path / "x.npz").X, X)

    def test_names_with_folders_stay_inside(self, tmp_path):
        folder = tmp_path / "in"
        folder.mkdir()
        name = "train-images-idx3-ubyte.gz"
        path = zip_of(tmp_path / "x.zip", f"../../{name}", b"images")
        _extract(path, [name], folder)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "x.zip"]
        assert [each.name for each in folder.iterdir()] == [name]


class TestObjects:
    """A pickle that would leave a file if it were loaded."""

    @pytest.fixture
    def harmful(self, tmp_path):
        class Harm:
            def __reduce__(self):
                return open, (str(tmp_path / "harm"), "w")

        return np.array([Harm()], dtype=object)

    @pytest.mark.parametrize("ending", [".npy", ".npz"])
    def test_are_not_loaded(self, tmp_path, harmful, ending):
        path = tmp_path / f"x{ending}"
        np.save(path, harmful) if ending == ".npy" else np.savez(path, X=harmful)
        with pytest.raises(DataError, match="Python objects, which are not loaded"):
            load_dataset(path)
        assert not (tmp_path / "harm").exists()

    @pytest.mark.parametrize("ending", [".npy", ".npz"])
    def test_nor_a_pickle_alone(self, tmp_path, harmful, ending):
        path = tmp_path / f"x{ending}"
        path.write_bytes(pickle.dumps(harmful))
        with pytest.raises(DataError, match=r"is not an \.np[yz] file"):
            load_dataset(path)
        assert not (tmp_path / "harm").exists()

    def test_nor_fetched_from_the_hub(self):
        assert all(pattern.endswith((".json", ".safetensors", ".md")) for pattern in _FILES)


class TestIdx:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_absurd_sizes(self, tmp_path, pack):
        (tmp_path / "x").write_bytes(pack(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**20, 2**10)))
        with at_most(2), pytest.raises(DataError, match="cut short"):
            read_idx(tmp_path / "x")

    def test_a_bomb_that_goes_on_after_its_values(self, tmp_path):
        content = zeros(256 * MEBIBYTE)
        start = gzip.compress(struct.pack(">HBB2I", 0, 8, 2, 4, 4))
        (tmp_path / "x.gz").write_bytes(start + content)
        with at_most(4), pytest.raises(DataError, match="has more than the 16 bytes"):
            read_idx(tmp_path / "x.gz")

    def test_larger_than_the_memory_there_is(self, tmp_path, monkeypatch):
        monkeypatch.setattr(room, "_memory", lambda: 8 * MEBIBYTE)
        start = gzip.compress(struct.pack(">HBB2I", 0, 8, 2, 16, MEBIBYTE))
        (tmp_path / "x.gz").write_bytes(start + zeros(16 * MEBIBYTE))
        with at_most(4), pytest.raises(DataError, match="of memory, and this machine has"):
            read_idx(tmp_path / "x.gz")


class TestWeights:
    @pytest.mark.parametrize(
        "content",
        [
            struct.pack("<Q", 2**62) + b"{}",
            struct.pack("<Q", 90)
            + b'{"a": {"dtype": "F32", "shape": [4294967296], "data_offsets": [0, 17179869184]}}'.ljust(90),
            struct.pack("<Q", 60)
            + b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}'.ljust(60)
            + b"1234",
            struct.pack("<Q", 60)
            + b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}'.ljust(60)
            + b"1234",
        ],
        ids=["length", "size", "negative", "backwards"],
    )
    def test_absurd_headers(self, tmp_path, content):
        (tmp_path / "x.safetensors").write_bytes(content)
        with at_most(2), pytest.raises(StorageError, match="cannot be read"):
            read_tensors(tmp_path / "x.safetensors")


class TestImages:
    def png(self, width, height):
        """The start of a PNG file that promises so many pixels."""
        parts = [
            (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zeros(MEBIBYTE)[10:]),
        ]
        packed = io.BytesIO(b"\x89PNG\r\n\x1a\n")
        packed.seek(0, io.SEEK_END)
        for name, content in parts:
            packed.write(struct.pack(">I", len(content)) + name + content)
            packed.write(struct.pack(">I", zlib.crc32(name + content)))
        return packed.getvalue()

    def test_of_too_many_pixels(self, tmp_path):
        (tmp_path / "x.png").write_bytes(self.png(2**31 - 1, 2**31 - 1))
        with at_most(8), pytest.raises(DataError, match="is larger than Pillow reads for safety"):
            load_dataset(tmp_path)

    def test_more_than_memory_should_hold_lie_on_the_disk(self, tmp_path, monkeypatch):
        from PIL import Image

        monkeypatch.setattr(scratch, "_MOST_IN_MEMORY", MEBIBYTE)
        for name in range(30):
            Image.new("L", (700, 700), name).save(tmp_path / f"{name:02}.png")
        with at_most(8):
            X = load_dataset(tmp_path).X
        assert X[:, 0, 0].tolist() == list(range(30))
