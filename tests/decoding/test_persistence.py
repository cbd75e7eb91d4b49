"""Decoders come apart into JSON values and arrays, and back, with nothing lost."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load, save
from sklearn.base import clone

from decoding.conftest import as_objects, classes_of, posteriors, some_labels
from labelwise.decoding import DECODERS, AutoDecoder, Decoder, HardDecoder, PoissonDecoder, SoftDecoder
from labelwise.decoding.persistence import decoder_from_state, decoder_state
from labelwise.encoding import Encoding
from labelwise.errors import DataError
from labelwise.graph.neighbours import Neighbourhood

pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.ClassWithoutLabelWarning"),
]


def encoded(seed=0, n_samples=150):
    """Items with copies among them, whose latents and features follow their components."""
    Q = posteriors(n_samples, seed=seed, dtype=np.float32)
    rng = np.random.default_rng(seed)
    latents = (
        Q @ np.random.default_rng(9).normal(size=(8, 3)) + 0.1 * rng.normal(size=(n_samples, 3))
    ).astype(np.float32)
    for part in (Q, latents):
        part[-20:] = part[:20]
    return Encoding(Q, latents, np.hstack([latents, latents**2]))


POOL, NEW = encoded(), encoded(seed=5, n_samples=60)
TRUTH = classes_of(POOL.posteriors)

LABELS = {
    "integers": some_labels(TRUTH),
    "texts": as_objects(some_labels(TRUTH), lambda label: ["zéro, ou rien", "un", "b" * 40][label]),
    "booleans": as_objects(some_labels(TRUTH), lambda label: label > 0),
    "numbers": as_objects(some_labels(TRUTH), lambda label: label + 1.0),
}


def through_disk(decoder):
    """The decoder, put together from bytes."""
    settings, arrays = decoder_state(decoder)
    return decoder_from_state(json.loads(json.dumps(settings)), load(save(arrays)))


def check_same(value, again, name):
    """Equal values of equal types, however deep."""
    assert type(again) is type(value), name
    if isinstance(value, Decoder):
        assert again.get_params() == value.get_params()
        assert set(vars(again)) == {key for key in vars(value) if not key.startswith("_")}, name
        for key in vars(again):
            check_same(getattr(value, key), getattr(again, key), f"{name}.{key}")
    elif isinstance(value, Neighbourhood):
        assert (again.n_neighbors, again.horizon) == (value.n_neighbors, value.horizon)
        assert np.array_equal(again.points, value.points)
    elif isinstance(value, np.ndarray):
        assert again.dtype.kind == value.dtype.kind, name
        assert again.tolist() == value.tolist(), name
    else:
        assert again == value, name


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_all_that_was_learned_comes_back(decoder, y):
    again = through_disk(decoder.fit(POOL, y))
    check_same(decoder, again, type(decoder).__name__)


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("items", [POOL, NEW], ids=["pool", "new"])
def test_the_same_bits_are_answered(decoder, y, items):
    again = through_disk(decoder.fit(POOL, y))
    fresh = Encoding(items.posteriors, items.latents, items.features)  # no graph of it is known
    assert again.predict_proba(fresh).tobytes() == decoder.predict_proba(items).tobytes()
    assert again.predict(fresh).tolist() == decoder.predict(items).tolist()


def test_of_a_plain_table(decoder):
    decoder.fit(POOL.posteriors, LABELS["texts"])
    again = through_disk(decoder)
    new = NEW.posteriors
    assert again.predict_proba(new).tobytes() == decoder.predict_proba(new).tobytes()


def test_components_that_were_named(decoder):
    decoder.fit(POOL, LABELS["texts"], names={0: "group", 3: "un"})
    again = through_disk(decoder)
    assert "group" in again.classes_
    assert again.predict_proba(NEW).tobytes() == decoder.predict_proba(NEW).tobytes()


@pytest.mark.parametrize(
    "given",
    [
        SoftDecoder(classes=[0, 1, 2, 7]),
        HardDecoder(unnamed="prior", classes=np.array([0, 1, 2, 7])),
        PoissonDecoder(n_neighbors=4, on="features"),
        AutoDecoder(use_features=False, typical_labels=True, classes=[0, 1, 2, 7]),
    ],
    ids=["soft", "hard", "poisson", "auto"],
)
def test_parameters_come_back(given):
    decoder = clone(given).fit(POOL, LABELS["integers"])
    again = through_disk(decoder)
    for name, value in decoder.get_params().items():
        assert np.array_equal(again.get_params()[name], value), name
    assert again.missing_classes_.tolist() == decoder.missing_classes_.tolist()
    assert again.predict_proba(NEW).tobytes() == decoder.predict_proba(NEW).tobytes()


def test_a_decoder_that_was_put_together_can_be_taken_apart_again(decoder):
    decoder.fit(POOL, LABELS["texts"])
    settings, arrays = decoder_state(through_disk(decoder))
    before, arrays_before = decoder_state(decoder)
    assert settings == before
    assert arrays.keys() == arrays_before.keys()
    assert all(np.array_equal(arrays[name], arrays_before[name]) for name in arrays)


def test_every_decoder_of_the_table_knows_its_name():
    for name, kind in DECODERS.items():
        settings, _ = decoder_state(kind().fit(POOL, LABELS["integers"]))
        assert settings["name"] == name


def test_a_decoder_of_somebody_else_is_refused():
    class Mine(SoftDecoder):
        pass

    with pytest.raises(DataError, match=r"Mine .*soft"):
        decoder_state(Mine().fit(POOL, LABELS["integers"]))


@pytest.mark.parametrize("harm", ["name", "parameters", "array", "how"])
def test_what_does_not_fit_is_an_error(harm):
    settings, arrays = decoder_state(SoftDecoder().fit(POOL, LABELS["integers"]))
    match harm:
        case "name":
            settings["name"] = "tarot"
        case "parameters":
            settings["parameters"]["luck"] = 7
        case "array":
            del arrays["class_profiles_"]
        case "how":
            settings["fitted"]["classes_"] = {"pickled": "gASV"}
    with pytest.raises((LookupError, TypeError, ValueError)):
        decoder_from_state(settings, arrays)
