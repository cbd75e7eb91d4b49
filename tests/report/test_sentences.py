"""What the report says in sentences, on results that were made up to mean it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labelwise.report import sentences
from labelwise.report.sentences import answers
from labelwise.study import methods as table
from labelwise.study.protocol import make_study
from labelwise.study.results import Cell, summarise

STUDY = make_study({"dataset": "toy"})  # the target is 80 %


def said(curves):
    """Sentences about means by method and number of labels, on 10,000 items."""
    cells = [
        Cell("toy", 0, draw, n, n / 10_000, method.id, mean, 3, 3, 0.1)
        for method, means in curves.items()
        for n, mean in means.items()
        for draw in range(2)
    ]
    return answers(STUDY, summarise(cells), cells)


def test_the_method_that_needs_fewest_labels_comes_first():
    lines = said({table.SOFT: {10: 0.7, 1000: 0.9}, table.AUTO_SUGGESTED: {10: 0.7, 90: 0.9, 1000: 0.95}})
    assert lines[0].startswith("Automatic decoding with suggested labels reaches 80%")
    assert "30 labels, 0.30% of the items" in lines[0]
    assert lines[1].startswith("Soft decoding reaches 80%")
    assert "100 labels, 1.00% of the items" in lines[1]


def test_of_several_that_start_above_the_target_the_best_comes_first():
    lines = said({table.SOFT: {10: 0.85}, table.HARD: {10: 0.9}})
    assert lines[0].startswith("Hard decoding reaches 80%")
    assert "at most 10 labels" in lines[0]
    assert "fewest" not in lines[0]


def test_a_target_that_is_not_reached():
    lines = said({table.SOFT: {10: 0.5}, table.XGBOOST: {10: 0.4}})
    assert "Soft decoding does not reach 80% accuracy" in lines[0]
    assert "XGBoost does not reach 80%" in lines[1]


@pytest.mark.parametrize(
    ("means", "words"),
    [
        ({10: 0.7, 100: 0.7, 1000: 0.9}, "about 316 labels, 10.0 times as many as soft decoding"),
        ({10: 0.7, 100: 0.9}, "about as many as soft decoding"),
        ({10: 0.7, 23: 0.9, 100: 0.9}, "about 15 labels, 52% fewer than soft decoding"),
        ({10: 0.9, 100: 0.9}, "needs at most 10 labels."),
    ],
)
def test_peers_need_more_or_fewer(means, words):
    lines = said({table.SOFT: {10: 0.7, 100: 0.9}, table.XGBOOST: means})
    assert any("XGBoost needs" in line and words in line for line in lines)


def test_where_the_published_gain_comes_from():
    lines = said({table.HARD_PUBLISHED: {10: 0.3}, table.HARD: {10: 0.48}, table.SOFT: {10: 0.5}})
    assert "by up to 20.0 points, with 10 labels. 90% of that gain" in lines[-1]
    assert "2.0 points remain" in lines[-1]
    lines = said({table.HARD_PUBLISHED: {10: 0.3}, table.HARD: {10: 0.5}, table.SOFT: {10: 0.5}})
    assert "All of that gain" in lines[-1]
    lines = said({table.HARD_PUBLISHED: {10: 0.5}, table.HARD: {10: 0.5}, table.SOFT: {10: 0.4}})
    assert "does not beat" in lines[-1]


def test_display_names_identify_nothing(monkeypatch):
    """With all labels and phrases changed, the same is said in other words."""
    curves = {table.SOFT: {10: 0.7, 100: 0.9}, table.HARD: {10: 0.6}, table.XGBOOST: {10: 0.5, 100: 0.95}}
    before = said(curves)
    renamed = {id: replace(method, label=f"<{id}>", phrase=f"<{id}>") for id, method in table.METHODS.items()}
    monkeypatch.setattr(table, "METHODS", renamed)
    for name in ("SOFT", "HARD", "XGBOOST", "HARD_PUBLISHED", "LABEL_SPREADING", "XGBOOST_TUNED"):
        monkeypatch.setattr(sentences, name, renamed[getattr(table, name).id])
    after = said(curves)
    assert len(after) == len(before)
    for phrase, id in (("soft decoding", "soft"), ("hard decoding", "hard"), ("XGBoost", "xgboost")):
        before = [line.replace(phrase, f"<{id}>").replace(phrase.capitalize(), f"<{id}>") for line in before]
    assert after == before
