"""Values that people and programs pass: tables of probabilities, labels of any type, seeds."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from labelwise.encoding import Encoding
from labelwise.errors import LabelwiseError

ANY_LABEL = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(), st.text(max_size=5), st.just(-1)
)
SEEDS = st.integers(0, 2**63 - 1)


@st.composite
def tables(draw, min_items=1, max_items=30, max_components=6):
    """Rows that sum to 1, some of them sure, some equal to others."""
    n_items = draw(st.integers(min_items, max_items))
    n_components = draw(st.integers(1, max_components))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = rng.dirichlet(np.full(n_components, draw(st.sampled_from([0.05, 1.0]))), n_items)
    if draw(st.booleans()):
        table[rng.random(n_items) < 0.5] = np.eye(n_components)[0]
    return table


@st.composite
def encodings(draw, min_items=1):
    """A table with latents and features, which may be equal for all items."""
    table = draw(tables(min_items))
    spread = draw(st.sampled_from([0.0, 1.0, 1e6]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    latents, features = (
        (spread * rng.standard_normal((len(table), draw(st.integers(1, 3))))).astype(np.float32)
        for _ in range(2)
    )
    return Encoding(table, latents, features)


@st.composite
def labelled(draw, n_items, labels=None):
    """A label, or none, for each item: of two or three classes, of one type, or of anything."""
    if labels is None:
        some = st.sampled_from([["a", "b"], [0, 1, 2], [True, False], [0.0, 1.0], ["1", 1], ["a", None]])
        labels = draw(st.one_of(some.map(lambda known: st.sampled_from([-1, *known])), st.just(ANY_LABEL)))
    return np.array([draw(labels) for _ in range(n_items)], dtype=object)


def tried(call, *arguments, **options):
    """What a call gives; None if it is refused, which takes one line."""
    try:
        return call(*arguments, **options)
    except LabelwiseError as error:
        told = str(error)
    assert told
    assert "\n" not in told
    return None


def real_numbers(max_side=6):
    """Arrays of any numbers, of up to three axes."""
    return arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=max_side),
    )
