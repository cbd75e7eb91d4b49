"""The Gaussian mixture variational autoencoder."""

from labelwise.gmvae.estimator import GMVAE
from labelwise.nn.callbacks import Callback, TensorBoard

__all__ = ["GMVAE", "Callback", "TensorBoard"]
