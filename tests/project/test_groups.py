"""Names of components go with their items to another model."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise.errors import StorageError
from labelwise.project.groups import Group, keep_assignment, match_names
from labelwise.project.journal import Decision

DIGESTS = np.arange(100, dtype=np.uint64) * 7919
BEFORE = np.repeat(np.arange(5), 20)  # components of the first model: 20 items each


@pytest.fixture
def folder(tmp_path):
    """Where the first model's components are kept."""
    keep_assignment(tmp_path / "first.safetensors", DIGESTS, BEFORE)
    return tmp_path


def named(*names, model="first"):
    return [
        Decision(n, "name", component=component, model=model, label=label)
        for n, (component, label) in enumerate(names, start=1)
    ]


def test_hold_as_they_are_for_the_model_that_was_named(folder):
    names, groups = match_names(named((1, "wren"), (4, "robin")), "first", DIGESTS, BEFORE, folder)
    assert names == {1: "wren", 4: "robin"}
    assert groups == [Group(1, "wren", "first", (1,)), Group(4, "robin", "first", (4,))]


def test_the_latest_name_counts(folder):
    decisions = named((1, "wren"), (1, "robin"), (2, "owl"), (2, None))
    names, groups = match_names(decisions, "first", DIGESTS, BEFORE, folder)
    assert names == {1: "robin"}
    assert groups == [Group(1, "robin", "first", (1,))]


def test_go_to_a_retrained_model_that_numbers_otherwise(folder):
    now = (BEFORE + 3) % 5
    names, groups = match_names(named((1, "wren"), (4, "robin")), "second", DIGESTS, now, folder)
    assert names == {4: "wren", 2: "robin"}
    assert groups == [Group(1, "wren", "first", (4,)), Group(4, "robin", "first", (2,))]


def test_go_with_the_items_whatever_their_order(folder):
    order = np.random.default_rng(0).permutation(100)
    names, _ = match_names(named((1, "wren")), "second", DIGESTS[order], BEFORE[order], folder)
    assert names == {1: "wren"}


def test_a_split_component_gives_its_name_to_all_parts(folder):
    now = BEFORE.copy()
    now[20:30] = 7
    names, groups = match_names(named((1, "wren")), "second", DIGESTS, now, folder)
    assert names == {1: "wren", 7: "wren"}
    assert groups == [Group(1, "wren", "first", (1, 7))]


def test_merged_components_of_one_name_keep_it(folder):
    now = np.where(BEFORE == 2, 1, BEFORE)
    names, groups = match_names(named((1, "wren"), (2, "wren")), "second", DIGESTS, now, folder)
    assert names == {1: "wren"}
    assert [group.now for group in groups] == [(1,), (1,)]


def test_merged_components_of_two_names_lose_both(folder):
    now = np.where(BEFORE == 2, 1, BEFORE)
    names, groups = match_names(named((1, "wren"), (2, "owl")), "second", DIGESTS, now, folder)
    assert names == {}
    assert [(group.label, group.now) for group in groups] == [("wren", ()), ("owl", ())]


def test_a_component_swallowed_by_a_nameless_one_is_lost(folder):
    now = np.where(np.isin(BEFORE, (1, 2, 3)), 0, BEFORE)
    names, groups = match_names(named((1, "wren")), "second", DIGESTS, now, folder)
    assert names == {}
    assert groups == [Group(1, "wren", "first", ())]


@pytest.mark.parametrize(("n_named", "holds"), [(10, False), (11, True)])
def test_more_than_half_of_the_items_decide(folder, n_named, holds):
    now = np.zeros(100, dtype=int)
    now[20 : 20 + n_named] = 1
    now[80 : 80 + 20 - n_named] = 1
    names, _ = match_names(named((1, "wren")), "second", DIGESTS, now, folder)
    assert names == ({1: "wren"} if holds else {})


def test_new_items_have_no_say(folder):
    digests = np.concatenate([DIGESTS[:40], np.arange(300, dtype=np.uint64) + 10**9])
    now = np.concatenate([BEFORE[:40], np.full(300, 1)])
    names, _ = match_names(named((1, "wren"), (0, "owl")), "second", digests, now, folder)
    assert names == {0: "owl", 1: "wren"}


def test_a_component_of_new_items_alone_has_no_name(folder):
    digests = np.concatenate([DIGESTS, np.arange(30, dtype=np.uint64) + 10**9])
    now = np.concatenate([BEFORE, np.full(30, 9)])
    names, _ = match_names(named((1, "wren")), "second", digests, now, folder)
    assert names == {1: "wren"}


@pytest.mark.parametrize("later", ["a", "z"])
def test_a_name_of_a_later_model_counts_for_more(folder, later):
    keep_assignment(folder / f"{later}.safetensors", DIGESTS, BEFORE)
    decisions = [*named((1, "wren"), (2, "owl")), *named((1, "robin"), model=later)]
    names, _ = match_names(decisions, "third", DIGESTS, BEFORE, folder)
    assert names == {1: "robin", 2: "owl"}


def test_a_name_of_today_counts_for_most(folder):
    decisions = [*named((1, "wren"), model="today"), *named((1, "robin"), (2, "owl"))]
    names, _ = match_names(decisions, "today", DIGESTS, BEFORE, folder)
    assert names == {1: "wren", 2: "owl"}


@pytest.mark.parametrize("today", ["second", "third"])
def test_a_name_that_was_carried_over_can_be_taken_away(folder, today):
    keep_assignment(folder / "second.safetensors", DIGESTS, BEFORE)
    decisions = [*named((1, "wren"), (2, "owl")), *named((1, None), model="second")]
    names, _ = match_names(decisions, today, DIGESTS, BEFORE, folder)
    assert names == {2: "owl"}


def test_a_component_that_holds_no_items_any_more_is_lost(folder):
    gone = BEFORE != 1
    names, groups = match_names(named((1, "wren"), (2, "owl")), "first", DIGESTS[gone], BEFORE[gone], folder)
    assert names == {2: "owl"}
    assert groups == [Group(1, "wren", "first", ()), Group(2, "owl", "first", (2,))]


def test_names_of_a_model_that_nobody_kept_are_lost(folder):
    names, groups = match_names(named((1, "wren"), model="elsewhere"), "first", DIGESTS, BEFORE, folder)
    assert names == {}
    assert groups == [Group(1, "wren", "elsewhere", ())]


def test_damaged_components_are_told(folder):
    (folder / "first.safetensors").write_bytes(b"nothing")
    with pytest.raises(StorageError, match=r"first\.safetensors cannot be read"):
        match_names(named((1, "wren")), "second", DIGESTS, BEFORE, folder)
