"""Items keep their identity when others come, go, change places or change."""

from __future__ import annotations

import numpy as np
import pytest

from labelwise.data import Dataset
from labelwise.errors import LabelError, StorageError
from labelwise.project.journal import Decision
from labelwise.project.pool import Pool, digests_of

ROWS = np.arange(40, dtype=np.float32).reshape(10, 4)
IMAGES = np.random.default_rng(0).integers(0, 255, (4, 5, 6), dtype=np.uint8)
PATHS = ["a/1.png", "a/2.png", "b/1.png", "c.png"]


def pool_of(X, paths=None, y=None, names=None):
    return Pool.of(Dataset(X, y, names, "some", paths=paths))


@pytest.fixture
def table():
    return pool_of(ROWS)


@pytest.fixture
def images():
    return pool_of(IMAGES, PATHS)


def decision_about(pool, *rows):
    return Decision(1, "label", label="x", **pool.described(rows))


class TestRowsOfATable:
    def test_stay_where_nothing_changes(self, table):
        assert table.rows_of(decision_about(table, 3, 0, 9)) == [3, 0, 9]

    def test_are_found_among_new_ones(self, table):
        now = pool_of(np.concatenate([ROWS[:2] + 100, ROWS]))
        assert now.rows_of(decision_about(table, 0, 9)) == [2, 11]

    def test_are_found_in_another_order(self, table):
        order = np.random.default_rng(1).permutation(10)
        now = pool_of(ROWS[order])
        assert now.rows_of(decision_about(table, *range(10))) == np.argsort(order).tolist()

    def test_are_gone_when_they_are(self, table):
        now = pool_of(np.delete(ROWS, [0, 5], axis=0))
        assert now.rows_of(decision_about(table, 0, 1, 5, 9)) == [None, 0, None, 7]

    def test_are_others_when_they_hold_something_else(self, table):
        changed = ROWS.copy()
        changed[3, 0] += 1
        assert pool_of(changed).rows_of(decision_about(table, 2, 3)) == [2, None]

    def test_stay_in_their_place_where_several_are_equal(self):
        pool = pool_of(np.concatenate([ROWS, ROWS]))
        assert pool.rows_of(decision_about(pool, 13, 3)) == [13, 3]

    def test_equal_ones_are_one_when_they_move(self):
        before = pool_of(np.concatenate([ROWS, ROWS]))
        now = pool_of(np.concatenate([ROWS[:1] + 50, ROWS]))
        assert now.rows_of(decision_about(before, 13, 3)) == [4, 4]

    @pytest.mark.parametrize("item", [-1, 10**9, "a.png"])
    def test_a_row_that_never_was(self, table, item):
        assert table.rows_of(Decision(1, "label", items=(item,), label="x")) == [None]

    def test_a_row_without_a_digest_is_not_guessed(self, table):
        assert table.rows_of(Decision(1, "label", items=(3, 4), digests=(), label="x")) == [None, None]


class TestImages:
    def test_are_found_by_path_whatever_they_hold(self, images):
        now = pool_of(IMAGES[::-1] // 2, ["new.png", *PATHS[:3]])
        assert now.rows_of(decision_about(images, 0, 2, 3)) == [1, 3, None]

    def test_their_decisions_name_no_digest(self, images):
        assert images.described([3, 1]) == {"items": ("c.png", "a/2.png")}

    def test_a_row_in_the_journal_is_no_image(self, images):
        assert images.rows_of(Decision(1, "label", items=(2,), label="x")) == [None]


class TestNamingItems:
    def test_images_by_path_or_row(self, images):
        assert [images.row(item) for item in ("a/1.png", "c.png", 2, np.int64(1))] == [0, 3, 2, 1]
        assert [images.identity(row) for row in (0, 3)] == ["a/1.png", "c.png"]

    def test_rows_by_number(self, table):
        assert [table.row(item) for item in (0, 9, np.int32(4))] == [0, 9, 4]
        assert table.identity(np.int64(4)) == 4
        assert type(table.identity(np.int64(4))) is int

    @pytest.mark.parametrize("item", [-1, 10, 1.0, True, None, "3"])
    def test_what_is_no_row(self, table, item):
        with pytest.raises(LabelError, match="0 to 9") as caught:
            table.row(item)
        assert repr(item) in str(caught.value)

    @pytest.mark.parametrize(("item", "way_out"), [("a/3.png", "a/1.png"), (4, "0 to 3"), (-1, "0 to 3")])
    def test_what_is_no_image(self, images, item, way_out):
        with pytest.raises(LabelError, match=way_out) as caught:
            images.row(item)
        assert repr(item) in str(caught.value)


class TestFingerprint:
    def test_is_of_the_content_alone(self, table):
        assert pool_of(ROWS.copy()).fingerprint == table.fingerprint
        assert pool_of(np.asfortranarray(ROWS)).fingerprint == table.fingerprint

    @pytest.mark.parametrize(
        "other",
        [ROWS[::-1], ROWS[1:], ROWS + 1, ROWS.astype(np.float64), ROWS.reshape(10, 2, 2)],
        ids=["order", "fewer", "values", "type", "shape"],
    )
    def test_knows_what_differs(self, table, other):
        assert pool_of(other).fingerprint != table.fingerprint

    def test_knows_names_of_images(self, images):
        assert pool_of(IMAGES, [*PATHS[:3], "d.png"]).fingerprint != images.fingerprint

    def test_digests_tell_rows_apart_by_value(self):
        found = digests_of(np.array([[1, 2], [2, 1], [1, 2]], dtype=np.uint8))
        assert found.dtype == np.uint64
        assert (found[0] == found[2], found[0] == found[1]) == (True, False)


class TestChanges:
    def test_none(self, table, images):
        assert table.changes(pool_of(ROWS)) == ""
        assert images.changes(pool_of(IMAGES, PATHS)) == ""

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (np.concatenate([ROWS, ROWS[:2] + 100]), "2 new"),
            (ROWS[3:], "3 gone"),
            (np.concatenate([ROWS[1:], ROWS[:1] + 100]), "1 new, 1 gone"),
            (np.concatenate([ROWS, ROWS[:1]]), "1 new"),  # equal to one that is there
            (ROWS[::-1], "the same items in another order"),
            (ROWS[:, :3], "items of shape (3,) instead of (4,)"),
        ],
    )
    def test_of_a_table(self, table, now, expected):
        assert table.changes(pool_of(now)) == expected

    def test_of_images(self, images):
        changed = IMAGES.copy()
        changed[1] += 1
        now = pool_of(changed[[0, 1, 3]], ["a/1.png", "a/2.png", "new.png"])
        assert images.changes(now) == "1 new, 2 gone, 1 changed"
        assert images.changes(pool_of(IMAGES[::-1], PATHS[::-1])) == "the same items in another order"

    def test_of_classes_alone(self):
        names = ["x", "y"]
        before = pool_of(ROWS[:3], y=np.array([0, 1, 1]), names=names)
        assert before.changes(pool_of(ROWS[:3], y=np.array([0, 1, 0]), names=names)) == ""
        assert (
            before.truth_changes(pool_of(ROWS[:3], y=np.array([0, 0, 0]), names=names)) == "2 other classes"
        )
        assert before.truth_changes(pool_of(ROWS[:3], y=np.array([1, 0, 0]), names=["y", "x"])) == ""
        assert before.truth_changes(pool_of(ROWS[:3])) != ""
        assert pool_of(ROWS[:3]).truth_changes(pool_of(ROWS[:3])) == ""


class TestSaving:
    @pytest.mark.parametrize(
        "pool",
        [
            pool_of(ROWS),
            pool_of(IMAGES, PATHS),
            pool_of(ROWS[:3], y=np.array([0, 1, 1]), names=["é", "y"]),
        ],
        ids=["table", "images", "classes"],
    )
    def test_round_trip(self, pool, tmp_path):
        pool.save(tmp_path / "pool")
        again = Pool.load(tmp_path / "pool")
        assert again.fingerprint == pool.fingerprint
        assert (again.paths, again.names, again.item_shape) == (pool.paths, pool.names, pool.item_shape)
        assert (again.truth() is None) == (pool.truth() is None)
        if pool.truth() is not None:
            assert again.truth().tolist() == ["é", "y", "y"]

    def test_damage_is_told(self, tmp_path):
        pool_of(ROWS).save(tmp_path / "pool")
        manifest = tmp_path / "pool/manifest.json"
        manifest.write_text(manifest.read_text().replace('"paths"', '"path"'))
        with pytest.raises(StorageError, match="pool is damaged"):
            Pool.load(tmp_path / "pool")
