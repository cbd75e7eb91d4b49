"""Files and servers built for the tests of data sets."""

from __future__ import annotations

import gzip
import http.server
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from labelwise.data.catalogue import CATALOGUE, CatalogueEntry


def idx_bytes(array):
    """An array as the bytes of an IDX file."""
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    big = array.astype(array.dtype.newbyteorder(">"))
    header = bytes([0, 0, codes[array.dtype.str[1:]], array.ndim]) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + big.tobytes()


def write_pair(folder, images, labels, *, prefix="", part="train", gz=True):
    """Write images and labels as a pair of IDX files."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        data = idx_bytes(np.asarray(array, np.uint8))
        name = f"{prefix}{part}-{kind}-ubyte"
        if gz:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, 1))
        else:
            (folder / name).write_bytes(data)


def items(n, first=0, n_classes=3, seed=0):
    """Random 5x4 images and labels that run through the classes."""
    images = np.random.default_rng(seed).integers(0, 256, (n, 5, 4)).astype(np.uint8)
    return images, np.arange(n) % n_classes + first


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test touches the user's cache, or is led by the user's environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LABELWISE_DATA", raising=False)


@pytest.fixture
def tiny(monkeypatch):
    """A catalogue entry like MNIST with 6 + 4 images, and 3 classes."""
    entry = CatalogueEntry("tiny", ("a", "b", "c"), ((6, 4),), ("tiny",), ())
    monkeypatch.setitem(CATALOGUE, "tiny", entry)
    return entry


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what the test put into `server.files`: bytes, a status, or (bytes, length that is promised)."""

    def do_GET(self):
        self.server.requests.append(self.path)
        answer = self.server.files.get(self.path, 404)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        body, length = answer if isinstance(answer, tuple) else (answer, len(answer))
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A web server on this machine, with the attributes `url`, `files` and `requests`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.files, running.requests = {}, []
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


# Read at import, before the fixture above hides it.
_HOMES = (os.environ.get("LABELWISE_DATA"), Path(__file__).parents[3] / "shared" / "data")


@pytest.fixture
def real_data():
    """The folder of genuine data; a test that wants it skips where there is none."""
    for home in _HOMES:
        if home and (Path(home) / "emnist-letters-sample").is_dir():
            return Path(home)
    pytest.skip("no folder of genuine data: name one with LABELWISE_DATA")
