"""The ladder: which methods stand on it, and what each is compared with."""

from __future__ import annotations

import math

import pytest

from labelwise.report.figures import plot_ladder
from labelwise.report.report import ladder_rows
from labelwise.study.ladder import STEPS, climb
from labelwise.study.methods import METHODS
from labelwise.study.results import Summary


def summary(method, mean, n_labeled=10, seconds=1.0, half_width=0.01):
    return Summary("data", n_labeled, method, mean, half_width, 5, seconds=seconds)


ALL = [
    summary("hard-published", 0.3),
    summary("soft", 0.5),
    summary("poisson", 0.55),
    summary("auto", 0.6, seconds=2.5),
    summary("student", 0.7),
    summary("poisson-suggested", 0.8),
    summary("student-suggested", 0.85),
    summary("label-spreading", 0.45),
]


def test_steps_stand_on_methods_of_the_table_and_on_steps_below():
    for number, step in enumerate(STEPS):
        assert all(METHODS[method.id] is method for method in step.methods)
        assert step.base is None or step.base in STEPS[:number]
    assert [step.id for step in STEPS if step.has_suggested_labels] == [
        "decoder-suggested",
        "student-suggested",
    ]


def test_gains_are_over_the_rung_that_each_is_compared_with():
    rungs = {rung.step.id: rung for rung in climb(ALL)}
    assert list(rungs) == [step.id for step in STEPS]
    assert math.isnan(rungs["hard"].gain)
    assert rungs["soft"].gain == pytest.approx(0.2)
    assert rungs["decoder"].method == "auto"
    assert rungs["decoder"].seconds == 2.5
    assert rungs["student"].gain == pytest.approx(0.1)
    assert rungs["decoder-suggested"].gain == pytest.approx(0.2)
    assert rungs["student-suggested"].gain == pytest.approx(0.05)
    assert rungs["student-suggested"].over_peer == pytest.approx(0.4)


def test_what_a_study_did_not_run_is_left_out():
    rungs = climb([summary("poisson-suggested", 0.8), summary("student-suggested", 0.9)])
    assert [rung.step.id for rung in rungs] == ["decoder-suggested", "student-suggested"]
    assert rungs[0].base is None
    assert math.isnan(rungs[0].over_peer)


def test_one_rung_alone_is_no_ladder():
    assert climb([summary("soft", 0.5), summary("label-spreading", 0.4)]) == []


def test_hard_and_soft_decoding_alone_are_no_ladder():
    assert climb([summary("hard-published", 0.3), summary("soft", 0.5)]) == []


def test_budgets_are_apart():
    rungs = climb([*ALL, summary("soft", 0.6, 20), summary("poisson", 0.9, 20)])
    assert [rung.n_labeled for rung in rungs] == [10] * 6 + [20] * 2
    assert rungs[-1].gain == pytest.approx(0.3)


def test_rows_say_what_a_gain_is_over():
    rows = ladder_rows(climb(ALL))
    assert rows[0] == ["10", "hard, as published", "hard (as published)", "30.0 ± 1.0", "", "-15.0", "1"]
    assert rows[1][4] == "+20.0 over hard, as published"


def test_the_figure_has_a_bar_for_each_rung():
    axes = plot_ladder(climb(ALL), title="data")
    assert len(axes.patches) == len(STEPS)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [step.label for step in STEPS]
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [step.has_suggested_labels for step in STEPS]


def test_an_interval_ends_at_100_percent_and_its_number_is_drawn():
    axes = plot_ladder(climb([summary("soft", 0.5), summary("auto", 0.95, half_width=0.2)]), title="data")
    assert [text.get_text() for text in axes.texts] == ["50", "95"]
    assert axes.texts[1].xy[1] == pytest.approx(100)
