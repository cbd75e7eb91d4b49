"""Labels that neither teacher nor student has seen, and the judgement by them."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise.labels import UNLABELED
from labelwise.student.check import Check, judge, rows_to_keep_back
from student.conftest import labels_for


class TestRows:
    def test_they_are_a_tenth_of_the_labelled_ones_in_order(self):
        y = np.where(np.arange(290) % 2, np.arange(290) % 3, UNLABELED)
        rows = rows_to_keep_back(y, 0)
        assert len(rows) == 14  # of 145
        assert (y[rows] != UNLABELED).all()
        assert (np.diff(rows) > 0).all()

    @pytest.mark.parametrize(
        ("n_labeled", "n_rows"), [(1, 0), (30, 0), (95, 0), (99, 0), (100, 10), (209, 20)]
    )
    def test_there_are_none_below_100_labels(self, n_labeled, n_rows):
        assert len(rows_to_keep_back(labels_for(np.arange(250) % 2, n_labeled), 0)) == n_rows

    @pytest.mark.parametrize("seed", range(20))
    def test_each_class_keeps_a_label(self, seed):
        y = np.zeros(120, dtype=int)
        y[:2], y[2] = 1, 2  # two labels of one class, and one of another
        kept_back = rows_to_keep_back(y, seed)
        assert len(kept_back) == 12
        assert set(np.delete(y, kept_back).tolist()) == {0, 1, 2}

    def test_rows_of_each_common_class_are_drawn_at_some_time(self):
        y = np.arange(120) % 3
        drawn = np.concatenate([rows_to_keep_back(y, seed) for seed in range(40)])
        assert len(np.unique(drawn)) > 100

    def test_where_hardly_a_class_can_spare_a_label_there_are_none(self):
        y = np.minimum(np.arange(110), 104)  # 105 classes, and five labels to spare
        assert len(rows_to_keep_back(y, 0)) == 0

    def test_equal_numbers_draw_the_same_and_others_do_not(self):
        y = np.arange(200) % 3
        first, same, other = (rows_to_keep_back(y, seed).tolist() for seed in (3, 3, 4))
        assert first == same
        assert first != other

    def test_texts_are_labels_like_any_other(self):
        y = np.arange(200) % 3
        texts = np.array(["auk", "gull", "tern"])[y]
        np.testing.assert_array_equal(rows_to_keep_back(texts, 0), rows_to_keep_back(y, 0))


@pytest.mark.parametrize(
    ("teacher", "student", "disputed", "helps"),
    [
        (10, 11, 1, True),
        (10, 10, 0, True),
        (14, 10, 4, True),  # 4 to 0: one chance in 16
        (15, 10, 5, False),  # 5 to 0: one in 32
        (16, 11, 7, True),  # 6 to 1: one in 16
        (18, 11, 9, False),  # 8 to 1: one in 51
    ],
)
def test_a_student_helps_unless_a_sign_test_says_that_it_is_worse(teacher, student, disputed, helps):
    assert Check(30, teacher, student, disputed).helps is helps


def test_judgement_counts_right_answers_and_those_that_differ():
    codes = np.array([0, 1, 2, 0, 1])
    teacher = np.eye(3)[[0, 1, 2, 1, 0]]
    student = np.eye(3)[[0, 1, 0, 0, 2]]
    check = judge(0.4 + 0.2 * teacher, student, codes)
    assert (check.n_labels, check.teacher, check.student, check.disputed) == (5, 3, 3, 2)


@pytest.mark.parametrize(("n_right", "surer_than_right"), [(20, False), (18, False), (10, True)])
def test_a_student_that_was_surer_than_right_is_to_be_calmed(n_right, surer_than_right):
    codes = np.arange(20) % 2
    said = np.where(np.arange(20) < n_right, codes, 1 - codes)
    student = 0.1 + 0.8 * np.eye(2)[said]  # sure to 90 %
    temperature = judge(student, student, codes).temperature
    assert temperature > 1.5 if surer_than_right else temperature == pytest.approx(1, abs=0.01)
