"""Tasks of Label Studio: what goes out comes back, and what people chose there comes in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labelwise.data.label_studio import make_tasks, read_annotations
from labelwise.data.labels import LabelRow
from labelwise.errors import LabelError, StorageError

PATHS = ["a/1.png", "b/1.png", "c & d/50% #é.png"]


def chosen(*choices, **more):
    """An annotation, as Label Studio exports it."""
    value = {"choices": list(choices)}
    return {"result": [{"from_name": "label", "to_name": "item", "type": "choices", "value": value}], **more}


def task(data, *annotations, **more):
    return {"data": data, "annotations": list(annotations), **more}


@pytest.fixture
def read(tmp_path):
    """Read tasks as from a file, for three items of a table or of `PATHS`."""

    def read(tasks, paths=None):
        path = tmp_path / "export.json"
        path.write_text(json.dumps(tasks) if not isinstance(tasks, str) else tasks, encoding="utf-8")
        return read_annotations(path, n_samples=3, paths=paths)

    return read


class TestRoundTrip:
    @pytest.mark.parametrize("paths", [None, PATHS], ids=["table", "images"])
    def test_labels(self, read, paths):
        labels = {0: ("zéro, ou rien", "ana"), 2: ("wren", "")}
        assert read(make_tasks(3, paths, labels, None), paths) == [
            LabelRow(0, "zéro, ou rien", by="ana"),
            LabelRow(2, "wren"),
        ]

    def test_by_the_address_of_an_image_alone(self, read):
        tasks = make_tasks(3, PATHS, {row: (f"label {row}", "") for row in range(3)}, None)
        for one in tasks:
            one["data"] = {"image": one["data"]["image"]}
        assert [(row.row, row.label) for row in read(tasks, PATHS)] == [(r, f"label {r}") for r in range(3)]

    def test_addresses_hold_nothing_that_would_end_them(self):
        address = make_tasks(3, PATHS, {}, None)[2]["data"]["image"]
        assert address.startswith("/data/local-files/?d=c%20%26%20d/")
        assert not set("# é&") & set(address)

    def test_predictions_are_no_labels(self, read):
        predictions = (np.array(["wren", None, "owl"], dtype=object), np.array([0.98765, 0.5, 0.25]))
        tasks = make_tasks(3, None, {1: ("robin", "")}, predictions)
        scores = [
            [(p["score"], p["result"][0]["value"]["choices"]) for p in t.get("predictions", [])]
            for t in tasks
        ]
        assert scores == [[(0.9877, ["wren"])], [], [(0.25, ["owl"])]]
        assert ["annotations" in t for t in tasks] == [False, True, False]
        assert read(tasks) == [LabelRow(1, "robin")]

    def test_tasks_are_json(self):
        predictions = (np.array([np.str_("wren")] * 3, dtype=object), np.float32([0.5] * 3))
        json.dumps(make_tasks(3, None, {}, predictions))


class TestAnnotations:
    @pytest.mark.parametrize(
        ("by", "expected"),
        [
            ({"id": 3, "email": "ana@example.org"}, "ana@example.org"),
            ({"id": 3}, ""),
            ({"email": None}, ""),
            (7, "7"),
            ("ana", "ana"),
            (None, ""),
        ],
    )
    def test_who_gave_it(self, read, by, expected):
        assert read([task({"index": 1}, chosen("wren", completed_by=by))]) == [
            LabelRow(1, "wren", by=expected)
        ]

    def test_the_latest_counts(self, read):
        annotations = [
            chosen("old", created_at="2026-11-24T10:00:00Z"),
            chosen("new", created_at="2026-11-24T09:00:00Z", updated_at="2026-11-25T00:00:00Z"),
            chosen("first", created_at="2026-11-23T10:00:00Z"),
        ]
        for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
            assert read([task({"index": 0}, *(annotations[i] for i in order))])[0].label == "new"

    def test_the_last_of_equal_times(self, read):
        assert read([task({"index": 0}, chosen("a"), chosen("b"))])[0].label == "b"

    def test_cancelled_ones_do_not(self, read):
        annotations = [
            chosen("good", created_at="2026-11-24T10:00:00Z"),
            chosen("skipped", created_at="2026-11-25T10:00:00Z", was_cancelled=True),
        ]
        tasks = [task({"index": 0}, *annotations), task({"index": 1}, chosen("x", was_cancelled=True))]
        assert read(tasks) == [LabelRow(0, "good")]

    def test_of_early_versions(self, read):
        assert read([{"data": {"index": 2}, "completions": [chosen("wren")]}]) == [LabelRow(2, "wren")]

    def test_tasks_without_any_are_left_out(self, read):
        tasks = [task({"index": 0}), {"data": {"index": 1}}, task({"index": 2}, chosen(" wren "))]
        assert read(tasks) == [LabelRow(2, "wren")]

    def test_other_tags_of_the_configuration_are_left_alone(self, read):
        one = chosen("wren")
        one["result"] += [
            {"type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["box"]}},
            {"type": "rating", "value": {"rating": 4}},
            {"type": "relation"},
        ]
        assert read([task({"index": 0}, one)])[0].label == "wren"

    def test_the_same_item_twice_with_one_label(self, read):
        assert read([task({"index": 0}, chosen("wren"))] * 2) == [LabelRow(0, "wren")]

    @pytest.mark.parametrize(
        "address",
        [
            "b/1.png",
            "/data/local-files/?d=b/1.png",
            "/data/local-files/?d=photos/b/1.png",
            "https://example.org/photos/b/1.png",
            "s3://bucket/b/1.png",
        ],
    )
    def test_images_by_the_end_of_their_address(self, read, address):
        assert read([task({"image": address}, chosen("wren"))], PATHS) == [LabelRow(1, "wren")]

    def test_images_by_index(self, read):
        assert read([task({"index": 1}, chosen("wren"))], PATHS) == [LabelRow(1, "wren")]


class TestFaults:
    @pytest.mark.parametrize(
        ("tasks", "values"),
        [
            ("nothing", ["not JSON"]),
            ("{}", ["list of tasks"]),
            ("[1]", ["list of tasks"]),
            ("[]", ["has no annotations"]),
            ([task({"index": 0})], ["has no annotations"]),
            ([task({"index": 0}, chosen())], ["task 0", "0 choices"]),
            ([task({"index": 0}, chosen("a", "b"), id=71)], ["task 71", "2 choices", "'a'", "'b'"]),
            ([task({"index": 0}, chosen(5))], ["task 0", "[5]"]),
            ([task({"index": 0}, chosen("  "))], ["task 0", "'  '"]),
            ([task({"index": 0}, {"result": [{"value": {"choices": 7}}]})], ["task 0", "[7]"]),
            ([task({"index": 0}, {"result": 7})], ["task 0", "0 choices"]),
            ([task({"index": 0}, {"result": [7, {"value": 8}]})], ["task 0", "0 choices"]),
            ([task({"index": 3}, chosen("a"))], ["task 0", "3", "0 to 2"]),
            ([task({"index": "x"}, chosen("a"))], ["task 0", "'x'"]),
            ([task({"text": "x"}, chosen("a"))], ["task 0", "index"]),
            ([task(None, chosen("a"))], ["task 0", "index"]),
            (
                [task({"index": 0}, chosen("a")), task({"index": 0}, chosen("b"), id=9)],
                ["task 9", "'a'", "'b'"],
            ),
        ],
    )
    def test_are_one_line_that_names_the_task(self, read, tasks, values):
        with pytest.raises(LabelError) as caught:
            read(tasks)
        assert "\n" not in str(caught.value)
        for value in ["export.json", *values]:
            assert value in str(caught.value)

    @pytest.mark.parametrize("data", [{"path": "d.png"}, {"image": "https://example.org/a/d.png"}])
    def test_an_image_that_is_not_there(self, read, data):
        with pytest.raises(LabelError, match=r"task 0.*d\.png.*a/1\.png"):
            read([task(data, chosen("a"))], PATHS)

    def test_no_file(self, tmp_path):
        with pytest.raises(StorageError, match=r"gone\.json cannot be read"):
            read_annotations(tmp_path / "gone.json", n_samples=3, paths=None)
