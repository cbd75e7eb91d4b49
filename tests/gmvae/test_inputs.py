"""Data and parameters that cannot be used are refused, with the reason and a way out."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from labelwise import GMVAE
from labelwise.errors import DataError, FeatureWarning, ParameterError, StructureWarning

ROWS = np.random.default_rng(0).standard_normal((40, 5)) * 3
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 6), dtype=np.uint8)


def with_values(array, places, value):
    changed = array.astype(np.float64)
    for place in places:
        changed[place] = value
    return changed


def refused(error, message, X, **parameters):
    """`fit` raises exactly this message."""
    model = GMVAE(**({"n_components": 3, "n_hidden": 8, "max_epochs": 1, "random_state": 0} | parameters))
    with pytest.raises(error) as caught:
        model.fit(X)
    assert str(caught.value) == message
    assert not hasattr(model, "module_")


@pytest.mark.parametrize(
    ("places", "value", "message"),
    [
        ([(7, 2)], np.nan, "1 row of X holds NaN or infinity (row 7): drop or fill it first"),
        (
            [(7, 2), (9, 0), (9, 1)],
            np.inf,
            "2 rows of X hold NaN or infinity (rows 7, 9): drop or fill them first",
        ),
        (
            [(i, 0) for i in range(0, 16, 2)],
            -np.inf,
            "8 rows of X hold NaN or infinity (rows 0, 2, 4, 6, 8, …): drop or fill them first",
        ),
    ],
)
def test_rows_that_are_not_finite_are_named(fit, places, value, message):
    refused(DataError, message, with_values(ROWS, places, value))
    refused(DataError, message, pd.DataFrame(with_values(ROWS, places, value)), features="none")
    with pytest.raises(DataError) as caught:
        fit(ROWS).predict(with_values(ROWS, places, value))
    assert str(caught.value) == message


def test_rows_far_down_are_named_by_their_number(monkeypatch):
    from labelwise.nn import inputs

    monkeypatch.setattr(inputs, "_CHUNK_ROWS", 16)
    refused(
        DataError,
        "2 rows of X hold NaN or infinity (rows 15, 33): drop or fill them first",
        with_values(ROWS, [(15, 0), (33, 4)], np.nan),
    )


def test_images_that_are_not_finite_are_named():
    images = IMAGES / 255
    images[3, 2, 2] = np.nan
    refused(DataError, "1 row of X holds NaN or infinity (row 3): drop or fill it first", images)


@pytest.mark.parametrize("shape", [(1, 5), (1, 6, 6)])
def test_one_row_is_too_few(shape):
    with pytest.raises(
        DataError, match=r"^Found array with 1 sample\(s\) .* while a minimum of 2 is required"
    ):
        GMVAE(1).fit(np.random.default_rng(0).random(shape))


@pytest.mark.parametrize("shape", [(0, 5), (0, 6, 6), (0, 6, 6, 3)])
def test_no_rows_are_too_few(fit, shape):
    with pytest.raises(DataError, match=r"^Found array with 0 sample\(s\)"):
        GMVAE(1).fit(np.empty(shape))
    if len(shape) == 3:
        with pytest.raises(DataError, match=r"^Found array with 0 sample\(s\)"):
            fit(IMAGES).predict(np.empty(shape))


def test_columns_that_never_vary_are_left_out_and_named():
    X = ROWS.copy()
    X[:, 3] = 0
    with pytest.warns(FeatureWarning, match=r"^column 3 never varies"):
        GMVAE(1, max_epochs=1, random_state=0).fit(X)
    X[:, 1] = 123456.789
    with pytest.warns(FeatureWarning, match=r"^columns 1, 3 never vary"):
        model = GMVAE(1, max_epochs=1, random_state=0).fit(X)
    # What a new item says there changes nothing, and a reconstruction has what was always there.
    other = X.copy()
    other[:, [1, 3]] = 1e6
    assert np.array_equal(model.transform(other), model.transform(X))
    np.testing.assert_allclose(model.reconstruct(X)[:, [1, 3]], X[:, [1, 3]], rtol=1e-6)
    assert np.isfinite(model.elbo(X)).all()
    # Nor does it on the graph of the items themselves.
    assert np.array_equal(model.encode(other).features, model.encode(X).features)


def test_columns_that_vary_less_than_their_size_lets_them_are_named():
    X = ROWS.copy()
    X[:, 4] = 5e7 + 4 * (np.arange(40) % 3)
    with pytest.warns(FeatureWarning, match=r"^column 4 varies by less than a millionth"):
        GMVAE(1, max_epochs=1, random_state=0).fit(X)


def test_a_column_that_counts_the_rows_is_named():
    X = ROWS.copy()
    X[:, 2] = np.arange(1000, 1040)
    with pytest.warns(FeatureWarning, match=r"^column 2 only counts the rows"):
        GMVAE(1, max_epochs=1, random_state=0).fit(X)
    X[39, 2] = 0
    GMVAE(1, max_epochs=1, random_state=0).fit(X)


def test_columns_that_vary_by_rounding_only_are_nothing_to_learn():
    X = 1e9 + np.arange(40)[:, None] % 4 * np.ones(5) * 64
    refused(DataError, "no column of X varies by more than rounding, in 40 rows: nothing to learn", X)


def test_constant_pixels_are_no_fault(fit):
    images = IMAGES.copy()
    images[:, 0] = 0
    assert fit(images).likelihood_ == "bernoulli"


@pytest.mark.parametrize("X", [np.ones((40, 5)) * 7, np.zeros((40, 6, 6), dtype=np.uint8)])
@pytest.mark.parametrize("n_components", [1, 3])
def test_equal_rows_are_refused(X, n_components):
    message = "all 40 rows of X are equal, so every column is constant: nothing to learn"
    refused(DataError, message, X, n_components=n_components)


def test_fewer_rows_than_components_are_refused():
    message = "n_samples=40 is less than n_components=41: lower n_components or bring more rows"
    refused(DataError, message, ROWS, n_components=41)


def test_few_distinct_rows_are_refused(fit):
    X = np.concatenate([ROWS[:4]] * 10)
    refused(DataError, "X has only 4 distinct rows, fewer than n_components=5: lower it", X, n_components=5)
    assert fit(X, n_components=4).n_features_in_ == 5


@pytest.mark.parametrize(("n_distinct", "taken"), [(40, 10), (12, 6), (2, 1)])
def test_the_default_number_of_components_gives_way_to_few_rows(fit, n_distinct, taken):
    X = ROWS[np.arange(40) % n_distinct]
    message = (
        rf"^n_components=100, the default, is more than the {n_distinct} distinct rows of X: "
        rf"{taken} taken, as n_components=None would; set n_components$"
    )
    with pytest.warns(StructureWarning, match=message) as caught:
        model = GMVAE(n_latent=2, n_hidden=8, n_layers=1, max_epochs=2, random_state=0).fit(X)
    assert caught[0].filename == __file__
    assert model.means_.shape == (taken, 2)
    assert fit(X, n_components=None).means_.shape == (taken, 2)


def test_the_default_number_of_components_is_kept_where_there_are_rows_enough(fit):
    X = np.random.default_rng(0).standard_normal((100, 3))
    assert len(fit(X, n_components=100).weights_) == 100


def test_another_number_of_columns_is_refused(fit):
    with pytest.raises(DataError, match=r"^X has 4 features, but GMVAE is expecting 5 features as input"):
        fit(ROWS).predict(ROWS[:, :4])


@pytest.mark.parametrize("shape", [(7, 6), (6, 6, 1), (4, 9)])
def test_another_shape_of_images_is_refused(fit, shape):
    message = (
        f"X has items of shape {shape}, but the model was fitted on items of shape (6, 6): "
        "bring them to that shape"
    )
    with pytest.raises(DataError) as caught:
        fit(IMAGES).predict(np.zeros((3, *shape), dtype=np.uint8))
    assert str(caught.value) == message


@pytest.mark.parametrize("X", [np.zeros((3, 4, 4, 3, 2)), np.zeros(5), np.array([["a", "b"], ["c", "d"]])])
def test_what_is_no_table_and_no_images_is_refused(X):
    with pytest.raises(
        ValueError, match=r"Found array with dim 5|Expected 2D array|could not convert string"
    ):
        GMVAE(1).fit(X)


OUTSIDE = (
    "a Bernoulli likelihood needs values within 0..1, but X reaches from {} to {}: "
    "pass uint8 images (0..255), divide by the largest value, or set likelihood='gaussian'"
)


def test_float_pixels_outside_0_to_1_are_refused(fit):
    for X in (IMAGES.astype(float), IMAGES.astype(np.int64)):
        refused(DataError, OUTSIDE.format(IMAGES.min(), IMAGES.max()), X)
    refused(DataError, OUTSIDE.format(-1, 1), np.linspace(-1, 1, 80).reshape(40, 2), likelihood="bernoulli")
    with pytest.raises(DataError) as caught:
        fit(IMAGES).predict_proba(IMAGES[:1] * 0.0 + 1.5)
    assert str(caught.value) == OUTSIDE.format(1.5, 1.5)
    assert fit(IMAGES.astype(float), likelihood="gaussian").likelihood_ == "gaussian"


@pytest.mark.parametrize(
    ("parameters", "X", "message"),
    [
        (
            {"augment": "affine"},
            ROWS,
            "augment='affine' needs images, but X is a table: "
            "pass X of shape (n_samples, height, width) or set augment=None",
        ),
        (
            {"encoder": "conv"},
            ROWS,
            "encoder='conv' needs images, but X is a table: "
            "pass X of shape (n_samples, height, width) or set encoder='dense'",
        ),
        (
            {"augment": "affine", "likelihood": "gaussian"},
            IMAGES,
            "augment='affine' needs pixels within 0..1: set augment=None",
        ),
    ],
)
def test_what_only_images_can_have_is_refused(parameters, X, message):
    refused(ParameterError, message, X, **parameters)


def test_all_bad_parameters_are_named_in_one_message():
    refused(
        ParameterError,
        "n_components=0 must be None or an integer of at least 1; "
        "objective='both' must be 'collapsed' or 'exact'; "
        "max_epochs=-1 must be 'auto' or an integer of at least 1; "
        "learning_rate=nan must be 'auto' or a finite number above 0",
        ROWS,
        n_components=0,
        objective="both",
        max_epochs=-1,
        learning_rate=float("nan"),
    )


# A value of a wrong type and values out of range for every declared parameter.
BAD = {
    "n_components": ["3", 2.0, True, "auto", 0, -1],
    "n_latent": ["3", 2.0, True, None, 0, -1],
    "features": ["pixel", 3, None, "text:"],
    "n_hidden": ["3", 2.0, True, None, 0, [8]],
    "n_layers": ["3", 2.0, True, None, 0, -1],
    "decoder_hidden": [8, "8", [], [8, 0], [8, 2.5], [True]],
    "objective": ["Exact", None, 0, ["exact"]],
    "likelihood": ["poisson", None, 1],
    "encoder": ["cnn", None, 1],
    "augment": ["rotate", False, 1],
    "init": ["k-means", None, 0],
    "max_epochs": ["all", 2.0, True, None, 0],
    "batch_size": ["all", 2.0, True, None, 0],
    "learning_rate": ["fast", None, True, 0, -1e-3, float("inf"), float("nan"), 1j],
    "precision": ["fp16", None, 32],
    "verbose": ["loud", None, -1, 1.0],
}


def test_every_declared_parameter_is_attacked():
    assert BAD.keys() == GMVAE._constraints.keys()
    checked_in_their_own_way = {"device", "random_state"}
    assert BAD.keys() | checked_in_their_own_way == GMVAE().get_params().keys()


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_parameter_is_refused(name, value):
    refused(
        ParameterError,
        f"{name}={value!r} must be {GMVAE._constraints[name].describe()}",
        ROWS,
        **{name: value},
    )


def test_the_constructor_accepts_everything_and_changes_nothing():
    widths = [8, 8]
    model = GMVAE(n_components=-3, objective="none", decoder_hidden=widths, random_state="x")
    assert model.n_components == -3
    assert model.decoder_hidden is widths


@pytest.mark.parametrize("device", ["tpu", "cuda:99", 3.5, None, ""])
def test_a_device_that_is_not_there_is_refused(device):
    refused(
        ParameterError, f"device={device!r} is not available here: use 'auto' or 'cpu'", ROWS, device=device
    )


@pytest.mark.parametrize("random_state", [-1, "seed", 1.5, True, [1]])
def test_a_bad_random_state_is_refused(random_state):
    message = re.escape(
        f"random_state={random_state!r} must be None, an integer from 0 to 2**63 - 1, "
        "a numpy RandomState or a numpy Generator"
    )
    with pytest.raises(ParameterError, match=rf"^{message}$"):
        GMVAE(1, random_state=random_state).fit(ROWS)


def test_numpy_integers_and_tuples_are_fine(fit):
    model = fit(
        ROWS,
        n_components=np.int64(3),
        n_hidden=np.int32(8),
        decoder_hidden=(np.int64(4),),
        learning_rate=np.float32(0.01),
    )
    assert model.means_.shape == (3, 2)
