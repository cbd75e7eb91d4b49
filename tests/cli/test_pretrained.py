"""Pre-trained models in a process of their own, which imports their libraries as a user's does."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cli.conftest import finish, start_labelwise
from tiny_models import WORDS, image_model, text_model

SMALL = ("--components", 2, "--epochs", 2)


def texts(folder):
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS, 4)) for _ in range(60)]
    (folder / "texts.txt").write_text("\n".join(lines))
    return folder / "texts.txt", f"text:{text_model(folder / 'model')}"


def photos(folder):
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for number in range(30):
        pixels = rng.integers(256, size=(9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    return folder / "photos", f"image:{image_model(folder / 'model')}"


@pytest.mark.slow
@pytest.mark.parametrize("make", [texts, pytest.param(photos, marks=pytest.mark.long)])
def test_a_model_is_trained_on_their_features(make, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data, features = make(tmp_path)
    options = ("-o", tmp_path / "p.labelwise", "--features", features, *SMALL)
    outcome = finish(start_labelwise("train", data, *options), timeout=300)
    assert outcome.code == 0, outcome
    assert (tmp_path / "p.labelwise" / "model" / "manifest.json").exists()
