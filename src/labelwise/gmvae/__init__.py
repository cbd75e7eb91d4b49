"""The Gaussian mixture variational autoencoder."""

from labelwise.gmvae.estimator import GMVAE
from labelwise.nn.tensorboard import TensorBoard

__all__ = ["GMVAE", "TensorBoard"]
