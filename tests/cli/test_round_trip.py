"""train, info, decode on three hundred digits; what is printed is computed again here."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter

import numpy as np
import pytest

import labelwise as package
from cli.conftest import DIGIT_NAMES, LABELED, TINY, digits, labelwise, read_table, write_labels
from labelwise import GMVAE
from labelwise.errors import UnnamedComponentWarning

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

_, TRUTH = digits(300)


def decode(trained, place, output, *arguments, labels):
    """Decode, and return the outcome and the rows of the predictions."""
    outcome = labelwise(
        "decode", trained[0], place / "digits.npz", "--labels", labels, "-o", output, *arguments
    )
    assert outcome.code == 0, outcome
    return outcome, read_table(output)


@pytest.fixture
def plain_labels(tmp_path):
    """Labels that are the names of the classes, for some images."""
    return write_labels(tmp_path / "plain.csv", {i: str(TRUTH[i]) for i in LABELED})


@pytest.fixture
def posteriors(trained):
    return GMVAE.load(trained[0]).predict_proba(digits(300)[0])


class TestTrain:
    def test_what_it_says(self, trained, place):
        model, outcome = trained
        first, *progress = outcome.err.splitlines()
        assert first == "digits.npz: 300 images of 8x8, uint8, 10 classes"
        assert progress[-1].startswith("epoch 60/60: loss ")
        saved, *advice = outcome.out.splitlines()
        assert saved.startswith(f"saved {model} after 60 epochs, ")
        data = place / "digits.npz"
        assert advice[1] == f"  labelwise decode {model} {data} --labels labels.csv -o predictions.csv"

    def test_what_it_leaves(self, trained, place):
        assert sorted(entry.name for entry in trained[0].iterdir()) == [
            "manifest.json",
            "weights.safetensors",
        ]
        assert [entry.name for entry in place.iterdir() if "checkpoint" in entry.name] == []

    def test_the_options_reach_the_model(self, tmp_path, place):
        arguments = ["--components", 5, "--latent", 3, "--hidden", 7, "--layers", 2, "--epochs", 3]
        arguments += [
            "--batch-size",
            64,
            "--learning-rate",
            0.002,
            "--objective",
            "exact",
            "--augment",
            "affine",
        ]
        arguments += ["--encoder", "dense", "--likelihood", "bernoulli", "--init", "random"]
        arguments += ["--precision", "fp32", "--device", "cpu", "--seed", 11]
        assert labelwise("train", place / "digits.npz", "-o", tmp_path / "m", *arguments).code == 0
        expected = {
            "n_components": 5,
            "n_latent": 3,
            "n_hidden": 7,
            "n_layers": 2,
            "max_epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.002,
            "objective": "exact",
            "augment": "affine",
            "encoder": "dense",
            "likelihood": "bernoulli",
            "init": "random",
            "precision": "fp32",
            "random_state": 11,
        }
        parameters = GMVAE.load(tmp_path / "m").get_params()
        assert {name: parameters[name] for name in expected} == expected

    def test_the_model_is_that_of_the_library(self, trained):
        gmvae = GMVAE(
            12,
            n_latent=4,
            n_hidden=64,
            n_layers=1,
            learning_rate=0.005,
            max_epochs=60,
            random_state=0,
        ).fit(digits(300)[0])
        np.testing.assert_array_equal(gmvae.means_, GMVAE.load(trained[0]).means_)

    def test_json(self, tmp_path, place):
        arguments = ["-o", tmp_path / "m", "--epochs", 2, *TINY, "--json"]
        outcome = labelwise("train", place / "digits.npz", *arguments)
        assert outcome.code == 0
        result = json.loads(outcome.out)
        last = GMVAE.load(tmp_path / "m").history_[-1]
        assert {name: result[name] for name in last} == last
        assert result["model"] == str(tmp_path / "m")
        assert result["n_epochs"] == result["epoch"] == 2
        assert set(result) == {"model", "seconds", "n_epochs", "augment", *last}
        assert result["augment"] is None  # digits stand still

    def test_overwriting_a_model(self, trained, place, tmp_path):
        model = shutil.copytree(trained[0], tmp_path / "m")
        arguments = ["train", place / "digits.npz", "-o", model, "--epochs", 2, *TINY]
        assert labelwise(*arguments).code == 1
        assert labelwise(*arguments, "--overwrite").code == 0
        assert GMVAE.load(model).n_epochs_ == 2
        assert [entry.name for entry in tmp_path.iterdir()] == ["m"]

    def test_a_table_with_a_column_of_labels(self, tmp_path):
        pytest.importorskip("pandas")
        rng = np.random.default_rng(0)
        rows = [f"{a:.3f},{b:.3f},{'y' if a > 0 else 'x'}" for a, b in rng.standard_normal((80, 2))]
        (tmp_path / "data.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
        arguments = ["train", tmp_path / "data.csv", "-o", tmp_path / "m", "--epochs", 2, *TINY]
        assert labelwise(*arguments).code == 1  # text is no feature
        outcome = labelwise(*arguments, "--label-column", "kind")
        assert outcome.code == 0
        assert outcome.err.splitlines()[0] == "data.csv: 80 rows of 2 features, float32, 2 classes"
        labels = write_labels(tmp_path / "labels.csv", {0: "x", 1: "y"})
        arguments = ["decode", tmp_path / "m", tmp_path / "data.csv", "--labels", labels]
        outcome = labelwise(*arguments, "-o", tmp_path / "p.csv", "--label-column", "kind")
        assert outcome.code == 0
        assert len(read_table(tmp_path / "p.csv")) == 80


class TestInfo:
    def test_what_it_says(self, trained):
        outcome = labelwise("info", trained[0])
        assert (outcome.code, outcome.err) == (0, "")
        lines = dict(line.split(maxsplit=1) for line in outcome.out.splitlines() if "trained on" not in line)
        gmvae = GMVAE.load(trained[0])
        last, shares = gmvae.history_[-1], gmvae.shares_
        assert "trained on    digits.npz, 300 items of 8x8\n" in outcome.out
        assert lines["model"] == "12 components, 4 latent dimensions"
        assert lines["objective"] == "collapsed, bernoulli likelihood"
        assert lines["encoder"] == "dense, hidden 64"
        assert lines["augment"] == "none"
        assert lines["training"] == f"60 epochs, batches of {gmvae.batch_size_}, seed 0"
        assert lines["loss"].startswith(f"{last['loss']:.2f} nats an item: ")
        assert lines["components"].endswith(f"shares from {shares.min():.2%} to {shares.max():.2%} of items")
        assert f"labelwise {package.__version__}, format 1" in outcome.out

    def test_json_is_the_manifest(self, trained):
        outcome = labelwise("info", trained[0], "--json")
        assert outcome.code == 0
        assert json.loads(outcome.out) == json.loads((trained[0] / "manifest.json").read_text())

    def test_a_model_saved_by_the_library(self, tmp_path, place):
        settings = {"n_latent": 2, "n_hidden": 8, "n_layers": 1, "max_epochs": 1, "random_state": 0}
        GMVAE(3, **settings).fit(digits(100)[0]).save(tmp_path / "m")
        outcome = labelwise("info", tmp_path / "m")
        assert outcome.code == 0
        assert outcome.out.splitlines()[0] == "trained on    items of 8x8"


class TestDecode:
    def test_predictions_are_those_of_a_loop(self, trained, place, labels, posteriors, tmp_path):
        _, rows = decode(trained, place, tmp_path / "p.csv", "--decoder", "soft", labels=labels)
        assert (tmp_path / "p.csv").read_text(encoding="utf-8").startswith("index,label,probability\n0,")
        assert [row["index"] for row in rows] == [str(i) for i in range(300)]
        given = {i: DIGIT_NAMES[TRUTH[i]] for i in LABELED}
        classes = sorted(set(given.values()))
        profiles = [np.mean([posteriors[i] for i in given if given[i] == name], axis=0) for name in classes]
        scores = posteriors.astype(float) @ np.array(profiles).T
        shares = scores / scores.sum(axis=1, keepdims=True)
        best = np.sort(shares, axis=1)
        clear = best[:, -1] - best[:, -2] > 1e-5  # rounding may turn an answer that is a tie
        assert clear.mean() > 0.9
        expected = [classes[k] for k in shares.argmax(axis=1)]
        assert [row["label"] for row, ok in zip(rows, clear, strict=True) if ok] == [
            name for name, ok in zip(expected, clear, strict=True) if ok
        ]
        np.testing.assert_allclose([float(row["probability"]) for row in rows], best[:, -1], atol=1.1e-4)

    def test_texts_of_labels_are_kept(self, trained, place, tmp_path):
        texts = {0: "zéro, ou rien", 1: '"un"', 2: "-1 ", 3: "007", 4: "日本"}
        labels = write_labels(tmp_path / "labels.csv", texts)
        _, rows = decode(trained, place, tmp_path / "p.csv", labels=labels)
        answers = {row["label"] for row in rows}
        assert answers <= {text.strip() for text in texts.values()}
        assert len(answers) > 1

    def test_the_summary_in_words(self, trained, place, plain_labels, posteriors, tmp_path):
        outcome, rows = decode(trained, place, tmp_path / "p.csv", "--decoder", "soft", labels=plain_labels)
        assert outcome.err == ""
        n_classes = len({TRUTH[i] for i in LABELED})
        n_named = len({int(posteriors[i].argmax()) for i in LABELED})
        hits = [row["label"] == str(TRUTH[i]) for i, row in enumerate(rows) if i not in LABELED]
        expected = [
            f"{tmp_path / 'p.csv'}: 300 items answered from 43 labels of {n_classes} classes",
            "decoder: soft",
        ]
        if n_named < 12:
            expected.append(f"{12 - n_named} of 12 components hold no labelled item")
        never = sorted({str(k) for k in range(10)} - {str(TRUTH[i]) for i in LABELED})
        if never:
            expected.append(f"never answered, for want of a label: {', '.join(never)}")
        expected.append(f"accuracy on the answered items without a label: {np.mean(hits):.1%}")
        assert outcome.out.splitlines() == expected
        assert len(hits) == 257
        assert np.mean(hits) > 0.6  # guessing gives 0.1

    def test_the_summary_as_json(self, trained, place, posteriors, tmp_path):
        given = {i: str(TRUTH[i]) for i in range(300) if TRUTH[i] in (1, 4, 8) and i < 60}
        labels = write_labels(tmp_path / "labels.csv", given)
        outcome, rows = decode(trained, place, tmp_path / "p.csv", "--json", labels=labels)
        hits = [row["label"] == str(TRUTH[i]) for i, row in enumerate(rows) if i not in given]
        named = {int(posteriors[i].argmax()) for i in given}
        summary = json.loads(outcome.out)
        assert summary.pop("choice") in ("poisson", "poisson on items")
        assert summary.pop("reason").startswith(f"{len(given)} labels are too few to compare decoders")
        assert summary == {
            "predictions": str(tmp_path / "p.csv"),
            "decoder": "auto",
            "doubtful_labels": [],
            "n_samples": 300,
            "n_labeled": len(given),
            "classes": ["1", "4", "8"],
            "n_components": 12,
            "n_unnamed_components": 12 - len(named),
            "n_without_answer": 0,
            "share_answered": 1.0,
            "expected_error": pytest.approx(
                np.mean([1 - float(row["probability"]) for row in rows]), abs=1e-4
            ),
            "classes_without_label": ["0", "2", "3", "5", "6", "7", "9"],
            "accuracy": pytest.approx(np.mean(hits)),
        }

    def test_no_accuracy_where_labels_are_no_classes_of_the_data(self, trained, place, labels, tmp_path):
        outcome, _ = decode(trained, place, tmp_path / "p.csv", "--json", labels=labels)
        summary = json.loads(outcome.out)
        assert (summary["accuracy"], summary["classes_without_label"]) == (None, None)

    def test_no_accuracy_without_classes(self, trained, plain_labels, tmp_path):
        np.save(tmp_path / "digits.npy", digits(300)[0])
        arguments = ["decode", trained[0], tmp_path / "digits.npy", "--labels", plain_labels]
        outcome = labelwise(*arguments, "-o", tmp_path / "p.csv")
        assert outcome.code == 0
        assert "accuracy on the" not in outcome.out
        assert "never answered" not in outcome.out

    def test_other_items_than_those_of_training(self, trained, tmp_path):
        X, truth = digits(500)
        np.savez(tmp_path / "new.npz", X=X[300:], y=truth[300:])
        labels = write_labels(tmp_path / "labels.csv", {i: str(truth[300 + i]) for i in range(0, 200, 5)})
        outcome = labelwise(
            "decode", trained[0], tmp_path / "new.npz", "--labels", labels, "-o", tmp_path / "p.csv", "--json"
        )
        assert outcome.code == 0
        hits = [
            row["label"] == str(truth[300 + i])
            for i, row in enumerate(read_table(tmp_path / "p.csv"))
            if i % 5
        ]
        assert json.loads(outcome.out)["accuracy"] == pytest.approx(np.mean(hits))


class TestHard:
    FEW = (0, 7, 14, 21, 28, 35)

    @pytest.fixture
    def few(self, tmp_path):
        """Six labels: half of the components stay without."""
        return write_labels(tmp_path / "few.csv", {i: str(TRUTH[i]) for i in self.FEW})

    def names(self, posteriors):
        """Name of each component that holds a label, by definition."""
        votes: dict[int, Counter[str]] = {}
        for i in self.FEW:
            votes.setdefault(int(posteriors[i].argmax()), Counter())[str(TRUTH[i])] += 1
        return {
            c: min(name for name, count in counter.items() if count == max(counter.values()))
            for c, counter in votes.items()
        }

    @pytest.mark.parametrize("unnamed", ["abstain", "first", "prior"])
    def test_components_without_a_label(self, trained, place, few, posteriors, tmp_path, unnamed):
        arguments = ["--decoder", "hard", "--unnamed", unnamed, "--json"]
        with warnings.catch_warnings():
            # On a terminal each warning is told; pytest would make an error of it.
            warnings.simplefilter("always", UnnamedComponentWarning)
            outcome, rows = decode(trained, place, tmp_path / "p.csv", *arguments, labels=few)
        names = self.names(posteriors)
        given = [str(TRUTH[i]) for i in self.FEW]
        most_frequent = max(sorted(set(given)), key=given.count)
        other = {"abstain": "", "first": min(given), "prior": most_frequent}[unnamed]
        expected = [names.get(int(row.argmax()), other) for row in posteriors]
        assert len(names) < 12
        assert [row["label"] for row in rows] == expected
        summary = json.loads(outcome.out)
        assert summary["n_unnamed_components"] == 12 - len(names)
        told = f"{12 - len(names)} of 12 components have no labelled item; their items get no label"
        assert outcome.err == (f"labelwise: warning: {told}\n" if unnamed == "abstain" else "")
        assert summary["n_without_answer"] == expected.count("")
        hits = [label == str(TRUTH[i]) for i, label in enumerate(expected) if label and i not in self.FEW]
        assert summary["accuracy"] == pytest.approx(np.mean(hits))


class TestAbstain:
    def test_unsure_answers_are_left_out(self, trained, place, plain_labels, tmp_path):
        _, all_rows = decode(trained, place, tmp_path / "all.csv", labels=plain_labels)
        probabilities = sorted(float(row["probability"]) for row in all_rows)
        threshold = (probabilities[149] + probabilities[150]) / 2
        assert probabilities[149] < probabilities[150]
        outcome, rows = decode(
            trained, place, tmp_path / "p.csv", "--abstain", threshold, "--json", labels=plain_labels
        )
        for row, full in zip(rows, all_rows, strict=True):
            assert row["probability"] == full["probability"]
            sure = float(full["probability"]) > threshold
            assert row["label"] == (full["label"] if sure else "")
        summary = json.loads(outcome.out)
        assert summary["n_without_answer"] == 150
        hits = [
            row["label"] == str(TRUTH[i]) for i, row in enumerate(rows) if i not in LABELED and row["label"]
        ]
        assert summary["accuracy"] == pytest.approx(np.mean(hits))

    def test_zero_answers_all(self, trained, place, plain_labels, tmp_path):
        _, rows = decode(trained, place, tmp_path / "p.csv", "--abstain", 0, labels=plain_labels)
        assert all(row["label"] for row in rows)

    def test_the_number_is_told(self, trained, place, plain_labels, tmp_path):
        outcome, rows = decode(trained, place, tmp_path / "p.csv", "--abstain", 1, labels=plain_labels)
        n_without = sum(row["label"] == "" for row in rows)
        assert n_without > 0
        assert f"{n_without} items got no label" in outcome.out.splitlines()
