"""`labelwise train` makes a project, and `labelwise info` says what it holds."""

from __future__ import annotations

import json

import numpy as np
import pytest

import labelwise as package
from cli.conftest import LABELED, TINY, TRUTH, X, labelwise, write_labels
from labelwise import GMVAE, Project

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


class TestTrain:
    def test_what_it_says(self, trained):
        project, outcome = trained
        first, *progress = outcome.err.splitlines()
        assert first == "digits.npz: 300 images of 8x8, uint8, 10 classes"
        assert any(line.startswith("epoch 60/60: ") for line in progress)
        saved, *advice = outcome.out.splitlines()
        assert f"{project} after 60 epochs" in saved
        assert any(line.strip().startswith(f"labelwise suggest {project} ") for line in advice)

    def test_what_it_leaves(self, trained, place):
        entries = {entry.name for entry in trained[0].iterdir()}
        assert {"components", "encoding", "manifest.json", "model", "pool"} <= entries
        assert [entry.name for entry in place.iterdir() if "checkpoint" in entry.name] == []

    def test_the_options_reach_the_model(self, tmp_path, place):
        expected = {
            "n_components": 5,
            "n_latent": 3,
            "n_hidden": 7,
            "n_layers": 2,
            "max_epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.002,
            "objective": "exact",
            "augment": "affine",
            "encoder": "dense",
            "likelihood": "bernoulli",
            "init": "random",
            "precision": "fp32",
            "random_state": 11,
        }
        spelt = {"n_components": "components", "max_epochs": "epochs", "random_state": "seed"}
        arguments = ["--device", "cpu"]
        for name, value in expected.items():
            arguments += [f"--{spelt.get(name, name.removeprefix('n_')).replace('_', '-')}", value]
        assert labelwise("train", place / "digits.npz", "-o", tmp_path / "p", *arguments).code == 0
        parameters = GMVAE.load(tmp_path / "p/model").get_params()
        assert {name: parameters[name] for name in expected} == expected

    def test_the_model_is_that_of_the_library(self, trained):
        settings = {"n_latent": 4, "n_hidden": 64, "n_layers": 1, "learning_rate": 0.005, "max_epochs": 60}
        gmvae = GMVAE(12, **settings, random_state=0).fit(X)
        np.testing.assert_array_equal(gmvae.means_, Project(trained[0]).gmvae.means_)

    def test_json(self, tmp_path, place):
        arguments = ["-o", tmp_path / "p", "--epochs", 2, *TINY, "--json"]
        outcome = labelwise("train", place / "digits.npz", *arguments)
        assert outcome.code == 0
        result = json.loads(outcome.out)
        last = GMVAE.load(tmp_path / "p/model").history_[-1]
        assert {name: result[name] for name in last} == last
        assert result["project"] == str(tmp_path / "p")
        assert result["n_epochs"] == result["epoch"] == 2
        assert set(result) == {"project", "seconds", "n_epochs", "augment", *last}
        assert result["augment"] is None  # digits stand still

    def test_overwriting_a_project_keeps_its_labels(self, labelled, place):
        arguments = ["train", place / "digits.npz", "-o", labelled, "--epochs", 2, *TINY]
        assert "--overwrite" in labelwise(*arguments).reason()
        outcome = labelwise(*arguments, "--overwrite")
        assert outcome.code == 0
        assert f"{len(LABELED)} labels" in outcome.out
        project = Project(labelled)
        assert project.gmvae.n_epochs_ == 2
        assert {row: label for row, (label, _) in project.labeled().items()} == {
            i: str(TRUTH[i]) for i in LABELED
        }

    def test_a_model_that_was_saved_before(self, trained, tmp_path, place):
        arguments = ["train", place / "digits.npz", "-o", tmp_path / "p", "--model", trained[0] / "model"]
        outcome = labelwise(*arguments)
        assert outcome.code == 0, outcome
        assert Project(tmp_path / "p").model_id == Project(trained[0]).model_id

    @pytest.mark.parametrize(
        "more", [["--epochs", 3], ["--components", 5], ["--seed", 1], ["--resume"], ["--tensorboard", "logs"]]
    )
    def test_a_model_that_was_saved_before_is_trained_already(self, trained, tmp_path, place, more):
        arguments = ["train", place / "digits.npz", "-o", tmp_path / "p", "--model", trained[0] / "model"]
        reason = labelwise(*arguments, *more).reason()
        assert "--model" in reason
        assert more[0] in reason
        assert not (tmp_path / "p").exists()

    def test_a_model_of_other_items(self, trained, tmp_path):
        np.save(tmp_path / "data.npy", np.ones((30, 9, 8), np.uint8))
        arguments = ["train", tmp_path / "data.npy", "-o", tmp_path / "p", "--model", trained[0] / "model"]
        outcome = labelwise(*arguments)
        assert outcome.code == 1
        assert "(9, 8)" in outcome.err.splitlines()[-1]
        assert not (tmp_path / "p").exists()


class TestInfo:
    def test_of_a_project(self, labelled):
        outcome = labelwise("info", labelled)
        assert (outcome.code, outcome.err) == (0, "")
        project = Project(labelled)
        last, shares = project.gmvae.history_[-1], project.gmvae.shares_
        for value in (
            "digits.npz: 300 items of 8x8",
            project.source.place,
            f"{len(LABELED)} of ",
            "12 components, 4 latent dimensions",
            "collapsed, bernoulli likelihood",
            "dense, hidden 64",
            f"60 epochs, batches of {project.gmvae.batch_size_}, seed 0",
            f"{last['loss']:.2f} nats",
            f"{shares.min():.2%} to {shares.max():.2%}",
            f"labelwise {package.__version__}, format",
        ):
            assert value in outcome.out

    def test_of_what_people_said(self, labelled, tmp_path):
        component = int(Project(labelled).encoding.top[0])
        labelwise("label", labelled, "--name", f"{component}=wren")
        assert f"{component}: wren" in labelwise("info", labelled).out
        found = json.loads(labelwise("info", labelled, "--json").out)
        assert (found["n_labeled"], found["n_decisions"]) == (len(LABELED), len(LABELED) + 1)
        assert sum(found["classes"].values()) == len(LABELED)
        assert found["names"] == {str(component): "wren"}
        assert found["answerer"] is None
        labelwise("decode", labelled, "-o", tmp_path / "p.csv")
        assert json.loads(labelwise("info", labelled, "--json").out)["answerer"] == "answerer"

    def test_of_names_that_a_new_model_lost(self, labelled, place):
        top = Project(labelled).encoding.top
        rare = int(np.unique(top)[np.argmin(np.unique(top, return_counts=True)[1])])
        labelwise("label", labelled, "--name", f"{rare}=wren")
        tiny = ["--components", 1, "--latent", 2, "--hidden", 8, "--layers", 1, "--epochs", 1]
        labelwise("train", place / "digits.npz", "-o", labelled, "--overwrite", *tiny)
        assert f"{rare} (wren)" in labelwise("info", labelled).out
        (lost,) = json.loads(labelwise("info", labelled, "--json").out)["lost_names"]
        assert (lost["component"], lost["label"], lost["now"]) == (rare, "wren", [])

    def test_of_a_model(self, trained):
        outcome = labelwise("info", trained[0] / "model")
        assert (outcome.code, outcome.err) == (0, "")
        assert "12 components, 4 latent dimensions" in outcome.out
        manifest = json.loads((trained[0] / "model/manifest.json").read_text())
        assert json.loads(labelwise("info", trained[0] / "model", "--json").out) == manifest

    def test_of_an_answerer(self, labelled, tmp_path):
        labelwise("decode", labelled, "-o", tmp_path / "p.csv", "--decoder", "soft")
        outcome = labelwise("info", labelled / "answerer")
        assert (outcome.code, outcome.err) == (0, "")
        assert "soft" in outcome.out
        assert "0, 1, 2" in outcome.out

    def test_of_a_part_of_a_project(self, trained):
        assert "pool" in labelwise("info", trained[0] / "pool").reason()


def test_names_of_several_numbers_of_components(tmp_path, place):
    """The best of several is trained, and what decided is left beside the project."""
    pytest.importorskip("matplotlib")
    labels = write_labels(tmp_path / "l.csv", {i: str(TRUTH[i]) for i in range(60)})
    tiny = ["--latent", 2, "--hidden", 8, "--layers", 1, "--epochs", 1]
    arguments = ["train", place / "digits.npz", "-o", tmp_path / "p", "--components", "4,6", *tiny]
    assert labelwise(*arguments, "--labels", labels).code == 0
    n_components = Project(tmp_path / "p").gmvae.n_components
    assert n_components in (4, 6)
    assert {"p", "p.components.csv", "p.components.png"} <= {entry.name for entry in tmp_path.iterdir()}
    outcome = labelwise(*arguments, "--labels", labels, "--resume")
    assert outcome.code == 0, outcome
    assert "complete already" in outcome.err
    single = [*arguments[:4], "--components", 4, *tiny, "--labels", labels, "--overwrite"]
    assert "--labels" in labelwise(*single).reason()
