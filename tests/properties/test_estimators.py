"""Estimators and doors to data, given anything: an answer that makes sense, or one line that says why not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import labelwise
from labelwise import GMVAE, LinearStudent, Student, load, load_dataset
from labelwise.errors import LabelwiseError, ParameterError
from properties.strategies import real_numbers, tried

pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")

X = np.random.default_rng(0).random((12, 3)).astype(np.float32)
Y = np.array([0, 1, *[-1] * 10])
SMALL = {"n_components": 2, "n_latent": 1, "n_hidden": 4, "n_layers": 1, "max_epochs": 1, "random_state": 0}
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.none(), max_size=2),
)
ESTIMATORS = {
    "GMVAE": lambda **given: GMVAE(**given).fit(X),
    "Student": lambda **given: Student(**given).fit(X, Y),
    "LinearStudent": lambda **given: LinearStudent(**given).fit(X, Y),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@given(data=st.data())
def test_a_parameter_that_is_not_allowed_is_named(name, data):
    constraints = getattr(labelwise, name)._constraints
    parameter, value = data.draw(st.sampled_from(sorted(constraints))), data.draw(ANYTHING)
    assume(not constraints[parameter].accepts(value))
    with pytest.raises(ParameterError, match=f"^{parameter}=") as caught:
        ESTIMATORS[name](**{parameter: value})
    assert "\n" not in str(caught.value)


@given(real_numbers())
def test_a_model_of_any_numbers(items):
    model = tried(GMVAE(**SMALL).fit, items)
    if model is None:
        return
    posteriors = model.predict_proba(items)
    assert posteriors.shape == (len(items), 2)
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, atol=1e-4)
    assert all(math.isfinite(record["loss"]) for record in model.history_)


@given(st.text() | st.text("~/.:\\ax", max_size=8))
def test_doors_to_data_and_answers(name):
    assume(name not in ("digits", "mnist"))
    for door in (load, load_dataset):
        with pytest.raises(LabelwiseError) as caught:
            door(f"nowhere/{name}")
        assert "\n" not in str(caught.value)
    tried(load_dataset, f"~{name}")
