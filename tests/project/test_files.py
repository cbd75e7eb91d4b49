"""Files of a project: what is in them, who may write, and damage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from labelwise import Project
from labelwise.errors import (
    LabelError,
    StorageError,
)
from project.conftest import (
    N_ITEMS,
    NEW,
    RANDOM,
    TRUTH,
    X,
    accuracy,
    label,
    quick,
    snapshot,
    write_images,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


class TestFiles:
    def test_labels_from_a_table(self, project, tmp_path):
        file = tmp_path / "labels.csv"
        file.write_text("index,label,reason\n3,wren,typical\n5,owl,\n7,,typical\n")
        assert project.import_labels(file, by="ana") == 2
        found = {row: (text, d.by, d.how) for row, (text, d) in project.labeled().items()}
        assert found == {3: ("wren", "ana", "suggested"), 5: ("owl", "ana", "imported")}
        assert project.import_labels(file) == 0
        assert len(project.journal.decisions) == 2
        file.write_text("index,label\n3,robin\n5,owl\n")
        assert project.import_labels(file, how="correction") == 1
        assert project.labeled()[3][1].how == "correction"

    @pytest.mark.parametrize(
        "content",
        ["index,label\n3,wren\n300,owl\n", "index,label\n3,wren\n5,-1\n", "index,label\n3,a\n3,b\n", "x"],
    )
    def test_all_of_a_file_is_taken_or_nothing(self, project, tmp_path, content):
        (tmp_path / "labels.csv").write_text(content)
        with pytest.raises(LabelError):
            project.import_labels(tmp_path / "labels.csv")
        assert project.journal.decisions == []

    def test_a_way_of_choosing_that_nobody_knows(self, project, tmp_path):
        (tmp_path / "labels.csv").write_text("index,label\n3,wren\n")
        with pytest.raises(LabelError, match="'guessed'"):
            project.import_labels(tmp_path / "labels.csv", how="guessed")
        assert project.journal.decisions == []

    def test_out_and_in_again(self, labelled, tmp_path, data, gmvae):
        assert labelled.export_labels(tmp_path / "labels.csv") == 40
        other = Project.create(tmp_path / "q", data, gmvae=gmvae)
        assert other.import_labels(tmp_path / "labels.csv") == 40
        assert other.labels().tolist() == labelled.labels().tolist()

    def test_tasks_for_label_studio(self, labelled, tmp_path):
        assert labelled.export_labels(tmp_path / "tasks.json") == 40
        tasks = json.loads((tmp_path / "tasks.json").read_text())
        answers = labelled.answers()
        assert len(tasks) == N_ITEMS
        assert sum("annotations" in task for task in tasks) == 40
        choices = [task["predictions"][0]["result"][0]["value"]["choices"][0] for task in tasks]
        assert choices == answers.labels.tolist()

    def test_tasks_before_there_are_labels(self, project, tmp_path):
        assert project.export_labels(tmp_path / "tasks.json") == 0
        assert all(set(task) == {"data"} for task in json.loads((tmp_path / "tasks.json").read_text()))


HOLDER = """
import sys, time
from labelwise import Project
project = Project(sys.argv[1])
project.label(1, "theirs", by="other", how="random")
print("holds", flush=True)
time.sleep(600)
"""


class TestSeveralProcesses:
    def test_the_second_is_told_and_nothing_is_lost(self, labelled):
        labelled.close()
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(labelled.path)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout.readline().strip() == "holds"
            for change in (
                lambda: labelled.label(2, "mine"),
                lambda: labelled.name(0, "mine"),
                labelled.undo,
                labelled.update,
                lambda: labelled.refine(quick(labelled)),
            ):
                with pytest.raises(StorageError, match=rf"digits\.labelwise .* {process.pid}\b"):
                    change()
            assert accuracy(labelled.answers()) > 0.5  # reading goes on
            assert not (labelled.path / "answers").exists()
            assert len(labelled.suggest(3)) == 3
        finally:
            process.kill()
            process.communicate()
        labelled.label(2, "mine")
        assert (labelled.labels()[1], labelled.labels()[2]) == ("theirs", "mine")
        assert len(Project(labelled.path).labeled()) == len({*RANDOM[:40], 1, 2})

    def test_a_project_that_was_trained_anew_is_told(self, labelled, data, other_gmvae):
        labelled.close()
        old = Project(labelled.path)
        Project.create(labelled.path, data, gmvae=other_gmvae, overwrite=True)
        for change in (lambda: old.label(1, "x"), lambda: old.name(0, "x"), old.update):
            with pytest.raises(StorageError, match="open it again"):
                change()
        label(Project(labelled.path), [1])

    def test_a_project_that_was_updated_is_told(self, labelled, data):
        labelled.close()
        old = Project(labelled.path)
        write_images(data, X[:200], TRUTH[:200])
        Project(labelled.path).update()
        with pytest.raises(StorageError, match="open it again"):
            old.label(250, "x")


class TestReadOnly:
    @pytest.fixture
    def locked(self, labelled, monkeypatch):
        """The project, which nobody may write to: the superuser, who may always, is refused here."""
        labelled.close()
        open_file = os.open

        def refuse(path, flags, *arguments, **options):
            if flags & (os.O_RDWR | os.O_WRONLY) and str(path).startswith(str(labelled.path)):
                raise PermissionError(13, "Permission denied")
            return open_file(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)
        return Project(labelled.path)

    def test_answers_and_suggests(self, locked):
        kept = snapshot(locked.path)
        assert accuracy(locked.answers()) > 0.5
        assert len(locked.suggest(5)) == 5
        assert locked.answer_new(NEW).probabilities.shape[0] == 50
        assert locked.forecast((10,)).accuracy[0] > 0.3
        assert snapshot(locked.path) == kept

    def test_takes_no_labels(self, locked):
        with pytest.raises(StorageError, match="permission denied"):
            locked.label(1, "x")


class TestDamage:
    @pytest.mark.parametrize("part", ["model", "pool", "encoding"])
    def test_a_part_that_is_gone_is_named(self, labelled, part):
        shutil.rmtree(labelled.path / part)
        with pytest.raises(StorageError, match=part):
            Project(labelled.path).answer_new(NEW)

    @pytest.mark.parametrize("key", ["data", "n_samples", "fingerprint"])
    def test_a_manifest_without_a_part_of_it(self, labelled, key):
        file = labelled.path / "manifest.json"
        content = json.loads(file.read_text())
        del content[key]
        file.write_text(json.dumps(content))
        with pytest.raises(StorageError, match=r"digits\.labelwise is damaged"):
            Project(labelled.path)

    def test_an_encoding_cut_short(self, labelled):
        file = labelled.path / "encoding/latents.npy"
        first = labelled.answers().probabilities
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(StorageError, match=r"latents\.npy.*labelwise update"):
            Project(labelled.path).suggest(3)
        labelled.close()
        with Project(labelled.path) as again:
            assert "encoding" in again.update()
            assert np.array_equal(again.answers().probabilities, first)

    @pytest.mark.parametrize("harm", ["cut", "gone"])
    def test_kept_graphs(self, labelled, harm):
        first = labelled.answers().probabilities
        file = labelled.path / "encoding/graph-latents-10/near.npy"
        if harm == "cut":
            file.write_bytes(file.read_bytes()[:-100])
        else:
            file.unlink()
        with pytest.raises(StorageError, match=r"near\.npy"):
            Project(labelled.path).answers("soft")
        labelled.close()
        with Project(labelled.path) as again:
            again.update()
            assert np.array_equal(again.answers().probabilities, first)

    @pytest.mark.parametrize("kind", ["model", "pool"])
    def test_another_folder_is_no_project(self, project, kind):
        with pytest.raises(StorageError, match="not a project"):
            Project.open(project.path / kind)

    def test_no_folder(self, tmp_path):
        with pytest.raises(StorageError, match="gone"):
            Project.open(tmp_path / "gone")
