"""Labels that neither teacher nor student has seen, and the judgement by them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from labelwise.errors import LabelError
from labelwise.labels import UNLABELED
from labelwise.student.estimator import Check, rows_to_keep_back
from student.conftest import labels_for, quick, teacher_of


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


@pytest.fixture(scope="module")
def pool():
    """Two blobs, labels for 200 of 240 rows, a teacher, and the rows kept back."""
    X, truth = make_blobs(240, n_features=6, centers=2, cluster_std=4.0, random_state=0)
    y = labels_for(truth, 200)
    return X, y, teacher_of(truth, 2, seed=2), rows_to_keep_back(y, 0)


def flip(y, rows):
    """The other one of two classes in some rows."""
    y = y.copy()
    y[rows] = 1 - y[rows]
    return y


def taught(X, y, answers, kept_back=None):
    return quick(n_steps=10, max_rounds=3).fit(X, y, answers, kept_back=kept_back)


class TestRefusal:
    @pytest.mark.parametrize(
        ("rows", "named"), [([1, 230], 230), ([-1], -1), ([True, False], True), (np.ones(240, bool), True)]
    )
    def test_rows_without_a_label(self, pool, rows, named):
        X, y, teacher, _ = pool
        with pytest.raises(LabelError) as caught:
            taught(X, y, teacher, rows)
        assert str(caught.value) == (
            f"kept_back holds {named}, which is no row with a label: give rows that have one"
        )

    def test_all_of_them(self, pool):
        X, y, teacher, _ = pool
        with pytest.raises(LabelError, match=r"^all 200 labels are kept back: "):
            taught(X, y, teacher, range(200))


class TestUnseen:
    def test_what_they_say_changes_nothing_before_the_last_round(self, pool):
        X, y, answers, rows = pool
        student, other = (taught(X, labels, answers, rows) for labels in (y, flip(y, rows)))
        assert len(student.history_) > 1
        assert other.history_[:-1] == student.history_[:-1]
        # The same rounds of the student, judged by labels that say the opposite.
        assert student.check_.student + other.check_.student == len(rows) == 20
        assert student.check_.teacher + other.check_.teacher == 20

    def test_labels_that_are_seen_do_change_them(self, pool):
        X, y, answers, rows = pool
        seen = np.setdiff1d(np.flatnonzero(y != UNLABELED), rows)[:20]
        student, other = (taught(X, labels, answers, rows) for labels in (y, flip(y, seen)))
        assert other.history_[0] != student.history_[0]

    def test_the_last_round_learns_them_too(self, pool):
        X, y, answers, rows = pool
        student, other = (taught(X, labels, answers, rows) for labels in (y, flip(y, rows)))
        np.testing.assert_array_equal(student.answers_[rows], np.eye(2)[y[rows]])
        np.testing.assert_array_equal(other.answers_[rows], np.eye(2)[1 - y[rows]])
        assert other.history_[-1] != student.history_[-1]

    def test_the_teacher_is_judged_by_the_answers_that_were_passed(self, pool):
        X, y, answers, rows = pool
        check = taught(X, y, answers, rows).check_
        assert check.n_labels == 20
        assert check.teacher == int((answers[rows].argmax(axis=1) == y[rows]).sum())
        assert check.teacher < check.student <= 20

    def test_without_them_there_is_no_judgement(self, pool):
        X, y, answers, _ = pool
        assert taught(X, y, answers).check_ is None
        assert taught(X, y, answers, []).check_ is None


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
