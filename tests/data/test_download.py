import gzip
import hashlib
import io
import zipfile

import numpy as np
import pytest

from labelwise.data import load_dataset
from labelwise.data.catalogue import CATALOGUE, Address, CatalogueEntry, RemoteFile, dataset_names
from labelwise.data.download import cache_folder
from labelwise.errors import DataError, DownloadError, StorageError

from .conftest import idx_bytes, items

DEAD = "http://127.0.0.1:9"  # nothing listens on the "discard" port


def md5(data):
    return "md5:" + hashlib.md5(data).hexdigest()


def packed(n_train, n_test, prefix="", parts=("train", "t10k")):
    """The four files as a mapping of names to gzipped bytes."""
    files = {}
    for part, n in zip(parts, (n_train, n_test), strict=True):
        images, labels = items(n)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels.astype(np.uint8))):
            files[f"{prefix}{part}-{kind}-ubyte.gz"] = gzip.compress(idx_bytes(array))
    return files


@pytest.fixture
def four(server, monkeypatch):
    """Build a catalogue entry of four files with the given addresses; the server holds the files."""

    def build(*bases):
        files = packed(6, 4)
        remote = tuple(
            RemoteFile(name, tuple(Address(f"{base}/{name}", md5(data)) for base in bases))
            for name, data in files.items()
        )
        entry = CatalogueEntry("tiny", ("a", "b", "c"), ((6, 4),), ("tiny",), remote)
        monkeypatch.setitem(CATALOGUE, "tiny", entry)
        server.files.update({f"/{name}": data for name, data in files.items()})
        return entry

    return build


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_download_once_then_from_the_cache(four, server):
    entry = four(server.url)
    data = load_dataset("tiny")
    np.testing.assert_array_equal(data.X, np.concatenate([items(6)[0], items(4)[0]]))
    assert sorted(server.requests) == sorted(f"/{file.name}" for file in entry.files)
    assert names_in(cache_folder(entry)) == sorted(file.name for file in entry.files)
    server.requests.clear()
    np.testing.assert_array_equal(load_dataset("tiny").X, data.X)
    assert server.requests == []


def test_the_second_address_when_the_first_is_dead(four, server):
    four(DEAD, server.url)
    assert len(load_dataset("tiny").X) == 10


def test_the_second_address_when_the_first_gives_something_else(four, server):
    four(f"{server.url}/moved", server.url)
    for path in list(server.files):
        server.files[f"/moved{path}"] = b"<html>We have moved</html>"
    assert len(load_dataset("tiny").X) == 10


def test_every_address_fails(four, server):
    entry = four(DEAD, f"{server.url}/gone", server.url)
    server.files["/train-images-idx3-ubyte.gz"] = b"damaged"
    with pytest.raises(DownloadError) as caught:
        load_dataset("tiny")
    host = server.url.removeprefix("http://")
    assert str(caught.value) == (
        "tiny: train-images-idx3-ubyte.gz could not be downloaded from 127.0.0.1:9 (no connection), "
        f"{host} (HTTP 404), {host} (wrong checksum): try later, or put train-images-idx3-ubyte.gz, "
        "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into "
        f"{cache_folder(entry)}, or all four files into a folder named by LABELWISE_DATA"
    )


def test_an_interrupted_download_leaves_nothing_and_starts_again(four, server):
    entry = four(server.url)
    name = "t10k-images-idx3-ubyte.gz"
    whole = server.files[f"/{name}"]
    server.files[f"/{name}"] = (whole[:20], len(whole))
    with pytest.raises(
        DownloadError,
        match=r"\((interrupted|wrong checksum)\): try later, or put t10k-images\S+ t10k-labels\S+ into",
    ):
        load_dataset("tiny")
    assert names_in(cache_folder(entry)) == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    server.files[f"/{name}"] = whole
    server.requests.clear()
    assert len(load_dataset("tiny").X) == 10
    assert server.requests == ["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]


def test_files_put_into_the_cache_by_hand_count(four, server):
    entry = four(DEAD)
    cache_folder(entry).mkdir(parents=True)
    for name, data in packed(6, 4).items():
        (cache_folder(entry) / name.removesuffix(".gz")).write_bytes(gzip.decompress(data))
    assert len(load_dataset("tiny").X) == 10


def test_a_cache_that_cannot_be_written(four, server, tmp_path):
    entry = four(server.url)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        load_dataset("tiny")
    assert str(caught.value).startswith(f"{cache_folder(entry)} cannot take the files of tiny (")
    assert str(caught.value).endswith("or put the files into a folder and name it in LABELWISE_DATA")


# --- an archive ---


def zipped(files):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"gzip/{name}", data)
    return held.getvalue()


@pytest.fixture
def archive(server, monkeypatch):
    """Entries over one archive, as the subsets of EMNIST are, with a checksum for each address."""
    data = zipped(packed(6, 4, "one-", ("train", "test")) | packed(3, 3, "two-", ("train", "test")))
    remote = RemoteFile(
        "all.zip", (Address(f"{DEAD}/all.zip", "md5:0"), Address(f"{server.url}/all.zip", md5(data)))
    )
    for name, release in (("one", (6, 4)), ("two", (3, 3)), ("three", (1, 1))):
        entry = CatalogueEntry(
            name, ("a", "b", "c"), (release,), ("shared",), (remote,), f"{name}-", ("train", "test")
        )
        monkeypatch.setitem(CATALOGUE, name, entry)
    server.files["/all.zip"] = data


def test_only_the_wanted_members_leave_the_archive(archive, server):
    assert len(load_dataset("one").X) == 10
    folder = cache_folder(CATALOGUE["one"])
    kinds = ("test-images-idx3", "test-labels-idx1", "train-images-idx3", "train-labels-idx1")
    assert names_in(folder) == ["all.zip", *(f"one-{kind}-ubyte.gz" for kind in kinds)]
    assert len(load_dataset("two").X) == 6
    assert server.requests == ["/all.zip"], "the archive is kept, so it is downloaded once"


def test_members_stay_when_the_archive_is_deleted(archive, server):
    load_dataset("one")
    (cache_folder(CATALOGUE["one"]) / "all.zip").unlink()
    assert len(load_dataset("one").X) == 10
    assert server.requests == ["/all.zip"]


def test_a_damaged_archive_in_the_cache_is_downloaded_again(archive, server):
    folder = cache_folder(CATALOGUE["one"])
    folder.mkdir(parents=True)
    (folder / "all.zip").write_bytes(b"half")
    assert len(load_dataset("one").X) == 10
    assert server.requests == ["/all.zip"]


def test_an_archive_without_the_file(archive):
    with pytest.raises(DataError) as caught:
        load_dataset("three")
    folder = cache_folder(CATALOGUE["three"])
    assert str(caught.value) == (
        f"{folder}/all.zip does not hold three-train-images-idx3-ubyte.gz: delete it and try again"
    )
    assert names_in(folder) == ["all.zip"]


def test_a_bar_on_a_terminal(four, server, monkeypatch, capsys):
    import sys

    import pooch

    four(server.url)
    level = pooch.get_logger().level
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert len(load_dataset("tiny").X) == 10
    assert "Downloading data from" not in capsys.readouterr().err
    assert pooch.get_logger().level == level


# --- the real catalogue ---


@pytest.mark.parametrize("name", [name for name in dataset_names() if name != "digits"])
def test_catalogue_is_complete(name):
    entry = CATALOGUE[name]
    assert entry.name == name
    stored = {file.name for file in entry.files}
    assert stored == {f"{stem}.gz" for stem in entry.stems()} or stored == {"emnist-gzip.zip"}
    sizes = {"md5": 32, "sha256": 64}
    for file in entry.files:
        assert len(file.addresses) >= 2
        for address in file.addresses:
            kind, digest = address.checksum.split(":")
            assert len(digest) == sizes[kind]
            assert int(digest, 16)
            assert address.url.startswith(("https://", "http://"))
