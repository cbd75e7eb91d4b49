"""Tables with columns of any kind: what is inferred, what becomes of it, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from labelwise import GMVAE
from labelwise.errors import DataError, FeatureWarning
from labelwise.features import featurizer_of_state, make_featurizer
from labelwise.features.schema import Column, Schema, days, signed_log, truths
from labelwise.features.table import TableFeaturizer

N = 40


def table(**columns):
    """Two columns of numbers and one of categories, and others in their places."""
    rng = np.random.default_rng(0)
    known = {
        "age": rng.integers(20, 80, N),
        "size": rng.standard_normal(N),
        "colour": ["red", "blue"] * (N // 2),
    }
    return pd.DataFrame({**known, **columns})


def column(values, name="c"):
    """What is inferred of one column."""
    (found,) = (each for each in Schema.infer(table(**{name: values})).columns if each.name == name)
    return found


class TestInference:
    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            (np.arange(N) % 7, "number"),
            (np.linspace(0, 1, N), "number"),
            ([True, False] * 20, "boolean"),
            (["yes", "no"] * 20, "boolean"),
            ([True, None] + [False] * 38, "boolean"),
            (["x", "y", "z", "z"] * 10, "category"),
            (["1", "2", "x", "x"] * 10, "category"),
            (["2020-01-01", "2021-02-03T04:05:06"] * 20, "date"),
            (pd.date_range("2020-01-01", periods=N), "date"),
            (["2020-01", "20"] * 20, "category"),
            ([3] * N, "left out"),
            ([None] * N, "left out"),
        ],
    )
    def test_kinds(self, values, kind):
        assert column(values).kind == kind

    @pytest.mark.parametrize("values", [np.arange(N), np.arange(N) + 100, [f"n{i}" for i in range(N)]])
    def test_names_of_rows_are_left_out_with_a_warning(self, values):
        with pytest.warns(FeatureWarning, match="'c'"):
            assert column(values).kind == "left out"

    def test_a_column_that_sounds_like_classes_is_told(self):
        with pytest.warns(FeatureWarning, match=r"'Target'.*label_column"):
            Schema.infer(table(Target=["x", "y"] * 20))

    def test_lists_and_complex_numbers_are_left_out(self):
        assert column([[1], [2]] * 20).kind == "left out"
        assert column([1 + 2j, 3] * 20).kind == "left out"

    def test_two_columns_of_one_name(self):
        frame = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
        with pytest.raises(DataError, match="'a'"):
            Schema.infer(frame)

    def test_few_rows_may_all_differ(self):
        frame = pd.DataFrame({"a": range(5), "b": list("vwxyz")})
        assert [each.kind for each in Schema.infer(frame).columns] == ["number", "category"]

    def test_a_value_that_is_there_or_not_says_something(self):
        found = column([3.0] * 20 + [None] * 20)
        assert (found.kind, found.flag, found.fill) == ("number", True, 3.0)

    def test_heavy_tails_become_logarithms_and_light_ones_do_not(self):
        rng = np.random.default_rng(1)
        assert column(np.exp(3 * rng.standard_normal(N))).log
        assert not column(rng.standard_normal(N)).log
        assert not column(rng.integers(0, 2, N)).log

    def test_rare_categories_share_no_column(self):
        found = column(["often"] * 20 + ["also"] * 15 + ["once", "twice", "twice", "thrice", "seldom"])
        assert found.categories == ("also", "often")

    def test_at_most_fifty_categories_have_columns(self):
        frame = pd.DataFrame({"c": [f"k{i % 80}" for i in range(800)]})
        assert len(Schema.infer(frame).columns[0].categories) == 50

    def test_no_column_says_anything(self):
        with pytest.raises(DataError, match="same in all rows"):
            Schema.infer(pd.DataFrame({"a": [1, 1], "b": ["x", "x"]}))

    def test_words_count_the_kinds(self):
        schema = Schema.infer(table(k=1, heavy=np.exp(np.linspace(0, 30, N))))
        assert schema.describe() == "3 numbers (1 as logarithms), 1 category, 1 column left out"


class TestFeatures:
    def test_against_pandas(self):
        frame = table(ok=["yes", "no"] * 20)
        frame.loc[3, "size"] = np.nan
        features = TableFeaturizer().fit(frame).transform(frame)
        size = frame["size"].fillna(frame["size"].median())
        expected = [
            frame["age"],
            size,
            frame["ok"] == "yes",
            frame["size"].isna(),
            frame["colour"] == "blue",
            frame["colour"] == "red",
        ]
        np.testing.assert_allclose(features, np.column_stack(expected).astype(np.float32), rtol=1e-6)
        assert features.dtype == np.float32

    def test_dates_are_days(self):
        values = pd.Series(["1970-01-02", "1970-01-01T12:00:00", None, "1970-01-01T02:00:00+02:00"])
        np.testing.assert_allclose(days(values), [1, 0.5, np.nan, 0])

    def test_words_for_booleans(self):
        np.testing.assert_array_equal(
            truths(pd.Series(["Yes", "f", True, None, "perhaps", 1.0])), [1, 0, 1, np.nan, np.nan, 1]
        )

    def test_signed_logarithms(self):
        np.testing.assert_allclose(signed_log(np.array([-(np.e - 1), 0, np.e - 1])), [-1, 0, 1])

    def test_new_and_rare_categories_have_zeros(self):
        frame = table()
        fitted = TableFeaturizer().fit(frame)
        new = fitted.transform(frame.assign(colour="green"))
        assert not new[:, 2:].any()
        np.testing.assert_array_equal(new[:, :2], fitted.transform(frame)[:, :2])

    def test_each_row_stands_alone_and_columns_have_no_order(self):
        frame = table(when=pd.date_range("2020-01-01", periods=N))
        frame.loc[5, "colour"] = None
        fitted = TableFeaturizer().fit(frame)
        whole = fitted.transform(frame)
        np.testing.assert_array_equal(fitted.transform(frame.iloc[5:6]), whole[5:6])
        np.testing.assert_array_equal(fitted.transform(frame[frame.columns[::-1]].assign(more=1)), whole)

    def test_a_missing_number_where_none_was_is_filled_in(self):
        fitted = TableFeaturizer().fit(table())
        frame = table().astype({"age": float})
        frame.loc[0, "age"] = np.nan
        assert fitted.transform(frame)[0, 0] == table()["age"].median()

    def test_saved_and_taken_back_it_does_the_same(self):
        frame = table(ok=[True, None] * 20, when=pd.date_range("2020-01-01", periods=N), k=1)
        fitted = TableFeaturizer().fit(frame)
        again = featurizer_of_state(json.loads(json.dumps(fitted.as_json())), {})
        np.testing.assert_array_equal(again.transform(frame), fitted.transform(frame))
        assert (again.schema_, again.describe()) == (fitted.schema_, fitted.describe())

    def test_an_edited_schema_is_kept_to(self):
        schema = Schema((Column("age", "left out"), Column("size", "number"), Column("colour", "left out")))
        features = TableFeaturizer(schema).fit(table()).transform(table())
        np.testing.assert_allclose(features[:, 0], table()["size"], rtol=1e-6)

    def test_categories_that_a_person_did_not_name_are_looked_up(self):
        columns = [{"name": "colour", "kind": "category"}, {"name": "id", "kind": "category"}]
        frame = table(id=[f"n{i}" for i in range(N)])
        fitted = TableFeaturizer(Schema.of_json(columns)).fit(frame)
        assert [len(column.categories) for column in fitted.schema_.columns] == [2, N]

    def test_categories_that_are_numbers_are_known_though_a_gap_makes_floats_of_them(self):
        fitted = TableFeaturizer().fit(table(code=["1", "2", "x", "2"] * 10))
        new = table().head(2).assign(code=[2.0, np.nan])
        assert fitted.transform(new)[:, -3:].tolist() == [[0, 1, 0], [0, 0, 0]]

    def test_frames_of_polars(self):
        class Polars:
            columns = ("age", "size", "colour")

            def to_pandas(self):
                return table()

        fitted = TableFeaturizer().fit(table())
        np.testing.assert_array_equal(fitted.transform(Polars()), fitted.transform(table()))


class TestRefusal:
    @pytest.mark.parametrize("values", [[np.inf, 1.0] * 20, [np.inf] * 39 + [1.0]])
    def test_of_infinite_numbers_with_their_row(self, values):
        with pytest.raises(DataError, match="'c' holds 'inf' in row 0"):
            TableFeaturizer().fit(table(c=values))

    @pytest.mark.parametrize(
        ("frame", "words"),
        [
            (table().drop(columns=["age", "colour"]), ["'age', 'colour'"]),
            (table().rename(columns={"colour": "color"}), ["'colour'", "'color' is new"]),
            (table().assign(age="old"), ["'age'", "'old'", "row 0", "number"]),
            (table().assign(age=[1, np.inf] * 20), ["'age'", "inf", "row 1"]),
            (np.zeros((3, 3)), ["ndarray", "frame"]),
        ],
    )
    def test_of_other_tables(self, frame, words):
        fitted = TableFeaturizer().fit(table())
        with pytest.raises(DataError) as caught:
            fitted.transform(frame)
        assert all(word in str(caught.value) for word in words)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "values",
        [
            3,
            [3],
            [{"name": "a"}],
            [{"name": "a", "kind": "number", "fill": "x"}],
            [{"name": "a", "kind": "colour"}],
            [{"a": 1}],
            [],
        ],
    )
    def test_of_schemas(self, values):
        with pytest.raises(DataError):
            Schema.of_json(values)


def chosen(features, items):
    return make_featurizer(items, GMVAE(features=features).get_params(deep=False))[0]


class TestChoice:
    def test_auto_leaves_numbers_as_they_are(self):
        assert chosen("auto", np.zeros((3, 2))) is None
        assert chosen("auto", pd.DataFrame({"a": [1, 2], "b": [True, False]})) is None
        assert chosen("none", table()) is None

    @pytest.mark.parametrize("frame", [table(), pd.DataFrame({"a": [1.0, None]})])
    def test_auto_takes_a_schema_for_all_else(self, frame):
        assert isinstance(chosen("auto", frame), TableFeaturizer)

    @pytest.mark.parametrize("features", ["table", TableFeaturizer()])
    def test_a_schema_needs_names(self, features):
        with pytest.raises(DataError, match="rows of numbers"):
            chosen(features, np.zeros((3, 2)))
        with pytest.raises(DataError, match="images of 4x5"):
            chosen(features, np.zeros((3, 4, 5)))

    def test_one_row(self):
        with pytest.raises(DataError, match="1 row"):
            TableFeaturizer().fit(table().head(1))
