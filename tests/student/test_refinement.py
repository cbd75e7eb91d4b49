"""`refine`: a student is taken where it helps, left out where it does not, and the verdict says why."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone

from labelwise.decoding import AutoDecoder, BayesDecoder, SoftDecoder
from labelwise.encoding import Encoding
from labelwise.errors import ClassWithoutLabelWarning, DoubtfulLabelWarning, ParameterError
from labelwise.events import Cancelled
from labelwise.labels import UNLABELED
from labelwise.student import refine
from labelwise.student.check import rows_to_keep_back
from student.conftest import labels_for, quick, teacher_of


class Case:
    """A decoder fitted to posteriors of items that are either plain to see or noise."""

    def __init__(self, X, truth, *, n_labeled, wrong, decoder=None):
        self.X, self.truth = X, truth
        self.y = labels_for(truth, n_labeled)
        self.encoding = Encoding(teacher_of(truth, 3, wrong=wrong, sure=0.9))
        self.decoder = (decoder or SoftDecoder()).fit(self.encoding, self.y)

    def refine(self, student=None, *, y=None, random_state=0, **options):
        return refine(
            student or quick(),
            self.decoder,
            self.X,
            self.encoding,
            self.y if y is None else y,
            random_state=random_state,
            **options,
        )


@pytest.fixture
def helpful(blobs):
    """A teacher that a student of the items surpasses, and 130 labels."""
    return Case(blobs.X, blobs.truth, n_labeled=130, wrong=0.3)


@pytest.fixture
def useless(blobs):
    """A perfect teacher of items in which there is nothing to see, and 200 labels."""
    X = np.random.default_rng(0).standard_normal((240, 10)).astype(np.float32)
    return Case(X, blobs.truth, n_labeled=200, wrong=0)


class TestVerdict:
    def test_a_student_that_is_better_is_taken(self, helpful):
        refinement = helpful.refine()
        check = refinement.student.check_
        assert check.student > check.teacher
        assert refinement.verdict == (
            f"student taken: right on {check.student} of 13 labels that were kept back, "
            f"the decoder on {check.teacher}"
        )
        hidden = helpful.y == UNLABELED
        before = (helpful.decoder.predict(helpful.encoding) == helpful.truth)[hidden].mean()
        after = (refinement.student.predict(helpful.X) == helpful.truth)[hidden].mean()
        assert after > before + 0.1

    def test_a_student_that_is_worse_is_left_out(self, useless):
        refinement = useless.refine()
        assert refinement.student is None
        words = refinement.verdict.split()
        assert int(words[5]) < 20
        assert refinement.verdict == (
            f"student left out: right on {words[5]} of 20 labels that were kept back, the decoder on 20"
        )

    def test_with_few_labels_it_is_taken_unchecked_even_where_it_is_worse(self, useless):
        case = Case(useless.X, useless.truth, n_labeled=99, wrong=0)
        refinement = case.refine()
        assert refinement.verdict == "student taken unchecked: there are too few labels to keep some back"
        assert refinement.student.check_ is None
        hidden = case.y == UNLABELED
        assert (refinement.student.predict(case.X) != case.truth)[hidden].any()

    def test_with_labels_of_one_class_there_is_none(self, blobs):
        y = np.where(blobs.truth == 1, 1, UNLABELED)
        encoding = Encoding(blobs.answers)
        refinement = refine(quick(), SoftDecoder().fit(encoding, y), blobs.X, encoding, y)
        assert refinement.student is None
        assert refinement.verdict == "no student: all labels are of one class"

    def test_as_good_is_good_enough(self, blobs):
        refinement = Case(blobs.X, blobs.truth, n_labeled=150, wrong=0).refine()
        assert refinement.verdict == (
            "student taken: right on 15 of 15 labels that were kept back, the decoder on 15"
        )


class Recorder(BayesDecoder):
    """Keeps what `fit` was given."""

    seen: list = []  # noqa: RUF012 (shared by copies on purpose)

    def fit(self, Q, y, *, names=None):
        self.seen.append(np.array(y))
        return super().fit(Q, y, names=names)


class TestTeacher:
    def test_it_sees_all_labels_but_those_kept_back(self, blobs, monkeypatch):
        monkeypatch.setattr(Recorder, "seen", [])
        case = Case(blobs.X, blobs.truth, n_labeled=150, wrong=0.2, decoder=Recorder())
        student = case.refine(random_state=4).student
        full, partial = Recorder.seen
        np.testing.assert_array_equal(full, case.y)
        hidden = [k == UNLABELED for k in partial]
        kept_back = np.setdiff1d(np.flatnonzero(hidden), np.flatnonzero(case.y == UNLABELED))
        assert kept_back.tolist() == rows_to_keep_back(case.y, 4).tolist()
        assert len(kept_back) == student.check_.n_labels == 15
        teacher = BayesDecoder().fit(case.encoding, np.where(np.isin(np.arange(240), kept_back), -1, case.y))
        answers = teacher.predict(case.encoding)[kept_back]
        assert student.check_.teacher == int((answers == case.truth[kept_back]).sum())

    def test_with_few_labels_it_is_the_decoder_as_it_is(self, blobs, monkeypatch):
        monkeypatch.setattr(Recorder, "seen", [])
        case = Case(blobs.X, blobs.truth, n_labeled=60, wrong=0.2, decoder=Recorder())
        case.refine()
        assert len(Recorder.seen) == 1

    def test_labels_kept_back_change_what_is_judged_and_nothing_before(self, helpful):
        rows = rows_to_keep_back(helpful.y, 0)
        flipped = helpful.y.copy()
        flipped[rows] = (flipped[rows] + 1) % 3
        verdicts = [helpful.refine(y=y).verdict for y in (helpful.y, flipped)]
        told = [re.findall(r"right on (\d+) of (\d+) ", verdict)[0] for verdict in verdicts]
        assert [total for _, total in told] == [str(len(rows))] * 2 == ["13", "13"]
        assert int(told[0][0]) > 10
        assert int(told[1][0]) < 3  # the same answers, and labels that say otherwise

    def test_the_student_that_is_taken_has_learned_all_labels_from_the_first_round(self, helpful):
        taught = helpful.refine(random_state=5).student
        answers = helpful.decoder.predict_proba(helpful.encoding)
        alone = quick(random_state=5).fit(helpful.X, helpful.y, answers)
        np.testing.assert_array_equal(taught.answers_, alone.answers_)
        assert taught.history_ == alone.history_
        assert alone.check_ is None

    def test_the_decoder_stays_fitted_to_all_labels_and_the_template_stays_a_template(self, helpful):
        template = quick(random_state=7)
        before = helpful.decoder.predict_proba(helpful.encoding)
        refinement = helpful.refine(template, random_state=3)
        assert helpful.decoder.n_labeled_ == 130
        np.testing.assert_array_equal(helpful.decoder.predict_proba(helpful.encoding), before)
        assert refinement.student is not template
        assert not hasattr(template, "network_")
        assert template.random_state == 7
        assert refinement.student.get_params() == template.get_params() | {"random_state": 3}

    def test_warnings_are_not_given_again(self, blobs):
        y = labels_for(blobs.truth, 150)
        y[7] = (y[7] + 1) % 3
        encoding = Encoding(teacher_of(blobs.truth, 3, wrong=0, sure=0.9), latents=blobs.X)
        decoder = AutoDecoder(use_features=False, classes=[0, 1, 2, 3])
        with pytest.warns(ClassWithoutLabelWarning), pytest.warns(DoubtfulLabelWarning):
            decoder.fit(encoding, y)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            refine(quick(n_steps=2), decoder, blobs.X, encoding, y, random_state=0)
        assert [str(warning.message) for warning in caught] == []


class TestLabels:
    NAMES = np.array(["auk", "gull", "tern"])

    @pytest.fixture
    def complete(self, blobs):
        return Case(blobs.X, blobs.truth, n_labeled=240, wrong=0.2)

    def test_texts_for_all_items_need_no_object_array(self, blobs, complete):
        y = self.NAMES[blobs.truth]
        assert y.dtype.kind == "U"
        decoder = SoftDecoder().fit(complete.encoding, y)
        texts = refine(quick(), decoder, complete.X, complete.encoding, y, random_state=0)
        numbers = complete.refine()
        assert texts.verdict == numbers.verdict
        assert texts.student.predict(complete.X).tolist() == (
            self.NAMES[numbers.student.predict(complete.X)].tolist()
        )

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
    def test_labels_of_types_without_a_minus_one(self, blobs, complete, dtype):
        y = (blobs.truth > 0).astype(dtype)
        results = []
        for labels in (y, y.astype(int)):
            decoder = SoftDecoder().fit(complete.encoding, labels)
            refinement = refine(quick(), decoder, complete.X, complete.encoding, labels, random_state=0)
            results.append((refinement.verdict, refinement.student.answers_.tolist()))
        assert results[0] == results[1]

    def test_a_class_without_a_label_is_one_of_the_student_too(self, blobs):
        y = labels_for(blobs.truth, 130)
        encoding = Encoding(blobs.answers)
        with pytest.warns(ClassWithoutLabelWarning, match=r"^no item is labelled 9: "):
            decoder = SoftDecoder(classes=[0, 1, 2, 9]).fit(encoding, y)
        student = refine(quick(), decoder, blobs.X, encoding, y, random_state=0).student
        assert student.classes_.tolist() == [0, 1, 2, 9]
        assert 9 not in student.predict(blobs.X)


class TestRandomState:
    def test_equal_numbers_give_equal_answers_and_others_do_not(self, helpful):
        first, same, other = (helpful.refine(random_state=seed) for seed in (3, 3, 4))
        assert first.verdict == same.verdict
        np.testing.assert_array_equal(first.student.answers_, same.student.answers_)
        assert (first.student.answers_ != other.student.answers_).any()

    def test_none_takes_that_of_the_template(self, helpful):
        template = quick(random_state=3)
        explicit = helpful.refine(random_state=3)
        for student in (template, clone(template)):
            found = helpful.refine(student, random_state=None)
            np.testing.assert_array_equal(found.student.answers_, explicit.student.answers_)


class TestRehearsal:
    def test_without_one_the_student_is_taken_unchecked(self, useless):
        refinement = useless.refine(rehearse=False)
        assert refinement.student.check_ is None
        assert refinement.verdict == "student taken unchecked: there was no rehearsal"

    def test_it_may_be_asked_for(self, helpful):
        asked, default = (helpful.refine(**options) for options in ({"rehearse": True}, {}))
        assert asked.verdict == default.verdict
        np.testing.assert_array_equal(asked.student.answers_, default.student.answers_)

    @pytest.mark.parametrize("value", ["yes", 2, []])
    def test_what_is_no_choice_is_refused(self, helpful, value):
        with pytest.raises(ParameterError, match=r"^rehearse="):
            helpful.refine(rehearse=value)


class TestContinuing:
    @pytest.fixture
    def earlier(self, helpful):
        return helpful.refine().student

    def test_without_a_rehearsal_the_earlier_check_stands(self, helpful, earlier):
        y = labels_for(helpful.truth, 140)
        refinement = helpful.refine(y=y, start=earlier)
        assert refinement.student is not earlier
        assert refinement.student.check_ == earlier.check_
        assert refinement.verdict == "student continued from the earlier one, without a rehearsal"
        hidden = y == UNLABELED
        assert (refinement.student.predict(helpful.X) == helpful.truth)[hidden].mean() > 0.95
        np.testing.assert_array_equal(refinement.student.answers_[130:140], np.eye(3)[helpful.truth[130:140]])

    def test_a_rehearsal_may_be_asked_for_and_knows_nothing_of_the_earlier_student(self, helpful, earlier):
        continued = helpful.refine(start=earlier, rehearse=True)
        assert continued.student.check_ == helpful.refine().student.check_
        assert continued.verdict.startswith("student taken: right on ")

    def test_the_earlier_student_stays_as_it_is(self, helpful, earlier):
        before = {name: tensor.clone() for name, tensor in earlier.network_.state_dict().items()}
        answers = earlier.answers_.copy()
        helpful.refine(start=earlier)
        for name, tensor in earlier.network_.state_dict().items():
            assert torch.equal(before[name], tensor), name
        np.testing.assert_array_equal(earlier.answers_, answers)


class TestListening:
    def test_fractions_rise_to_1_over_rehearsal_and_rounds(self, helpful):
        events = []
        helpful.refine(quick(max_rounds=3), listen=events.append)
        assert {event.stage for event in events} == {"refining"}
        fractions = [event.fraction for event in events]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0
        assert [number for number, fraction in enumerate(fractions) if fraction == 1] == [len(fractions) - 1]
        messages = [event.message.split(":")[0] for event in events if event.message]
        rehearsal, *rounds = messages
        assert "13 labels" in rehearsal
        assert rounds[:2] == ["round 1/2", "round 2/2"]
        assert rounds[2] == "round 1/3"
        # Two rounds of five are the rehearsal.
        ends = [event.fraction for event in events if event.message.startswith("round 2/2")]
        assert ends == [0.4]

    def test_where_the_student_is_left_out_the_stage_ends_too(self, useless):
        events = []
        assert useless.refine(listen=events.append).student is None
        assert [event.fraction for event in events].count(1) == 1
        assert events[-1].fraction == 1

    def test_listening_changes_no_answers(self, helpful):
        watched, silent = helpful.refine(listen=[].append), helpful.refine()
        np.testing.assert_array_equal(watched.student.answers_, silent.student.answers_)

    @pytest.mark.parametrize("fraction", [0, 0.2, 0.7])
    def test_cancelling_leaves_nothing_half_done(self, helpful, fraction):
        template = quick()
        before = dict(vars(template))
        answers = helpful.decoder.predict_proba(helpful.encoding)

        def stop(event):
            if event.fraction >= fraction:
                raise Cancelled

        with pytest.raises(Cancelled):
            helpful.refine(template, listen=stop)
        assert vars(template) == before
        np.testing.assert_array_equal(helpful.decoder.predict_proba(helpful.encoding), answers)

    def test_verbose_draws_one_bar_for_all_of_it(self, helpful, capsys):
        student = helpful.refine(quick(verbose=1, max_rounds=3)).student
        assert student.verbose == 1
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err).splitlines()
        assert lines[0] == "rehearsal without 13 labels, to see whether a student helps"
        assert f"round {len(student.history_)}/3: " in lines[-1]


def test_wrong_parameters_of_the_template_are_named_before_the_rehearsal(helpful, capsys):
    with pytest.raises(ParameterError, match=r"^max_rounds=1 must be an integer of at least 2$"):
        helpful.refine(quick(max_rounds=1, verbose=1))
    assert capsys.readouterr().err == ""
