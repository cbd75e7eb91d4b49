"""What is compared on the same labels: a method sees items, posteriors and labels, and answers all items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labelwise.decoding import Decoder, HardDecoder, SoftDecoder

Method = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def decoding_method(decoder: Decoder) -> Method:
    """Decode the posteriors."""

    def answer(X: np.ndarray, Q: np.ndarray, y: np.ndarray) -> np.ndarray:
        return decoder.fit(Q, y).predict(Q)

    return answer


def logistic_regression(X: np.ndarray, Q: np.ndarray, y: np.ndarray) -> np.ndarray:
    """scikit-learn's logistic regression on the standardised items: what a user would try first."""
    labeled = np.flatnonzero(y != -1)
    if len(np.unique(y[labeled])) == 1:
        return np.full(len(y), y[labeled[0]])
    flat = X.reshape(len(X), -1).astype(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(flat[labeled], y[labeled])
    return np.asarray(model.predict(flat))


METHODS: dict[str, Method] = {
    "hard (as published)": decoding_method(HardDecoder(unnamed="first")),
    "hard": decoding_method(HardDecoder()),
    "soft": decoding_method(SoftDecoder()),
    "logistic regression": logistic_regression,
}
