"""A model of a table with columns of any kind, alone and in a classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from labelwise import GMVAE, UNLABELED, GMVAEClassifier, load
from labelwise.errors import DataError, StorageError
from labelwise.features.table import TableFeaturizer
from labelwise.student import Student

N = 120
TRUTH = np.array(["cat", "dog"] * (N // 2))


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    is_dog = TRUTH == "dog"
    born = pd.Series(pd.date_range("2020-01-01", periods=N))
    frame = pd.DataFrame(
        {
            "weight": rng.normal(np.where(is_dog, 20, 4), 1),
            "sound": np.where(is_dog, "bark", "meow"),
            "born": born.where(rng.random(N) < 0.9),
        }
    )
    frame.loc[::9, "weight"] = np.nan
    return frame


@pytest.fixture(scope="module")
def fitted(frame):
    return GMVAE(4, n_latent=2, n_hidden=16, max_epochs=30, random_state=0).fit(frame)


def few_labels():
    y = np.full(N, UNLABELED, dtype=object)
    y[:12] = TRUTH[:12]
    return y


def test_it_learns_the_features_of_the_frame(fitted, frame):
    plain = clone(fitted).fit(fitted.featurize(frame))
    np.testing.assert_array_equal(fitted.transform(frame), plain.transform(fitted.featurize(frame)))
    assert plain.featurizer_ is None
    assert fitted.item_shape_ == fitted.featurize(frame).shape[1:]


def test_rows_may_come_one_by_one_and_columns_in_any_order(fitted, frame):
    one = frame[["born", "sound", "weight"]].iloc[7:8]
    np.testing.assert_allclose(fitted.transform(one), fitted.transform(frame)[7:8], atol=1e-5)


def test_other_columns_are_refused(fitted, frame):
    with pytest.raises(DataError, match="'sound'"):
        fitted.encode(frame.drop(columns="sound"))
    with pytest.raises(DataError, match="ndarray"):
        fitted.encode(np.zeros((3, 5)))


@pytest.mark.parametrize("features", ["auto", "object"])
def test_saved_and_loaded_it_gives_the_same_bits(fitted, frame, tmp_path, features):
    if features == "object":
        fitted = clone(fitted).set_params(features=TableFeaturizer(fitted.featurizer_.schema_)).fit(frame)
    fitted.save(tmp_path / "m")
    again = GMVAE.load(tmp_path / "m")
    np.testing.assert_array_equal(again.transform(frame), fitted.transform(frame))
    assert again.featurizer_.schema_ == fitted.featurizer_.schema_


def test_a_damaged_schema_is_told(fitted, tmp_path):
    fitted.save(tmp_path / "m")
    manifest = tmp_path / "m" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"kind": "category"', '"kind": "colour"'))
    with pytest.raises((StorageError, DataError), match="colour"):
        GMVAE.load(tmp_path / "m")


@pytest.mark.parametrize("refine", [False, Student(max_rounds=2, n_steps=8, batch_size=32, random_state=0)])
def test_a_classifier_takes_frames_and_so_does_what_it_saves(frame, fitted, tmp_path, refine):
    classifier = GMVAEClassifier(fitted, prefit=True, refine=refine, random_state=0).fit(frame, few_labels())
    assert (classifier.predict(frame) == TRUTH)[12:].mean() > 0.9
    classifier.save(tmp_path / "a")
    again = load(tmp_path / "a")
    np.testing.assert_array_equal(again.predict_proba(frame), classifier.predict_proba(frame))
    assert again.featurizer_ is not None
