"""Data that change under a project, and items of all kinds."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from labelwise import Project
from labelwise.errors import (
    DataChangedWarning,
    DataError,
    StorageError,
)
from project.conftest import (
    N_ITEMS,
    NAMES,
    RANDOM,
    TRUTH,
    X,
    accuracy,
    label,
    snapshot,
    write_images,
)

# What the answers of a project say of labels and components, decoders that are fitted by hand warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::labelwise.errors.UnnamedComponentWarning"),
    pytest.mark.filterwarnings("ignore::labelwise.errors.DoubtfulLabelWarning"),
]


class TestChangedData:
    def opened(self, project):
        project.close()
        return Project.open(project.path)

    def test_what_is_the_same_does_not_warn(self, labelled):
        self.opened(labelled)

    def test_a_file_written_again_does_not_warn(self, labelled, data):
        stamp = labelled.source.stamp
        shutil.copy(data, data.with_name("copy.npz"))
        data.with_name("copy.npz").replace(data)
        os.utime(data, ns=(1, 1))
        again = self.opened(labelled)
        assert again.source.stamp != stamp
        assert Project(labelled.path).source.stamp == again.source.stamp  # next time nothing is read
        again.label(0, "x")

    def test_opening_does_not_keep_others_from_writing(self, labelled, data):
        os.utime(data, ns=(1, 1))
        reader = self.opened(labelled)
        reader.answers()
        reader.suggest(3)
        label(Project(labelled.path), [0])
        assert len(reader.labeled()) == 40

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (slice(5, None), "5 gone"),
            ([*range(N_ITEMS), 0], "1 new"),
            (slice(None, None, -1), "the same items in another order"),
        ],
        ids=["gone", "new", "order"],
    )
    def test_says_what_changed_and_how_to_take_it(self, labelled, data, rows, expected):
        write_images(data, X[rows], TRUTH[rows])
        with pytest.warns(DataChangedWarning, match="labelwise update") as caught:
            again = self.opened(labelled)
        assert expected in str(caught[0].message)
        assert str(data) in str(caught[0].message)
        with pytest.raises(DataError, match=expected):
            again.items()
        assert len(again.answers().labels) == N_ITEMS  # about the items as they were

        assert again.update() == expected
        items = X[rows]
        assert len(again) == len(items) == len(again.encoding)
        for row, (name, _) in again.labeled().items():
            assert name == NAMES[np.flatnonzero((items[row] == X).all(axis=(1, 2)))[0]]
        assert len(again.labeled()) + len(again.lost_labels()) == 40
        assert again.answers().labels.shape == (len(items),)
        self.opened(again)

    def test_changed_rows_are_others(self, labelled, data):
        row = int(RANDOM[0])
        changed = X.copy()
        changed[row, 0, 0] ^= 1
        write_images(data, changed)
        with pytest.warns(DataChangedWarning):
            again = self.opened(labelled)
        again.update()
        assert again.lost_labels() == [(row, NAMES[row])]
        assert len(again.labeled()) == 39

    def test_updating_what_did_not_change(self, labelled, data):
        labelled.answers()
        kept = snapshot(labelled.path)
        assert labelled.update() == ""
        assert snapshot(labelled.path) == kept

    def test_updating_takes_new_classes(self, labelled, data):
        write_images(data, truth=np.where(TRUTH == 3, 8, TRUTH))
        labelled.close()
        project = Project.open(labelled.path)
        assert str((TRUTH == 3).sum()) in project.update()
        assert project.pool.truth().tolist() == [str(8 if number == 3 else number) for number in TRUTH]
        assert len(project.labeled()) == 40

    def test_data_that_moved(self, labelled, data, tmp_path):
        moved = tmp_path / "elsewhere.npz"
        data.rename(moved)
        again = self.opened(labelled)  # what is not there is not read, and answers need no items
        assert accuracy(again.answers()) > 0.5
        with pytest.raises((DataError, StorageError), match=r"digits\.npz"):
            again.update()
        assert again.update(moved) == ""
        assert again.source.place == str(moved)
        assert Project.open(labelled.path).items().X.shape == X.shape

    def test_items_of_another_shape_are_refused(self, labelled, data):
        np.savez(data, X=X[:, :4])
        kept = snapshot(labelled.path)
        with pytest.raises(DataError, match=r"\(4, 8\).*\(8, 8\)"):
            labelled.update()
        with pytest.warns(DataChangedWarning, match=r"\(4, 8\)"):
            self.opened(labelled)
        assert (
            snapshot(labelled.path).items()
            >= {name: kept[name] for name in kept if name != "lock.pid"}.items()
        )

    def test_data_that_cannot_be_read_any_more(self, labelled, data):
        data.write_bytes(b"garbage")
        with pytest.warns(DataChangedWarning, match="cannot be read"):
            again = self.opened(labelled)
        assert accuracy(again.answers()) > 0.5

    def test_a_name_whose_component_lost_all_items_is_lost(self, labelled, data):
        component = int(labelled.encoding.top[0])
        labelled.name(component, "group")
        left = labelled.encoding.top != component
        write_images(data, X[left], TRUTH[left])
        labelled.update()
        assert labelled.names() == {}
        assert [(group.label, group.now) for group in labelled.groups()] == [("group", ())]
        assert len(labelled.answers().labels) == left.sum()

    def test_names_hold_for_the_same_model(self, labelled, data):
        component = int(labelled.encoding.top[0])
        labelled.name(component, "group")
        write_images(data, X[:250], TRUTH[:250])
        labelled.update()
        assert labelled.names() == {component: "group"}


class TestImages:
    @pytest.fixture
    def photos(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        for row in range(60):
            path = tmp_path / "photos" / str(NAMES[row]) / f"{row:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.fromarray(X[row]).save(path)
        return tmp_path / "photos"

    def test_labels_go_by_path(self, tmp_path, photos, gmvae):
        project = Project.create(tmp_path / "p", photos, gmvae=gmvae)
        first, second, third = project.pool.paths[:3]
        project.label(first, "one")
        project.label_items([second, 2], "two")
        assert project.labels()[:3].tolist() == ["one", "two", "two"]
        project.close()
        (photos / first).unlink()
        (photos / "a.png").write_bytes((photos / second).read_bytes())
        (photos / second).write_bytes((photos / third).read_bytes())
        with pytest.warns(DataChangedWarning, match="1 new, 1 gone, 1 changed"):
            project = Project.open(project.path)
        project.update()
        labels = {project.pool.identity(row): label for row, (label, _) in project.labeled().items()}
        assert labels == {second: "two", third: "two"}
        assert project.lost_labels() == [(first, "one")]

    @pytest.mark.parametrize("ending", ["csv", "json"])
    def test_labels_travel_by_path(self, tmp_path, photos, gmvae, ending):
        project = Project.create(tmp_path / "p", photos, gmvae=gmvae)
        for path in project.pool.paths[::4]:
            project.label(path, path.split("/")[0], by="ana")
        assert project.export_labels(tmp_path / f"labels.{ending}") == 15
        other = Project.create(tmp_path / "q", photos, gmvae=gmvae)
        assert other.import_labels(tmp_path / f"labels.{ending}") == 15
        assert other.labels().tolist() == project.labels().tolist()
