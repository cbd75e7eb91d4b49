"""What can go wrong without an error: dead components and a collapsed posterior."""

from __future__ import annotations

import warnings

import numpy as np

from labelwise.errors import StructureWarning

# A component is dead when it explains less than a tenth of its equal share of the items.
_DEAD_SHARE = 0.1
# Warn when more than this part of the components is dead.
_MAX_DEAD = 0.1
# A latent dimension is active when the variance of its posterior mean exceeds this
# (Burda et al., "Importance Weighted Autoencoders", 2016).
_ACTIVE_VARIANCE = 0.01


def count_active_components(shares: np.ndarray) -> int:
    """Components that explain at least a tenth of an equal share of the items.

    Parameters
    ----------
    shares : ndarray of shape (n_components,)
        Mean q(c given x) over the items; sums to 1.
    """
    return int((shares >= _DEAD_SHARE / len(shares)).sum())


def count_active_units(latent_means: np.ndarray) -> int:
    """Latent dimensions whose posterior mean depends on the item.

    Parameters
    ----------
    latent_means : ndarray of shape (n_samples, n_latent)
    """
    return int((latent_means.var(axis=0) > _ACTIVE_VARIANCE).sum())


def warn_of_lost_structure(
    shares: np.ndarray, latent_means: np.ndarray, *, init: str, stacklevel: int = 3
) -> None:
    """Warn when many components are dead or no latent dimension carries anything, and say what to change."""
    n_components, active = len(shares), count_active_components(shares)
    if n_components - active > _MAX_DEAD * n_components:
        way_out = "set init='kmeans'" if init == "random" else f"lower n_components to about {max(1, active)}"
        warnings.warn(
            f"{n_components - active} of {n_components} components are dead (each explains less than a tenth "
            f"of an equal share of the items): {way_out}, or train for more epochs",
            StructureWarning,
            stacklevel=stacklevel,
        )
    if count_active_units(latent_means) == 0:
        warnings.warn(
            f"the posterior has collapsed: none of the {latent_means.shape[1]} latent dimensions depends on "
            "the item; raise max_epochs or learning_rate, or check that the data vary",
            StructureWarning,
            stacklevel=stacklevel,
        )
