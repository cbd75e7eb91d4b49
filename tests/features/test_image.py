"""Images by a tiny model of timm, alone, and from a folder of photos to answers on the command line."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image

from cli.conftest import labelwise, read_table, write_labels
from labelwise import GMVAE, load_dataset
from labelwise.errors import DataError, MissingExtraError
from labelwise.features.image import ImageFeaturizer
from tiny_models import image_model

N = 70
SMALL = ("--components", 4, "--latent", 2, "--hidden", 16, "--epochs", 10, "--device", "cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return image_model(tmp_path_factory.mktemp("image") / "model")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Dark and light photos of many sizes."""
    place = tmp_path_factory.mktemp("photos") / "photos"
    rng = np.random.default_rng(0)
    for number in range(N):
        name = "dark" if number % 2 else "light"
        (place / name).mkdir(parents=True, exist_ok=True)
        low = 0 if name == "dark" else 155
        pixels = rng.integers(low, low + 100, (20 + number, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / name / f"{number:02}.png")
    return place


def test_photos_and_arrays(model, folder):
    photos = load_dataset(folder, as_photos=True).X
    featurizer = ImageFeaturizer(str(model)).fit(photos)
    features = featurizer.transform(photos)
    assert features.shape == (N, featurizer.n_features_)
    assert features.dtype == np.float32
    assert featurizer.describe().endswith(f" features by image:{model.name}")
    pixels = np.asarray(photos[3])[None]
    np.testing.assert_allclose(featurizer.transform(pixels)[0], features[3], atol=1e-4)


@pytest.mark.parametrize("shape", [(3, 8, 9), (3, 8, 9, 1), (3, 8, 9, 3)])
def test_arrays_of_images(model, shape):
    images = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    features = ImageFeaturizer(str(model)).fit(images).transform(images)
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) == 3


def test_the_same_values_in_another_shape_are_another_image(model):
    images = np.random.default_rng(0).integers(0, 255, (64, 6, 8), dtype=np.uint8)
    featurizer = ImageFeaturizer(str(model)).fit(images)
    first = featurizer.transform(images)
    assert not np.allclose(featurizer.transform(images.reshape(64, 8, 6)), first)


@pytest.mark.parametrize(
    "items", [["a text"], np.zeros((4, 3)), np.zeros((4, 8, 8)), np.zeros((4, 8, 8, 2), "u1")]
)
def test_what_is_no_image_is_refused(model, items):
    with pytest.raises(DataError, match="reads images"):
        GMVAE(4, features=f"image:{model}").fit(items)


def test_without_the_library(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"labelwise\[photos\]"):
        ImageFeaturizer(str(model)).fit(np.zeros((2, 4, 4), np.uint8))


def test_without_a_model_photos_are_refused(folder):
    with pytest.raises(DataError, match="image:FOLDER"):
        GMVAE(4).fit(load_dataset(folder, as_photos=True).X)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"architecture": "no_such_net"}, "cannot be loaded"),
        ({"architecture": "test_vit"}, "cannot be loaded"),
        (None, "config.json"),
    ],
)
def test_a_folder_that_is_no_model_of_timm(tmp_path, folder, change, told):
    broken = image_model(tmp_path / "broken")
    config = broken / "config.json"
    if change is None:
        config.unlink()
    else:
        config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(DataError, match=told) as caught:
        ImageFeaturizer(str(broken)).fit(load_dataset(folder, as_photos=True).X)
    assert str(broken) in str(caught.value)


@pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")  # a model trained for a second
def test_from_a_folder_to_answers(model, folder, tmp_path):
    project, answers = tmp_path / "p.lw", tmp_path / "p.csv"
    outcome = labelwise("train", folder, "-o", project, "--features", f"image:local-dir:{model}", *SMALL)
    assert outcome.code == 0, outcome
    assert "photos: 70 photos, 2 classes" in outcome.err
    assert "features of 70 images" in outcome.err
    assert "photos: 70 photos" in labelwise("info", project).out
    paths = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    labels = write_labels(tmp_path / "l.csv", {path: path.split("/")[0] for path in paths[::4]}, key="path")
    assert labelwise("label", project, labels).code == 0
    assert labelwise("decode", project, "-o", answers).code == 0
    rows = read_table(answers)
    assert np.mean([row["label"] == row["path"].split("/")[0] for row in rows]) > 0.9
    taken = labelwise("train", folder, "-o", tmp_path / "q.lw", "--model", project / "model")
    assert taken.code == 0, taken
    (tmp_path / "new").mkdir()
    Image.new("L", (99, 33), 20).save(tmp_path / "new" / "night.png")
    (tmp_path / "new" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    for asked in (project, project / "answerer"):
        outcome = labelwise("decode", asked, tmp_path / "new", "-o", answers, "--skip-unreadable")
        assert outcome.code == 0, outcome
        assert "skipped broken.jpg" in outcome.err
        assert [row["path"] for row in read_table(answers)] == ["night.png"]
