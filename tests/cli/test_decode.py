"""`labelwise decode`: decoders by name, what auto chose, and answers left out so that fewer are wrong."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from cli.conftest import LABELED, digits, labelwise, read_table, write_labels
from labelwise import GMVAE
from labelwise.cli.answers import DecoderName, posteriors_for
from labelwise.decoding import DECODERS
from labelwise.decoding.abstention import abstention_threshold
from labelwise.errors import DoubtfulLabelWarning, UnnamedComponentWarning

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

X, TRUTH = digits(300)


@pytest.fixture
def decode(trained, place, tmp_path):
    """Decode the digits from some labels, and return the outcome and the rows of the predictions."""
    given = write_labels(tmp_path / "given.csv", {i: str(TRUTH[i]) for i in LABELED})

    def decode(*arguments, model=trained[0], data=place / "digits.npz", labels=given):
        output = tmp_path / "p.csv"
        output.unlink(missing_ok=True)
        outcome = labelwise("decode", model, data, "--labels", labels, "-o", output, *arguments)
        assert output.exists() == (outcome.code == 0)
        return outcome, read_table(output) if outcome.code == 0 else []

    return decode


def by_hand(trained, name, **parameters):
    """Probabilities of a decoder that sees what the program has to give it, and the decoder."""
    gmvae = GMVAE.load(trained[0])
    y = np.array([str(TRUTH[i]) if i in LABELED else -1 for i in range(300)], dtype=object)
    decoder = DECODERS[name](**parameters)
    posteriors = posteriors_for(decoder, gmvae, X)
    return decoder.fit(posteriors, y).predict_proba(posteriors), decoder


class TestDecoders:
    def test_the_names_are_those_of_the_library(self):
        assert {name.value for name in DecoderName} == set(DECODERS)

    @pytest.mark.parametrize("name", sorted(DECODERS))
    def test_each_answers_as_the_library_does(self, decode, trained, name):
        outcome, rows = decode("--decoder", name, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        P, decoder = by_hand(trained, name)
        assert [row["label"] for row in rows] == decoder.classes_[P.argmax(axis=1)].tolist()
        assert [row["probability"] for row in rows] == [f"{p:.4f}" for p in P.max(axis=1)]
        assert json.loads(outcome.out)["decoder"] == name

    def test_those_that_look_at_latents_get_them(self, decode, trained):
        _, rows = decode("--decoder", "poisson")
        gmvae = GMVAE.load(trained[0])
        y = np.array([str(TRUTH[i]) if i in LABELED else -1 for i in range(300)], dtype=object)
        Q, latents = gmvae.predict_proba(X), gmvae.transform(X)
        with_latents = DECODERS["poisson"]().fit(Q, y, latents=latents).predict(Q, latents=latents)
        without = DECODERS["poisson"]().fit(Q, y).predict(Q)
        assert [row["label"] for row in rows] == with_latents.tolist()
        assert with_latents.tolist() != without.tolist()

    def test_auto_is_what_is_taken(self, decode):
        outcome, rows = decode()
        same, again = decode("--decoder", "auto")
        assert outcome == same
        assert rows == again

    @pytest.mark.parametrize("name", ["soft", "poisson"])
    def test_others_than_auto_tell_their_name_and_no_choice(self, decode, name):
        outcome, _ = decode("--decoder", name)
        assert outcome.out.splitlines()[1] == f"decoder: {name}"
        summary = json.loads(decode("--decoder", name, "--json")[0].out)
        told = ("decoder", "choice", "reason", "doubtful_labels")
        assert [summary[key] for key in told] == [name, None, None, []]


class TestAuto:
    def test_the_choice_and_the_reason_are_told(self, decode, trained):
        outcome, _ = decode()
        _, decoder = by_hand(trained, "auto")
        # One class has but one label.
        assert f"{len(LABELED) - 1} held-out labels" in decoder.reason_
        line = f"decoder: {decoder.choice_}, which auto chose: {decoder.reason_}"
        assert outcome.out.splitlines()[1] == line
        summary = json.loads(decode("--json")[0].out)
        assert (summary["choice"], summary["reason"]) == (decoder.choice_, decoder.reason_)

    def test_with_few_labels_it_says_that_they_are_few(self, decode, tmp_path):
        few = write_labels(tmp_path / "few.csv", {i: str(TRUTH[i]) for i in range(12)})
        outcome, _ = decode(labels=few)
        # These small images are better as they are than what a model of 300 of them makes of them.
        assert re.fullmatch(
            r"decoder: poisson on items, which auto chose: 12 labels are too few to compare decoders; "
            r"surer on the items \(0\.\d\d\) than on the latents \(0\.\d\d\)",
            outcome.out.splitlines()[1],
        )


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """A model of three clear blobs, its data with names of classes, and what they are."""
    folder = tmp_path_factory.mktemp("blobs")
    rows, truth = make_blobs(200, n_features=6, centers=3, random_state=0)
    np.savez(folder / "blobs.npz", X=rows.astype(np.float32), y=truth)
    settings = {"n_latent": 3, "n_hidden": 32, "n_layers": 1, "max_epochs": 40, "learning_rate": 5e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GMVAE(6, **settings, batch_size=32, random_state=0).fit(rows.astype(np.float32))
    model.save(folder / "model")
    return folder, truth


class TestDoubtfulLabels:
    @pytest.fixture
    def doubtful(self, blobs, tmp_path):
        """Labels of 90 items, one of them wrong; the program as it decodes them."""
        folder, truth = blobs
        given = {i: str(truth[i]) for i in range(90)}
        given[17] = str((truth[17] + 1) % 3)
        labels = write_labels(tmp_path / "labels.csv", given)

        def decode(*arguments):
            with warnings.catch_warnings():
                # On a terminal each warning is told; pytest would make an error of it.
                warnings.simplefilter("always", DoubtfulLabelWarning)
                arguments = [folder / "model", folder / "blobs.npz", "--labels", labels, *arguments]
                outcome = labelwise("decode", *arguments, "-o", tmp_path / "p.csv")
            assert outcome.code == 0, outcome
            return outcome, given[17]

        return decode

    def test_words_name_them(self, doubtful):
        outcome, label = doubtful()
        assert outcome.out.splitlines()[2] == f"doubtful labels: 17 ({label})"
        assert outcome.err.startswith(
            "labelwise: warning: labels that disagree with everything near them: item 17 is labelled "
        )

    def test_json_lists_them(self, doubtful):
        outcome, label = doubtful("--json")
        assert json.loads(outcome.out)["doubtful_labels"] == [{"index": 17, "label": label}]

    def test_a_decoder_that_is_not_auto_doubts_nothing(self, doubtful):
        outcome, _ = doubtful("--decoder", "soft")
        assert "doubtful" not in outcome.out + outcome.err


class TestRisk:
    def answered(self, rows):
        return [row["label"] != "" for row in rows]

    @pytest.mark.parametrize(
        ("name", "risk"), [("auto", 0.005), ("auto", 0.02), ("soft", 0.02), ("soft", 0.1), ("soft", 0.25)]
    )
    def test_the_least_probable_are_left_out_until_the_rest_is_good_enough(self, decode, trained, name, risk):
        _, full = decode("--decoder", name)
        outcome, rows = decode("--decoder", name, "--risk", risk, "--json")
        summary = json.loads(outcome.out)
        P, _ = by_hand(trained, name)
        largest = P.max(axis=1).astype(np.float64)
        expected = largest >= abstention_threshold(P, risk)
        assert 0 < expected.sum() < 300
        assert self.answered(rows) == expected.tolist()
        assert summary["share_answered"] == pytest.approx(expected.mean())
        assert summary["n_without_answer"] == (~expected).sum()
        assert summary["expected_error"] == pytest.approx((1 - largest[expected]).mean())
        assert summary["expected_error"] <= risk
        # One more would be too many.
        more = np.sort(largest)[::-1][: expected.sum() + 1]
        assert (1 - more).mean() > risk
        for row, before, stays in zip(rows, full, expected, strict=True):
            assert row["probability"] == before["probability"]
            assert row["label"] == (before["label"] if stays else "")

    def test_words_say_how_much_is_answered(self, decode):
        outcome, rows = decode("--decoder", "soft", "--risk", 0.1)
        share = np.mean(self.answered(rows))
        wrong = np.mean([1 - float(row["probability"]) for row in rows if row["label"]])
        (line,) = [line for line in outcome.out.splitlines() if line.startswith("--risk")]
        expected = (
            f"--risk 0.1: {share:.1%} of the items answered, of which {wrong:.2%} are expected to be wrong"
        )
        assert line == expected
        assert f"{self.answered(rows).count(False)} items got no label" in outcome.out.splitlines()

    def test_without_it_nothing_is_said_of_it(self, decode):
        assert "--risk" not in decode()[0].out

    def test_where_nothing_is_good_enough_nothing_is_answered(self, decode):
        outcome, rows = decode("--decoder", "soft", "--risk", 0)
        assert not any(self.answered(rows))
        assert "--risk 0: 0.0% of the items answered" in outcome.out.splitlines()
        summary = json.loads(decode("--decoder", "soft", "--risk", 0, "--json")[0].out)
        assert (summary["expected_error"], summary["accuracy"], summary["share_answered"]) == (None, None, 0)

    def test_any_risk_answers_all(self, decode):
        _, rows = decode("--risk", 1)
        assert all(self.answered(rows))

    def test_components_without_a_name_do_not_count(self, decode, trained, tmp_path):
        few = {i: str(TRUTH[i]) for i in (0, 7, 14, 21, 28, 35)}
        labels = write_labels(tmp_path / "few.csv", few)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnnamedComponentWarning)
            arguments = ["--decoder", "hard", "--unnamed", "abstain"]
            _, full = decode(*arguments, labels=labels)
            outcome, rows = decode(*arguments, "--risk", 0.3, "--json", labels=labels)
        assert 0 < sum(self.answered(full)) < 300
        probabilities = sorted((float(row["probability"]) for row in full if row["label"]), reverse=True)
        n_answered = sum(self.answered(rows))
        assert all(before["label"] or not row["label"] for row, before in zip(rows, full, strict=True))
        assert np.mean(1 - np.array(probabilities[:n_answered])) <= 0.3
        assert json.loads(outcome.out)["share_answered"] == pytest.approx(n_answered / 300)

    @pytest.mark.parametrize("value", ["2", "-0.1", "nan"])
    def test_what_is_no_share_is_refused(self, decode, value):
        assert decode("--risk", value)[0].reason() == f"--risk {value} must be a share from 0 to 1"

    def test_it_and_abstain_exclude_each_other(self, decode):
        assert decode("--risk", 0.1, "--abstain", 0.5)[0].reason() == (
            "--risk and --abstain both say which labels stay empty: give one of them"
        )
        assert decode("--risk", 0.1, "--abstain", 0)[0].code == 0


def test_a_model_of_components_needs_labels(trained, place, tmp_path):
    arguments = ["decode", trained[0], place / "digits.npz", "-o", tmp_path / "p.csv"]
    assert labelwise(*arguments).reason() == (
        f"--labels is missing: {trained[0]} knows components, but not what they are called; "
        "give a CSV with columns index,label"
    )
    assert not Path(tmp_path / "p.csv").exists()
