"""`labelwise decode`: what answers, for which items, from which labels, and what gets no answer."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections import Counter
from unittest import mock

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from cli.conftest import (
    DIGIT_NAMES,
    LABELED,
    TRUTH,
    X,
    digits,
    labelwise,
    read_table,
    write_labels,
)
from labelwise import GMVAE, Project
from labelwise.cli.options import DecoderName
from labelwise.decoding import DECODERS
from labelwise.decoding.abstention import abstention_threshold
from labelwise.errors import UnnamedComponentWarning

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")


@pytest.fixture(scope="module")
def encoding(trained):
    return Project(trained[0]).gmvae.encode(X)


@pytest.fixture
def decode(labelled, tmp_path):
    """Decode, and return the outcome and the rows of the predictions; none may be left where it fails."""

    def decode(*arguments, of=labelled):
        output = tmp_path / "p.csv"
        output.unlink(missing_ok=True)
        outcome = labelwise("decode", of, *arguments, "-o", output)
        assert output.exists() == (outcome.code == 0), outcome
        return outcome, read_table(output) if outcome.code == 0 else []

    return decode


def by_hand(encoding, name, given=None, **parameters):
    """Probabilities of a decoder of the library, and the decoder."""
    given = {i: str(TRUTH[i]) for i in LABELED} if given is None else given
    y = np.array([given.get(i, -1) for i in range(300)], dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of, the program says in words
        decoder = DECODERS[name](**parameters).fit(encoding, y)
    return decoder.predict_proba(encoding), decoder


def hits(rows, truth=TRUTH, without=LABELED):
    """Share of right predictions among the items that have one and no label."""
    return np.mean(
        [row["label"] == str(truth[i]) for i, row in enumerate(rows) if i not in without and row["label"]]
    )


def mean_f1(rows, without=LABELED):
    """2 TP / (2 TP + FP + FN), averaged over the true classes."""
    pairs = [(row["label"], str(TRUTH[i])) for i, row in enumerate(rows) if i not in without]
    found = []
    for name in sorted({truth for _, truth in pairs}):
        hit = sum(label == truth == name for label, truth in pairs)
        found.append(2 * hit / sum((label == name) + (truth == name) for label, truth in pairs))
    return np.mean(found)


class TestDecoders:
    def test_the_names_are_those_of_the_library(self):
        assert {name.value for name in DecoderName} == set(DECODERS)

    @pytest.mark.parametrize("name", sorted(DECODERS))
    def test_each_answers_as_the_library_does(self, decode, encoding, name):
        outcome, rows = decode("--decoder", name, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        P, decoder = by_hand(encoding, name)
        assert [row["label"] for row in rows] == decoder.classes_[P.argmax(axis=1)].tolist()
        assert [row["probability"] for row in rows] == [f"{p:.4f}" for p in P.max(axis=1)]
        summary = json.loads(outcome.out)
        assert (summary["answerer"], summary["decoder"]) == ("decoder", name)
        assert (summary["choice"] is None) == (summary["reason"] is None) == (name != "auto")

    def test_auto_is_what_is_taken(self, decode):
        assert decode() == decode("--decoder", "auto")

    def test_a_second_time_nothing_is_fitted(self, decode, monkeypatch):
        first = decode()
        monkeypatch.setattr(DECODERS["auto"], "_learn", lambda *_: pytest.fail("fitted again"))
        assert decode() == first

    def test_words_name_the_decoder_or_what_auto_chose_and_why(self, decode, encoding):
        assert "decoder: soft" in decode("--decoder", "soft")[0].out.splitlines()
        _, decoder = by_hand(encoding, "auto")
        assert f"{len(LABELED) - 1} held-out labels" in decoder.reason_  # one class has but one label
        (line,) = [line for line in decode()[0].out.splitlines() if "decoder" in line and "auto" in line]
        assert decoder.choice_ in line
        assert decoder.reason_ in line
        summary = json.loads(decode("--json")[0].out)
        assert (summary["choice"], summary["reason"]) == (decoder.choice_, decoder.reason_)


class TestSummary:
    def test_in_words(self, decode, encoding, tmp_path):
        outcome, rows = decode("--decoder", "soft")
        assert outcome.err == ""
        first, *lines = outcome.out.splitlines()
        n_classes = len({TRUTH[i] for i in LABELED})
        assert first.startswith(f"{tmp_path / 'p.csv'}: 300 items ")
        assert re.findall(r"\d+", first.split(":")[-1]) == ["300", "43", str(n_classes)]
        n_unnamed = 12 - len(set(encoding.top[list(LABELED)]))
        assert any(line.startswith(f"{n_unnamed} of 12 components") for line in lines) == (n_unnamed > 0)
        *_, accuracy, others = lines
        assert accuracy.startswith("accuracy")
        assert accuracy.endswith(f" {hits(rows):.1%}")
        assert re.search(r"macro F1 0\.\d\d; .* [\d.]+% of \d+$", others)
        assert hits(rows) > 0.6  # guessing gives 0.1

    def test_as_json(self, decode, encoding, tmp_path):
        given = {i: str(TRUTH[i]) for i in range(60) if TRUTH[i] in (1, 4, 8)}
        labels = write_labels(tmp_path / "labels.csv", given)
        outcome, rows = decode("--labels", labels, "--json")
        _, decoder = by_hand(encoding, "auto", given)
        assert json.loads(outcome.out) == {
            "predictions": str(tmp_path / "p.csv"),
            "answerer": "decoder",
            "decoder": "auto",
            "choice": decoder.choice_,
            "reason": decoder.reason_,
            "doubtful_labels": decoder.doubtful_labels_.tolist(),
            "n_samples": 300,
            "n_labeled": len(given),
            "n_named": 0,
            "classes": ["1", "4", "8"],
            "n_components": 12,
            "n_unnamed_components": len(decoder.unnamed_components_),
            "n_without_answer": 0,
            "share_answered": 1.0,
            "expected_error": pytest.approx(
                np.mean([1 - float(row["probability"]) for row in rows]), abs=1e-4
            ),
            "classes_without_label": ["0", "2", "3", "5", "6", "7", "9"],
            "accuracy": pytest.approx(hits(rows, without=given)),
            "macro_f1": pytest.approx(mean_f1(rows, without=given)),
            # None of the seven classes without a label is ever found; the fewest come first.
            "lowest_recall": {"class": mock.ANY, "recall": 0.0, "n_samples": mock.ANY},
        }

    def test_predictions_are_a_table_in_the_order_of_the_items(self, decode, tmp_path):
        _, rows = decode()
        assert (tmp_path / "p.csv").read_text(encoding="utf-8").startswith("index,label,probability\n0,")
        assert [row["index"] for row in rows] == [str(i) for i in range(300)]

    def test_no_accuracy_where_labels_are_no_classes_of_the_data(self, decode, labels):
        summary = json.loads(decode("--labels", labels, "--json")[0].out)
        assert (summary["accuracy"], summary["classes_without_label"]) == (None, None)

    def test_classes_without_a_label_are_named(self, decode, tmp_path):
        labels = write_labels(tmp_path / "two.csv", {i: str(TRUTH[i]) for i in range(100) if TRUTH[i] < 2})
        assert "2, 3, 4, 5, 6, 7, 8, 9" in decode("--labels", labels)[0].out

    def test_texts_of_labels_are_kept(self, decode, tmp_path):
        texts = {0: "zéro, ou rien", 1: '"un"', 3: "007", 4: "日本"}
        _, rows = decode("--labels", write_labels(tmp_path / "labels.csv", texts))
        answers = {row["label"] for row in rows}
        assert answers <= set(texts.values())
        assert len(answers) > 1

    def test_named_components_answer_without_any_label(self, decode, project, encoding):
        names = {}
        for component in np.unique(encoding.top):
            names[int(component)] = str(Counter(TRUTH[encoding.top == component]).most_common(1)[0][0])
        options = [word for c, name in names.items() for word in ("--name", f"{c}={name}")]
        assert labelwise("label", project, *options).code == 0
        outcome, rows = decode("--json", of=project)
        summary = json.loads(outcome.out)
        assert (summary["n_labeled"], summary["n_named"]) == (0, len(names))
        assert hits(rows, without=()) > 0.5


class TestLabelsForOneCall:
    def test_take_the_place_of_those_in_the_project(self, decode, encoding, labels, labelled):
        before = decode()
        journal = (labelled / "labels.jsonl").read_bytes()
        _, rows = decode("--labels", labels)
        P, decoder = by_hand(encoding, "auto", {i: DIGIT_NAMES[TRUTH[i]] for i in LABELED})
        assert [row["label"] for row in rows] == decoder.classes_[P.argmax(axis=1)].tolist()
        assert (labelled / "labels.jsonl").read_bytes() == journal
        assert decode() == before

    def test_need_no_other_labels(self, decode, project, labels):
        outcome, rows = decode("--labels", labels, of=project)
        assert outcome.code == 0
        assert {row["label"] for row in rows} <= set(DIGIT_NAMES)

    def test_are_of_the_projects_own_items_also_for_new_ones(
        self, decode, encoding, labels, new_data, labelled
    ):
        _, rows = decode(new_data, "--labels", labels, "--decoder", "soft")
        _, decoder = by_hand(encoding, "soft", {i: DIGIT_NAMES[TRUTH[i]] for i in LABELED})
        new = Project(labelled).gmvae.encode(digits(400)[0][300:])
        assert [row["label"] for row in rows] == decoder.predict(new).tolist()


class TestNewItems:
    def test_are_answered_as_the_answerer_does(self, decode, labelled, new_data):
        outcome, rows = decode(new_data, "--json")
        images, truth = digits(400)
        answerer = Project(labelled).answerer
        assert [row["label"] for row in rows] == answerer.predict(images[300:]).tolist()
        summary = json.loads(outcome.out)
        assert (summary["n_samples"], summary["doubtful_labels"]) == (100, [])
        assert summary["accuracy"] == pytest.approx(hits(rows, truth[300:], ()))
        assert hits(rows, truth[300:], ()) > 0.5

    def test_data_that_are_the_projects_own_are_no_new_ones(self, decode, place, tmp_path):
        own = decode()
        assert decode(place / "digits.npz") == own
        np.savez(tmp_path / "copy.npz", X=X, y=TRUTH)
        assert decode(tmp_path / "copy.npz") == own

    def test_the_same_items_in_another_order_are_new_ones(self, decode, tmp_path):
        np.savez(tmp_path / "turned.npz", X=X[::-1], y=TRUTH[::-1])
        outcome, rows = decode(tmp_path / "turned.npz", "--json")
        assert json.loads(outcome.out)["accuracy"] == pytest.approx(hits(rows, TRUTH[::-1], ()))

    def test_without_classes_there_is_no_accuracy(self, decode, tmp_path):
        np.save(tmp_path / "new.npy", digits(400)[0][300:])
        assert json.loads(decode(tmp_path / "new.npy", "--json")[0].out)["accuracy"] is None

    @pytest.mark.parametrize("shape", [(300, 64), (300, 4, 16), (300, 8, 8, 1), (300, 63)])
    def test_of_another_shape_are_refused(self, decode, tmp_path, shape):
        np.save(tmp_path / "data.npy", np.ones(shape, np.uint8))
        reason = decode(tmp_path / "data.npy")[0].reason()
        assert f"{shape[1:]}" in reason
        assert "(8, 8)" in reason


class TestTruth:
    def test_of_the_projects_own_items(self, decode, tmp_path):
        odd = ["odd" if number % 2 else "even" for number in TRUTH]
        given = write_labels(tmp_path / "given.csv", {i: odd[i] for i in LABELED})
        truth = write_labels(tmp_path / "truth.csv", {i: odd[i] for i in range(100)})
        outcome, rows = decode("--labels", given, "--truth", truth, "--json")
        expected = [row["label"] == odd[i] for i, row in enumerate(rows[:100]) if i not in LABELED]
        assert json.loads(outcome.out)["accuracy"] == pytest.approx(np.mean(expected))

    def test_of_new_items(self, decode, tmp_path):
        images, truth = digits(400)
        np.save(tmp_path / "new.npy", images[300:])
        file = write_labels(tmp_path / "truth.csv", {i: str(truth[300 + i]) for i in range(50)})
        outcome, rows = decode(tmp_path / "new.npy", "--truth", file, "--json")
        assert json.loads(outcome.out)["accuracy"] == pytest.approx(hits(rows[:50], truth[300:], ()))

    def test_that_names_no_item(self, decode, new_data, tmp_path):
        file = write_labels(tmp_path / "truth.csv", {100: "1"})
        assert "item 100" in decode(new_data, "--truth", file)[0].reason()


class TestAnswerer:
    @pytest.fixture
    def answerer(self, decode, labelled, tmp_path):
        """The answerer alone, without the project."""
        expected = decode()
        assert expected[0].code == 0
        return shutil.copytree(labelled / "answerer", tmp_path / "answerer")

    def test_answers_new_items_without_the_project(self, decode, answerer, labelled, new_data):
        _, expected = decode(new_data)
        shutil.rmtree(labelled)
        outcome, rows = decode(new_data, "--json", of=answerer)
        assert rows == expected
        assert json.loads(outcome.out)["accuracy"] > 0.5

    @pytest.mark.parametrize("arguments", [["--labels", "labels.csv"], ["--decoder", "soft"]])
    def test_has_learned_its_labels(self, decode, answerer, new_data, arguments):
        reason = decode(new_data, *arguments, of=answerer)[0].reason()
        assert reason.startswith(f"{answerer} is an answerer")
        assert "--labels and --decoder" in reason

    def test_holds_no_items(self, decode, answerer):
        assert f"{answerer} is an answerer" in decode(of=answerer)[0].reason()

    def test_knows_what_its_items_look_like(self, decode, answerer, tmp_path):
        np.save(tmp_path / "data.npy", np.ones((30, 9, 8), np.uint8))
        assert "(9, 8)" in decode(tmp_path / "data.npy", of=answerer)[0].reason()


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """A project of three clear blobs and what they are; one of its labels is wrong."""
    folder = tmp_path_factory.mktemp("blobs")
    rows, truth = make_blobs(200, n_features=6, centers=3, random_state=0)
    settings = {"n_latent": 3, "n_hidden": 32, "n_layers": 1, "max_epochs": 40, "learning_rate": 5e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gmvae = GMVAE(6, **settings, batch_size=32, random_state=0).fit(rows.astype(np.float32))
    with Project.create(folder / "p", rows.astype(np.float32), gmvae=gmvae) as project:
        for row in range(90):
            project.label(row, str((truth[row] + (row == 17)) % 3))
    return folder / "p", str((truth[17] + 1) % 3)


class TestDoubtfulLabels:
    def test_words_name_them(self, blobs, decode):
        outcome, _ = decode(of=blobs[0])
        (line,) = [line for line in outcome.out.splitlines() if "doubtful" in line]
        assert line.endswith(f": 17 ({blobs[1]})")
        assert outcome.err == ""

    def test_json_lists_them(self, blobs, decode):
        assert json.loads(decode("--json", of=blobs[0])[0].out)["doubtful_labels"] == [17]

    def test_a_decoder_that_is_not_auto_doubts_nothing(self, blobs, decode):
        outcome, _ = decode("--decoder", "soft", of=blobs[0])
        assert "doubtful" not in outcome.out + outcome.err


class TestRisk:
    def answered(self, rows):
        return [row["label"] != "" for row in rows]

    @pytest.mark.parametrize(("name", "risk"), [("auto", 0.02), ("soft", 0.02), ("soft", 0.25)])
    def test_the_least_probable_are_left_out_until_the_rest_is_good_enough(
        self, decode, encoding, name, risk
    ):
        _, full = decode("--decoder", name)
        outcome, rows = decode("--decoder", name, "--risk", risk, "--json")
        summary = json.loads(outcome.out)
        P, _ = by_hand(encoding, name)
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
        (line,) = [line for line in outcome.out.splitlines() if line.startswith("--risk 0.1:")]
        assert f" {share:.1%} " in line
        assert f" {wrong:.2%} " in line
        assert f"{self.answered(rows).count(False)} items are left without a label" in outcome.out

    def test_no_risk_at_all_answers_what_is_certain(self, decode):
        outcome, rows = decode("--decoder", "soft", "--risk", 0)
        assert not any(self.answered(rows))
        assert "--risk 0: 0.0% of the items answered" in outcome.out.splitlines()
        summary = json.loads(decode("--decoder", "soft", "--risk", 0, "--json")[0].out)
        assert (summary["expected_error"], summary["accuracy"], summary["share_answered"]) == (None, None, 0)

    def test_any_risk_answers_all(self, decode):
        assert all(self.answered(decode("--risk", 1)[1]))

    def test_components_without_a_name_do_not_count(self, decode, tmp_path):
        labels = write_labels(tmp_path / "few.csv", {i: str(TRUTH[i]) for i in TestHard.FEW})
        arguments = ["--decoder", "hard", "--unnamed", "abstain", "--labels", labels]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnnamedComponentWarning)
            _, full = decode(*arguments)
            outcome, rows = decode(*arguments, "--risk", 0.3, "--json")
        assert 0 < sum(self.answered(full)) < 300
        probabilities = sorted((float(row["probability"]) for row in full if row["label"]), reverse=True)
        n_answered = sum(self.answered(rows))
        assert all(before["label"] or not row["label"] for row, before in zip(rows, full, strict=True))
        assert np.mean(1 - np.array(probabilities[:n_answered])) <= 0.3
        assert json.loads(outcome.out)["share_answered"] == pytest.approx(n_answered / 300)

    @pytest.mark.parametrize("option", ["--risk", "--abstain"])
    @pytest.mark.parametrize("value", ["2", "-0.1", "nan"])
    def test_what_is_no_share_is_refused(self, decode, option, value):
        assert f"{option} {value} must be" in decode(option, value)[0].reason()

    def test_it_and_abstain_exclude_each_other(self, decode):
        reason = decode("--risk", 0.1, "--abstain", 0.5)[0].reason()
        assert "--risk" in reason
        assert "--abstain" in reason


class TestHard:
    FEW = (0, 7, 14, 21, 28, 35)

    def names(self, encoding):
        """Name of each component that holds a label, by definition."""
        votes: dict[int, Counter[str]] = {}
        for i in self.FEW:
            votes.setdefault(int(encoding.top[i]), Counter())[str(TRUTH[i])] += 1
        return {
            c: min(name for name, count in counter.items() if count == max(counter.values()))
            for c, counter in votes.items()
        }

    @pytest.mark.parametrize("unnamed", ["abstain", "first", "prior"])
    def test_components_without_a_label(self, decode, encoding, tmp_path, unnamed):
        few = write_labels(tmp_path / "few.csv", {i: str(TRUTH[i]) for i in self.FEW})
        with warnings.catch_warnings():
            # On a terminal each warning is told; pytest would make an error of it.
            warnings.simplefilter("always", UnnamedComponentWarning)
            outcome, rows = decode("--labels", few, "--decoder", "hard", "--unnamed", unnamed, "--json")
        names = self.names(encoding)
        given = [str(TRUTH[i]) for i in self.FEW]
        most_frequent = max(sorted(set(given)), key=given.count)
        other = {"abstain": "", "first": min(given), "prior": most_frequent}[unnamed]
        expected = [names.get(int(component), other) for component in encoding.top]
        assert len(names) < 12
        assert [row["label"] for row in rows] == expected
        summary = json.loads(outcome.out)
        assert summary["n_unnamed_components"] == 12 - len(names)
        assert (f"warning: {12 - len(names)} of 12 components" in outcome.err) == (unnamed == "abstain")
        assert summary["n_without_answer"] == expected.count("")
        right = [label == str(TRUTH[i]) for i, label in enumerate(expected) if label and i not in self.FEW]
        assert summary["accuracy"] == pytest.approx(np.mean(right))

    @pytest.mark.parametrize("arguments", [[], ["--decoder", "soft"], ["--decoder", "auto"]])
    def test_that_choice_is_for_it_alone(self, decode, arguments):
        assert "--decoder hard" in decode("--unnamed", "prior", *arguments)[0].reason()


class TestAbstain:
    def test_unsure_answers_are_left_out(self, decode):
        _, full = decode("--decoder", "soft")
        probabilities = sorted(float(row["probability"]) for row in full)
        threshold = (probabilities[149] + probabilities[150]) / 2
        assert probabilities[149] < probabilities[150]
        outcome, rows = decode("--decoder", "soft", "--abstain", threshold, "--json")
        for row, before in zip(rows, full, strict=True):
            assert row["probability"] == before["probability"]
            sure = float(before["probability"]) > threshold
            assert row["label"] == (before["label"] if sure else "")
        summary = json.loads(outcome.out)
        assert summary["n_without_answer"] == 150
        assert summary["accuracy"] == pytest.approx(hits(rows))

    def test_zero_answers_all(self, decode):
        assert all(row["label"] for row in decode("--abstain", 0)[1])


class TestRefusal:
    def test_a_project_without_labels(self, decode, project):
        reason = decode(of=project)[0].reason()
        assert reason.startswith(f"{project} has no labels")
        assert "labelwise label" in reason

    @pytest.mark.parametrize("option", [["--label-column", "y"], ["--skip-unreadable"]])
    def test_options_of_new_items_without_any(self, decode, option):
        reason = decode(*option)[0].reason()
        assert option[0] in reason
        assert "DATA" in reason

    def test_a_model_knows_no_labels(self, decode, labelled, new_data):
        assert "GMVAE.load" in decode(new_data, of=labelled / "model")[0].reason()

    def test_a_folder_that_is_missing_is_told_before_the_work(self, labelled, tmp_path):
        output = tmp_path / "nowhere" / "p.csv"
        assert str(output.parent) in labelwise("decode", labelled, "-o", output).reason()
