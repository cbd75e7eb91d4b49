"""What a student is taught: classes and answers, checked, or those of a teacher of its own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from labelwise.decoding.poisson import PoissonDecoder
from labelwise.decoding.targets import all_classes
from labelwise.encoding import Encoding, check_rows
from labelwise.errors import ClassWithoutLabelWarning, DataError, LabelError
from labelwise.graph.principal import PrincipalComponents


def checked_classes(labels: np.ndarray, classes: Any) -> np.ndarray:
    """All classes, at least two; those given must be sorted, as columns of answers are."""
    found = all_classes(np.unique(labels), classes)
    if classes is not None and not np.array_equal(classes, found):
        raise LabelError(
            f"classes {', '.join(map(str, classes))} must be sorted, each once, as columns of answers are"
        )
    if len(found) < 2:
        raise LabelError(
            f"all labels are {labels.tolist()[0]!r}: more than one class is needed; label more items"
        )
    return found


def checked_answers(values: Any, n_samples: int, classes: np.ndarray) -> np.ndarray:
    """Probabilities of all items, float32, with a column for each class."""
    answers: np.ndarray = np.asarray(values, dtype=np.float32)
    if answers.shape != (n_samples, len(classes)):
        raise DataError(
            f"answers have shape {answers.shape}, but there are {n_samples} items and {len(classes)} classes"
        )
    check_rows(answers, "answers")
    return answers


def ask_neighbours(X: np.ndarray, y: np.ndarray, classes: np.ndarray, *, is_table: bool) -> np.ndarray:
    """Labels that spread over the items' own neighbours, shape (n_samples, n_classes), float32."""
    principal = PrincipalComponents().fit(X, is_table=is_table)
    # One component for all items: the teacher looks at where they lie, and at nothing else.
    encoding = Encoding.of_checked(np.ones((len(X), 1)), features=principal.transform(X))
    with warnings.catch_warnings():
        # What holds for the teacher holds for the student, which says it by its own means.
        warnings.simplefilter("ignore", ClassWithoutLabelWarning)
        teacher = PoissonDecoder(on="features", classes=classes).fit(encoding, y)
    return teacher.predict_proba(encoding).astype(np.float32)
