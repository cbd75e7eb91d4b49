"""`GMVAEClassifier`: structure and names in one scikit-learn classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import _num_samples, check_is_fitted

from labelwise.answerer import DecoderAnswerer
from labelwise.decoding import DECODERS, Decoder
from labelwise.decoding.targets import as_column, split_labels
from labelwise.errors import ParameterError
from labelwise.gmvae import GMVAE
from labelwise.parameters import Option, check_parameters, check_parameters_of
from labelwise.randomness import RandomState
from labelwise.student import BaseStudent, refine, student_for


class GMVAEClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Learn the structure of all items, then name it with the labels that there are.

    Parameters
    ----------
    gmvae : GMVAE, default=None
        The model to train, as a template; None takes `GMVAE(n_components=None)`: as many components as suit
        the rows, 100 from 1,600 on.
    decoder : {"auto", "product", "linear-student", "poisson", "spreading", "linear", "bayes", "related", \
            "soft", "hard"} or Decoder, default="auto"
        From labels to answers; "auto" weighs the others by the labels at hand.
    prefit : bool, default=False
        Use `gmvae`, which is fitted already, as it is.
    refine : bool, Student or LinearStudent, default=False
        Teach a student the decoder's answers and the labels, and answer with it, unless the decoder is right
        more often on labels that both have not seen. With True, a compact network for images, which takes
        minutes for tens of thousands, and logistic regression for features that are fixed, in seconds.
    random_state : int, RandomState, Generator or None, default=None
        For training; None leaves what `gmvae` and `refine` say.

    Attributes
    ----------
    gmvae_ : GMVAE
        Fitted.
    decoder_ : Decoder
        Fitted; says which components have no name and which classes no label.
    student_ : Student, LinearStudent or None
        What answers instead of the decoder, if asked for and found to help.
    refinement_ : str or None
        What came of `refine`, in words.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from labelwise import GMVAE, GMVAEClassifier, UNLABELED, load_dataset
    >>> X, truth, names = load_dataset("digits")
    >>> y = np.full(len(X), UNLABELED)
    >>> y[::50] = truth[::50]
    >>> gmvae = GMVAE(n_components=10, n_latent=4, n_hidden=32, max_epochs=2)
    >>> GMVAEClassifier(gmvae, random_state=0).fit(X, y).predict_proba(X).shape
    (1797, 10)
    """

    def __init__(
        self,
        gmvae: GMVAE | None = None,
        *,
        decoder: str | Decoder = "auto",
        prefit: bool = False,
        refine: bool | BaseStudent = False,
        random_state: RandomState = None,
    ) -> None:
        self.gmvae = gmvae
        self.decoder = decoder
        self.prefit = prefit
        self.refine = refine
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> GMVAEClassifier:
        """Train on all items of `X`, then name the components by `y`.

        Parameters
        ----------
        X : array-like
            As for `GMVAE.fit`.
        y : array-like of shape (n_samples,)
            Labels of any kind; -1 (`labelwise.UNLABELED`) where there is none.

        Returns
        -------
        GMVAEClassifier
            Itself.

        Raises
        ------
        ParameterError, DataError, LabelError
            If parameters, data or labels cannot be used.
        """
        decoder = self._decoder()
        y = as_column(y, type(self).__name__)
        split_labels(y, _num_samples(X))  # faults are found before training, not after
        self.gmvae_ = self._structure(X)
        encoding = self.gmvae_.encode(X)
        self.decoder_ = decoder.fit(encoding, y)
        self.classes_ = self.decoder_.classes_
        self.student_: BaseStudent | None = None
        self.refinement_: str | None = None
        if self.refine is not False:
            refinement = refine(
                self._student(),
                self.decoder_,
                X,
                encoding,
                y,
                featurizer=self.gmvae_.featurizer_,
                random_state=self.random_state,
            )
            self.student_, self.refinement_ = refinement.student, refinement.verdict
        self.n_features_in_ = self.gmvae_.n_features_in_
        if hasattr(self.gmvae_, "feature_names_in_"):
            self.feature_names_in_ = self.gmvae_.feature_names_in_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns as in `classes_`; rows sum to 1.
        """
        check_is_fitted(self)
        if self.student_ is not None:
            return self.student_.predict_proba(X)
        return self.decoder_.predict_proba(self.gmvae_.encode(X))

    def predict(self, X: Any) -> np.ndarray:
        """Label of each item.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        if self.student_ is not None:
            return self.student_.predict(X)
        return self.decoder_.predict(self.gmvae_.encode(X))

    def save(self, path: str | Path) -> None:
        """Write what answers to the folder `path`; `labelwise.load` reads it.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        check_is_fitted(self)
        answerer = DecoderAnswerer(self.gmvae_, self.decoder_) if self.student_ is None else self.student_
        answerer.save(path)

    def __sklearn_clone__(self) -> Self:
        copy = super().__sklearn_clone__()
        if self.prefit is True:
            copy.gmvae = self.gmvae  # a copy of the model would not be fitted
        return copy  # type: ignore[no-any-return]

    def _decoder(self) -> Decoder:
        switch = Option(True, False)
        check_parameters({"prefit": self.prefit}, {"prefit": switch})
        if not isinstance(self.refine, (bool, BaseStudent)):
            raise ParameterError(f"refine={self.refine!r} must be True, False, a Student or a LinearStudent")
        if isinstance(self.refine, BaseStudent):
            check_parameters_of(self.refine)
        if isinstance(self.decoder, Decoder):
            check_parameters_of(self.decoder)
            return clone(self.decoder)  # type: ignore[no-any-return]
        check_parameters({"decoder": self.decoder}, {"decoder": Option(*DECODERS)})
        return DECODERS[self.decoder]()

    def _student(self) -> BaseStudent:
        if isinstance(self.refine, BaseStudent):
            return self.refine
        gmvae = self.gmvae_
        return student_for(gmvae, device=gmvae.device, random_state=gmvae.seed_)

    def _structure(self, X: Any) -> GMVAE:
        if self.prefit:
            if not isinstance(self.gmvae, GMVAE):
                raise ParameterError(f"gmvae={self.gmvae!r} must be a fitted GMVAE when prefit=True")
            check_is_fitted(self.gmvae)
            return self.gmvae
        gmvae = GMVAE(n_components=None) if self.gmvae is None else clone(self.gmvae)
        if self.random_state is not None:
            gmvae.set_params(random_state=self.random_state)
        return gmvae.fit(X)
