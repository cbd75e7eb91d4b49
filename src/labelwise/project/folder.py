"""What a project keeps in its folder, and who may change it."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from labelwise.damage import damage_told
from labelwise.data import Dataset
from labelwise.encoding import Encoding
from labelwise.errors import DataChangedWarning, DataError, StorageError
from labelwise.events import Event, Listener, ignore
from labelwise.project import builder
from labelwise.project.cache import keep_graph, open_encoding
from labelwise.project.journal import Journal
from labelwise.project.lock import Lock
from labelwise.project.pool import Pool, as_items
from labelwise.project.source import Source
from labelwise.storage import MANIFEST, read_manifest, write_manifest

if TYPE_CHECKING:
    from labelwise.gmvae import GMVAE

_N_NEIGHBORS = 10  # of the graphs that are kept: the default of all decoders


class ProjectFolder:
    """A project as it lies on disk.

    Many processes may read it at a time, but only one may change it: the first change takes a lock, which is
    released by `close`, the end of a `with` block, or the end of the process.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    path : Path
    source : Source
        Where the items are.
    model_id : str
        Fingerprint of the model.
    journal : Journal
        All decisions.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        manifest = read_manifest(self.path)
        if manifest["kind"] != builder.KIND:
            raise StorageError(
                f"{self.path} holds a {manifest['kind']}, not a project: "
                "labelwise train DATA -o PROJECT makes one"
            )
        self._manifest = manifest
        with damage_told(self.path):
            self.source = Source.of_json(manifest["data"])
            self._n_samples, self._fingerprint = int(manifest["n_samples"]), str(manifest["fingerprint"])
        self.model_id = builder.model_id(self.path)
        self._lock = Lock(self.path / "lock")
        self.writing = threading.RLock()  # threads of one process take turns in what they keep
        self.journal = Journal(self.path / builder.JOURNAL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others change the project."""
        self._lock.release()

    @cached_property
    def pool(self) -> Pool:
        """The items, without what they hold."""
        pool = Pool.load(self.path / builder.POOL)
        if pool.fingerprint != self._fingerprint:
            raise self._stale()
        if len(pool) != self._n_samples:
            raise StorageError(
                f"{self.path} is damaged: it has {len(pool):,} items, but {self._n_samples:,} by its "
                f"{MANIFEST}; restore it from a copy or train again"
            )
        return pool

    @cached_property
    def encoding(self) -> Encoding:
        """What the model says of the pool, mapped from disk."""
        return open_encoding(self.path / builder.ENCODING)

    @cached_property
    def gmvae(self) -> GMVAE:
        """The model."""
        from labelwise.gmvae import GMVAE

        return GMVAE.load(self.path / builder.MODEL)

    def __len__(self) -> int:
        return len(self.pool)

    def __repr__(self) -> str:
        return f"<Project {self.path}: {len(self):,} items of {self.source.name}>"

    def items(self) -> Dataset:
        """Read the items themselves again.

        Raises
        ------
        DataError
            If they are not where they were, or not what they were.
        """
        dataset, _ = self.source.load()
        if changes := self.pool.changes(Pool.of(dataset)):
            raise DataError(f"{self.source.place} has changed: {changes}; {self._way_out()}")
        return dataset

    def texts(self) -> np.ndarray | None:
        """Texts of the items; None if they are none, or cannot be read again as they were."""
        if not self.pool.is_texts or not self.source.is_there:
            return None
        try:
            return np.asarray(self.items().X)
        except DataError:
            return None  # a project that is opened warns of what has changed

    def checked(self, X: Any) -> Any:
        """Items at hand, if they are those of the project.

        Raises
        ------
        DataError
        """
        items = as_items(X)
        nameless = replace(self.pool, paths=None)
        if changes := nameless.changes(Pool.of(Dataset(items, None, None, "items"))):
            raise DataError(f"these are not the items of {self.path}: {changes}; pass those it was made of")
        return items

    def holds(self, dataset: Dataset) -> bool:
        """Whether these are the items of the project, in the same order."""
        return self.pool.fingerprint == Pool.of(dataset).fingerprint

    def graphs(self, parts: Sequence[str], listen: Listener = ignore) -> None:
        """Make the graphs that decoders look at, and keep them where this process may write."""
        for number, part in enumerate(parts):
            if self.encoding.has(part):
                listen(Event("graph", number / len(parts), f"finding neighbours by {part}"))
                with self.may_keep() as may:
                    if may:
                        keep_graph(self.path / builder.ENCODING, self.encoding, part, _N_NEIGHBORS)

    def claim(self) -> None:
        """Become the one that may change the project."""
        if not self._lock.acquire():
            return
        try:
            now = read_manifest(self.path)["fingerprint"], builder.model_id(self.path)
            if now != (self._fingerprint, self.model_id):
                raise self._stale()
            self.journal.refresh()
        except BaseException:
            self._lock.release()
            raise

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Claim the project for a block; it is given back at the end, unless it was claimed before."""
        held = self._lock.is_held
        self.claim()
        try:
            yield
        finally:
            if not held:
                self.close()

    @contextlib.contextmanager
    def may_keep(self) -> Iterator[bool]:
        """Let this process keep what can be made again, and say whether it may.

        It may not where another process is changing the project, or none can. Whoever only reads does not
        hold the lock any longer than that.
        """
        with self.writing, contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self.claimed())
                may = True
            except StorageError:
                may = False
            yield may

    def warn_of_changed_data(self) -> None:
        """Warn if the items are not what they were; looks into files only where they were touched."""
        if not self.source.is_there or self.source.stamp_now() == self.source.stamp:
            return
        try:
            dataset, source = self.source.load()
        except DataError as error:
            changes = f"they cannot be read ({error})"
        else:
            changes = self.pool.changes(Pool.of(dataset))
            if not changes:
                self.remember(source)
                return
        warnings.warn(
            f"the data at {self.source.place} have changed since {self.path} was made: {changes}; answers "
            f"still refer to the items as they were. {self._way_out()}",
            DataChangedWarning,
            stacklevel=3,
        )

    def _stale(self) -> StorageError:
        return StorageError(f"{self.path} was updated or retrained by another process: open it again")

    def _way_out(self) -> str:
        return f"To use the items as they are now and keep all labels, run labelwise update {self.path}"

    def remember(self, source: Source) -> None:
        """Keep the state of files whose content is as it was."""
        with self.may_keep() as may:
            if may and source != self.source:
                self.source = source
                self._manifest = {**self._manifest, "data": source.as_json()}
                write_manifest(self.path, self._manifest)
