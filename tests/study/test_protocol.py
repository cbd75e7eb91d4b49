"""What a study may say, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelwise.data import Dataset
from labelwise.errors import StudyError
from labelwise.study.methods import METHODS
from labelwise.study.protocol import (
    PUBLISHED_FRACTIONS,
    check_data,
    default_study,
    label_budgets,
    make_study,
    read_study,
    split_parts,
)

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_that_ship_can_be_read(path):
    study = read_study(path)
    assert study.draws == 5
    assert set(study.methods) <= set(METHODS)


def test_there_are_five_of_them():
    names = {path.stem for path in STUDIES}
    assert names >= {"digits", "emnist_letters", "emnist_letters_published", "fashion_mnist", "mnist"}


def test_the_default_is_the_published_protocol():
    study = default_study("emnist-letters")
    assert study.draws == 5
    assert label_budgets(study, 145_600) == [7, 73, 146, 291, 728, 1456, 2912, 7280, 72800]
    assert len(PUBLISHED_FRACTIONS) == 9


def test_digits_are_studied_as_their_file_says():
    shipped = read_study(next(path for path in STUDIES if path.stem == "digits"))
    assert default_study("digits") == shipped


def test_fractions_that_make_no_sense_for_the_size_are_left_out():
    assert label_budgets(make_study({"dataset": "digits"}), 1797) == [2, 4, 9, 18, 36, 90, 898]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "dataset is missing"),
        ({"dataset": "digits", "drawz": 3}, "unknown key drawz: did you mean draws?"),
        ({"dataset": "digits", "xyzzy": 3}, "unknown key xyzzy: allowed are dataset, fractions"),
        ({"dataset": "digits", "methods": ["soft", "wizardry"]}, "unknown method wizardry: allowed are hard"),
        ({"dataset": "digits", "methods": ["XGBost"]}, "unknown method XGBost: did you mean XGBoost?"),
        ({"dataset": "digits", "methods": ["soft", 3]}, r"methods=\['soft', 3\]"),
        ({"dataset": "digits", "methods": ["MLP", "mlp"]}, "methods .*twice"),
        ({"dataset": "digits", "methods": []}, "methods"),
        ({"dataset": "digits", "fractions": [0.1, 1.5]}, r"fractions=\[0.1, 1.5\] must be"),
        ({"dataset": "digits", "fractions": [0.1], "budgets": [3]}, "not both"),
        ({"dataset": "digits", "draws": 0}, "draws=0 must be an integer of at least 1"),
        ({"dataset": "digits", "model_seeds": [1, 1]}, "model_seeds .*twice"),
        ({"dataset": "digits", "held_out": "all"}, "held_out='all' must be"),
        ({"dataset": "digits", "model": {"n_component": 5}}, "did you mean model.n_components?"),
        ({"dataset": "digits", "model": {"n_components": -5}}, "n_components=-5 must be"),
        ({"dataset": "digits", "model": {"random_state": 5}}, "unknown key model.random_state"),
        ({"dataset": "digits", "model": 5}, "model=5 must be a table"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(StudyError, match=message):
        make_study(settings)


def test_methods_are_given_by_name_or_id_and_written_by_name():
    study = make_study({"dataset": "digits", "methods": ["hard (as published)", "label-spreading", "MLP"]})
    assert study.methods == ("hard-published", "label-spreading", "mlp")
    assert study.as_dict()["methods"] == ["hard (as published)", "label spreading", "MLP"]
    assert make_study(study.as_dict()) == study


def test_all_faults_are_named_at_once():
    with pytest.raises(StudyError) as caught:
        make_study({"dataset": "digits", "draws": 0, "foo": 1})
    assert "draws=0" in str(caught.value)
    assert "foo" in str(caught.value)


def test_a_file_that_is_not_toml(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("dataset = ")
    with pytest.raises(StudyError, match="is not TOML"):
        read_study(path)
    with pytest.raises(StudyError, match=r"nowhere.toml cannot be read: No such file"):
        read_study(tmp_path / "nowhere.toml")


def test_a_path_is_relative_to_the_file(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((3, 2)))
    (tmp_path / "s.toml").write_text('dataset = "a.npz"\n')
    assert read_study(tmp_path / "s.toml").dataset == str(tmp_path / "a.npz")


def data(y, names=("a", "b", "c"), split=None):
    y = None if y is None else np.asarray(y)
    n = 30 if y is None else len(y)
    return Dataset(np.zeros((n, 2)), y, None if y is None else list(names), "toy", split=split)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (data(None), "has no label column"),
        (data(np.zeros(30, int), names="a"), "only one class"),
        (data([0, 1, 2]), "3 items of 3 classes: too few"),
        (data([0] * 20 + [1] * 5 + [2]), r"'c' \(1\)"),
    ],
)
def test_data_that_cannot_be_studied_are_refused(dataset, message):
    study = make_study({"dataset": "toy"})
    with pytest.raises(StudyError, match=message):
        check_data(study, dataset, split_parts(study, dataset))


@pytest.mark.parametrize("settings", [{"budgets": [30]}, {"fractions": [0.001]}])
def test_budgets_that_leave_nothing_are_refused(settings):
    study = make_study({"dataset": "toy", **settings})
    dataset = data(np.arange(30) % 3)
    with pytest.raises(StudyError, match=r"a budget of (30|0) labels cannot be studied with 30 items"):
        check_data(study, dataset, split_parts(study, dataset))


class TestParts:
    split = np.arange(30) >= 20
    dataset = data(np.arange(30) % 3, split=split)

    def test_the_test_part_is_held_out(self):
        parts = split_parts(make_study({"dataset": "toy"}), self.dataset)
        assert parts.held_out.tolist() == list(range(20, 30))
        assert parts.pool.tolist() == list(range(20))

    def test_or_nothing(self):
        parts = split_parts(make_study({"dataset": "toy", "held_out": "none"}), self.dataset)
        assert len(parts.held_out) == 0
        assert len(parts.pool) == 30

    def test_or_a_share_that_is_always_the_same(self):
        study = make_study({"dataset": "toy", "held_out": 0.2})
        parts, again = split_parts(study, self.dataset), split_parts(study, self.dataset)
        assert len(parts.held_out) == 6
        np.testing.assert_array_equal(parts.held_out, again.held_out)
        assert sorted([*parts.held_out, *parts.pool]) == list(range(30))
