"""`labelwise suggest`: a list of items to label, and the way from there to predictions."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from cli.conftest import (
    LABELED,
    digits,
    finish,
    labelwise,
    read_table,
    start_labelwise,
    write_labels,
)
from labelwise import GMVAE, suggest
from labelwise.data import read_labels

# So small a model, trained so briefly, may leave components dead, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::labelwise.errors.StructureWarning")

X, TRUTH = digits(300)


@pytest.fixture
def ask(trained, place, tmp_path):
    """Ask for suggestions; where that fails, nothing new may be left."""

    def ask(*arguments, model=trained[0], data=place / "digits.npz", output=None):
        output = output or tmp_path / "to_label.csv"
        before = output.read_bytes() if output.exists() else None
        outcome = labelwise("suggest", model, data, "-o", output, *arguments)
        if outcome.code != 0:
            assert (output.read_bytes() if output.exists() else None) == before
        assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".part")] == []
        return outcome

    return ask


def fill_in(path, label):
    """Add a column of labels to a list, as a person would; returns the indices of its items."""
    rows = read_table(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], "label"])
        writer.writeheader()
        writer.writerows(row | {"label": label(int(row["index"]))} for row in rows)
    return [int(row["index"]) for row in rows]


class TestList:
    def test_it_holds_what_the_library_suggests_in_that_order(self, ask, trained, tmp_path):
        assert ask("--budget", 15).code == 0
        rows = read_table(tmp_path / "to_label.csv")
        assert list(rows[0]) == ["index", "component", "reason"]
        gmvae = GMVAE.load(trained[0])
        assert [int(row["index"]) for row in rows] == suggest(gmvae, X, 15, random_state=0).tolist()
        homes = gmvae.predict_proba(X).argmax(axis=1)
        for row in rows:
            assert int(row["component"]) == homes[int(row["index"])]
            assert row["reason"].startswith(f"typical of component {row['component']}; stands for ")

    def test_ten_are_written_to_to_label_csv_if_nothing_is_said(self, trained, place, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        outcome = labelwise("suggest", trained[0], place / "digits.npz")
        assert (outcome.code, outcome.err) == (0, "")
        assert [entry.name for entry in tmp_path.iterdir()] == ["to_label.csv"]
        assert len(read_table(tmp_path / "to_label.csv")) == 10

    def test_items_with_labels_are_left_out_and_the_labels_tell_what_is_in_doubt(self, ask, labels, tmp_path):
        assert ask("--budget", 40, "--labels", labels).code == 0
        rows = read_table(tmp_path / "to_label.csv")
        assert not {int(row["index"]) for row in rows} & set(LABELED)
        assert len({row["index"] for row in rows}) == 40
        assert not any(row["reason"].startswith("typical") for row in rows)
        assert any("of the doubts depend on it" in row["reason"] for row in rows)

    def test_all_that_is_left_can_be_asked_for(self, ask, labels, tmp_path):
        assert ask("--budget", 300 - len(LABELED), "--labels", labels).code == 0
        rows = read_table(tmp_path / "to_label.csv")
        assert sorted(int(row["index"]) for row in rows) == sorted(set(range(300)) - set(LABELED))

    def test_the_program_gives_the_same_list_each_time(self, ask, trained, place, tmp_path):
        assert ask("--budget", 12, "--seed", 5).code == 0
        other = tmp_path / "other.csv"
        arguments = ["suggest", trained[0], place / "digits.npz", "--budget", 12, "--seed", 5, "-o", other]
        outcome = finish(start_labelwise(*arguments))
        assert (outcome.code, outcome.err) == (0, "")
        assert other.read_bytes() == (tmp_path / "to_label.csv").read_bytes()


class TestOutput:
    def test_words_say_what_was_written_and_how_to_go_on(self, ask, trained, place, tmp_path):
        outcome = ask("--budget", 12)
        assert (outcome.code, outcome.err) == (0, "")
        output = tmp_path / "to_label.csv"
        assert outcome.out.splitlines() == [
            f"{output}: 12 of 300 items without a label, the most useful first",
            "Fill in a column `label`; then:",
            f"  labelwise decode {trained[0]} {place / 'digits.npz'} --labels {output} -o predictions.csv",
        ]

    def test_with_labels_the_new_ones_belong_beside_them(self, ask, trained, place, labels, tmp_path):
        outcome = ask("--budget", 12, "--labels", labels)
        assert outcome.out.splitlines() == [
            f"{tmp_path / 'to_label.csv'}: 12 of {300 - len(LABELED)} items without a label, "
            "the most useful first",
            f"Fill in a column `label` and add what it says to {labels}; then:",
            f"  labelwise decode {trained[0]} {place / 'digits.npz'} --labels {labels} -o predictions.csv",
        ]

    def test_json_holds_the_list_too(self, ask, labels, tmp_path):
        outcome = ask("--budget", 6, "--labels", labels, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        found = json.loads(outcome.out)
        rows = read_table(tmp_path / "to_label.csv")
        assert found == {
            "output": str(tmp_path / "to_label.csv"),
            "n_samples": 300,
            "n_labeled": len(LABELED),
            "suggestions": [
                {"index": int(row["index"]), "component": int(row["component"]), "reason": row["reason"]}
                for row in rows
            ],
        }
        assert len(rows) == 6


class TestRoundTrip:
    # So few labels for so small a model: a true one may look wrong.
    @pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning")
    def test_the_list_with_a_column_of_labels_is_a_file_of_labels(self, ask, trained, place, tmp_path):
        ask("--budget", 30)
        path = tmp_path / "to_label.csv"
        chosen = fill_in(path, lambda row: str(TRUTH[row]))
        y = read_labels(path, n_samples=300)
        assert {row: y[row] for row in range(300) if y[row] != -1} == {row: str(TRUTH[row]) for row in chosen}
        arguments = ["decode", trained[0], place / "digits.npz", "--labels", path, "--json"]
        outcome = labelwise(*arguments, "-o", tmp_path / "p.csv")
        assert outcome.code == 0, outcome
        summary = json.loads(outcome.out)
        assert summary["n_labeled"] == 30
        assert summary["accuracy"] > 0.5  # guessing gives 0.1

    def test_rows_that_nobody_filled_in_change_nothing(self, ask, tmp_path):
        ask("--budget", 20)
        path = tmp_path / "to_label.csv"
        chosen = fill_in(path, lambda row: str(TRUTH[row]) if TRUTH[row] < 5 else "")
        y = read_labels(path, n_samples=300)
        assert [row for row in range(300) if y[row] != -1] == sorted(r for r in chosen if TRUTH[r] < 5)

    def test_labels_of_a_first_list_ask_for_a_second_one_without_its_items(self, ask, tmp_path):
        ask("--budget", 20)
        first = fill_in(tmp_path / "to_label.csv", lambda row: str(TRUTH[row]))
        second = tmp_path / "more.csv"
        outcome = ask("--budget", 20, "--labels", tmp_path / "to_label.csv", output=second)
        assert outcome.code == 0, outcome
        assert not set(first) & {int(row["index"]) for row in read_table(second)}

    def test_a_list_that_was_filled_in_is_never_written_over(self, ask, tmp_path):
        ask("--budget", 5)
        assert ask("--budget", 6).code == 0  # without labels there is nothing to lose
        path = tmp_path / "to_label.csv"
        fill_in(path, lambda row: str(TRUTH[row]))
        reason = f"{path} has a column 'label', which would be lost: choose another name with -o"
        assert ask("--budget", 5).reason() == reason
        assert ask("--budget", 5, "--labels", path).reason() == reason


class TestRefusal:
    def test_more_than_there_are(self, ask):
        assert ask("--budget", 301).reason() == (
            "--budget 301 is more than the 300 items of digits.npz without a label: ask for fewer"
        )

    def test_more_than_are_left(self, ask, labels):
        left = 300 - len(LABELED)
        assert ask("--budget", left + 1, "--labels", labels).reason() == (
            f"--budget {left + 1} is more than the {left} items of digits.npz without a label: ask for fewer"
        )

    def test_nothing_left(self, ask, tmp_path):
        labels = write_labels(tmp_path / "all.csv", {row: str(TRUTH[row]) for row in range(300)})
        assert ask("--budget", 1, "--labels", labels).reason() == (
            "all 300 items of digits.npz have a label: there is none left to suggest"
        )

    @pytest.mark.parametrize(("option", "value"), [("--budget", 0), ("--budget", "many"), ("--seed", -1)])
    def test_numbers_that_cannot_be_are_wrong_use(self, ask, option, value):
        outcome = ask(option, value)
        assert (outcome.code, outcome.out) == (2, "")
        assert f"'{option}'" in outcome.err

    def test_no_model(self, ask, tmp_path):
        reason = ask(model=tmp_path / "nothing").reason()
        assert reason == f"there is no saved model at {tmp_path / 'nothing'}"

    def test_unknown_data(self, ask):
        assert (
            ask(data="digit").reason().startswith("'digit' is neither a known data set nor an existing path")
        )

    @pytest.mark.parametrize("shape", [(300, 64), (300, 9, 8)])
    def test_data_of_another_shape(self, ask, tmp_path, shape):
        np.save(tmp_path / "data.npy", np.ones(shape, np.uint8))
        assert ask(data=tmp_path / "data.npy").reason() == (
            f"data.npy has items of shape {shape[1:]}, but the model was trained on items of shape (8, 8): "
            "use data of the same kind"
        )

    def test_labels_of_other_data(self, ask, tmp_path):
        path = write_labels(tmp_path / "labels.csv", {300: "a"})
        assert ask("--labels", path).reason() == f"{path}, line 2: there is no item 300: use 0 to 299"

    def test_a_list_without_any_label_yet(self, ask, tmp_path):
        path = write_labels(tmp_path / "labels.csv", {3: "", 4: ""})
        assert ask("--labels", path).reason() == (
            f"{path} has no labels: fill in the column 'label' of at least one row"
        )

    def test_a_place_that_is_not_there(self, ask, tmp_path):
        output = tmp_path / "nowhere" / "to_label.csv"
        assert ask(output=output).reason() == f"cannot write {output}: no such file or directory"


class TestImages:
    @pytest.fixture
    def folder(self, tmp_path):
        """Images of digits in one folder, one of which cannot be read."""
        image = pytest.importorskip("PIL.Image")
        (tmp_path / "scans").mkdir()
        for number, pixels in enumerate(X[:60]):
            image.fromarray(pixels).save(tmp_path / "scans" / f"{number:03}.png")
        (tmp_path / "scans" / "025.png").write_bytes(b"no image at all")
        return tmp_path / "scans"

    def test_one_cannot_be_read(self, ask, folder):
        reason = ask(data=folder).reason()
        assert reason.startswith(f"{folder / '025.png'} cannot be read as an image (unknown format): ")

    def test_paths_are_named_and_serve_for_labels(self, ask, trained, folder, tmp_path):
        outcome = ask("--budget", 20, "--skip-unreadable", data=folder)
        assert outcome.code == 0, outcome
        skipped = "skipped 025.png: cannot be read as an image (unknown format)"
        assert outcome.err.splitlines() == [skipped]
        path = tmp_path / "to_label.csv"
        rows = read_table(path)
        assert list(rows[0]) == ["index", "component", "reason", "path"]
        paths = [f"{number:03}.png" for number in range(60) if number != 25]
        assert [row["path"] for row in rows] == [paths[int(row["index"])] for row in rows]
        fill_in(path, lambda row: f"digit {TRUTH[int(paths[row].removesuffix('.png'))]}")
        y = read_labels(path, n_samples=59, paths=paths)
        assert {y[int(row["index"])] for row in rows} == {
            f"digit {TRUTH[int(row['path'][:3])]}" for row in rows
        }
        arguments = ["decode", trained[0], folder, "--labels", path, "-o", tmp_path / "p.csv"]
        outcome = labelwise(*arguments, "--skip-unreadable", "--json")
        assert outcome.code == 0, outcome
        assert json.loads(outcome.out)["n_labeled"] == 20


def test_a_table_with_a_column_of_classes(tmp_path):
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'y' if a > 0 else 'x'}" for a, b in rng.standard_normal((80, 2))]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    tiny = ["--components", 3, "--latent", 2, "--hidden", 8, "--layers", 1, "--epochs", 2]
    column = ["--label-column", "kind"]
    assert labelwise("train", data, "-o", tmp_path / "m", *tiny, *column).code == 0
    arguments = ["suggest", tmp_path / "m", data, "--budget", 7, "-o", tmp_path / "l.csv"]
    assert labelwise(*arguments).code == 1  # text is no feature
    outcome = labelwise(*arguments, *column)
    assert (outcome.code, outcome.err) == (0, "")
    assert len(read_table(tmp_path / "l.csv")) == 7
