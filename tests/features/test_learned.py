"""Features learned by contrast: the loss, what they are good for, and what a model of them can do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from labelwise import GMVAE, Student
from labelwise.decoding import PoissonDecoder
from labelwise.diagnostics.components import compare_components
from labelwise.errors import CheckpointError, DataError, ParameterError
from labelwise.events import Cancelled
from labelwise.features import featurizer_of_state, make_featurizer
from labelwise.features.contrast import nt_xent
from labelwise.features.learned import LearnedFeaturizer
from labelwise.nn.checkpoint import of_features
from labelwise.nn.views import random_views
from labelwise.project.cache import open_encoding, save_encoding
from labelwise.student import refine, student_for

N = 150
CLASSES = np.arange(N) % 3


def written(n=N, seed=0, side=16):
    """Crosses, bars and corners, turned, sheared, bent and of any width, as handwriting is; uint8."""
    kinds = torch.zeros(3, side, side)
    kinds[0, 7:9, 3:13] = kinds[0, 3:13, 7:9] = 1
    kinds[1, 7:9, 3:13] = 1
    kinds[2, 3:13, 4:6] = kinds[2, 11:13, 4:13] = 1
    values = kinds[np.arange(n) % 3].reshape(n, -1)
    generator = torch.Generator().manual_seed(seed)
    views = random_views(values, (side, side), "strokes", generator)
    return (views.view(n, side, side) * 255).round().to(torch.uint8).numpy()


def printed(n=N, channels=()):
    """The same shapes, each where it always is, with a little noise: no view of one looks like another."""
    kinds = np.zeros((3, 16, 16))
    kinds[0, 7:9, 2:14] = kinds[0, 2:14, 7:9] = 255
    kinds[1, 4:6, 2:14] = 255
    kinds[2, 3:13, 3:5] = kinds[2, 11:13, 3:13] = 255
    noise = np.random.default_rng(0).normal(0, 10, (n, 16, 16, *channels))
    images = kinds[np.arange(n) % 3].reshape(n, 16, 16, *(1 for _ in channels)) + noise
    return np.clip(images, 0, 255).astype(np.uint8)


def quick(**settings):
    return LearnedFeaturizer(**{"augment": "strokes", "n_steps": 40, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def images():
    return written()


@pytest.fixture(scope="module")
def learned(images):
    return quick().fit(images)


@pytest.fixture(scope="module")
def gmvae(images):
    return GMVAE(6, features=quick(), n_latent=4, n_hidden=32, max_epochs=10, random_state=0).fit(images)


class TestLoss:
    def test_against_a_plain_sum(self):
        generator = torch.Generator().manual_seed(0)
        first, second = (
            torch.nn.functional.normalize(torch.randn(4, 3, generator=generator, dtype=torch.float64), dim=1)
            for _ in range(2)
        )
        views = torch.cat([first, second]).numpy()
        total = 0.0
        for i in range(8):
            others = [math.exp(views[i] @ views[j] / 0.5) for j in range(8) if j != i]
            total -= math.log(math.exp(views[i] @ views[(i + 4) % 8] / 0.5) / sum(others))
        assert nt_xent(first, second, 0.5).item() == pytest.approx(total / 8)

    def test_it_is_least_where_halves_agree_and_items_differ(self):
        apart = torch.eye(4)
        together = torch.ones(4, 4) / 2
        assert nt_xent(apart, apart) < nt_xent(together, together) < nt_xent(apart, apart.roll(1, 0))
        assert nt_xent(together, together).item() == pytest.approx(math.log(7))


class TestFeatures:
    def test_classes_that_pixels_mix_come_apart(self, images, learned):
        def found(points):
            mixture = GaussianMixture(3, covariance_type="spherical", n_init=5, random_state=0)
            return adjusted_rand_score(CLASSES, mixture.fit_predict(points))

        assert found(learned.transform(images)) > found(images.reshape(N, -1) / 255.0) + 0.1

    def test_they_lie_on_a_sphere(self, images, learned):
        points = learned.transform(images)
        assert points.shape == (N, 128)
        assert points.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)

    def test_equal_seeds_give_equal_bits_and_global_state_stays(self, images):
        state = torch.get_rng_state()
        first, second, other = (
            quick(n_steps=3, random_state=seed).fit(images).transform(images) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)
        assert torch.equal(torch.get_rng_state(), state)

    def test_state_and_back(self, images, learned):
        again = featurizer_of_state(learned.as_json(), learned.arrays())
        np.testing.assert_array_equal(again.transform(images), learned.transform(images))
        assert (again.image_shape, again.augment_) == ((16, 16), "strokes")

    def test_images_of_another_shape(self, learned):
        with pytest.raises(DataError, match=r"\(17, 16\).*\(16, 16\)"):
            learned.transform(np.zeros((2, 17, 16), np.uint8))

    def test_no_views_fit(self):
        with pytest.raises(DataError, match="pixels"):
            LearnedFeaturizer().fit(printed(400))

    def test_steps_are_told(self, images):
        events = []
        quick(n_steps=30).fit(images, listen=events.append)
        fractions = [event.fraction for event in events]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert [event.numbers["step"] for event in events if event.numbers] == [25, 30]
        assert {event.stage for event in events} == {"features"}


class TestResuming:
    def test_the_same_bits_as_without_a_break(self, images, tmp_path, monkeypatch):
        monkeypatch.setattr("labelwise.nn.checkpoint._SECONDS_BETWEEN", 0.0)
        place = tmp_path / "run"

        def stop(event):
            if event.numbers.get("step") == 25:
                raise Cancelled("enough")

        whole = quick(n_steps=30).fit(images)
        with pytest.raises(Cancelled):
            quick(n_steps=30).fit(images, checkpoint=place, listen=stop)
        events = []
        resumed = quick(n_steps=30).fit(images, checkpoint=place, resume=True, listen=events.append)
        assert "25" in events[0].message
        np.testing.assert_array_equal(resumed.transform(images), whole.transform(images))
        assert resumed.history_ == whole.history_

    def test_other_data_are_refused(self, images, tmp_path):
        place = tmp_path / "run"
        quick(n_steps=2).fit(images, checkpoint=place)
        with pytest.raises(CheckpointError, match="data"):
            quick(n_steps=2).fit(written(seed=1), checkpoint=place, resume=True)

    def test_a_model_resumes_from_its_features(self, images, tmp_path):
        settings = {"n_latent": 2, "n_hidden": 16, "max_epochs": 2, "random_state": 0}
        place = tmp_path / "run"

        def stop(event):
            if event.stage == "training":
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            GMVAE(3, features=quick(n_steps=4), **settings).fit(images, checkpoint=place, listen=stop)
        assert of_features(place).exists()
        steps = []
        gmvae = GMVAE(3, features=quick(n_steps=4), **settings)
        gmvae.fit(images, checkpoint=place, resume=True, listen=lambda event: steps.append(event.stage))
        assert steps.count("features") < 4
        whole = GMVAE(3, features=quick(n_steps=4), **settings).fit(images)
        np.testing.assert_array_equal(gmvae.transform(images), whole.transform(images))


class TestChoice:
    def chosen(self, items, **parameters):
        return make_featurizer(items, GMVAE(**parameters).get_params(deep=False))

    def test_auto_takes_many_images_whose_views_look_like_others(self):
        featurizer, reason = self.chosen(written(1200))
        assert isinstance(featurizer, LearnedFeaturizer)
        assert "views" in reason

    @pytest.mark.parametrize(
        ("items", "parameters"),
        [
            (written(900), {}),
            (written(1200)[:, :15], {}),
            (written(1200), {"likelihood": "bernoulli"}),
            (written(1200), {"encoder": "conv"}),
            (written(1200), {"augment": None}),
            (written(1200), {"features": "pixels"}),
            (printed(1200), {}),
            (written(1200).astype(int), {}),
        ],
    )
    def test_auto_leaves_other_images_as_they_are(self, items, parameters):
        assert self.chosen(items, **parameters) == (None, "")

    def test_auto_takes_crops_and_colours_for_photos(self):
        photos = printed(1200, channels=(3,))
        _, reason = self.chosen(photos)
        assert "colour" in reason
        assert quick(augment="auto", n_steps=1).fit(photos).augment_ == "photo"

    def test_a_model_says_what_it_looks_at(self):
        events = []

        def stop(event):
            events.append(event)
            if event.fraction > 0:
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            GMVAE(3).fit(written(1200), listen=stop)
        assert events[0].message.startswith("features: learned")

    @pytest.mark.parametrize("features", ["learned", LearnedFeaturizer()])
    def test_only_images(self, features):
        with pytest.raises(DataError, match="images"):
            GMVAE(features=features).fit(np.zeros((30, 4)))
        with pytest.raises(DataError, match="images"):
            GMVAE(features="pixels").fit(np.zeros((30, 4)))

    def test_views_are_needed(self, images):
        with pytest.raises(ParameterError, match="augment"):
            GMVAE(features="learned", augment=None).fit(images)
        with pytest.raises(ParameterError, match="learned:more"):
            GMVAE(features="learned:more").fit(images)

    @pytest.mark.parametrize("option", [{"likelihood": "bernoulli"}, {"encoder": "conv"}])
    def test_options_about_pixels(self, images, option):
        with pytest.raises(ParameterError, match=f"{next(iter(option))}=.*pixels"):
            GMVAE(features=quick(), **option).fit(images)

    def test_values_that_are_no_pixels(self, images):
        with pytest.raises(DataError, match="within 0"):
            GMVAE(features=quick()).fit(images.astype(np.float32))


class TestCandidates:
    def test_numbers_of_components_are_compared_on_features_that_are_learned_once(self, images, tmp_path):
        settings = {"features": quick(n_steps=5), "augment": "strokes", "n_latent": 4, "n_hidden": 32}
        events = []

        def compare(items):
            events.clear()
            parameters = {**settings, "max_epochs": 5}
            return compare_components(
                items, [2, 3], parameters=parameters, folder=tmp_path, listen=events.append
            )

        assert [row.n_components for row in compare(images)] == [2, 3]
        assert [event.numbers["step"] for event in events if "step" in event.numbers] == [5]
        compare(images)  # again: nothing is learned twice
        assert not any("step" in event.numbers for event in events)
        compare(written(seed=1))  # other data are learned anew
        assert any("step" in event.numbers for event in events)


class TestModel:
    def test_it_is_a_model_of_images(self, images, gmvae):
        assert gmvae.item_shape_ == (16, 16)
        assert (gmvae.n_features_in_, gmvae.augment_) == (256, "strokes")
        drawn, components = gmvae.sample(5, random_state=0)
        assert drawn.shape == (5, 16, 16)
        assert 0 <= drawn.min() <= drawn.max() <= 1
        assert components.shape == (5,)
        np.testing.assert_array_equal(gmvae.predict_proba(images), gmvae.predict_proba(images.reshape(N, -1)))
        with pytest.raises(DataError, match=r"\(17, 16\)"):
            gmvae.transform(np.zeros((2, 17, 16), np.uint8))

    def test_pictures_look_like_what_they_are_of(self, images, gmvae):
        pixels = images / 255.0
        error = np.square(gmvae.reconstruct(images) - pixels).mean()
        assert error < 0.9 * np.square(pixels - pixels.mean(axis=0)).mean()

    def test_saved_and_loaded(self, images, gmvae, tmp_path):
        gmvae.save(tmp_path / "m")
        again = GMVAE.load(tmp_path / "m")
        np.testing.assert_array_equal(again.transform(images), gmvae.transform(images))
        np.testing.assert_array_equal(again.sample(3, random_state=0)[0], gmvae.sample(3, random_state=0)[0])
        assert again.features == "learned"

    def test_an_encoding_says_that_its_features_were_learned_also_from_disk(self, images, gmvae, tmp_path):
        encoding = gmvae.encode(images)
        save_encoding(tmp_path / "encoding", encoding)
        assert encoding.is_learned
        assert open_encoding(tmp_path / "encoding").is_learned

    def test_a_student_begins_with_what_was_learned(self, images, gmvae):
        y = np.full(N, -1)
        y[:12] = CLASSES[:12]
        encoding = gmvae.encode(images)
        decoder = PoissonDecoder().fit(encoding, y)
        template = student_for(gmvae, max_rounds=2, n_steps=2, batch_size=32, random_state=0)
        assert (template.augment, template.likelihood) == ("strokes", "bernoulli")
        student = refine(
            template.set_params(learning_rate=1e-9),
            decoder, images, encoding, y, featurizer=gmvae.featurizer_,
        ).student  # fmt: skip
        assert student.featurizer_ is None
        assert student.predict(images).shape == (N,)
        begun = dict(gmvae.featurizer_.layers().named_parameters())
        for name, weights in student.network_.layers.named_parameters():
            torch.testing.assert_close(weights, begun[name], atol=1e-6, rtol=0)

    def test_a_student_alone_starts_from_noise(self, images):
        y = np.full(N, -1)
        y[:12] = CLASSES[:12]
        student = Student(max_rounds=2, n_steps=2, random_state=0).fit(images, y)
        assert student.answers_.shape == (N, 3)
