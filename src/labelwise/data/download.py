"""Files of the catalogue from the network: several addresses, checksums, a cache."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labelwise.data.catalogue import CatalogueEntry, RemoteFile
from labelwise.data.idx_folder import find_file
from labelwise.errors import DataError, DownloadError, StorageError

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["cache_folder", "cache_root", "fetch"]

_TIMEOUT = 30.0  # seconds without an answer, or without data, before the next address is tried
_CHUNK = 1 << 17


def cache_folder(entry: CatalogueEntry) -> Path:
    """Folder in which downloaded files of a data set are kept, under the system's folder for caches."""
    return cache_root() / entry.folders[0]


def cache_root() -> Path:
    """Folder of all that can be downloaded or computed again, under the system's folder for caches."""
    import pooch

    return Path(pooch.os_cache("labelwise"))


def fetch(entry: CatalogueEntry, folder: Path) -> None:
    """Download what a folder lacks of the four files of a data set.

    Parameters
    ----------
    entry : CatalogueEntry
        The data set.
    folder : Path
        Where to put the files; made if needed. A file appears there only when it is whole.

    Raises
    ------
    DownloadError
        If no address gave a file with the right checksum.
    StorageError
        If the folder cannot be written.
    """
    wanted = _missing(entry, folder)
    try:
        for remote in entry.files:
            if remote.name.endswith(".zip"):
                if wanted:
                    _extract(_retrieve(remote, folder, entry), wanted, folder)
            elif remote.name in wanted:
                _retrieve(remote, folder, entry)
    except (DownloadError, DataError):
        raise
    except OSError as error:
        raise StorageError(
            f"{folder} cannot take the files of {entry.name} ({error.strerror or error}): "
            "make room there, or put the files into a folder and name it in LABELWISE_DATA"
        ) from error


def _missing(entry: CatalogueEntry, folder: Path) -> list[str]:
    return [f"{stem}.gz" for stem in entry.stems() if find_file(folder, stem) is None]


def _retrieve(remote: RemoteFile, folder: Path, entry: CatalogueEntry) -> Path:
    """Get one file from the first address that gives it whole."""
    import pooch
    from requests import RequestException

    target = folder / remote.name
    # Each address has its own checksum, so a kept file may have come from any of them.
    if target.is_file() and any(pooch.hashes.hash_matches(target, at.checksum) for at in remote.addresses):
        return target
    tried = []
    for address in remote.addresses:
        with _progress(remote.name) as progress:
            downloader = pooch.HTTPDownloader(
                progressbar=progress or False,
                chunk_size=_CHUNK,
                timeout=_TIMEOUT,
                # The checksum is that of the stored bytes, so nothing may be repacked on the way.
                headers={"Accept-Encoding": "identity"},
            )
            try:
                pooch.retrieve(address.url, address.checksum, remote.name, folder, downloader=downloader)
            except RequestException as error:
                tried.append(f"{urlsplit(address.url).netloc} ({_reason(error)})")
            except ValueError:
                tried.append(f"{urlsplit(address.url).netloc} (wrong checksum)")
            else:
                return target
    failures = ", ".join(dict.fromkeys(tried))
    raise DownloadError(
        f"{entry.name}: {remote.name} could not be downloaded from {failures}: try later, or put "
        f"{', '.join(_missing(entry, folder))} into {folder}, "
        "or all four files into a folder named by LABELWISE_DATA"
    )


def _reason(error: OSError) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, exceptions.Timeout):
        return f"no answer in {_TIMEOUT:g} s"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "interrupted"
    if isinstance(error, exceptions.SSLError):
        return "bad certificate"
    return "no connection"


def _extract(archive: Path, wanted: Sequence[str], folder: Path) -> None:
    """Take the wanted files out of a zip archive, whatever folder they lie in there."""
    with zipfile.ZipFile(archive) as contents:
        members = {Path(member).name: member for member in contents.namelist()}
        for name in wanted:
            if name not in members:
                raise DataError(f"{archive} does not hold {name}: delete it and try again")
            handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as target, contents.open(members[name]) as source:
                    shutil.copyfileobj(source, target, _CHUNK)
                os.replace(temporary, folder / name)
            finally:
                Path(temporary).unlink(missing_ok=True)


class _Bar:
    """What pooch asks of a progress bar, drawn by rich."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None)
        self.total = 0

    def update(self, n_bytes: int) -> None:
        self._progress.update(self._task, total=self.total or None, advance=n_bytes)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)


@contextmanager
def _progress(name: str) -> Iterator[_Bar | None]:
    """Draw a bar on a terminal; elsewhere leave pooch's plain line about what it downloads."""
    if not sys.stderr.isatty():
        yield None
        return
    import pooch
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield _Bar(progress, name)
    finally:
        logger.setLevel(level)
