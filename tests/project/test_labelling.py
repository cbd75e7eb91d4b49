"""Labels, names of groups, and what is proposed to be labelled."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labelwise import UNLABELED, Project
from labelwise.errors import (
    LabelError,
)
from project.conftest import (
    N_ITEMS,
    NAMES,
    accuracy,
    label,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


class TestLabelling:
    def test_is_on_disk_and_known_again(self, project):
        decision = project.label(7, "wren", by="ana", how="random")
        assert (decision.items, decision.label, decision.by, decision.how) == ((7,), "wren", "ana", "random")
        assert json.loads((project.path / "labels.jsonl").read_text())["digests"]
        assert Project(project.path).labeled() == {7: ("wren", decision)}

    def test_the_latest_counts_and_none_takes_away(self, project):
        project.label(7, "wren")
        project.label(7, "owl")
        assert project.labels()[7] == "owl"
        project.label(7, None)
        assert project.labeled() == {}
        assert project.undo().label is None
        assert project.labels()[7] == "owl"
        assert project.undo().label == "owl"
        assert project.labels()[7] == "wren"
        assert project.redo().label == "owl"
        assert project.labels()[7] == "owl"

    def test_several_items_in_one_decision(self, project):
        project.label_items([3, 5, 8], "wren")
        assert sorted(project.labeled()) == [3, 5, 8]
        assert len(project.journal.decisions) == 1
        project.undo()
        assert project.labeled() == {}

    @pytest.mark.parametrize(
        ("item", "text", "how"),
        [
            (300, "x", None),
            (-1, "x", None),
            ("a.png", "x", None),
            (1, "", None),
            (1, "-1", None),
            (1, "x", "y"),
        ],
    )
    def test_what_is_refused_is_not_written(self, project, item, text, how):
        with pytest.raises(LabelError):
            project.label(item, text, how=how)
        with pytest.raises(LabelError):
            project.label_items([], "x")
        assert project.journal.decisions == []
        assert not (project.path / "labels.jsonl").exists()

    def test_suggested_items_are_known_as_such(self, project):
        first, second = project.suggest(2)
        assert project.label(first.index, "x").how == "suggested"
        assert project.label(second.index, "x", how="correction").how == "correction"
        other = next(row for row in range(N_ITEMS) if row not in (first.index, second.index))
        assert project.label(other, "x").how == "imported"
        assert project.label_items([first.index, other], "x").how == "imported"

    def test_nothing_to_undo(self, project):
        with pytest.raises(LabelError, match="undo"):
            project.undo()
        with pytest.raises(LabelError, match="redo"):
            project.redo()


class TestNaming:
    def test_a_component(self, project):
        component = int(project.encoding.top[0])
        decision = project.name(component, "wren", by="ana")
        assert (decision.component, decision.model, decision.label) == (component, project.model_id, "wren")
        assert project.names() == {component: "wren"}
        project.name(component, None)
        assert project.names() == {}
        project.undo()
        assert project.names() == {component: "wren"}

    @pytest.mark.parametrize("name", ["x", None])
    @pytest.mark.parametrize("component", [12, -1, 1.5])
    def test_what_is_no_component(self, project, component, name):
        with pytest.raises(LabelError, match="0 to 11") as caught:
            project.name(component, name)
        assert repr(component) in str(caught.value)
        assert project.journal.decisions == []

    def test_names_alone_are_enough_to_answer(self, project):
        top = project.encoding.top
        for component in np.unique(top):
            names, counts = np.unique(NAMES[top == component].astype(str), return_counts=True)
            project.name(int(component), names[counts.argmax()])
        answers = project.answers()
        assert accuracy(answers) > 0.5
        assert (answers.about["n_labeled"], answers.about["n_named"]) == (0, len(np.unique(top)))
        assert answers.about["doubtful_labels"] == []

    def test_a_name_and_labels_agree_on_what_is_answered(self, labelled):
        component = int(np.bincount(labelled.encoding.top).argmax())
        before = labelled.answers()
        labelled.name(component, "group")
        answers = labelled.answers()
        assert "group" in answers.classes
        assert "group" not in before.classes
        assert (answers.labels[labelled.encoding.top == component] == "group").mean() > 0.5


class TestSuggesting:
    def test_items_without_a_label_with_reasons(self, labelled):
        found = labelled.suggest(20)
        rows = [suggestion.index for suggestion in found]
        assert len(set(rows)) == 20
        assert not set(rows) & set(labelled.labeled())
        assert all(suggestion.reason for suggestion in found)

    def test_are_remembered_until_labels_change(self, labelled, monkeypatch):
        found = labelled.suggest(20)
        with monkeypatch.context() as patch:
            patch.setattr(
                "labelwise.planning.suggest.suggest_from", lambda *_, **__: pytest.fail("searched again")
            )
            assert labelled.suggest(20) == found
            assert Project(labelled.path).suggest(5) == found[:5]
        label(labelled, [found[0].index])
        assert found[0].index not in [suggestion.index for suggestion in labelled.suggest(20)]
        labelled.undo()
        assert labelled.suggest(20) == found

    def test_depend_on_the_seed(self, project):
        assert project.suggest(30, random_state=1) == Project(project.path).suggest(30, random_state=1)

    def test_for_other_labels(self, labelled):
        y = np.full(N_ITEMS, UNLABELED, dtype=object)
        y[:150] = NAMES[:150]
        rows = [suggestion.index for suggestion in labelled.suggest(10, labels=y)]
        assert min(rows) >= 150
        assert len(labelled.labeled()) == 40


class TestSheets:
    def test_show_items_without_a_label_of_one_group_each(self, labelled):
        sheets = labelled.sheets(4)
        rows = [int(row) for sheet in sheets for row in sheet.items]
        assert len(sheets) == 4
        assert len(set(rows)) == len(rows)
        assert not set(rows) & set(labelled.labeled())
        assert all(sheet.reason and len(sheet.items) <= sheet.n_items for sheet in sheets)

    def test_one_decision_names_one_and_the_odd_ones_get_their_own(self, project):
        (sheet,) = project.sheets(1)
        decision = project.label_items([int(row) for row in sheet.items], "wren", by="ana")
        assert decision.how == "suggested"
        odd = int(sheet.items[-1])
        project.label(odd, "owl")
        assert len(project.journal.decisions) == 2
        labels = project.labels()
        assert [labels[row] for row in sheet.items] == ["wren"] * (len(sheet.items) - 1) + ["owl"]

    def test_come_with_predictions_once_there_are_labels(self, labelled):
        assert set(labelled.sheets(1)[0].predictions) <= set(NAMES)

    def test_come_without_any_before(self, project):
        assert project.sheets(1)[0].predictions is None

    def test_may_be_of_any_size(self, project):
        assert [len(sheet.items) for sheet in project.sheets(2, size=3)] == [3, 3]

    def test_names_of_components_count_as_labels(self, project):
        first, second = np.unique(project.encoding.top)[:2].tolist()
        project.name(first, "wren")
        project.name(second, "owl")
        assert set(project.sheets(1)[0].predictions) <= {"wren", "owl"}
