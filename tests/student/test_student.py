"""`Student`: what it learns from a teacher that is often wrong, and what it refuses."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from labelwise.decoding import PoissonDecoder
from labelwise.encoding import Encoding
from labelwise.errors import DataError, LabelError, ParameterError
from labelwise.events import Cancelled
from labelwise.labels import UNLABELED
from labelwise.student import Student
from student.conftest import QUICK, bars, correct, labels_for, quick, teacher_of


def bits(student):
    state = {name: tensor.numpy().tobytes() for name, tensor in student.network_.state_dict().items()}
    return state | {"answers": student.answers_.tobytes(), "nodes": student.node_scores_.tobytes()}


class TestLearning:
    def test_a_student_of_a_table_is_right_where_its_teacher_is_wrong(self, blobs, taught):
        hidden = blobs.y == UNLABELED
        teacher = correct(blobs.answers[hidden], blobs.truth[hidden])
        assert 0.65 < teacher < 0.85
        assert correct(taught.answers_[hidden], blobs.truth[hidden]) > 0.97
        assert (taught.predict(blobs.X) == blobs.truth)[hidden].mean() > 0.97

    def test_it_knows_rows_that_it_has_never_seen(self, taught):
        # The centres are those of the blobs: they come first from the random state.
        X, truth = make_blobs(290, n_features=10, centers=3, cluster_std=2.0, random_state=0)
        noise = np.random.default_rng(1).standard_normal(X.shape)
        assert (taught.predict(X + noise) == truth).mean() > 0.95

    @pytest.mark.parametrize("augment", [None, "affine"])
    def test_a_student_of_images_is_right_where_its_teacher_is_wrong(self, images, augment):
        student = quick(augment).fit(images.X, images.y, images.answers)
        hidden = images.y == UNLABELED
        assert 0.65 < correct(images.answers[hidden], images.truth[hidden]) < 0.85
        assert correct(student.answers_[hidden], images.truth[hidden]) > 0.95
        new, truth = bars(100, seed=9)
        assert (student.predict(new) == truth).mean() > 0.95

    @pytest.mark.parametrize("channels", [(1,), (3,)])
    def test_images_may_have_channels(self, channels):
        X, truth = bars(120, channels=channels)
        student = quick("affine").fit(X, labels_for(truth, 20), teacher_of(truth, 2))
        assert student.item_shape_ == (10, 10, *channels)
        assert correct(student.answers_, truth) > 0.9

    @pytest.mark.parametrize("shape", [(1, 12), (12, 1), (2, 3), (17, 16)])
    def test_images_of_any_size_are_learned(self, shape):
        X = np.random.default_rng(0).integers(0, 256, (60, *shape), dtype=np.uint8)
        truth = np.arange(60) % 2
        X[truth == 1] //= 3
        student = quick(n_steps=5).fit(X, labels_for(truth, 10), teacher_of(truth, 2))
        assert student.predict_proba(X).shape == (60, 2)

    def test_the_true_labels_are_answered_where_there_are_some_whatever_the_teacher_says(self, blobs):
        answers = teacher_of((blobs.truth + 1) % 3, 3, wrong=0)
        student = quick(n_steps=2).fit(blobs.X, blobs.y, answers)
        labeled = blobs.y != UNLABELED
        np.testing.assert_array_equal(student.answers_[labeled], np.eye(3)[blobs.y[labeled]])

    def test_what_was_left_of_a_first_fit_plays_no_part_in_a_second_one(self, blobs, images):
        student = quick().fit(images.X, images.y, images.answers)
        student.fit(blobs.X, blobs.y, blobs.answers)
        assert bits(student) == bits(quick().fit(blobs.X, blobs.y, blobs.answers))
        assert student.item_shape_ == (10,)
        assert student.likelihood_ == "gaussian"

    def test_nothing_that_goes_in_is_written_to(self, blobs, images):
        for lesson in (blobs, images):
            X, y, answers = lesson.X.copy(), lesson.y.copy(), lesson.answers.copy()
            for array in (X, y, answers):
                array.setflags(write=False)
            quick(n_steps=2).fit(X, y, answers).predict(X)
            np.testing.assert_array_equal(X, lesson.X)
            np.testing.assert_array_equal(answers, lesson.answers)

    def test_float_images_beyond_0_to_1_are_standardised(self, images):
        X = images.X.astype(np.float32) - 100
        student = quick().fit(X, images.y, images.answers)
        assert student.likelihood_ == "gaussian"
        hidden = images.y == UNLABELED
        assert correct(student.answers_[hidden], images.truth[hidden]) > 0.9


class TestProbabilities:
    def test_rows_sum_to_1_and_the_answer_is_the_largest(self, blobs, taught):
        P = taught.predict_proba(blobs.X)
        assert P.shape == (240, 3)
        assert P.dtype == np.float32
        assert P.min() >= 0
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(taught.predict(blobs.X), taught.classes_[P.argmax(axis=1)])
        np.testing.assert_allclose(taught.answers_.sum(axis=1), 1, atol=1e-5)

    def test_items_of_fit_get_their_answers_again(self, blobs, taught, images, taught_images):
        for lesson, student in ((blobs, taught), (images, taught_images)):
            hidden = lesson.y == UNLABELED
            P = student.predict_proba(lesson.X)
            np.testing.assert_allclose(P[hidden], student.answers_[hidden], atol=1e-3)
            assert (student.answers_[~hidden].max(axis=1) == 1).all()
            assert (P[~hidden].max(axis=1) < 1).any()

    def test_one_item_is_answered_as_among_others(self, images, taught_images):
        P = taught_images.predict_proba(images.X)
        for row in (0, 57, 199):
            np.testing.assert_allclose(
                taught_images.predict_proba(images.X[row : row + 1])[0], P[row], atol=0.02
            )

    def test_rows_sum_to_1_where_only_some_of_the_near_items_are_reached_by_a_label(self, blobs):
        student = quick(n_steps=2).fit(blobs.X, blobs.y, blobs.answers)
        student.node_scores_[::2] = 0
        P = student.predict_proba(blobs.X + 0.5)
        assert P.min() >= 0
        np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)

    def test_text_labels_answer_as_integers_do(self, blobs, taught):
        names = np.array(["auk", "gull", "tern"])
        y = np.array([names[k] if k != UNLABELED else UNLABELED for k in blobs.y], dtype=object)
        student = quick().fit(blobs.X, y, blobs.answers)
        assert student.classes_.tolist() == ["auk", "gull", "tern"]
        assert bits(student) == bits(taught)
        assert student.predict(blobs.X).tolist() == names[taught.predict(blobs.X)].tolist()

    def test_integers_with_gaps_answer_as_those_without(self, blobs, taught):
        y = np.where(blobs.y == UNLABELED, UNLABELED, 7 * blobs.y + 3)
        student = quick().fit(blobs.X, y, blobs.answers)
        assert student.classes_.tolist() == [3, 10, 17]
        assert bits(student) == bits(taught)
        assert student.predict(blobs.X).tolist() == (7 * taught.predict(blobs.X) + 3).tolist()

    def test_a_class_without_a_label_has_a_column_and_is_not_answered(self, blobs):
        answers = np.insert(blobs.answers, 1, 0, axis=1)
        y = np.where(blobs.y > 0, blobs.y + 1, blobs.y)  # 0, 2, 3
        student = quick().fit(blobs.X, y, answers, classes=[0, 1, 2, 3])
        assert student.classes_.tolist() == [0, 1, 2, 3]
        P = student.predict_proba(blobs.X)
        assert P.shape == (240, 4)
        assert P[:, 1].max() < 0.2
        assert set(student.predict(blobs.X).tolist()) == {0, 2, 3}

    def test_columns_of_a_frame_are_remembered(self, blobs):
        frame = pd.DataFrame(blobs.X, columns=[f"column {i}" for i in range(10)])
        student = quick(n_steps=2).fit(frame, blobs.y, blobs.answers)
        assert student.feature_names_in_.tolist() == list(frame.columns)
        with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
            student.predict(frame[frame.columns[::-1]])


class TestRandomState:
    def test_equal_numbers_give_equal_bits_and_others_do_not(self, images):
        one, same, other = (
            quick(random_state=seed, n_steps=3).fit(images.X, images.y, images.answers) for seed in (0, 0, 1)
        )
        assert bits(same) == bits(one)
        assert same.history_ == one.history_
        np.testing.assert_array_equal(same.predict_proba(images.X), one.predict_proba(images.X))
        assert bits(other) != bits(one)
        assert other.history_ != one.history_

    def test_a_generator_is_drawn_from(self, blobs):
        rng = np.random.default_rng(0)
        student = quick(random_state=rng, n_steps=2)
        first = bits(student.fit(blobs.X, blobs.y, blobs.answers))
        assert bits(student.fit(blobs.X, blobs.y, blobs.answers)) != first

    @pytest.mark.parametrize("augment", [None, "affine"])
    def test_global_random_states_stay_as_they_are(self, images, augment):
        torch_state = torch.get_rng_state()
        numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global generator is what is looked at)
        student = quick(augment, random_state=None, n_steps=2).fit(images.X, images.y, images.answers)
        student.predict(images.X)
        assert torch.equal(torch.get_rng_state(), torch_state)
        assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


class TestCalibration:
    def test_answers_are_no_surer_than_the_graph_of_true_labels(self):
        X, truth = load_digits(return_X_y=True)
        X = PCA(20, random_state=0).fit_transform(X).astype(np.float32)
        Q, y = Encoding(np.ones((len(X), 1)), X), labels_for(truth, 40)
        student = quick(max_rounds=3, n_steps=100).fit(X, y, PoissonDecoder().fit(Q, y).predict_proba(Q))
        assert student.temperature_ > 1.2
        stated, graph = (values.max(axis=1).mean() for values in (student.answers_, student.node_scores_))
        assert stated == pytest.approx(graph, abs=0.01)
        np.testing.assert_allclose(student.predict_proba(X)[40:], student.answers_[40:], atol=1e-4)

    def test_a_factor_makes_probabilities_less_sure_and_leaves_the_answers(self, blobs):
        student, calmer = (
            quick(n_steps=10).fit(blobs.X, blobs.y, blobs.answers, temperature=factor) for factor in (1, 2)
        )
        assert calmer.temperature_ == pytest.approx(2 * student.temperature_)
        new = blobs.X + 0.3
        np.testing.assert_array_equal(calmer.predict(new), student.predict(new))
        assert calmer.predict_proba(new).max(axis=1).mean() < student.predict_proba(new).max(axis=1).mean()
        hidden = blobs.y == UNLABELED
        assert calmer.answers_[hidden].max(axis=1).mean() < student.answers_[hidden].max(axis=1).mean()

    @pytest.mark.parametrize("factor", [0, -1.0, float("nan"), "2"])
    def test_a_factor_that_is_none_is_refused(self, blobs, factor):
        with pytest.raises(ParameterError, match=r"^temperature="):
            quick().fit(blobs.X, blobs.y, blobs.answers, temperature=factor)

    def test_labelled_items_keep_their_label(self, blobs, taught):
        labeled = blobs.y != UNLABELED
        np.testing.assert_array_equal(taught.answers_[labeled], np.eye(3)[blobs.truth[labeled]])


class TestRounds:
    def test_they_end_when_nothing_changes(self, blobs):
        perfect = teacher_of(blobs.truth, 3, wrong=0)
        student = quick(max_rounds=6).fit(blobs.X, blobs.y, perfect)
        # One round that changes nothing, and the last one.
        assert [record["round"] for record in student.history_] == [1, 2]
        assert student.history_[0]["changed"] == 0

    def test_they_go_on_while_answers_change(self, blobs):
        student = quick(max_rounds=6).fit(blobs.X, blobs.y, blobs.answers)
        assert len(student.history_) > 2
        assert student.history_[0]["changed"] > 0.2

    def test_there_are_no_more_than_asked_for(self):
        rng = np.random.default_rng(0)
        X, truth = rng.standard_normal((200, 5)), rng.integers(3, size=200)  # nothing to settle on
        student = quick(max_rounds=3, n_steps=5).fit(X, labels_for(truth, 30), teacher_of(truth, 3))
        assert [record["round"] for record in student.history_] == [1, 2, 3]

    def test_the_history_tells_how_many_answers_changed_and_how_sure_they_are(self, blobs, taught):
        first, last = taught.history_
        assert set(first) == set(last) == {"round", "changed", "sure"}
        # All that a good student changes is what the teacher had wrong.
        assert first["changed"] == pytest.approx(1 - correct(blobs.answers, blobs.truth), abs=0.03)
        assert last["sure"] == pytest.approx(taught.answers_.max(axis=1).mean(), abs=1e-6)

    def test_verbose_writes_rounds_to_stderr(self, blobs, capsys, monkeypatch):
        monkeypatch.setattr("labelwise.progress._SECONDS_BETWEEN_LINES", -1)
        student = quick(verbose=1).fit(blobs.X, blobs.y, blobs.answers)
        captured = capsys.readouterr()
        assert captured.out == ""
        assert re.sub(r"\x1b\[[0-9;]*m", "", captured.err).splitlines() == [
            f"round {record['round']}/2: {record['changed']:.1%} of the answers changed, "
            f"mean largest probability {record['sure']:.2f}"
            for record in student.history_
        ]

    def test_it_is_silent_unless_asked(self, blobs, capsys):
        quick(n_steps=2).fit(blobs.X, blobs.y, blobs.answers)
        assert capsys.readouterr() == ("", "")


class TestListening:
    def test_each_step_is_an_event_and_each_round_has_its_record(self, blobs):
        events = []
        student = quick().fit(blobs.X, blobs.y, blobs.answers, listen=events.append)
        assert {event.stage for event in events} == {"refining"}
        fractions = [event.fraction for event in events]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0
        assert fractions[-1] == 1
        assert len(set(fractions)) >= 2 * 20  # rounds of 20 steps
        assert [dict(event.numbers) for event in events if event.numbers] == student.history_

    def test_a_student_whose_learning_is_cancelled_stays_as_it_was(self, blobs):
        student = quick().fit(blobs.X, blobs.y, blobs.answers)
        before = dict(vars(student))
        weights = bits(student)

        def stop(event):
            if event.fraction > 0.6:
                raise Cancelled

        other = (blobs.y + 1) % 3  # every item has a label, and another one
        with pytest.raises(Cancelled):
            student.fit(blobs.X, other, blobs.answers, listen=stop)
        assert vars(student) == before
        assert bits(student) == weights

    def test_a_new_one_is_not_fitted(self, blobs):
        def stop(event):
            raise Cancelled

        student = quick()
        with pytest.raises(Cancelled):
            student.fit(blobs.X, blobs.y, blobs.answers, listen=stop)
        with pytest.raises(NotFittedError):
            student.predict(blobs.X)


PARAMETERS = {
    "augment": ("rotate", "augment='rotate' must be 'auto', None, 'affine', 'elastic', 'strokes' or 'photo'"),
    "likelihood": ("poisson", "likelihood='poisson' must be 'auto', 'bernoulli' or 'gaussian'"),
    "max_rounds": (1, "max_rounds=1 must be an integer of at least 2"),
    "n_steps": (0, "n_steps=0 must be an integer of at least 1"),
    "batch_size": (2.5, "batch_size=2.5 must be an integer of at least 1"),
    "learning_rate": (-1, "learning_rate=-1 must be a finite number above 0"),
    "verbose": (None, "verbose=None must be True or False or an integer of at least 0"),
    "device": ("abacus", "device='abacus' is not available here: use 'auto' or 'cpu'"),
    "random_state": (
        "x",
        "random_state='x' must be None, an integer from 0 to 2**63 - 1, a numpy RandomState or a numpy "
        "Generator",
    ),
}


class TestParameters:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_a_wrong_value_is_named_by_fit(self, blobs, name):
        value, message = PARAMETERS[name]
        student = Student(**QUICK | {name: value})  # construction never complains
        with pytest.raises(ParameterError) as caught:
            student.fit(blobs.X, blobs.y, blobs.answers)
        assert str(caught.value) == message

    def test_all_faults_are_named_at_once(self, blobs):
        with pytest.raises(ParameterError) as caught:
            quick(max_rounds=1, n_steps=0).fit(blobs.X, blobs.y, blobs.answers)
        assert str(caught.value) == (
            "max_rounds=1 must be an integer of at least 2; n_steps=0 must be an integer of at least 1"
        )

    def test_none_is_forgotten_by_a_copy(self):
        student = Student(
            "affine",
            likelihood="gaussian",
            max_rounds=3,
            n_steps=4,
            batch_size=5,
            learning_rate=0.1,
            random_state=6,
        )
        assert clone(student).get_params() == student.get_params()
        assert student.get_params() == {
            "augment": "affine",
            "likelihood": "gaussian",
            "max_rounds": 3,
            "n_steps": 4,
            "batch_size": 5,
            "learning_rate": 0.1,
            "device": "auto",
            "random_state": 6,
            "verbose": 0,
        }

    def test_affine_views_need_images(self, blobs):
        with pytest.raises(ParameterError) as caught:
            quick("affine").fit(blobs.X, blobs.y, blobs.answers)
        assert str(caught.value) == (
            "augment='affine' needs images, but X is a table: pass X of shape (n_samples, height, width) or "
            "set augment=None"
        )


def changed(array, row, value):
    array = array.copy()
    array[row] = value
    return array


SHAPES = {
    "another number of classes": (slice(None), slice(2), (240, 2)),
    "another number of items": (slice(239), slice(None), (239, 3)),
}


class TestWrongInput:
    @pytest.mark.parametrize("case", SHAPES)
    def test_answers_of_another_shape(self, blobs, case):
        rows, columns, shape = SHAPES[case]
        with pytest.raises(DataError) as caught:
            quick().fit(blobs.X, blobs.y, blobs.answers[rows, columns])
        assert str(caught.value) == (f"answers have shape {shape}, but there are 240 items and 3 classes")

    @pytest.mark.parametrize(
        ("row", "found"),
        [
            ([np.nan, 0, 1], "minimum nan and sum nan"),
            ([-0.5, 0.5, 1], "minimum -0.5 and sum 1"),
            ([0, 0, 0], "minimum 0 and sum 0"),
        ],
    )
    def test_answers_that_are_no_probabilities(self, blobs, row, found):
        with pytest.raises(DataError) as caught:
            quick().fit(blobs.X, blobs.y, changed(blobs.answers, 7, row))
        assert str(caught.value) == (
            f"answers must be at least 0 and sum to 1 in each row, but row 7 has {found}: "
            "pass what predict_proba returns"
        )

    @pytest.mark.parametrize(("label", "told"), [(5, "5"), ("gull", "'gull'")])
    def test_labels_of_one_class(self, blobs, label, told):
        y = np.array([UNLABELED if k == UNLABELED else label for k in blobs.y], dtype=object)
        with pytest.raises(LabelError) as caught:
            quick().fit(blobs.X, y, np.ones((240, 1)))
        assert str(caught.value) == f"all labels are {told}: more than one class is needed; label more items"

    def test_a_label_that_is_no_class(self, blobs):
        with pytest.raises(LabelError) as caught:
            quick().fit(blobs.X, blobs.y, blobs.answers[:, :2], classes=[0, 1])
        assert str(caught.value) == (
            "label 2 is not among the classes 0, 1: correct the label or add the class"
        )

    def test_no_label(self, blobs):
        with pytest.raises(LabelError, match=r"^none of the 240 items has a label: give at least one$"):
            quick().fit(blobs.X, np.full(240, UNLABELED), blobs.answers)

    def test_labels_of_other_items(self, blobs):
        with pytest.raises(LabelError, match=r"^y has shape \(239,\), but there are 240 items: "):
            quick().fit(blobs.X, blobs.y[:239], blobs.answers)

    def test_items_that_are_not_finite(self, blobs):
        with pytest.raises(DataError, match=r"^1 row of X holds NaN or infinity \(row 3\): drop or fill it"):
            quick().fit(changed(blobs.X, 3, np.nan), blobs.y, blobs.answers)

    def test_images_of_another_shape_than_those_of_fit(self, images, taught_images):
        with pytest.raises(DataError) as caught:
            taught_images.predict(images.X.reshape(-1, 5, 20))
        assert str(caught.value) == (
            "X has items of shape (5, 20), but the model was fitted on items of shape (10, 10): "
            "bring them to that shape"
        )

    def test_rows_of_another_width_than_those_of_fit(self, blobs, taught):
        with pytest.raises(ValueError, match=r"X has 9 features, but Student is expecting 10 features"):
            taught.predict_proba(blobs.X[:, :9])

    def test_floats_as_large_as_bytes_are_not_taken_for_pixels(self, images, taught_images):
        with pytest.raises(DataError, match=r"needs values within 0\.\.1, but X reaches from 0 to 255: "):
            taught_images.predict_proba(images.X.astype(np.float32))
        P = taught_images.predict_proba(images.X.astype(np.float32) / 255)
        np.testing.assert_allclose(P, taught_images.predict_proba(images.X), atol=0.02)

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_a_student_that_has_learned_nothing(self, blobs, method):
        with pytest.raises(NotFittedError, match=r"^This Student instance is not fitted yet"):
            getattr(Student(), method)(blobs.X)
