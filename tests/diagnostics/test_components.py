"""Choosing the number of components, with and without labels."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest

from cli.conftest import labelwise, read_table, write_labels
from labelwise import GMVAE
from labelwise.diagnostics import components as choice
from labelwise.diagnostics.components import auto_grid, compare_components
from labelwise.errors import DataError
from labelwise.events import Cancelled
from labelwise.project import Project

SMALL = {
    "n_latent": 3,
    "n_hidden": 32,
    "n_layers": 1,
    "max_epochs": 15,
    "learning_rate": 5e-3,
    "batch_size": 32,
}
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


@pytest.fixture(scope="module")
def blobs():
    """Four groups far apart, and which group each item is of."""
    rng = np.random.default_rng(0)
    groups = rng.integers(4, size=300)
    X = rng.normal(0, 6, (4, 5))[groups] + rng.normal(0, 1, (300, 5))
    return X.astype(np.float32), groups


def test_labels_show_that_too_few_components_mix_classes(blobs, tmp_path):
    X, groups = blobs
    y = np.where(np.arange(300) % 8 == 0, groups, -1)
    rows = compare_components(X, [2, 6, 12], parameters=SMALL, folder=tmp_path / "c", y=y)
    assert [row.n_components for row in rows] == [2, 6, 12]
    assert rows[0].accuracy < 0.8 < rows[1].accuracy
    assert [row.chosen for row in rows] == [False, True, False]
    assert all(row.behind >= 0 for row in rows)
    assert min(row.behind for row in rows) == 0


def test_without_labels_there_is_no_accuracy_and_one_choice(blobs, tmp_path):
    rows = compare_components(blobs[0], [2, 6], parameters=SMALL, folder=tmp_path / "c")
    assert all(math.isnan(row.accuracy) for row in rows)
    assert sum(row.chosen for row in rows) == 1
    assert all(-1 <= row.stability <= 1 for row in rows)


def test_a_few_labels_are_not_enough_to_choose_by(blobs, tmp_path):
    X, groups = blobs
    y = np.where(np.arange(300) < 19, groups, -1)
    rows = compare_components(X, [2, 6], parameters=SMALL, folder=tmp_path / "c", y=y)
    assert all(math.isnan(row.accuracy) for row in rows)


class TestRule:
    elbos = tuple(np.array([0.0, 1.0, 2.0, 3.0]) - shift for shift in (5.0, 0.0, 0.0))
    same = (np.array([0, 1, 0, 1]),) * 2
    other = (np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))

    def chosen(self, components, accuracies=((), (), ()), n_labeled=0):
        rows = choice._choose([5, 10, 20], self.elbos, components, accuracies, n_labeled)
        return next(row.n_components for row in rows if row.chosen)

    def test_the_largest_that_is_as_good_and_as_stable(self):
        assert self.chosen([self.same, self.same, self.same]) == 20

    def test_an_unstable_one_is_passed_over(self):
        assert self.chosen([self.same, self.same, self.other]) == 10

    def test_labels_prefer_the_smallest_that_is_as_good(self):
        right = [[np.full(30, value)] * 2 for value in (0.9, 0.9, 0.9)]
        assert self.chosen([self.same] * 3, right, n_labeled=30) == 5


def test_candidates_that_are_there_are_not_trained_again(blobs, tmp_path):
    rows = compare_components(blobs[0], [2, 6], parameters=SMALL, folder=tmp_path / "c")
    with mock.patch.object(GMVAE, "fit", side_effect=AssertionError):
        again = compare_components(blobs[0], [2, 6], parameters=SMALL, folder=tmp_path / "c")
    assert [row.elbo for row in again] == [row.elbo for row in rows]
    with pytest.raises(AssertionError), mock.patch.object(GMVAE, "fit", side_effect=AssertionError):
        compare_components(blobs[0] + 1, [2], parameters=SMALL, folder=tmp_path / "c")


class TestEvents:
    def test_fractions_rise_to_the_end(self, blobs, tmp_path):
        events = []
        compare_components(blobs[0], [2, 6], parameters=SMALL, folder=tmp_path / "c", listen=events.append)
        assert {event.stage for event in events} == {"components"}
        fractions = [event.fraction for event in events]
        assert fractions == sorted(fractions)
        assert [fraction for fraction in fractions if fraction == 1] == [1]
        for n_components in (2, 6):
            assert any(event.message.startswith(f"{n_components} components") for event in events)

    def test_cancelling_leaves_models_trained_so_far(self, blobs, tmp_path):
        def listen(event):
            if event.fraction > 0.7:  # in the fourth of four models
                raise Cancelled("enough")

        arguments = {"parameters": SMALL, "folder": tmp_path / "c"}
        with pytest.raises(Cancelled):
            compare_components(blobs[0], [2, 6], **arguments, listen=listen)
        kept = sorted(path.name for path in (tmp_path / "c").iterdir())
        assert kept == ["2-0.labelwise", "2-1.labelwise", "6-0.labelwise"]
        fitted = []
        fit = GMVAE.fit
        with mock.patch.object(
            GMVAE, "fit", lambda self, X, **rest: fitted.append(self) or fit(self, X, **rest)
        ):
            compare_components(blobs[0], [2, 6], **arguments)
        assert [(model.n_components, model.random_state) for model in fitted] == [(6, 1)]


def test_grids_leave_twenty_items_a_component():
    assert auto_grid(70_000) == [10, 20, 50, 100, 200]
    assert auto_grid(1000) == [10, 20, 50]
    assert auto_grid(50) == [2]


def test_too_few_items_are_refused(blobs, tmp_path):
    with pytest.raises(DataError, match=r"300 items .* 280 components"):
        compare_components(blobs[0], [2, 280], parameters=SMALL, folder=tmp_path / "c")


class TestCommand:
    OPTIONS = ("--latent", 3, "--hidden", 32, "--layers", 1, "--epochs", 10, "--learning-rate", 0.005)

    def test_the_choice_is_used_and_written_beside_the_project(self, blobs, tmp_path):
        np.savez(tmp_path / "blobs.npz", X=blobs[0])
        labels = write_labels(tmp_path / "labels.csv", {i: f"g{blobs[1][i]}" for i in range(60)})
        arguments = ["train", tmp_path / "blobs.npz", "-o", tmp_path / "m", "--components", "2,8"]
        outcome = labelwise(*arguments, "--labels", labels, *self.OPTIONS)
        assert outcome.code == 0, outcome
        rows = read_table(tmp_path / "m.components.csv")
        (chosen,) = [int(row["n_components"]) for row in rows if row["chosen"] == "True"]
        assert f"chosen: {chosen} components" in outcome.err
        assert len(Project.open(tmp_path / "m").gmvae.weights_) == chosen
        assert (tmp_path / "m.components.png").read_bytes()[:4] == b"\x89PNG"
        assert not (tmp_path / "m.candidates").exists()

    @pytest.mark.parametrize("components", ["0", "5,5", "many", "10,-1", ""])
    def test_wrong_numbers_are_refused(self, components, tmp_path):
        outcome = labelwise("train", "digits", "-o", tmp_path / "m", "--components", components)
        assert f"--components {components}" in outcome.reason()

    def test_labels_alone_are_refused(self, tmp_path):
        outcome = labelwise("train", "digits", "-o", tmp_path / "m", "--labels", "l.csv")
        assert "--labels" in outcome.reason()
