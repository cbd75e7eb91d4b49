"""scikit-learn's own checks of an estimator."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwise import GMVAE

# The one table of checks that are expected to fail, with the reason; a check that passes again fails here.
EXPECTED_FAILURES: dict[str, str] = {}


def tiny(**parameters):
    return GMVAE(
        n_components=2, n_latent=2, n_hidden=8, n_layers=1, max_epochs=2, random_state=0, **parameters
    )


# Two epochs of a tiny model leave components dead, and the model says so.
@pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")
@parametrize_with_checks(
    [tiny(), tiny(objective="exact")],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
