"""Errors and warnings, extending the built-in types that callers already catch."""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "ClassWithoutLabelWarning",
    "DataChangedWarning",
    "DataError",
    "DoubtfulLabelWarning",
    "DownloadError",
    "FeatureWarning",
    "LabelError",
    "LabelwiseError",
    "LabelwiseWarning",
    "MissingExtraError",
    "ParameterError",
    "ProcessError",
    "StorageError",
    "StructureWarning",
    "StudyError",
    "UnnamedComponentWarning",
    "first_line",
    "one_line",
]


class LabelwiseError(Exception):
    """Base of every error that labelwise raises on purpose; its text is one line with a way out."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class ParameterError(LabelwiseError, ValueError):
    """A parameter has a wrong type or a value out of range."""


class DataError(LabelwiseError, ValueError):
    """The data cannot be used as they are."""


class LabelError(DataError):
    """The labels do not fit the data."""


class StorageError(LabelwiseError, OSError):
    """A file or folder could not be read or written."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class CheckpointError(LabelwiseError, ValueError):
    """A checkpoint belongs to other settings or other data."""


class StudyError(LabelwiseError, ValueError):
    """A study cannot be run as it is written, or its folder belongs to another one."""


class ProcessError(LabelwiseError, RuntimeError):
    """Another process of the same run is gone, or does something else."""


class DownloadError(LabelwiseError, OSError):
    """No address gave the file that was asked for."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class MissingExtraError(LabelwiseError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f'{what} needs {package}, which is not installed: pip install "labelwise[{extra}]"')


class LabelwiseWarning(UserWarning):
    """Base of every warning that labelwise gives."""


class StructureWarning(LabelwiseWarning):
    """The model learnt less structure than it was asked for: dead components or a collapsed posterior."""


class FeatureWarning(LabelwiseWarning):
    """Some of the data play no part in the features."""


class UnnamedComponentWarning(LabelwiseWarning):
    """Some components hold no labelled item."""


class ClassWithoutLabelWarning(LabelwiseWarning):
    """Some classes have no labelled item, so they can never be answered."""


class DoubtfulLabelWarning(LabelwiseWarning):
    """Some labels disagree with what everything near their items says."""


class DataChangedWarning(LabelwiseWarning):
    """The data of a project are not what they were when it was made."""


def one_line(text: str) -> str:
    """Text for a terminal: what breaks or controls lines, as names in a file may do, is spelt out."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def first_line(error: Exception) -> str:
    """First line of the text of another library's error, which may have several or none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
