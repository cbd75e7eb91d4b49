"""What a reader returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Items, their classes where they are known, and where they came from.

    It unpacks as three values: ``X, y, names = load_dataset("digits")``.

    Attributes
    ----------
    X : ndarray, DataFrame or Photos
        Images of shape (n_samples, height, width) or (n_samples, height, width, channels), uint8 0..255
        where the source is an image format, or a table of shape (n_samples, n_features); a pandas frame where
        something in a table is no number, or missing; texts of shape (n_samples,), dtype object; or photos,
        which are read when they are needed.
    y : ndarray of shape (n_samples,), dtype int64, or None
        Class indices 0..len(names)-1; None where the source says nothing about classes.
    names : list of str or None
        The name of each class; None exactly where `y` is None.
    name : str
        What outputs should call the data, such as ``"emnist-letters, 145,600-image release"``.
    split : ndarray of shape (n_samples,), dtype bool, or None
        True for the rows that the source itself holds out for testing; None where it has no such split.
    paths : list of str or None
        For a folder of images: the path of each row, relative to the folder, with ``/`` between its parts.
    skipped : list of (str, str)
        Images left out on request: relative path and reason.
    columns : list of str or None
        For a table: names of the columns that are features.
    """

    X: Any
    y: NDArray[Any] | None
    names: list[str] | None
    name: str
    split: NDArray[Any] | None = None
    paths: list[str] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)
    columns: list[str] | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y, self.names))

    def describe(self) -> str:
        """Say in one line what the data are.

        Returns
        -------
        line : str
            Such as ``"mnist: 70,000 images of 28x28, uint8, 10 classes, split 60,000 + 10,000"``.
        """
        n_samples, *shape = self.X.shape
        if not shape:
            parts = [_count(n_samples, "photo" if self.paths else "text")]
        elif len(shape) == 1:
            noun = "column" if hasattr(self.X, "iloc") else "feature"
            parts = [f"{_count(n_samples, 'row')} of {_count(shape[0], noun)}"]
        else:
            parts = [f"{_count(n_samples, 'image')} of {'x'.join(str(size) for size in shape)}"]
        if shape and not hasattr(self.X, "iloc"):
            parts.append(str(self.X.dtype))
        parts.append("no labels" if self.names is None else _count(len(self.names), "class"))
        if self.split is not None:
            n_test = int(self.split.sum())
            parts.append(f"split {n_samples - n_test:,} + {n_test:,}")
        if self.skipped:
            parts.append(f"{len(self.skipped):,} unreadable skipped")
        return f"{self.name}: {', '.join(parts)}"

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        return f"<Dataset {self.describe()}>"


def _count(n: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{n:,} {noun if n == 1 else plural}"
