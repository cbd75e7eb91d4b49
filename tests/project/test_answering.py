"""What a project answers, and forecasts of how right that is."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise import UNLABELED, Project, SoftDecoder, load
from labelwise.decoding import AutoDecoder, HardDecoder
from labelwise.errors import (
    LabelError,
    ParameterError,
)
from project.conftest import (
    N_ITEMS,
    NAMES,
    NEW,
    RANDOM,
    TRUTH,
    X,
    accuracy,
    label,
    snapshot,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


class TestAnswering:
    def test_as_the_decoder_does(self, labelled, gmvae):
        answers = labelled.answers()
        encoding = gmvae.encode(X)
        decoder = AutoDecoder(typical_labels=False).fit(encoding, labelled.labels())
        assert np.array_equal(answers.probabilities, decoder.predict_proba(encoding))
        assert answers.labels.tolist() == decoder.predict(encoding).tolist()
        assert answers.classes.tolist() == decoder.classes_.tolist()
        assert answers.about["choice"] == decoder.choice_
        assert accuracy(answers) > 0.5

    def test_nothing_is_labelled(self, project):
        for ask in (
            project.answers,
            lambda: project.answerer,
            lambda: project.answer_new(NEW),
            project.refine,
        ):
            with pytest.raises(LabelError, match=r"digits\.labelwise has no labels"):
                ask()

    @pytest.mark.parametrize("decoder", ["auto", "soft", HardDecoder(unnamed="abstain")])
    def test_a_second_time_nothing_is_fitted(self, labelled, fits, decoder):
        first = labelled.answers(decoder)
        assert fits
        fits.clear()
        for project in (labelled, Project(labelled.path)):
            again = project.answers(decoder)
            assert again.probabilities.tobytes() == first.probabilities.tobytes()
            assert again.labels.tolist() == first.labels.tolist()
            assert again.classes.tolist() == first.classes.tolist()
            assert again.about == first.about
            P = project.answer_new(NEW, decoder).probabilities
            assert P.shape == (50, len(first.classes))
        assert fits == []

    @pytest.mark.parametrize("change", ["label", "undo", "name", "decoder"])
    def test_what_changes_the_answers_makes_them_anew(self, labelled, fits, change):
        labelled.answers("soft")
        fits.clear()
        decoder = "soft"
        match change:
            case "label":
                label(labelled, RANDOM[40:41])
            case "undo":
                labelled.undo()
            case "name":
                labelled.name(int(labelled.encoding.top[0]), "group")
            case "decoder":
                decoder = "hard"
        found = labelled.answers(decoder)
        assert fits == [f"{decoder.title()}Decoder"]
        fits.clear()
        assert np.array_equal(labelled.answers(decoder).probabilities, found.probabilities)
        assert fits == []

    def test_labels_for_one_call_alone_change_nothing(self, labelled):
        before = labelled.answers()
        answerer = labelled.answerer.predict_proba(NEW)
        kept = snapshot(labelled.path)
        y = np.full(N_ITEMS, UNLABELED, dtype=object)
        y[:60] = np.where(TRUTH[:60] % 2, "odd", "even")
        found = labelled.answers(labels=y)
        assert found.classes.tolist() == ["even", "odd"]
        assert labelled.answer_new(NEW, labels=y).classes.tolist() == ["even", "odd"]
        assert labelled.answers("hard", labels=TRUTH).classes.tolist() == list(range(10))
        assert snapshot(labelled.path) == kept
        assert np.array_equal(labelled.answers().probabilities, before.probabilities)
        assert np.array_equal(labelled.answerer.predict_proba(NEW), answerer)

    @pytest.mark.parametrize("y", [[1, 2, 3], np.full(N_ITEMS, UNLABELED), np.zeros((N_ITEMS, 2))])
    def test_labels_that_do_not_fit(self, labelled, y):
        with pytest.raises(LabelError):
            labelled.answers(labels=y)

    @pytest.mark.parametrize("decoder", ["tarot", 7, SoftDecoder])
    def test_what_is_no_decoder(self, labelled, decoder):
        with pytest.raises(ParameterError, match="decoder="):
            labelled.answers(decoder)

    def test_new_items_get_what_the_answerer_says(self, labelled):
        found = labelled.answer_new(NEW)
        answerer = load(labelled.path)
        assert np.array_equal(found.probabilities, answerer.predict_proba(NEW))
        assert found.labels.tolist() == answerer.predict(NEW).tolist()
        assert np.array_equal(labelled.answerer.predict_proba(NEW), found.probabilities)

    def test_abstaining_leaves_out_what_is_less_sure(self, labelled):
        answers = labelled.answers()
        threshold = float(np.median(answers.confidence))
        found = answers.abstain(threshold)
        assert [label is None for label in found.labels] == (answers.confidence < threshold).tolist()
        assert None not in answers.labels.tolist()

    def test_a_decoder_that_abstains_keeps_that_on_disk(self, project):
        project.label(0, "zero")
        first = project.answers(HardDecoder(unnamed="abstain"))
        assert None in first.labels.tolist()
        assert project.answers(HardDecoder(unnamed="abstain")).labels.tolist() == first.labels.tolist()

    def test_doubtful_labels_are_named_in_the_answers(self, project):
        label(project, RANDOM[:120], how="random")
        wrong = int(RANDOM[0])
        project.label(wrong, "nine" if NAMES[wrong] != "nine" else "one", how="random")
        doubtful = project.answers().about["doubtful_labels"]
        assert set(doubtful) <= set(project.labeled())
        assert project.answers().about["doubtful_labels"] == doubtful

    @pytest.fixture
    def learned(self, monkeypatch):
        """What each `auto` that learns is told of how labels were chosen."""
        seen = []
        learn = AutoDecoder._learn

        def watched(self, *arguments):
            seen.append(self.typical_labels)
            learn(self, *arguments)

        monkeypatch.setattr(AutoDecoder, "_learn", watched)
        return seen

    @pytest.mark.parametrize(
        ("how", "typical"),
        [("suggested", True), ("random", False), ("imported", "auto"), ("correction", "auto")],
    )
    def test_how_labels_were_chosen_is_known(self, project, learned, how, typical):
        label(project, RANDOM[:20], how=how)
        label(project, RANDOM[20:30], how="random" if how != "random" else "suggested")
        project.answers()
        assert learned == [typical]

    def test_forecasts_know_how_labels_were_chosen(self, project, learned):
        label(project, RANDOM[:30], how="suggested")
        project.forecast((10,))
        assert set(learned) == {True}


class TestForecasting:
    def test_is_of_the_decoder_that_answers(self, labelled):
        found = labelled.forecast((10, 50))
        assert found.n_labels.tolist() == [40, 50, 90]
        assert ((found.low <= found.accuracy) & (found.accuracy <= found.high)).all()
        assert np.array_equal(labelled.forecast((10, 50)).accuracy, found.accuracy)
