"""Write a fitted answer as an ONNX file, once that is known to answer as the original does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from labelwise.answerer import Answerer, load
from labelwise.classifier import GMVAEClassifier
from labelwise.errors import DataError, MissingExtraError, first_line
from labelwise.export.answers import Assembled, assembled, looks_up, points_and_answers
from labelwise.export.distilling import Distilled, distil, draw_rows
from labelwise.export.graph import import_onnx
from labelwise.export.inputs import LABEL, PROBABILITIES, Features
from labelwise.features import is_frame
from labelwise.labels import UNLABELED
from labelwise.parameters import Option, check_parameters
from labelwise.places import check_file
from labelwise.randomness import RandomState, draw_seed
from labelwise.storage import write_beside
from labelwise.student import Student

# Sums of float32 in another order differ by up to 2e-6 (benchmarks/results/export.md), a wrong operator by
# far more, and nobody reads the fourth digit of a probability.
TOLERANCE = 1e-4
"""Largest difference of a probability from our own that an exported file may have."""

_CHECKED = 512  # items, at most: enough to meet all parts of a graph, and seconds of work
_MOST_BYTES = 2**31 - 2**20  # of a file, by the format; a little is left for all that is no array


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    path : str
    n_bytes : int
    answerer : str
        Kind of the answer, such as "Student" or "AutoDecoder".
    inputs : list of dict
        Each with its name, type, shape of one item, and meaning.
    agreement : float or None
        Share of the items kept back that a distilled one gives the same label; None where it is exact.
    n_kept_back : int or None
    begins : str
        "items", or "features" where a pre-trained model, which is not exported, must read items first.
    classes : list
        In the order of the columns of the output "probabilities".
    n_checked : int
        Items on which the file was compared with our own predictions: those of the network where it is
        distilled.
    difference : float
        Largest one of a probability.
    """

    path: str
    n_bytes: int
    answerer: str
    inputs: list[dict[str, Any]]
    agreement: float | None
    n_kept_back: int | None
    begins: str
    classes: list[Any]
    n_checked: int
    difference: float

    @property
    def how(self) -> str:
        """Say "distilled" if a network has learned what the nearest points of the pool say, else "exact"."""
        return _how(self.agreement)


def export_onnx(
    answerer: Answerer | GMVAEClassifier,
    path: str | os.PathLike[str],
    items: Any,
    *,
    compact: bool = False,
    random_state: RandomState = 0,
) -> Exported:
    """Write a fitted answer as one ONNX file: items in, label and probabilities out.

    Featurizer, encoder or student, decoder and calibration are all in the file, and nothing in it is
    approximated: where answers are looked up among the nearest items of the pool, the points of the pool are
    in it too. Texts and photos that a pre-trained model reads are the exception: the file then begins at the
    features that this makes.

    Items that `predict_proba` refuses, such as those with NaN or infinite values, a file does not refuse: it
    gives some answer. Only in columns of tables NaN means that a value is missing.

    Parameters
    ----------
    answerer : Answerer or GMVAEClassifier
        Fitted: what `labelwise.load` returns, `Project.answerer`, or a student.
    path : path
        The file to write. It appears once onnxruntime gives the same probabilities for some of the `items`.
    items : array-like
        Items as for `predict_proba`, on which to compare. The file takes pixels as uint8 if these are.
    compact : bool, default=False
        Teach a small network what the nearest points of the pool say, from `items`, and leave out the points.
        This approximates: a part of the items is kept back to say how often the label is the same.
    random_state : int, RandomState, Generator or None, default=0
        Of that network, and of the items kept back.

    Returns
    -------
    Exported
        With the largest difference that was found, and the agreement of a distilled network.

    Raises
    ------
    MissingExtraError
        If onnx or onnxruntime is not installed.
    DataError
        If the answer cannot be exported, holds no points that `compact` could leave out, there are no items,
        or a probability differs by more than .0001.
    StorageError
        If the file cannot be written.

    Examples
    --------
    >>> import labelwise
    >>> answerer = labelwise.load("birds.labelwise")                   # doctest: +SKIP
    >>> labelwise.export_onnx(answerer, "birds.onnx", images)          # doctest: +SKIP
    """
    import_onnx()
    _import_onnxruntime()
    check_parameters({"compact": compact}, {"compact": Option(True, False)})
    path = Path(path)
    check_file(path, "path")
    answerer, some = _as_shipped(answerer), _some(items)
    learned = _distilled(answerer, items, random_state) if compact else None
    made = assembled(answerer, some, learned)
    if made.graph.n_bytes > _MOST_BYTES:
        raise DataError(
            f"the answer holds {made.graph.n_bytes / 1e9:.1f} GB, and an ONNX file holds 2 GB at most: "
            "pass compact=True (--compact), which leaves out the points of the pool"
        )
    agreement = None if learned is None else learned.agreement
    model = made.graph.build("labelwise", {**_notes(answerer, made), "how": _how(agreement)})
    found: list[float] = []

    def write(temporary: Path) -> None:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
        found.append(_difference(temporary, _own(answerer, some, learned), made.source.feeds(some)))

    write_beside(path, write)
    return Exported(
        path=str(path),
        n_bytes=path.stat().st_size,
        answerer=_kind(answerer),
        inputs=made.source.describe(),
        agreement=agreement,
        n_kept_back=None if learned is None else learned.n_kept_back,
        begins=_begins(made),
        classes=answerer.classes_.tolist(),
        n_checked=_length(some),
        difference=found[0],
    )


def _as_shipped(answerer: Answerer | GMVAEClassifier) -> Answerer:
    """What a save and a load, on the CPU, make of it: what others would get."""
    if not hasattr(answerer, "save"):
        raise DataError(
            f"a {type(answerer).__name__} cannot be exported: give what labelwise.load returns, a "
            "GMVAEClassifier, a Student or a LinearStudent"
        )
    with TemporaryDirectory() as folder:
        answerer.save(Path(folder) / "answerer")
        return load(Path(folder) / "answerer", device="cpu")


def _distilled(answerer: Answerer, items: Any, random_state: RandomState) -> Distilled:
    if not looks_up(answerer):
        raise DataError(
            f"a {_kind(answerer)} holds no points of the pool, and its file is small: leave out compact "
            "(--compact)"
        )
    seed = draw_seed(random_state)
    kept_back, learned = draw_rows(_length(items), seed)
    looked_at = _taken(items, np.concatenate([kept_back, learned]))
    return distil(*points_and_answers(answerer, looked_at), len(kept_back), seed)


Own = tuple[list[Any], np.ndarray]
"""Labels and probabilities that a file should give."""


def _own(answerer: Answerer, items: Any, learned: Distilled | None) -> Own:
    """Ours, in float32 throughout, as the file has it."""
    if learned is not None:
        probabilities = learned.answer(points_and_answers(answerer, items)[0])
    elif isinstance(answerer, Student):
        probabilities = answerer.answer(items, mixed=False)
    else:
        return _as_told(answerer.predict(items), answerer.classes_), answerer.predict_proba(items)
    labels = answerer.classes_[probabilities.argmax(axis=1)]
    return _as_told(labels, answerer.classes_), probabilities


def _as_told(labels: np.ndarray, classes: np.ndarray) -> list[Any]:
    """Labels as a file has them: where there is none and classes are text, empty text."""
    is_text = all(isinstance(name, str) for name in classes.tolist())
    return ["" if is_text and label == UNLABELED else label for label in labels.tolist()]


def _difference(file: Path, own: Own, feeds: dict[str, np.ndarray]) -> float:
    """Largest difference of a probability from our own.

    Raises
    ------
    DataError
        If it is above the tolerance, or a label differs although its probability is clearly the largest, or
        onnxruntime cannot run the file at all.
    """
    own_labels, expected = own
    first = {name: values[:1] for name, values in feeds.items()}
    with _faults_told():
        session = open_session(file)
        labels, probabilities = session.run([LABEL, PROBABILITIES], feeds)
        alone = session.run([PROBABILITIES], first)[0]
    difference = max(float(np.abs(probabilities - expected).max()), float(np.abs(alone - expected[:1]).max()))
    if not difference <= TOLERANCE:
        raise DataError(
            f"the exported answer differs from our own by {difference:.2g} in a probability, and "
            f"{TOLERANCE:g} is allowed: nothing was written; please report this"
        )
    ranked = np.sort(expected, axis=1)
    clear = (
        np.ones(len(expected), bool) if expected.shape[1] == 1 else ranked[:, -1] - ranked[:, -2] > TOLERANCE
    )
    labels = labels.tolist()
    wrong = [row for row in np.flatnonzero(clear) if labels[row] != own_labels[row]]
    if wrong:
        raise DataError(
            f"the exported answer calls item {wrong[0]} {labels[wrong[0]]!r}, and we call it "
            f"{own_labels[wrong[0]]!r}: nothing was written; please report this"
        )
    return difference


@contextmanager
def _faults_told() -> Iterator[None]:
    """Say in one line what onnxruntime cannot do.

    Raises
    ------
    DataError
    """
    try:
        yield
    except Exception as error:  # those of onnxruntime have no other base
        raise DataError(
            f"onnxruntime cannot run the exported answer ({first_line(error)}): nothing was written; please "
            "report this"
        ) from error


def open_session(file: Path) -> Any:
    """The file as onnxruntime runs it, with one thread.

    Raises
    ------
    MissingExtraError
        If onnxruntime is not installed.
    """
    runtime = _import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors; it would tell of optimisations on stderr
    return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _import_onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("export", "onnxruntime", "export") from error
    return onnxruntime


def _notes(answerer: Answerer, made: Assembled) -> dict[str, str]:
    """Metadata of the file."""
    return {
        "labelwise": version("labelwise"),
        "answerer": _kind(answerer),
        "begins": _begins(made),
        "inputs": json.dumps(made.source.describe(), ensure_ascii=False),
        "classes": json.dumps(answerer.classes_.tolist(), ensure_ascii=False),
    }


def _begins(made: Assembled) -> str:
    return "features" if isinstance(made.source, Features) else "items"


def _kind(answerer: Answerer) -> str:
    return type(getattr(answerer, "decoder", answerer)).__name__


def _how(agreement: float | None) -> str:
    return "exact" if agreement is None else "distilled"


def _length(items: Any) -> int:
    shape = getattr(items, "shape", None)
    if not shape and not hasattr(items, "__len__"):
        raise DataError(f"items={items!r} are none to compare the export on: give those of predict_proba")
    return int(shape[0] if shape else len(items))


def _some(items: Any) -> Any:
    """At most 512 items, evenly spaced."""
    n_items = _length(items)
    if not n_items:
        raise DataError("there is no item to compare the export on: give at least one")
    rows = np.unique(np.linspace(0, n_items - 1, min(n_items, _CHECKED)).astype(int))
    return _taken(items, rows)


def _taken(items: Any, rows: np.ndarray) -> Any:
    """Some of the items, of the kind that they are."""
    if isinstance(items, (list, tuple)):
        return [items[row] for row in rows]
    if is_frame(items):
        return items.iloc[rows] if hasattr(items, "iloc") else items[rows.tolist()]
    return items[rows]
