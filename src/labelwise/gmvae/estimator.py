"""`GMVAE`: the model as a scikit-learn estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, DensityMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from labelwise.damage import damage_told
from labelwise.encoding import Encoding
from labelwise.errors import ParameterError
from labelwise.events import Listener, check_listener, ignore
from labelwise.features import NAMED, Featurizer
from labelwise.gmvae.fitting import learn, see
from labelwise.gmvae.networks import CollapsedGMVAE, ExactGMVAE
from labelwise.gmvae.painter import Painter
from labelwise.gmvae.persistence import FittedState, load_gmvae, save_gmvae
from labelwise.gmvae.training import (
    infer,
    item_elbos,
)
from labelwise.graph.principal import PrincipalComponents
from labelwise.nn.batches import Items
from labelwise.nn.checkpoint import EpochRecord
from labelwise.nn.defaults import (
    DEFAULT_COMPONENTS,
    resolve_device,
)
from labelwise.nn.inputs import (
    check_items,
    choose_likelihood,
)
from labelwise.nn.views import AUGMENTATIONS
from labelwise.parameters import (
    Constraint,
    Either,
    InstanceOf,
    Integer,
    Option,
    Positive,
    SequenceOf,
    check_parameters,
    check_parameters_of,
)
from labelwise.progress import shown
from labelwise.randomness import RandomState, draw_seed

_SAMPLES = 0  # purpose of the random stream of `sample`


class GMVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussian mixture variational autoencoder: the structure of data, learned without labels.

    p(x, z, c) = p(c) p(z given c) p(x given z), with K equal Gaussian components; see `docs/model.md`.

    Parameters
    ----------
    n_components : int or None, default=100
        Components K. More make purer components, but need more labels to name them all. None takes one for
        every 16 distinct rows, from 10 (fewer below 20 rows) to 100. More than there are distinct rows are
        refused, save for the default: it then becomes what None takes, with a warning.
    n_latent : int, default=32
        Dimensions of the latent space.
    features : {"auto", "learned", "pixels", "table", "none"}, "text:MODEL", "image:MODEL" or Featurizer, \
            default="auto"
        What items become before the model sees them. "learned": 128 numbers that a small network learns from
        images by contrast, without labels, as what stays when an image is changed; pictures of components are
        then painted by a light decoder. "table": numbers of the columns of a frame, by a schema that it
        infers. A pre-trained MODEL of sentence-transformers reads texts, one of timm reads images: a folder,
        or a name. "pixels" (images only) and "none" leave items as they are. "auto" learns features of at
        least 1,000 images of at least 16x16, where changed views look like other images, or in colour; it
        takes a schema for a frame in which something is no number, or missing.
    n_hidden : int or "auto", default="auto"
        Width of the hidden layers. "auto" takes 512, and less in proportion, down to 128, for fewer than
        1,500 rows; a row of more than 16 columns or pixels counts for as many rows of 16.
    n_layers : int, default=3
        Hidden layers of a dense encoder, and of the decoder.
    decoder_hidden : list of int, default=None
        Widths of the decoder's hidden layers from the latent space outwards; None mirrors the encoder.
    objective : {"collapsed", "exact"}, default="collapsed"
        "collapsed" sums the component out in closed form: one decoder pass an item. "exact" is the published
        objective: one posterior for each component and K decoder passes an item, about K times the cost.
    likelihood : {"auto", "bernoulli", "gaussian"}, default="auto"
        Bernoulli for pixels within 0..1 (uint8 is divided by 255), Gaussian for columns of numbers, which are
        standardised inside. "auto" takes Bernoulli for uint8, images and rows within 0..1.
    encoder : {"auto", "dense", "conv"}, default="auto"
        "auto" takes convolutions for images of at least 16x16.
    augment : {"auto", None, "affine", "elastic", "strokes", "photo"}, default="auto"
        "affine" encodes randomly rotated, scaled, sheared and shifted views and reconstructs the original;
        "elastic" bends them as well, "strokes" also makes lines thinner or thicker; "photo" crops, mirrors
        and changes colours. Helps where such views keep their meaning (handwriting), hurts where they do not
        (clothes). "auto" takes "affine" for images (at least 200) whose views look like other images of the
        same data. Features are learned from the same views; "auto" takes "strokes" or "photo" for them.
    init : {"kmeans", "random"}, default="kmeans"
        Where components start: at the k-means clusters of a plain VAE (the first 22 % of the epochs), or
        anywhere, as published; from there many die. The plain VAE gets up to 70 % of the epochs where "auto"
        makes few of them.
    max_epochs : int or "auto", default="auto"
        Passes over the data. "auto" makes about 4,000 steps, in 20 to 500 epochs; fewer than 1,500 rows get
        2.7 steps each, one of more than 16 columns or pixels more in proportion.
    batch_size : int or "auto", default="auto"
        Items a step. "auto" makes about 256 batches an epoch, of 32 to 512 items; where rows are too few for
        4,000 steps, and "auto" makes fewer, batches are as much larger, up to all rows.
    learning_rate : float or "auto", default="auto"
        Highest learning rate of AdamW; 500 steps of warm-up, then a cosine to 0. "auto" takes .001, and up to
        .005 for the larger batches of fewer steps.
    precision : {"auto", "fp32", "bf16"}, default="auto"
        Of the networks in training; all else is float32. "auto" takes bfloat16 where it is faster.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1", …; "auto" takes the GPU if there is one.
    random_state : int, RandomState, Generator or None, default=None
        An integer gives the same bits on the same CPU with the same number of threads.
    verbose : int, default=0
        1 shows progress with the loss term by term: a bar on a terminal, plain lines elsewhere.

    Attributes
    ----------
    module_ : torch.nn.Module
        The networks and the mixture.
    history_ : list of dict
        One record an epoch: epoch, phase, loss, reconstruction, kl_z, kl_c (nats an item) and
        n_active_components (None while the model is a plain VAE).
    weights_ : ndarray of shape (n_components,)
        p(c); equal.
    shares_ : ndarray of shape (n_components,)
        Mean q(c given x) over the training items: how large each component came out.
    elbo_quantiles_ : ndarray of shape (101,)
        Of the evidence lower bounds of training items, in nats, at every percent.
    means_, covariances_ : ndarray of shape (n_components, n_latent)
        Of p(z given c); covariances are diagonal.
    item_shape_ : tuple of int
        Shape of one item as it was given: (n_features,), (height, width) or (height, width, channels).
    principal_ : PrincipalComponents or None
        Of the items; None in models from before labelwise 0.2, which encode no features.
    featurizer_ : Featurizer or None
        What made rows of numbers of the items. The shape of items is that of its features, but for images.
    painter_ : Painter or None
        What draws pictures of latents, where the features are of images.
    likelihood_, encoder_, augment_ : str
        What "auto" became; `augment_` may be None.
    n_epochs_, batch_size_, seed_ : int
        What training used.

    Examples
    --------
    >>> from labelwise import GMVAE, load_dataset
    >>> X, y, names = load_dataset("digits")
    >>> gmvae = GMVAE(n_components=10, n_latent=4, n_hidden=32, max_epochs=2, random_state=0).fit(X)
    >>> gmvae.predict_proba(X).shape
    (1797, 10)
    """

    _constraints: dict[str, Constraint] = {  # noqa: RUF012 (never changed)
        "n_components": Either(Option(None), Integer(1)),
        "n_latent": Integer(1),
        "features": Either(NAMED, InstanceOf(Featurizer)),
        "n_hidden": Either(Option("auto"), Integer(1)),
        "n_layers": Integer(1),
        "decoder_hidden": Either(Option(None), SequenceOf(Integer(1))),
        "objective": Option("collapsed", "exact"),
        "likelihood": Option("auto", "bernoulli", "gaussian"),
        "encoder": Option("auto", "dense", "conv"),
        "augment": Option(*AUGMENTATIONS),
        "init": Option("kmeans", "random"),
        "max_epochs": Either(Option("auto"), Integer(1)),
        "batch_size": Either(Option("auto"), Integer(1)),
        "learning_rate": Either(Option("auto"), Positive()),
        "precision": Option("auto", "fp32", "bf16"),
        "verbose": Either(Option(True, False), Integer(0)),
    }

    module_: CollapsedGMVAE | ExactGMVAE

    def __init__(
        self,
        n_components: int | None = DEFAULT_COMPONENTS,
        *,
        n_latent: int = 32,
        features: str | Featurizer = "auto",
        n_hidden: int | str = "auto",
        n_layers: int = 3,
        decoder_hidden: Sequence[int] | None = None,
        objective: str = "collapsed",
        likelihood: str = "auto",
        encoder: str = "auto",
        augment: str | None = "auto",
        init: str = "kmeans",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        precision: str = "auto",
        device: str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_latent = n_latent
        self.features = features
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.decoder_hidden = decoder_hidden
        self.objective = objective
        self.likelihood = likelihood
        self.encoder = encoder
        self.augment = augment
        self.init = init
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        listen: Listener | None = None,
    ) -> GMVAE:
        """Learn the structure of `X`, without labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) or \
                (n_samples, height, width, channels), a frame of pandas or polars, or a list of str
            uint8 within 0..255, or floats; columns of a frame may hold anything.
        y : ignored
        checkpoint : path, default=None
            File to write the state of the run to, at the end of epochs, at most every 5 seconds.
        resume : bool, default=False
            Resume from `checkpoint` if it exists; the result has the same bits as a run without a break.
        listen : callable, default=None
            Gets an `Event` for each batch, of the stages "features" (by a pre-trained model), "training" and
            "encoding"; the last one of an epoch
            has its record as numbers. If it raises `Cancelled`, training ends there and the model stays
            unfitted; `checkpoint` holds the last epoch that was kept.

        Returns
        -------
        GMVAE
            Itself.

        Raises
        ------
        ParameterError
            If parameters are not allowed; all of them are named.
        DataError
            If the data cannot be used: not finite, too few rows, no column that varies, pixels outside 0..1.
        CheckpointError
            If `checkpoint` belongs to other settings or other data.
        """
        check_parameters_of(self)
        check_listener(listen)
        seed = draw_seed(self.random_state)
        parameters = {**self.get_params(deep=False), "random_state": seed}
        place = None if checkpoint is None else Path(checkpoint)
        with shown(listen, self.verbose) as tell:
            sight = see(self, X, parameters, checkpoint=place, resume=resume, listen=tell)
            module, state = learn(sight, parameters, checkpoint=place, resume=resume, listen=tell)
        self._adopt(module, **state)
        return self

    def encode(self, X: Any, *, listen: Listener | None = None) -> Encoding:
        """Compute all that decoders look at, in one pass over the items.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        listen : callable, default=None
            Gets an `Event` of the stage "encoding" (before it, "features") for each batch; `Cancelled` from
            it ends the work.

        Returns
        -------
        Encoding
            `posteriors` as `predict_proba` gives them, `latents` as `transform` does, and `features`: at most
            50 principal components of the items, fitted in `fit`.
        """
        check_listener(listen)
        listen = ignore if listen is None else listen
        items = self._items(X, listen)
        features = None if self.principal_ is None else self.principal_.transform(items.X)
        posteriors, latents = infer(self.module_, items, listen)
        is_learned = self.featurizer_ is not None and self.featurizer_.of_pixels
        return Encoding.of_checked(posteriors, latents, features, is_learned=is_learned)

    def featurize(self, X: Any, *, listen: Listener = ignore) -> Any:
        """Make of items what the model was fitted to; without a featurizer they stay as they are.

        Raises
        ------
        DataError
            If a column is missing, or holds something else than it did; if items are of another kind.
        """
        check_is_fitted(self)
        if self.featurizer_ is None:
            return X
        if self.featurizer_.of_pixels:
            X, _ = check_items(self, X, reset=False)
            choose_likelihood(X, self.item_shape_, "bernoulli")
        return self.featurizer_.transform(X, listen=listen)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Evaluate q(c given x): how much each component explains each item.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
            Rows sum to 1.
        """
        items = self._items(X)
        return infer(self.module_, items)[0]

    def predict(self, X: Any) -> np.ndarray:
        """Find the most probable component of each item.

        Returns
        -------
        ndarray of shape (n_samples,), int
        """
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def transform(self, X: Any) -> np.ndarray:
        """Encode items: the means of q(z given x).

        Returns
        -------
        ndarray of shape (n_samples, n_latent), float32
        """
        items = self._items(X)
        return infer(self.module_, items)[1]

    def reconstruct(self, X: Any) -> np.ndarray:
        """Decode the latent means of the items.

        Returns
        -------
        ndarray of the shape of `X`, float32
            Pixels within 0..1, or numbers in the units of the data.
        """
        return self._decode(self.transform(X))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean evidence lower bound, in nats per item; higher is better. See `elbo`."""
        return float(self.elbo(X).mean())

    def elbo(self, X: Any) -> np.ndarray:
        """Evaluate the evidence lower bound of each item, in nats: how well the model explains it.

        One draw of z an item, from a stream of its own, so that equal data give equal values. Densities of
        columns of numbers are those of the original columns.

        Returns
        -------
        ndarray of shape (n_samples,), float64
        """
        items = self._items(X)
        return item_elbos(self.module_, items)

    def sample(
        self, n_samples: int = 1, *, component: int | None = None, random_state: RandomState = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw items from the model.

        Parameters
        ----------
        n_samples : int
        component : int, default=None
            Draw from this component only; None draws components by `weights_`.
        random_state : int, RandomState, Generator or None

        Returns
        -------
        items : ndarray of shape (n_samples,) + item_shape, float32
            E[x given z]: pixels within 0..1, or numbers in the units of the data.
        components : ndarray of shape (n_samples,), int
            Where each was drawn from.

        Raises
        ------
        ParameterError
            If `n_samples` is not a positive integer or there is no such component.
        """
        check_is_fitted(self)
        check_parameters({"n_samples": n_samples}, {"n_samples": Integer(1)})
        n_components = len(self.weights_)
        rng = np.random.default_rng([draw_seed(random_state), _SAMPLES])
        if component is None:
            components = rng.choice(n_components, n_samples, p=self.weights_)
        elif Integer(0).accepts(component) and component < n_components:
            components = np.full(n_samples, int(component))
        else:
            raise ParameterError(f"component={component!r} must be an integer from 0 to {n_components - 1}")
        noise = rng.standard_normal((n_samples, self.means_.shape[1]))
        latents = self.means_[components] + np.sqrt(self.covariances_[components]) * noise
        return self._decode(latents.astype(np.float32)), components

    def save(self, path: str | Path, *, extra: dict[str, Any] | None = None) -> None:
        """Write the fitted model to the folder `path`: `manifest.json` and `weights.safetensors`.

        Parameters
        ----------
        path : path
            A model folder that is already there is replaced once the new one is complete.
        extra : dict of JSON values, default=None
            Kept in the manifest under "extra": where the data came from, for instance.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        check_is_fitted(self)
        save_gmvae(Path(path), self.get_params(deep=False), self.module_, self._state(), extra or {})

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> GMVAE:
        """Read a model that `save` wrote; nothing is unpickled.

        Parameters
        ----------
        path : path
        device : str, default="auto"
            Where to compute.

        Raises
        ------
        StorageError
            If the folder is missing, damaged or from a newer labelwise.
        """
        parameters, module, state = load_gmvae(Path(path))
        with damage_told(Path(path)):
            self = cls(**parameters)
            self._adopt(module, **state)
        self.device = device
        for part in (module, self.featurizer_, self.painter_):
            if part is not None:
                part.to(resolve_device(device))
        return self

    def _adopt(
        self,
        module: CollapsedGMVAE | ExactGMVAE,
        *,
        history: list[EpochRecord],
        shares: np.ndarray,
        elbo_quantiles: np.ndarray,
        n_epochs: int,
        batch_size: int,
        seed: int,
        augment: str | None,
        principal: PrincipalComponents | None,
        featurizer: Featurizer | None,
        painter: Painter | None,
        feature_names: Sequence[str] = (),
    ) -> None:
        """Set the fitted attributes."""
        module.eval()
        self.module_ = module
        self.history_ = history
        self.shares_, self.elbo_quantiles_ = shares, elbo_quantiles
        self.n_epochs_, self.batch_size_, self.seed_ = n_epochs, batch_size, seed
        self.principal_ = principal
        self.featurizer_, self.painter_ = featurizer, painter
        a = module.architecture
        self.item_shape_, self.likelihood_, self.encoder_ = a.item_shape, a.likelihood, a.encoder
        self.augment_ = augment
        if featurizer is not None and featurizer.image_shape is not None:
            self.item_shape_, self.augment_ = featurizer.image_shape, featurizer.augment_
        self.n_features_in_ = math.prod(self.item_shape_)
        if len(feature_names):
            self.feature_names_in_ = np.array(feature_names, dtype=object)
        with torch.no_grad():
            self.means_ = module.mixture.means.cpu().numpy().copy()
            self.covariances_ = module.mixture.log_variances.exp().cpu().numpy()
            weights = module.mixture.log_weights.double().exp().cpu().numpy()
        self.weights_ = weights / weights.sum()

    def _state(self) -> FittedState:
        """What `_adopt` takes."""
        return FittedState(
            history=self.history_,
            shares=self.shares_,
            elbo_quantiles=self.elbo_quantiles_,
            n_epochs=self.n_epochs_,
            batch_size=self.batch_size_,
            seed=self.seed_,
            augment=self.augment_,
            principal=self.principal_,
            featurizer=self.featurizer_,
            painter=self.painter_,
            feature_names=[str(name) for name in getattr(self, "feature_names_in_", [])],
        )

    def _items(self, X: Any, listen: Listener = ignore) -> Items:
        X = self.featurize(X, listen=listen)
        if self.featurizer_ is None or not self.featurizer_.of_pixels:
            X, _ = check_items(self, X, reset=False)
            if self.likelihood_ == "bernoulli":
                choose_likelihood(X, self.item_shape_, "bernoulli")
        return Items(X, next(self.module_.parameters()).device)

    @torch.no_grad()
    def _decode(self, latents: np.ndarray) -> np.ndarray:
        points = torch.from_numpy(latents).to(next(self.module_.parameters()).device)
        if self.painter_ is None:
            values = self.module_.likelihood.mean(self.module_.decode(points))
        else:
            values = self.painter_.likelihood.mean(self.painter_(points))
        return np.asarray(values.cpu().numpy().reshape(len(latents), *self.item_shape_))

    @property
    def _n_features_out(self) -> int:
        return len(self.means_[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
