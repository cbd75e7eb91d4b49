"""The Gaussian mixture variational autoencoder."""

from labelwise.gmvae.callbacks import Callback, TensorBoard
from labelwise.gmvae.estimator import GMVAE

__all__ = ["GMVAE", "Callback", "TensorBoard"]
