"""`GMVAE` on images and on tables."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

from labelwise import GMVAE
from labelwise.errors import ParameterError, StructureWarning
from labelwise.nn.defaults import (
    kl_steps,
    plain_epochs,
    resolve_batch_size,
    resolve_epochs,
    resolve_hidden,
    resolve_learning_rate,
    size_share,
    suited_components,
)

OBJECTIVES = pytest.mark.parametrize("objective", ["collapsed", "exact"])


def bits(model):
    return {name: tensor.numpy().tobytes() for name, tensor in model.module_.state_dict().items()}


def purity(components, y):
    return sum(np.bincount(y[components == c]).max() for c in np.unique(components)) / len(y)


@OBJECTIVES
@pytest.mark.parametrize(
    "options", [{}, {"augment": "affine"}, {"augment": "elastic"}, {"init": "random"}, {"max_epochs": 1}]
)
def test_same_seed_same_bits(fit, digits, objective, options):
    X = digits[0][:100]
    first, second, other = (fit(X, objective=objective, random_state=s, **options) for s in (3, 3, 4))
    assert bits(first) == bits(second)
    assert first.history_ == second.history_
    assert first.predict_proba(X).tobytes() == second.predict_proba(X).tobytes()
    assert bits(first) != bits(other)
    assert first.history_ != other.history_


def test_no_seed_gives_another_model_each_time_and_says_which(fit, digits):
    X = digits[0][:60]
    first, second = fit(X, random_state=None), fit(X, random_state=None)
    assert first.seed_ != second.seed_
    assert bits(fit(X, random_state=first.seed_)) == bits(first)


@OBJECTIVES
def test_global_random_states_stay_as_they_are(fit, digits, objective):
    X = digits[0][:100]
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global generator is what is looked at)
    model = fit(X, objective=objective, augment="affine", random_state=None)
    model.predict(X)
    model.sample(5)
    model.score(X)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


@OBJECTIVES
def test_input_is_never_written_to(fit, digits, objective):
    X = digits[0][:80].copy()
    before = X.copy()
    X.setflags(write=False)
    model = fit(X, objective=objective)
    model.predict_proba(X)
    model.score(X)
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X, before)
    floats = (before / 255).astype(np.float32)
    kept = floats.copy()
    fit(floats, objective=objective).score(floats)
    np.testing.assert_array_equal(floats, kept)


@OBJECTIVES
def test_shapes_and_probabilities(fit, digits, objective):
    X = digits[0][:90]
    model = fit(X, objective=objective, n_components=4, n_latent=3)
    q = model.predict_proba(X)
    assert q.shape == (90, 4)
    assert (q >= 0).all()
    np.testing.assert_allclose(q.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), q.argmax(1))
    assert model.transform(X).shape == (90, 3)
    assert model.get_feature_names_out().tolist() == ["gmvae0", "gmvae1", "gmvae2"]
    assert model.item_shape_ == (8, 8)
    assert model.n_features_in_ == 64
    assert model.means_.shape == model.covariances_.shape == (4, 3)
    assert (model.covariances_ > 0).all()
    np.testing.assert_allclose(model.weights_, [0.25] * 4, rtol=1e-6)
    np.testing.assert_allclose(model.shares_, q.astype(np.float64).mean(0), rtol=1e-5)
    assert model.likelihood_ == "bernoulli"
    assert model.encoder_ == "dense"


def test_items_are_predicted_one_by_one_as_in_a_batch(digits, digits_model):
    X = digits[0]
    whole = digits_model.predict_proba(X)
    np.testing.assert_allclose(digits_model.predict_proba(X[7:8])[0], whole[7], atol=1e-4)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(digits_model.predict_proba(X[order]), whole[order], atol=1e-4)


@OBJECTIVES
def test_the_shape_of_an_image_does_not_matter_to_its_bits(fit, digits, objective):
    X = digits[0][:80]
    model = fit(X, objective=objective)
    q = model.predict_proba(X)
    assert model.predict_proba(X.reshape(80, 64)).tobytes() == q.tobytes()
    with_channel = fit(X[..., None], objective=objective)
    assert with_channel.item_shape_ == (8, 8, 1)
    assert with_channel.predict_proba(X[..., None]).tobytes() == q.tobytes()
    flat = fit(X.reshape(80, 64), objective=objective)
    assert flat.predict_proba(X.reshape(80, 64)).tobytes() == q.tobytes()
    assert model.sample(2, random_state=0)[0].shape == (2, 8, 8)
    assert with_channel.reconstruct(X[..., None]).shape == (80, 8, 8, 1)
    assert flat.sample(2, random_state=0)[0].shape == (2, 64)


def test_bytes_and_fractions_of_255_are_the_same_images(fit, digits):
    X = digits[0][:80]
    fractions = (X.astype(np.float32) / 255).astype(np.float32)
    np.testing.assert_allclose(fit(X).predict_proba(X), fit(fractions).predict_proba(fractions), atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (28, 28, 3), (17, 20, 1)])
def test_images_of_at_least_16_by_16_are_convolved(fit, shape):
    X = np.random.default_rng(0).integers(0, 256, (24, *shape), dtype=np.uint8)
    model = fit(X, max_epochs=2)
    assert model.encoder_ == "conv"
    assert any(isinstance(layer, torch.nn.Conv2d) for layer in model.module_.modules())
    assert model.reconstruct(X).shape == X.shape
    # Batch statistics are for training only: an item alone is encoded as among others.
    np.testing.assert_allclose(model.transform(X[:1])[0], model.transform(X)[0], atol=1e-4)
    assert fit(X, encoder="dense", max_epochs=1).encoder_ == "dense"


def test_a_memory_map_is_read_without_a_copy_or_a_warning(fit, digits, tmp_path):
    np.save(tmp_path / "items.npy", digits[0][:80])
    X = np.load(tmp_path / "items.npy", mmap_mode="r")
    assert fit(X).predict_proba(X).tobytes() == fit(digits[0][:80]).predict_proba(digits[0][:80]).tobytes()


def test_columns_of_a_frame_are_remembered(fit, blobs):
    frame = pd.DataFrame(blobs[0][:80], columns=[f"c{i}" for i in range(20)])
    model = fit(frame)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    assert model.likelihood_ == "gaussian"
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        model.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize(("scale", "expected"), [(1.0, "bernoulli"), (1.001, "gaussian"), (-1.0, "gaussian")])
def test_the_range_of_a_table_decides_its_likelihood(fit, scale, expected):
    X = np.random.default_rng(0).random((30, 3))
    X[0, 0] = 1.0
    assert fit(scale * X).likelihood_ == expected
    assert fit(scale * X, likelihood="gaussian").likelihood_ == "gaussian"


@OBJECTIVES
def test_history_is_plain_data_whose_terms_add_up(fit, digits, objective):
    history = fit(digits[0][:100], objective=objective, max_epochs=6).history_
    assert json.loads(json.dumps(history)) == history
    assert [record["epoch"] for record in history] == [1, 2, 3, 4, 5, 6]
    assert [record["phase"] for record in history] == ["plain"] + ["mixture"] * 5
    for record in history:
        assert list(record) == [
            "epoch", "phase", "loss", "reconstruction", "kl_z", "kl_c", "n_active_components",
        ]  # fmt: skip
        terms = record["reconstruction"] + record["kl_z"] + record["kl_c"]
        assert record["loss"] == pytest.approx(terms, rel=1e-12)
    assert history[0]["n_active_components"] is None
    assert all(1 <= record["n_active_components"] <= 3 for record in history[1:])
    assert {record["phase"] for record in fit(digits[0][:60], init="random").history_} == {"mixture"}


def test_training_lowers_the_loss(digits_model):
    losses = [record["loss"] for record in digits_model.history_]
    assert losses[-1] < losses[0] - 5


def test_digits_fall_into_pure_components(digits, digits_model):
    X, y = digits
    assert purity(digits_model.predict(X), y) > 0.75


def test_blobs_are_found(blobs, blobs_model):
    X, y = blobs
    assert blobs_model.likelihood_ == "gaussian"
    assert adjusted_rand_score(y, blobs_model.predict(X)) > 0.8


def test_the_exact_objective_finds_blobs_too(blobs):
    X, y = blobs
    model = GMVAE(
        4,
        objective="exact",
        n_latent=4,
        n_hidden=32,
        n_layers=1,
        max_epochs=30,
        batch_size=32,
        random_state=0,
    ).fit(X)
    assert adjusted_rand_score(y, model.predict(X)) > 0.8


def test_score_is_the_density_of_the_original_columns(fit, blobs):
    X = blobs[0]
    score, scaled = (fit(x, max_epochs=10).score(x) for x in (X, 10 * X))
    assert score - scaled == pytest.approx(X.shape[1] * math.log(10), abs=0.05)


def test_score_is_a_bound_that_beats_independent_columns(blobs, blobs_model):
    X = blobs[0]
    independent = -sum(0.5 * math.log(2 * math.pi * math.e * column.var()) for column in X.T)
    # Four equal blobs: what is known of the truth cannot be beaten by a lower bound, up to sampling error.
    within = np.concatenate([X[blobs[1] == c] - X[blobs[1] == c].mean(0) for c in range(4)])
    truth = -sum(0.5 * math.log(2 * math.pi * math.e * column.var()) for column in within.T) - math.log(4)
    assert independent + 3 < blobs_model.score(X) < truth + 1


@OBJECTIVES
def test_score_has_fixed_bits_and_prefers_what_it_was_trained_on(fit, digits, objective):
    X = digits[0][:300]
    model = fit(X, objective=objective, max_epochs=8, n_hidden=32, batch_size=16)
    noise = np.random.default_rng(0).integers(0, 256, X.shape, dtype=np.uint8)
    score = model.score(X)
    assert math.isfinite(score)
    assert model.score(X) == score
    assert score > model.score(noise) + 10


def test_sample_of_one_component(digits_model):
    images, components = digits_model.sample(50, component=7, random_state=0)
    assert images.shape == (50, 8, 8)
    assert images.dtype == np.float32
    assert 0 <= images.min() < images.max() <= 1
    assert (components == 7).all()


def test_samples_of_a_component_are_recognised_as_its_own(digits_model):
    found = []
    for c in range(20):
        images, _ = digits_model.sample(50, component=c, random_state=0)
        found.append((digits_model.predict(np.round(images * 255).astype(np.uint8)) == c).mean())
    assert np.mean(found) > 0.35  # by chance: 0.05; half is lost where components overlap


def test_sample_draws_components_by_weight(digits_model):
    _, components = digits_model.sample(4000, random_state=0)
    counts = np.bincount(components, minlength=20)
    assert len(counts) == 20
    assert abs(counts - 200).max() < 5 * math.sqrt(200)


def test_sample_follows_its_random_state(digits_model):
    first, second, third = (digits_model.sample(10, random_state=s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)
    rng = np.random.default_rng(0)
    assert not np.array_equal(
        digits_model.sample(3, random_state=rng)[0], digits_model.sample(3, random_state=rng)[0]
    )


def test_samples_of_a_table_are_in_its_units(blobs, blobs_model):
    X, _ = blobs
    samples, components = blobs_model.sample(2000, random_state=0)
    assert samples.shape == (2000, 20)
    np.testing.assert_allclose((samples.mean(0) - X.mean(0)) / X.std(0), 0, atol=0.25)
    for c in range(4):
        rows = blobs_model.predict(X) == c
        distance = (samples[components == c].mean(0) - X[rows].mean(0)) / X.std(0)
        assert np.abs(distance).mean() < 0.35


def test_latents_of_samples_have_the_moments_of_their_component(digits_model, monkeypatch):
    seen, decode = [], digits_model.module_.decode
    monkeypatch.setattr(digits_model.module_, "decode", lambda z: (seen.append(z.numpy()), decode(z))[1])
    digits_model.sample(4000, component=3, random_state=0)
    mean, variance = digits_model.means_[3], digits_model.covariances_[3]
    np.testing.assert_allclose((seen[0].mean(0) - mean) / np.sqrt(variance), 0, atol=0.08)
    np.testing.assert_allclose(seen[0].var(0) / variance, 1, atol=0.12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, r"^n_samples=0 must be an integer of at least 1$"),
        ({"n_samples": 2.5}, r"^n_samples=2.5 must be an integer of at least 1$"),
        ({"component": 20}, r"^component=20 must be an integer from 0 to 19$"),
        ({"component": -1}, r"^component=-1 must be an integer from 0 to 19$"),
        ({"component": True}, r"^component=True must be an integer from 0 to 19$"),
        ({"component": "7"}, r"^component='7' must be an integer from 0 to 19$"),
        ({"random_state": "x"}, r"^random_state='x' must be None, an integer"),
    ],
)
def test_sample_refuses(digits_model, arguments, message):
    with pytest.raises(ParameterError, match=message):
        digits_model.sample(**arguments)


def test_reconstructions_beat_the_mean_image(digits, digits_model):
    X = digits[0]
    images = digits_model.reconstruct(X)
    assert images.shape == X.shape
    assert images.dtype == np.float32
    pixels = X / 255.0
    error = ((images - pixels) ** 2).mean()
    assert error < 0.6 * ((pixels.mean(0) - pixels) ** 2).mean()


def test_reconstructions_of_a_table_are_in_its_units(blobs, blobs_model):
    X = blobs[0]
    error = (((blobs_model.reconstruct(X) - X) / X.std(0)) ** 2).mean()
    assert error < 0.6


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "reconstruct", "score"])
def test_an_unfitted_model_says_so(method, digits):
    with pytest.raises(NotFittedError):
        getattr(GMVAE(), method)(digits[0])


def test_an_unfitted_model_neither_samples_nor_saves(tmp_path):
    with pytest.raises(NotFittedError):
        GMVAE().sample()
    with pytest.raises(NotFittedError):
        GMVAE().save(tmp_path / "model")


def test_a_second_fit_starts_anew(fit, digits, blobs):
    model = fit(digits[0][:80])
    model.fit(digits[0][:80])
    assert bits(model) == bits(fit(digits[0][:80]))
    model.fit(blobs[0])
    assert model.item_shape_ == (20,)
    assert not hasattr(model, "feature_names_in_")


def test_bfloat16_is_for_training_only(fit, digits):
    X = digits[0][:80]
    model = fit(X, precision="bf16")
    assert bits(model) != bits(fit(X, precision="fp32"))
    assert not model.module_.mixed
    assert model.predict_proba(X).dtype == np.float32
    assert {p.dtype for p in model.module_.parameters()} == {torch.float32}


def test_the_decoder_may_have_widths_of_its_own(fit, digits):
    model = fit(digits[0][:60], decoder_hidden=[11, 13])
    widths = [layer.out_features for layer in model.module_.decoder if isinstance(layer, torch.nn.Linear)]
    assert widths == [11, 13, 64]


def test_lost_structure_is_told_to_the_caller(digits):
    model = GMVAE(30, n_latent=32, n_hidden=8, n_layers=1, max_epochs=2, init="random", random_state=0)
    with pytest.warns(StructureWarning, match=r"of 30 components are dead .*: set init='kmeans'") as caught:
        model.fit(digits[0][:60])
    assert caught[0].filename == __file__


def resolved(n_samples, n_features):
    """What "auto" becomes: (width, batch size, learning rate, epochs, plain epochs, steps of the KL ramp)."""
    share = size_share(n_samples, n_features)
    batch_size = resolve_batch_size("auto", n_samples, share)
    n_epochs = resolve_epochs("auto", n_samples, batch_size, share)
    n_plain = plain_epochs(n_epochs, "kmeans", share)
    return (
        resolve_hidden("auto", share),
        batch_size,
        resolve_learning_rate("auto", share),
        n_epochs,
        n_plain,
        kl_steps(n_plain * math.ceil(n_samples / batch_size), share),
    )


@pytest.mark.parametrize(
    ("n_samples", "n_features", "expected"),
    [
        (1500, 2, (512, 32, 1e-3, 86, 19, 446)),
        (400, 64, (512, 32, 1e-3, 308, 68, 442)),
        (64, 784, (512, 32, 1e-3, 500, 110, 110)),
        (1797, 64, (512, 32, 1e-3, 71, 16, 456)),
        (25_192, 122, (512, 128, 1e-3, 21, 5, 492)),
        (70_000, 784, (512, 256, 1e-3, 20, 4, 548)),
    ],
)
def test_tables_that_are_large_or_wide_are_trained_in_full(n_samples, n_features, expected):
    assert resolved(n_samples, n_features) == expected


@pytest.mark.parametrize(
    ("n_samples", "n_features", "expected"),
    [
        (150, 4, (128, 150, pytest.approx(3.16e-3, rel=0.01), 400, 280, 280)),
        (20, 3, (128, 20, 5e-3, 54, 38, 38)),
        (2, 1, (128, 2, 5e-3, 20, 14, 14)),
    ],
)
def test_small_tables_get_fewer_steps_and_smaller_networks(n_samples, n_features, expected):
    assert resolved(n_samples, n_features) == expected


@pytest.mark.parametrize("n_features", [1, 16, 40])
def test_settings_grow_with_the_rows_without_a_jump(n_features):
    sizes = np.arange(40, 2000)
    width, batch_size, rate, epochs, plain, ramp = np.array(
        [resolved(int(n), n_features) for n in sizes], dtype=float
    ).T
    steps = epochs * np.ceil(sizes / batch_size)
    assert (np.diff(width) >= 0).all()
    assert np.diff(width).max() <= 64
    assert (np.diff(rate) <= 0).all()
    # Epochs and batches are whole.
    assert np.abs(np.log(steps[1:] / steps[:-1])).max() < 0.1
    assert np.abs(np.log(ramp[1:] / ramp[:-1])).max() < 0.1
    assert (steps[sizes >= 1500] >= 4000).all()
    assert steps.max() < 4000 * 1.1
    assert (plain / epochs <= 0.72).all()


@pytest.mark.parametrize(
    ("n_distinct", "expected"),
    [(2, 1), (11, 5), (20, 10), (150, 10), (320, 20), (1599, 99), (1600, 100), (70_000, 100)],
)
def test_components_that_suit_the_rows(n_distinct, expected):
    assert suited_components(n_distinct) == expected


def test_what_is_asked_for_is_taken():
    assert resolve_hidden(7, 0.1) == 7
    assert resolve_batch_size(7, 20, 0.1) == 7
    assert resolve_epochs(7, 20, 20, 0.1) == 7
    assert resolve_learning_rate(0.5, 0.1) == 0.5


def test_who_says_how_many_epochs_gets_the_batches_of_a_long_run(fit, blobs):
    X = blobs[0][:100, :4]
    assert (fit(X, max_epochs=1).batch_size_, fit(X, max_epochs="auto").batch_size_) == (32, 100)


@pytest.mark.parametrize("n_samples", [60, 1797, 4000, 60_000, 1_000_000])
def test_auto_settings_make_about_4000_steps_of_32_to_512_items(n_samples):
    batch_size = resolve_batch_size("auto", n_samples)
    assert batch_size in (32, 64, 128, 256, 512)
    n_epochs = resolve_epochs("auto", n_samples, batch_size)
    assert 20 <= n_epochs <= 500
    n_steps = n_epochs * math.ceil(n_samples / batch_size)
    if 20 < n_epochs < 500:
        assert 4000 <= n_steps < 4000 + math.ceil(n_samples / batch_size)
    assert resolve_batch_size(7, n_samples) == 7
    assert resolve_epochs(3, n_samples, batch_size) == 3


def test_what_was_used_is_told(fit, digits):
    model = fit(digits[0][:60], max_epochs=2, batch_size=17, random_state=5)
    assert (model.n_epochs_, model.batch_size_, model.seed_) == (2, 17, 5)
    assert len(model.history_) == 2
