"""Training and answering on a GPU: what is learned there is read, and answers alike, on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwise import GMVAE, Student
from labelwise.decoding import PoissonDecoder
from labelwise.events import Cancelled
from labelwise.features.learned import LearnedFeaturizer
from labelwise.labels import UNLABELED
from labelwise.nn import replay
from labelwise.nn.batches import Items

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]

N, SIDE = 1200, 16
QUICK = {"n_components": 6, "n_latent": 4, "n_hidden": 64, "n_layers": 2, "max_epochs": 10, "random_state": 0}
QUICK |= {"learning_rate": 5e-3, "encoder": "dense", "augment": None}
FEATURES = ["pixels", LearnedFeaturizer("affine", n_steps=60, device="cuda", random_state=0)]


@pytest.fixture(scope="module")
def images():
    """Three shapes in every place, with noise; uint8."""
    rng = np.random.default_rng(0)
    truth = np.arange(N) % 3
    values = np.zeros((N, SIDE, SIDE))
    for image, kind, (row, column) in zip(values, truth, rng.integers(2, 7, (N, 2)), strict=True):
        image[row : row + 8, column : column + 2] = 200 * (kind != 1)
        image[row : row + 2, column : column + 8] = 200 * (kind != 0)
    values += rng.normal(0, 8, values.shape)
    return np.clip(values, 0, 255).astype(np.uint8), truth


def model(**settings):
    return GMVAE(**{**QUICK, "device": "cuda", **settings})


@pytest.mark.parametrize("objective", ["collapsed", "exact"])
@pytest.mark.parametrize("features", FEATURES, ids=["pixels", "learned"])
def test_a_model_of_the_gpu_answers_alike_on_the_cpu(tmp_path, images, features, objective):
    X, _ = images
    gmvae = model(features=features, objective=objective, precision="fp32").fit(X)
    gmvae.save(tmp_path / "model")
    moved = GMVAE.load(tmp_path / "model", device="cpu")
    assert next(moved.module_.parameters()).device.type == "cpu"
    # TF32 in convolutions and other orders of summation, and no more than that.
    np.testing.assert_allclose(moved.predict_proba(X), gmvae.predict_proba(X), atol=0.02)
    np.testing.assert_allclose(moved.transform(X), gmvae.transform(X), atol=0.05)


def test_wide_layers_are_trained_in_bfloat16(images):
    X, _ = images
    default, exact = (
        model(n_hidden=256, features="pixels", precision=precision).fit(X).history_[-1]["loss"]
        for precision in ("auto", "fp32")
    )
    assert (default != exact) == (torch.cuda.get_device_capability() >= (8, 0))
    assert default == pytest.approx(exact, rel=0.05)


def test_items_that_fit_lie_on_the_gpu(images):
    X, _ = images
    rows = X.reshape(N, -1)
    before = torch.cuda.memory_allocated()
    items = Items(rows, torch.device("cuda"))
    assert torch.cuda.memory_allocated() - before >= rows.nbytes
    np.testing.assert_array_equal(items[np.array([3, 1])].cpu().numpy(), rows[[3, 1]])
    np.testing.assert_array_equal(torch.cat(list(items.ordered(500))).cpu().numpy(), rows)


def test_a_run_that_stopped_goes_on(tmp_path, images):
    X, _ = images
    place = tmp_path / "model.checkpoint"

    def stop(event):
        if event.stage == "training" and event.fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        model(features="pixels").fit(X, checkpoint=place, listen=stop)
    gmvae = model(features="pixels").fit(X, checkpoint=place, resume=True)
    assert [record["epoch"] for record in gmvae.history_] == list(range(1, 11))
    whole = model(features="pixels").fit(X)
    assert gmvae.history_[-1]["loss"] == pytest.approx(whole.history_[-1]["loss"], rel=0.05)


class TestReplayedSteps:
    """Steps that are replayed from a graph are those that Python would launch."""

    @pytest.fixture
    def called(self, monkeypatch):
        """Train without recording anything."""

        def compare(train):
            replayed = train()
            monkeypatch.setattr(replay, "_N_CALLED", 10**9)
            return replayed, train()

        return compare

    def test_inputs_of_any_shape(self):
        total = torch.zeros(3, device="cuda")
        add = replay.Replayed(lambda values: total.add_(values.sum(0)))
        sizes = [2, 2, 2, 2, 2, 5, 2, 1, 2]
        for size in sizes:
            add(torch.full((size, 3), 2.0, device="cuda"))
        assert total.tolist() == [2.0 * sum(sizes)] * 3

    def test_a_generator_that_is_seeded_anew(self):
        drawn = torch.zeros(4, device="cuda")
        generator = torch.Generator("cuda")
        draw = replay.Replayed(
            lambda like: drawn.copy_(torch.rand(4, generator=generator, device="cuda")), [generator]
        )
        found = []
        for seed in (0, 1, 2, 3, 4, 3):
            generator.manual_seed(seed)
            draw(drawn)
            found.append(drawn.tolist())
        assert found[3] == found[5]
        assert found[3] != found[4]
        assert found[0] == torch.rand(4, generator=generator.manual_seed(0), device="cuda").tolist()

    @pytest.mark.parametrize("objective", ["collapsed", "exact"])
    @pytest.mark.parametrize("encoder", ["dense", "conv"])
    def test_of_a_model(self, images, called, objective, encoder):
        X, _ = images
        settings = {"features": "pixels", "augment": "elastic", "precision": "fp32", "encoder": encoder}
        one, other = called(lambda: model(objective=objective, batch_size=64, **settings).fit(X).history_)
        for name in ("loss", "reconstruction", "kl_z", "kl_c"):
            ours, theirs = ([record[name] for record in history] for history in (one, other))
            np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02)

    @pytest.mark.parametrize("augment", ["strokes", "photo"])
    def test_of_contrast(self, images, called, augment):
        X, _ = images

        def losses():
            heard = []
            featurizer = LearnedFeaturizer(augment, n_steps=75, device="cuda", random_state=0)
            featurizer.fit(X, listen=lambda event: heard.append(event.numbers))
            return [numbers["loss"] for numbers in heard if numbers]

        one, other = called(losses)
        assert len(one) == 3
        np.testing.assert_allclose(one, other, rtol=0.05)

    def test_of_a_student(self, images, called):
        X, truth = images
        answers = np.eye(3, dtype=np.float32)[truth] * 0.7 + 0.1
        y = np.where(np.arange(N) < 30, truth, UNLABELED)

        def teach():
            student = Student("affine", n_steps=60, max_rounds=2, device="cuda", random_state=0)
            return student.fit(X, y, answers).predict_proba(X)

        one, other = called(teach)
        np.testing.assert_allclose(one, other, atol=0.1)


@pytest.mark.parametrize("features", FEATURES, ids=["pixels", "learned"])
def test_a_student_of_the_gpu_answers_alike_on_the_cpu(tmp_path, images, features):
    X, truth = images
    gmvae = model(features=features).fit(X)
    encoding = gmvae.encode(X)
    y = np.where(np.arange(N) < 30, truth, UNLABELED)
    answers = PoissonDecoder().fit(encoding, y).predict_proba(encoding)
    layers = None if gmvae.featurizer_ is None else gmvae.featurizer_.layers()
    student = Student("affine", n_steps=100, max_rounds=3, device="cuda", random_state=0)
    student.fit(X, y, answers, layers=layers)
    assert (student.predict(X) == truth)[30:].mean() > 0.8
    student.save(tmp_path / "student")
    moved = Student.load(tmp_path / "student", device="cpu")
    # Layers compute in bfloat16 on the GPU; the CPU here may have none.
    np.testing.assert_allclose(moved.predict_proba(X), student.predict_proba(X), atol=0.1)
