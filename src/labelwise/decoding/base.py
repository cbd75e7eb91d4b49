"""What every decoder shares: from posteriors and a few labels to names, and back.

A decoder sees arrays only: the posteriors of scikit-learn's `GaussianMixture`, or a CSV of probabilities,
serve as well as those of a `GMVAE`. Decoders that look at neighbours take an
`Encoding`, which says where items lie.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from labelwise.decoding.targets import add_names, all_classes, as_column, split_labels
from labelwise.encoding import Encoding, as_encoding
from labelwise.errors import ClassWithoutLabelWarning, DataError
from labelwise.graph.neighbours import Neighbourhood
from labelwise.parameters import Constraint, check_parameters_of

# Power of nearness beside the graph's answer. It is to decide where the graph says next to nothing, and to be
# weak: NSL-KDD gains as much from .5, but there it can outvote the graph (MNIST at 35 labels -.2 points), and
# makes what lies in clusters look surer than it is.
_NEARNESS = 0.1

_TABLE, _ENCODING = "a table of probabilities", "an Encoding"


class Decoder(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the decoders: checks what goes in, counts what is missing.

    A subclass says in `_learn` what it draws from the labelled items, and in `_scores` how well each class
    fits each item, as numbers of at least 0.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        All classes, sorted: those among the labels and those named in `classes`.
    n_features_in_ : int
        Number of components.
    n_labeled_ : int
    class_prior_ : ndarray of shape (n_classes,)
        Share of each class among the labelled items.
    missing_classes_ : ndarray
        Classes without a labelled item. They are never answered.
    unnamed_components_ : ndarray of int
        Components that are the most probable one of no labelled item.
    from_table_ : bool
        Whether it was fitted to a plain table of probabilities.
    """

    _constraints: dict[str, Constraint] = {}  # noqa: RUF012 (never changed)

    @property
    def needs(self) -> tuple[str, ...]:
        """Parts of an `Encoding` that it looks at beside the posteriors: "latents", "features"."""
        return ()

    classes: Any

    def fit(self, Q: Any, y: Any, *, names: Mapping[int, Any] | None = None) -> Self:
        """Learn the names of the components.

        Parameters
        ----------
        Q : Encoding, or array-like of shape (n_samples, n_components)
            What a model says of all items, labelled or not; or only q(c given x), whose rows sum to 1. The
            rows of such a table are then all that is known of where items lie.
        y : array-like of shape (n_samples,)
            Labels of any kind; -1 (`labelwise.UNLABELED`) where there is none. Text labels with -1 among them
            need an array of dtype object.
        names : mapping of int to label, default=None
            What whole components are called: the most typical items of each, where they have no label of
            their own, get its name.

        Returns
        -------
        Decoder
            Itself.

        Raises
        ------
        LabelError
            If nothing is labelled or named, `y` has another length than `Q`, a label is not among `classes`,
            or a named component does not exist or holds no items.
        DataError
            If `Q` does not hold probabilities, or lacks a part that the decoder looks at.
        """
        check_parameters_of(self)
        Q = self._look_at(Q)
        if y is not None or not names:
            y = as_column(y, type(self).__name__)
        labels, labeled = split_labels(y, len(Q), may_be_none=bool(names))
        self.n_labeled_ = len(labels)
        if names:
            labels, labeled = add_names(Q, labels, labeled, names)
        found, codes = np.unique(labels, return_inverse=True)
        self.classes_ = all_classes(found, self.classes)
        codes = np.searchsorted(self.classes_, found)[codes]
        counts = np.bincount(codes, minlength=len(self.classes_))
        self.n_features_in_ = Q.n_components
        self.from_table_ = Q.is_table
        self.class_prior_ = counts / counts.sum()
        self.missing_classes_ = self.classes_[counts == 0]
        if len(self.missing_classes_):
            missing = ", ".join(map(str, self.missing_classes_))
            warnings.warn(
                f"no item is labelled {missing}: what has no label is never answered",
                ClassWithoutLabelWarning,
                stacklevel=2,
            )
        self.unnamed_components_ = np.setdiff1d(np.arange(Q.n_components), Q.top[labeled])
        self._learn(Q, labeled, codes)
        return self

    def predict_proba(self, Q: Any) -> np.ndarray:
        """Probability of each class for each item.

        Parameters
        ----------
        Q : Encoding, or array-like of shape (n_samples, n_components)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`; rows sum to 1. An item that no named component explains at all gets the
            shares of the classes among the labels.
        """
        check_is_fitted(self)
        return self._probabilities(self._look_at(Q, self.n_features_in_))

    def predict(self, Q: Any) -> np.ndarray:
        """Most probable class of each item; of equally probable ones the first in `classes_`.

        Parameters
        ----------
        Q : Encoding, or array-like of shape (n_samples, n_components)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self._answers(self._look_at(Q, self.n_features_in_))

    def _look_at(self, Q: Any, n_components: int | None = None) -> Encoding:
        """`Q` as an encoding that holds what this decoder looks at."""
        encoding = as_encoding(Q, n_components)
        missing = [] if encoding.is_table else [part for part in self.needs if not encoding.has(part)]
        if missing:
            raise DataError(
                f"{type(self).__name__} looks at {' and '.join(missing)}, which the encoding lacks: "
                "pass what GMVAE.encode returns, or choose another decoder"
            )
        # The square roots of a table lie nowhere near the latents of a model, whatever their numbers.
        if n_components is not None and self.needs and encoding.is_table != self.from_table_:
            fitted, given = (_TABLE, _ENCODING) if self.from_table_ else (_ENCODING, _TABLE)
            raise DataError(
                f"{type(self).__name__} was fitted to {fitted}, but is asked about {given}: "
                "pass the same kind to both"
            )
        return encoding

    def _probabilities(self, Q: Encoding) -> np.ndarray:
        own, trust = self._opinion(Q)
        return np.asarray(trust * own + (1 - trust) * self._unknown())

    def _unknown(self) -> np.ndarray:
        """Probabilities of the classes, (n_classes,), for an item of which nothing is known."""
        return np.asarray(self.class_prior_)

    def _opinion(self, Q: Encoding) -> tuple[np.ndarray, np.ndarray]:
        """What the labels say, shape (n_samples, n_classes), and how far to trust that, (n_samples, 1), 0..1.

        Rows sum to 1 where there is any trust; the rest of the trust goes to what `_unknown` says.
        """
        scores = self._scores(Q)
        totals = scores.sum(axis=1, keepdims=True)
        said = totals > 0
        return scores / np.where(said, totals, 1), said.astype(float)

    def _answers(self, Q: Encoding) -> np.ndarray:
        return np.asarray(self.classes_[self._probabilities(Q).argmax(axis=1)])

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        """Learn from rows `labeled` of `Q`, whose classes are `classes_[codes]`."""
        raise NotImplementedError

    def _scores(self, Q: Encoding) -> np.ndarray:
        """How well each class fits each item, shape (n_samples, n_classes), at least 0."""
        raise NotImplementedError


class GraphDecoder(Decoder):
    """Base of the decoders that spread labels over a graph of neighbours.

    A subclass says in `node_scores` what labels are worth at every item of the pool. Items that were not in
    `fit` get the mean of their nearest neighbours there; items that equal some get their value.

    What the graph says is multiplied by a low power of how near labels of each class are. So the nearest
    label decides where the graph says nothing, as in a part without a label, or next to nothing, and such an
    answer is unsure. Far from everything all classes become equally probable, but for the order they are in:
    the shares of the classes would give every such item the largest class.

    Attributes
    ----------
    pool_ : Neighbourhood
        The graph of the items of `fit`.
    node_scores_ : ndarray of shape (n_nodes, n_classes)
        Of the distinct items of `fit`. Rows sum to 1; to less where an item is far from all others and has no
        label itself.
    """

    n_neighbors: int
    on: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The part of an `Encoding` in which neighbours are looked for."""
        return (self.on,)

    def _learn(self, Q: Encoding, labeled: np.ndarray, codes: np.ndarray) -> None:
        given = np.zeros((len(Q), len(self.classes_)), dtype=np.float32)
        given[labeled, codes] = 1
        self.pool_ = Q.points(self.on).neighbourhood(self.n_neighbors)
        given = self.pool_.gather(given)
        scores = self.node_scores(self.pool_, given).astype(np.float64)
        scores[~scores.any(axis=1)] = 1  # no label reaches these
        scores *= self.pool_.nearness(given) ** _NEARNESS
        self.node_scores_ = self._trusted(scores, given)

    def _trusted(self, scores: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Scores of the nodes, with rows that sum to how far each node is to be trusted."""
        trust = np.where(given.any(axis=1), 1, self.pool_.trust)[:, None]
        return np.asarray(scores * (trust / scores.sum(axis=1, keepdims=True)))

    def node_scores(self, pool: Neighbourhood, given: np.ndarray) -> np.ndarray:
        """Scores of at least 0 at all nodes of a graph.

        Parameters
        ----------
        pool : Neighbourhood
        given : ndarray of shape (n_nodes, n_classes), float32
            Number of labels of each class at each node.

        Returns
        -------
        ndarray of shape (n_nodes, n_classes), float32
            Rows of nodes that no label reaches are 0.
        """
        raise NotImplementedError

    def _scores(self, Q: Encoding) -> np.ndarray:
        points = Q.points(self.on)
        if points.values.shape[1] != self.pool_.points.shape[1]:
            raise DataError(
                f"{self.on} have {points.values.shape[1]} columns, but the decoder was fitted with "
                f"{self.pool_.points.shape[1]}: use the same model for both"
            )
        if points.are_those_of(self.pool_):
            return self.node_scores_[self.pool_.nodes]
        return np.asarray(points.placed_in(self.pool_) @ self.node_scores_)

    def _opinion(self, Q: Encoding) -> tuple[np.ndarray, np.ndarray]:
        scores = self._scores(Q)
        totals = scores.sum(axis=1, keepdims=True)
        # What is far from everything is trusted less.
        return scores / np.where(totals > 0, totals, 1), np.minimum(totals, 1)

    def _unknown(self) -> np.ndarray:
        return equal_shares(self.class_prior_)


def equal_shares(class_prior: np.ndarray) -> np.ndarray:
    """The same probability for all classes that have a label; mixing it in leaves the most probable one."""
    return np.asarray((class_prior > 0) / (class_prior > 0).sum())
