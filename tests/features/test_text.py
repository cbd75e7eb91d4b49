"""Texts by a tiny model of sentence-transformers, alone and through a model, a classifier and a project."""

from __future__ import annotations

import json
import shutil
import sys
import types

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from labelwise import GMVAE, UNLABELED, GMVAEClassifier, Project, load
from labelwise.errors import DataError, MissingExtraError, ParameterError
from labelwise.features.text import TextFeaturizer
from labelwise.student import Student
from tiny_models import text_model

N = 90
TRUTH = np.array(["cat", "dog"] * (N // 2))
TEXTS = [
    f"the {name} {number}" for number, name in enumerate(np.where(TRUTH == "cat", "cat purr", "dog howl"))
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return text_model(tmp_path_factory.mktemp("text"))


@pytest.fixture
def gmvae(model):
    return GMVAE(
        4, features=f"text:{model}", n_latent=2, n_hidden=16, max_epochs=10, random_state=0, device="cpu"
    )


def test_features_have_length_one_whatever_else_is_in_the_batch(model):
    featurizer = TextFeaturizer(str(model)).fit(TEXTS)
    features = featurizer.transform(TEXTS)
    assert features.shape == (N, 16)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(featurizer.transform([*TEXTS[7:8], "a" * 40])[0], features[7], atol=1e-5)


def test_loading_says_nothing(model, capfd):
    TextFeaturizer(str(model)).fit(["cat"]).transform(["dog"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_texts_of_any_kind(gmvae, kind):
    fitted = gmvae.fit(kind(TEXTS))
    assert fitted.predict_proba(kind(TEXTS[:3])).shape == (3, 4)
    assert fitted.item_shape_ == (16,)


def test_saved_and_loaded_the_model_is_needed_for_new_texts_alone(gmvae, model, tmp_path):
    fitted = gmvae.fit(TEXTS)
    fitted.save(tmp_path / "m")
    moved = shutil.move(model, tmp_path / "moved")
    try:
        again = GMVAE.load(tmp_path / "m")
        np.testing.assert_array_equal(again.transform(TEXTS), fitted.transform(TEXTS))
        with pytest.raises(DataError, match="there is no model") as caught:
            again.predict(["a new text"])
        assert str(model) in str(caught.value)
    finally:
        shutil.move(moved, model)
    assert again.predict(["a new text"]).shape == (1,)
    assert clone(again).get_params()["features"] == f"text:{model}"


def test_a_featurizer_itself_may_be_given(gmvae, model, tmp_path):
    fitted = gmvae.set_params(features=TextFeaturizer(str(model))).fit(TEXTS)
    fitted.save(tmp_path / "m")
    assert GMVAE.load(tmp_path / "m").features == f"text:{model}"


@pytest.mark.parametrize("refine", [False, Student(max_rounds=2, n_steps=8, batch_size=32, random_state=0)])
def test_a_classifier_and_what_it_saves_read_texts(gmvae, tmp_path, refine):
    y = np.full(N, UNLABELED, dtype=object)
    y[:20] = TRUTH[:20]
    classifier = GMVAEClassifier(gmvae, refine=refine, random_state=0).fit(TEXTS, y)
    assert (classifier.predict(TEXTS) == TRUTH)[20:].mean() > 0.9
    classifier.save(tmp_path / "a")
    new = ["the cat purr", "a dog howl"]
    np.testing.assert_array_equal(load(tmp_path / "a").predict_proba(new), classifier.predict_proba(new))


def test_a_project_of_a_list(gmvae, tmp_path):
    project = Project.create(tmp_path / "p", TEXTS, gmvae=gmvae)
    for row in range(20):
        project.label(row, TRUTH[row])
    assert (project.answers().labels == TRUTH).mean() > 0.9
    assert project.pool.item_shape == ()
    assert project.texts() is None  # a project does not keep what came as a list
    assert project.answer_new(["the dog howl"]).labels.tolist() == ["dog"]
    found = project.refine(Student(max_rounds=2, n_steps=8, batch_size=32, random_state=0), items=TEXTS)
    assert found.student is not None
    with pytest.raises(DataError, match="1 new, 1 gone"):
        project.refine(items=["other", *TEXTS[1:]])


def test_without_the_library(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"labelwise\[text\]"):
        TextFeaturizer(str(model)).fit(["cat"])
    monkeypatch.setitem(sys.modules, "sentence_transformers", types.ModuleType("sentence_transformers"))
    with pytest.raises(DataError, match="cannot be used"):
        TextFeaturizer(str(model)).fit(["cat"])


@pytest.mark.parametrize("features", ["auto", "none"])
def test_without_a_model_texts_are_refused(features):
    with pytest.raises(DataError, match="text:FOLDER"):
        GMVAE(4, features=features).fit(TEXTS)


def test_other_items_are_refused(model):
    features = f"text:{model}"
    with pytest.raises(DataError, match=r"'text', 'kind'.*text_column"):
        GMVAE(4, features=features).fit(pd.DataFrame({"text": TEXTS, "kind": TRUTH}))
    with pytest.raises(DataError, match=r"ndarray and shape \(9, 5\)"):
        GMVAE(4, features=features).fit(np.zeros((9, 5)))
    with pytest.raises(DataError, match="row 1 holds 5"):
        GMVAE(4, features=features).fit(["one", 5])
    with pytest.raises(ParameterError, match=r"'text:'.*'text:…'"):
        GMVAE(4, features="text:").fit(TEXTS)


def broken(model, folder, name, content):
    shutil.copytree(model, folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("modules.json", None, "modules.json"),
        ("modules.json", "{", "cannot be loaded"),
        ("config.json", "{}", "cannot be loaded"),
        ("model.safetensors", "cut", "cannot be loaded"),
        ("own.py", "raise SystemExit", "code of the model's own"),
    ],
)
def test_a_folder_that_is_no_model_of_the_kind(model, tmp_path, name, content, told):
    folder = broken(model, tmp_path / "broken", name, content)
    with pytest.raises(DataError, match=told) as caught:
        TextFeaturizer(str(folder)).fit(TEXTS)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_modules_of_other_packages_are_not_imported(model, tmp_path):
    modules = json.loads((model / "modules.json").read_text())
    modules[1]["type"] = "antigravity.Pooling"
    folder = broken(model, tmp_path / "odd", "modules.json", json.dumps(modules))
    with pytest.raises(DataError, match="cannot be loaded"):
        TextFeaturizer(str(folder)).fit(TEXTS)
