"""The card of an answerer: README.md in its folder."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import numpy as np
import pytest

from labelwise import LinearStudent, Project, load
from labelwise.project.card import escaped
from project.conftest import NAMES, RANDOM, label


def card(project):
    return (project.path / "answerer" / "README.md").read_text(encoding="utf-8")


def test_says_what_answers_and_from_what(labelled):
    labelled.answers()
    text = card(labelled)
    assert text.startswith("---\nlibrary_name: labelwise\n")
    assert "300 items of shape" in text
    assert "40 of 300 items have a label: 40 chosen at random." in text
    assert labelled.pool.fingerprint in text
    assert labelled.model_id in text
    assert re.search(r"right on \d+ of \d+ \(\d+%; 95% interval \d+% to \d+%\)", text)
    assert re.search(r"at temperature \d", text)
    assert "expected to be right" in text
    name, count = Counter(NAMES[RANDOM[:40]]).most_common(1)[0]
    assert re.search(rf"\| {name} \| {count} \| \d+ \| [01]\.\d\d \|", text)
    assert "labelwise.load(" in text


def test_names_nobody_and_no_place(project, tmp_path):
    label(project, RANDOM[:40], by="ana@example.org")
    project.answers()
    assert "ana" not in card(project)
    assert str(tmp_path) not in card(project)


def test_names_no_folder_of_a_model_that_reads_texts(tmp_path):
    from tiny_models import text_model

    model = text_model(tmp_path / "home of ana" / "reader")
    texts = [f"{word} {number}" for number in range(20) for word in ("good day", "bad night")]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    with Project.create(
        tmp_path / "p", tmp_path / "texts.txt", features=f"text:{model}", n_components=4, max_epochs=2
    ) as project:
        for row in range(10):
            project.label(row, ["good", "bad"][row % 2])
        project.answers()
        assert "features by text:model" in card(project)
        assert "ana" not in card(project)


def test_is_the_same_for_equal_projects(labelled, tmp_path):
    shutil.copytree(labelled.path, tmp_path / "other", ignore=shutil.ignore_patterns("lock"))
    labelled.answers()
    with Project.open(tmp_path / "other") as other:
        other.answers()
        assert card(other) == card(labelled)


def test_of_few_labels_nothing_is_estimated(project):
    label(project, RANDOM[:12])
    project.answers()
    assert "Not estimated" in card(project)
    assert "whose probabilities are not calibrated" in card(project)


@pytest.mark.filterwarnings("ignore::labelwise.errors.LabelwiseWarning")  # names of components that are mixed
def test_of_names_alone(project):
    for component in np.unique(project.encoding.top)[:8]:
        project.name(int(component), ["odd", "even"][component % 2])
    project.answers()
    assert "0 of 300 items have a label" in card(project)
    assert "8 whole components have a name" in card(project)
    assert "Not estimated: typical items of named components" in card(project)


def test_of_another_decoder(labelled):
    labelled.answers("soft")
    assert "SoftDecoder, whose probabilities are not calibrated" in card(labelled)
    assert "expected to be right" not in card(labelled)


def test_of_a_student(labelled):
    labelled.refine(LinearStudent(random_state=0))
    assert "Answers are by LinearStudent" in card(labelled)
    assert "no label was kept back" in card(labelled)


def test_what_users_wrote_is_shown_as_it_is(project):
    names = ["<b>|x|</b>", "[a](http://b)", "two\nlines", "`c`"]
    for row in range(40):
        project.label(row, names[row % 4].replace("\n", " "))
    project.answers()
    text = card(project)
    assert "<b>" not in text
    assert "| \\[a\\](http://b) |" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "a\x07b", "a\tb"])
def test_one_line_stays_one(text):
    assert escaped(text) == "a b"


def test_goes_where_the_answerer_goes(labelled, tmp_path):
    labelled.answers()
    load(labelled.path).save(tmp_path / "copy")
    assert (tmp_path / "copy" / "README.md").read_text(encoding="utf-8") == card(labelled)
    assert np.array_equal(load(tmp_path / "copy").classes_, labelled.answerer.classes_)
