"""`Project`: a folder that holds data, model, labels and answers, and knows the workflow between them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from labelwise.data import Dataset
from labelwise.data.texts import is_texts
from labelwise.errors import DataError, ParameterError, StorageError
from labelwise.events import Listener, ignore
from labelwise.features import reading
from labelwise.nn.checkpoint import remove
from labelwise.project import answering, builder, exchange
from labelwise.project.answers import Answers, asked
from labelwise.project.labelling import Labelling
from labelwise.project.layout import kept_layout
from labelwise.project.pool import Pool, as_items
from labelwise.project.proposals import keep_sheets, kept_sheets
from labelwise.project.source import Source

if TYPE_CHECKING:
    from labelwise.answerer import Answerer
    from labelwise.decoding import Decoder
    from labelwise.export import Exported
    from labelwise.gmvae import GMVAE
    from labelwise.planning.forecast import Forecast
    from labelwise.planning.sheet import Sheet
    from labelwise.planning.suggest import Suggestion
    from labelwise.student import BaseStudent, Refinement


class Project(Labelling):
    """Data, a model of them, labels for some items, and answers for all.

    Use `Project.create` or `Project.open`. Many processes may read a project at a time, but only one
    may change it: the first change takes a lock, which is released by `close`, the end of a `with` block, or
    the end of the process.

    Parameters
    ----------
    path : path
        Folder of the project.

    Attributes
    ----------
    path : Path
    source : Source
        Where the items are.
    pool : Pool
        What names each item, and its class where the data know it.
    encoding : Encoding
        What the model says of the items, mapped from disk.
    gmvae : GMVAE
    journal : Journal
        All decisions.

    Examples
    --------
    >>> from labelwise import Project
    >>> project = Project.create("digits.labelwise", "digits", n_components=30)  # doctest: +SKIP
    >>> for suggestion in project.suggest(10):                                   # doctest: +SKIP
    ...     project.label(suggestion.index, input(f"item {suggestion.index}: "), by="ana")
    >>> project.answers().labels                                                 # doctest: +SKIP
    """

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        data: Any,
        *,
        source: Source | None = None,
        gmvae: GMVAE | None = None,
        label_column: str | None = None,
        text_column: str | None = None,
        skip_unreadable: bool = False,
        overwrite: bool = False,
        resume: bool = False,
        listen: Listener = ignore,
        **parameters: Any,
    ) -> Self:
        """Read the data, learn their structure, encode them, and write all of it to a new folder.

        Training keeps a checkpoint beside the folder (PATH.checkpoint) until it is done.

        Parameters
        ----------
        path : path
        data : str, path, Dataset or array-like
            As for `load_dataset`; or items as for `GMVAE.fit`, which the project does not keep.
        source : Source, default=None
            Where `data` were read from, if they have been read already.
        gmvae : GMVAE, default=None
            A model to train; a fitted one is taken as it is. None takes `GMVAE(**parameters)`, with as many
            components as suit the number of items where `n_components` is not among them.
        label_column : str, default=None
        text_column : str, default=None
            Of a table or a .jsonl file; as for `load_dataset`.
        skip_unreadable : bool, default=False
        overwrite : bool, default=False
            Retrain an existing project. Its labels are kept, and names of components pass on to new ones
            that are made of the same items.
        resume : bool, default=False
            Resume from the checkpoint, if there is one.
        listen : callable
            Gets events of the stages "features", "training" and "encoding".
        **parameters
            Of `GMVAE`, such as ``n_components=100``.

        Returns
        -------
        Project

        Raises
        ------
        StorageError
            If the folder exists already, or cannot be written.
        ParameterError, DataError
            If parameters or data cannot be used.
        """
        from labelwise.gmvae import GMVAE

        path = Path(path)
        if gmvae is not None and parameters:
            raise ParameterError(f"give gmvae or its parameters ({', '.join(parameters)}), not both")
        if os.path.exists(path) and not overwrite:
            raise StorageError(f"{path} exists: choose another name, or pass overwrite=True (--overwrite)")
        before = cls(path) if os.path.exists(path) else None
        if before is not None:
            before.claim()
        try:
            model = GMVAE(**{"n_components": None} | parameters) if gmvae is None else gmvae
            like = Source(None, "", label_column, skip_unreadable, text_column=text_column)
            dataset, read_from = _read(data, replace(like, **reading(model.features)))
            if not hasattr(model, "module_"):
                checkpoint = path.with_name(path.name + ".checkpoint")
                model.fit(dataset.X, checkpoint=checkpoint, resume=resume, listen=listen)
                remove(checkpoint)
            model = builder.with_features(model, dataset.X)
            encoding = model.encode(dataset.X, listen=listen)
            builder.build(path, source or read_from, Pool.of(dataset), model, encoding)
        finally:
            if before is not None:
                before.close()
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a project; a warning says if its data have changed since.

        Raises
        ------
        StorageError
            If there is none, it is damaged, or from a newer labelwise.
        """
        self = cls(path)
        self.warn_of_changed_data()
        return self

    def suggest(
        self, n_labels: int = 10, *, rare: bool = False, random_state: int = 0, labels: Any = None
    ) -> list[Suggestion]:
        """Say which items to label next, the most useful first, with reasons; see `labelwise.suggest`."""
        from labelwise.planning.suggest import suggest_from

        y = self.labels() if labels is None else np.asarray(labels, dtype=object)
        how = {"seed": random_state, "rare": rare}
        found = answering.kept_suggestions(self, n_labels, y, how)
        if found is None:
            named = self.with_names(y)
            found = suggest_from(self.encoding, n_labels, y=named, rare=rare, random_state=random_state)
            answering.keep_suggestions(self, found, y, how)
        self.suggested.update(suggestion.index for suggestion in found)
        return found

    def sheets(
        self,
        n_sheets: int = 10,
        *,
        size: int | None = None,
        shown: Sequence[int] = (),
        random_state: int = 0,
    ) -> list[Sheet]:
        """Propose tight groups to name, each with items that cover it; see `sheets_from`."""
        from labelwise.planning.sheets import sheets_from

        options = {} if size is None else {"size": size}
        y = self.with_names(self.labels())
        found = sheets_from(self.encoding, n_sheets, y=y, shown=shown, random_state=random_state, **options)
        keep_sheets(self, found)
        self.suggested.update(int(row) for sheet in found for row in sheet.items)
        return found

    def last_sheets(self) -> list[Sheet]:
        """Sheets that `sheets` proposed last, also in another process; without those that are labelled."""
        return kept_sheets(self)

    def split(self, items: Sequence[int], n_parts: int = 2) -> list[Sheet]:
        """Make tighter sheets of one that holds several classes; see `split_sheet`."""
        from labelwise.planning.splitting import split_sheet

        found = split_sheet(self.encoding, items, y=self.with_names(self.labels()), n_parts=n_parts)
        self.suggested.update(int(row) for sheet in found for row in sheet.items)
        return found

    def layout(self) -> np.ndarray:
        """Two coordinates of each item for a map, shape (n_samples, 2), within -1..1; made once and kept."""
        return kept_layout(self)

    def forecast(self, further: Sequence[int] = (10, 50, 100), *, random_state: int = 0) -> Forecast:
        """Estimate the accuracy of today's decoder, and what further random labels would add."""
        return answering.forecast(self, further, random_state)

    def answers(self, decoder: str | Decoder = "auto", *, labels: Any = None) -> Answers:
        """Answer for every item of the pool.

        Parameters
        ----------
        decoder : str or Decoder, default="auto"
            A name of `DECODERS`. "auto" lets the student answer, if `refine` has made one.
        labels : array-like of shape (n_samples,), default=None
            Labels for this call alone, in place of those in the journal.

        Returns
        -------
        Answers

        Raises
        ------
        LabelError
            If nothing is labelled or named.
        """
        return answering.answers(self, decoder, labels)

    def live_answers(self) -> Answers:
        """Answer within seconds, for a person who waits: without a comparison of decoders.

        The student's answers or those that "auto" gave from the same labels, if there are any; else those of
        Poisson learning.

        Raises
        ------
        LabelError
            If nothing is labelled or named.
        """
        return answering.live_answers(self)

    def graph_answers(self) -> Answers:
        """Answer by Poisson learning on the graph of neighbours, whether or not a student answers.

        Where the two differ, a label says most about which of them to believe.

        Raises
        ------
        LabelError
            If nothing is labelled or named.
        """
        return answering.graph_answers(self)

    def export_labels(self, path: str | os.PathLike[str]) -> int:
        """Write labels to a .csv, or tasks with labels and predictions to a .json for Label Studio.

        Returns
        -------
        int
            Number of labels.
        """
        labeled = self.labeled()
        path = Path(path)
        predicts = path.suffix.lower() == ".json" and bool(labeled or self.names())
        exchange.write_file(path, self.pool, labeled, self.answers() if predicts else None, self.texts())
        return len(labeled)

    def export_predictions(self, path: str | os.PathLike[str]) -> int:
        """Write a label and a probability for every item to a .csv or a .parquet.

        Returns
        -------
        int
            Number of items.
        """
        exchange.write_predictions(Path(path), self.answers(), self.pool.paths, self.texts())
        return len(self)

    def export(self, path: str | os.PathLike[str], *, items: Any = None, **options: Any) -> Exported:
        """Write what answers new items as one ONNX file, which needs no torch; see `export_onnx`.

        Parameters
        ----------
        path : path
        items : array-like, default=None
            Items on which to compare the file with `answerer`; None takes those of the project.

        **options
            Of `export_onnx`: compact, random_state.

        Returns
        -------
        Exported
            With the largest difference of a probability.
        """
        from labelwise.export import export_onnx

        return export_onnx(self.answerer, path, self.items().X if items is None else items, **options)

    @property
    def answerer(self) -> Answerer:
        """What answers new items, from today's labels."""
        return answering.answerer(self, "auto", None)

    def answer_new(self, X: Any, decoder: str | Decoder = "auto", *, labels: Any = None) -> Answers:
        """Answer for new items; `decoder` and `labels` are those of `answers`."""
        return asked(answering.answerer(self, decoder, labels), X)

    @property
    def student(self) -> BaseStudent | None:
        """The student that `refine` taught last, if there is one."""
        return answering.student(self)

    def refine(self, student: BaseStudent | None = None, **options: Any) -> Refinement:
        """Train a student on the decoder's answers, and let it answer if it helps.

        Parameters
        ----------
        student : Student or LinearStudent, default=None
            A template; None takes a `Student` for images, a `LinearStudent` for features that are fixed.
        **options
            Of `labelwise.project.answering.refine`: rehearse, fresh, items, listen, random_state.
        """
        return answering.refine(self, student, **options)

    def update(self, data: Any = None, *, listen: Listener = ignore) -> str:
        """Encode the data as they are now, with the same model; labels stay with their items.

        Parameters
        ----------
        data : path, Dataset or array-like, default=None
            Where the items are now; None takes the place they were read from.

        Returns
        -------
        str
            What had changed; empty if nothing had.

        Raises
        ------
        DataError
            If the items are not there, or of another shape than the model knows.
        """
        with self.claimed():
            changes = self._take(data, listen)
        self.close()  # the lock of a folder that was replaced is worth nothing
        path = self.path
        vars(self).clear()
        Project.__init__(self, path)
        return changes

    def _damage(self) -> str:
        """Say whether the encoding cannot be read; empty if it can."""
        try:
            _ = self.encoding
        except StorageError:
            return "the encoding was damaged"
        return ""

    def _take(self, data: Any, listen: Listener) -> str:
        if data is None:
            dataset, source = self.source.load()
        else:
            dataset, source = _read(data, self.source)
        pool = Pool.of(dataset)
        if pool.item_shape != self.pool.item_shape:
            raise DataError(
                f"{dataset.name} has {pool.kind}, but the model knows {self.pool.kind}: train a new project"
            )
        changes = self.pool.changes(pool) or self.pool.truth_changes(pool) or self._damage()
        if changes:
            builder.build(self.path, source, pool, self.gmvae, self.gmvae.encode(dataset.X, listen=listen))
        else:
            self.remember(source)
        return changes


def _read(data: Any, like: Source) -> tuple[Dataset, Source]:
    """A data set that is read as `like` says, and where it is."""
    if isinstance(data, (str, os.PathLike)):
        return like.at(data).load()
    if isinstance(data, Dataset):
        return data, Source(None, data.name)
    X = as_items(data)
    name = "a list of texts" if is_texts(X) else "an array"
    return Dataset(X, None, None, name), Source(None, name)
