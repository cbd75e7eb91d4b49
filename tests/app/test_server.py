"""Decisions through the server: each is in the journal before it is confirmed."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import labelwise
from app.conftest import PORT, TOKEN, truth_of
from labelwise import Project
from labelwise.app import telling
from labelwise.app.server import make_app
from project.conftest import NAMES, NEW, RANDOM, X, label, n_lines, quick


def name_sheet(client):
    """Name the first sheet truly, and return its rows."""
    sheet = client.get("/api/sheets").json()["sheets"][0]
    rows = [item["row"] for item in sheet["items"]]
    answer = client.post(
        "/api/label", json={"items": rows, "labels": truth_of(rows), "by": "ana", "sheet": sheet["id"]}
    )
    assert answer.status_code == 200
    return rows


def wait_for(condition, session):
    """Until work in the background has made it so."""
    import time

    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"still {session.busy}, {session.faults}")


def test_the_first_request_changes_no_filters_of_warnings(session):
    """Threads share them: what another thread changes meanwhile would be undone."""
    app = make_app(session, TOKEN, PORT)
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}") as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        with mock.patch("warnings.catch_warnings", side_effect=AssertionError):
            assert client.get("/").status_code == 200
            assert client.get("/api/nothing").status_code == 404


class TestSheets:
    def test_a_decision_is_on_disk_and_the_next_sheet_is_in_the_answer(self, client, session, place):
        before = client.get("/api/sheets").json()["sheets"]
        rows = [item["row"] for item in before[0]["items"]]
        body = {"items": rows, "label": "zero", "by": "ana", "sheet": before[0]["id"]}
        answer = client.post("/api/label", json=body).json()
        assert answer["revision"] == 1
        assert answer["sheets"][0]["id"] == before[1]["id"]
        (decision,) = Project.open(place).journal.decisions
        assert (decision.label, decision.by, decision.how, list(decision.items)) == (
            "zero",
            "ana",
            "suggested",
            rows,
        )

    def test_what_the_page_shows_stays_when_new_sheets_are_made(self, client, session):
        name_sheet(client)
        shown = client.get("/api/sheets").json()["sheets"]
        wait_for(lambda: "sheets" not in session.busy, session)
        later = client.get("/api/sheets?n=10").json()["sheets"]
        assert [sheet["id"] for sheet in later[:2]] == [sheet["id"] for sheet in shown]
        rows = [item["row"] for sheet in later for item in sheet["items"]]
        assert len(rows) == len(set(rows))

    def test_an_odd_item_is_named_by_itself(self, client, session):
        sheet = client.get("/api/sheets").json()["sheets"][0]
        odd = sheet["items"][0]["row"]
        answer = client.post("/api/label", json={"items": [odd], "label": "odd"}).json()
        assert answer["sheets"][0]["id"] == sheet["id"]
        assert answer["sheets"][0]["items"][0]["label"] == "odd"

    def test_undo_shows_the_items_again_also_after_a_restart(self, client, session, place):
        rows = name_sheet(client)
        name_sheet(client)
        session.close()
        from labelwise.app.session import Session

        again = Session(Project.open(place))
        try:
            from starlette.testclient import TestClient

            from app.conftest import PORT, TOKEN
            from labelwise.app.server import make_app

            with TestClient(make_app(again, TOKEN, PORT), base_url="http://127.0.0.1") as other:
                other.headers["authorization"] = f"Bearer {TOKEN}"
                other.post("/api/undo", json={})
                answer = other.post("/api/undo", json={"by": "bo"}).json()
                shown = [item["row"] for item in answer["sheets"][0]["items"]]
                assert set(rows) <= set(shown)
                assert other.get("/api/state").json()["n_labeled"] == 0
                assert other.post("/api/redo", json={}).json()["redone"]["rows"] == rows
        finally:
            again.close()

    def test_names_keep_their_places_whatever_comes_later_or_is_taken_back(self, client):
        def places():
            return {each["name"]: each["place"] for each in client.get("/api/state").json()["classes"]}

        for row, name in enumerate(["m", "z", "a"]):
            client.post("/api/label", json={"items": [row], "label": name})
            assert places()[name] == row
        client.post("/api/undo", json={})
        assert places() == {"m": 0, "z": 1}
        client.post("/api/label", json={"items": [7], "label": "b"})
        assert places() == {"m": 0, "z": 1, "b": 3}

    def test_undo_costs_the_same_after_hundreds_of_decisions(self, client, session):
        def take_back():
            session.put_back(session.project.undo())
            session.decided()
            telling.sheets(session, 1)

        costs = []
        for _ in range(2):
            session.project.label_items([0, 1, 2], "zero")
            telling.sheets(session, 1)  # as an earlier request did
            costs.append(n_lines(take_back))
            for number in range(300):
                session.project.label(10 + number % 40, NAMES[number % 7])
        # Other sheets may wait than before, but not one line ran for each of the decisions.
        assert costs[1] < costs[0] + 300

    def test_nothing_to_undo(self, client):
        answer = client.post("/api/undo", json={})
        assert (answer.status_code, answer.json()["error"]) == (400, "there is nothing to undo")

    def test_skipped_items_are_not_proposed_again(self, client, session):
        sheet = client.get("/api/sheets").json()["sheets"][0]
        rows = {item["row"] for item in sheet["items"]}
        client.post("/api/skip", json={"sheet": sheet["id"]})
        name_sheet(client)
        wait_for(lambda: "sheets" not in session.busy, session)
        later = client.get("/api/sheets?n=10").json()["sheets"]
        assert rows.isdisjoint(item["row"] for each in later for item in each["items"])

    def test_more_sheets_come_for_somebody_who_skips_all(self, client, session):
        seen = set()
        for _ in range(12):
            wait_for(lambda: len(session.queue) or not session.busy, session)
            sheet = client.get("/api/sheets").json()["sheets"][0]
            rows = {item["row"] for item in sheet["items"]}
            assert rows.isdisjoint(seen)
            seen |= rows
            client.post("/api/skip", json={"sheet": sheet["id"]})

    def test_a_mixed_sheet_is_split(self, client):
        sheet = client.get("/api/sheets").json()["sheets"][0]
        parts = client.post("/api/split", json={"sheet": sheet["id"]}).json()["sheets"]
        rows = {item["row"] for item in sheet["items"]}
        assert all(rows & {item["row"] for item in part["items"]} for part in parts)
        assert client.post("/api/split", json={"sheet": sheet["id"]}).status_code == 400

    def test_a_full_disk_is_said_and_the_sheet_stays(self, client, session, monkeypatch):
        sheet = client.get("/api/sheets").json()["sheets"][0]

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr("labelwise.project.journal.os.write", full)
            body = {"items": [sheet["items"][0]["row"]], "label": "x", "sheet": sheet["id"]}
            answer = client.post("/api/label", json=body)
        assert answer.status_code == 507
        assert "not saved" in answer.json()["error"]
        assert session.revision == 0
        assert client.get("/api/sheets").json()["sheets"][0]["id"] == sheet["id"]


class TestTwoWindows:
    def test_a_conflict_is_told_and_nothing_is_written_over(self, client, session):
        seen = client.get("/api/state").json()["revision"]
        client.post("/api/label", json={"items": [1, 2], "label": "wren", "by": "ana"})
        late = {"items": [2, 3], "label": "robin", "by": "bo", "seen": seen}
        answer = client.post("/api/label", json=late)
        assert answer.status_code == 409
        assert answer.json()["rows"] == [2]
        assert "wren" in answer.json()["error"]
        assert session.revision == 1

    def test_the_same_name_is_no_conflict_and_insisting_is_a_dispute(self, client):
        client.post("/api/label", json={"items": [2], "label": "wren", "by": "ana"})
        assert client.post("/api/label", json={"items": [2], "label": "wren", "seen": 0}).status_code == 200
        client.post("/api/label", json={"items": [2], "label": "robin", "by": "bo"})
        (dispute,) = client.get("/api/disputes").json()
        assert dispute["said"] == {"ana": "wren", "": "wren", "bo": "robin"}

    def test_sheets_that_others_named_are_gone(self, client):
        sheets = client.get("/api/sheets").json()["sheets"]
        rows = [item["row"] for item in sheets[0]["items"]]
        client.post("/api/label", json={"items": rows, "label": "x"})
        assert sheets[0]["id"] not in [sheet["id"] for sheet in client.get("/api/sheets").json()["sheets"]]


class TestItems:
    def test_a_picture_has_the_pixels_of_the_item(self, client):
        image = Image.open(io.BytesIO(client.get("/api/picture/7").content))
        np.testing.assert_array_equal(np.asarray(image), X[7])

    def test_a_sprite_has_items_side_by_side(self, client):
        image = np.asarray(Image.open(io.BytesIO(client.get("/api/sprite?rows=5,9,2&columns=2").content)))
        assert image.shape == (16, 16)
        np.testing.assert_array_equal(image[:8, 8:], X[9])
        np.testing.assert_array_equal(image[8:, :8], X[2])

    @pytest.mark.parametrize(
        "path",
        [
            "picture/300",
            "picture/-1",
            "picture/x",
            "sprite?rows=1,300",
            "sprite?rows=",
            "items?rows=1,,2",
            "items?rows=99999999999",
        ],
    )
    def test_items_that_are_not_there(self, client, path):
        assert client.get(f"/api/{path}").status_code in (400, 422)

    def test_answers_follow_the_labels(self, client, session):
        for _ in range(6):
            name_sheet(client)
        wait_for(lambda: session.answers_revision == 6, session)
        answer = client.get("/api/answers")
        names = np.array(__import__("json").loads(answer.headers["x-classes"]), dtype=object)
        n = len(X)
        codes = np.frombuffer(answer.content[: 2 * n], "<u2")
        flags = np.frombuffer(answer.content[3 * n :], np.uint8)
        labeled = session.project.labeled()
        assert {int(row) for row in np.flatnonzero(flags & 1)} == set(labeled)
        assert all(names[codes[row]] == label for row, (label, _) in labeled.items())
        assert (names[codes] == NAMES).mean() > 0.4  # chance is 0.1

    def test_where_student_and_graph_differ(self, client, session):
        project = session.project
        label(project, RANDOM[:40])
        session.decided()
        wait_for(lambda: session.answers_revision == 40, session)
        assert client.get("/api/state").json()["answers"]["graph_revision"] is None
        project.refine(quick(project))
        session.take_answers(project.live_answers(), session.revision)
        wait_for(lambda: session.graph is not None, session)
        assert client.get("/api/state").json()["answers"]["graph_revision"] == 40
        different = session.answers.labels != session.graph.labels
        different[RANDOM[:40]] = False
        assert 0 < different.sum() < len(X) - 40
        flags = np.frombuffer(client.get("/api/answers").content[3 * len(X) :], np.uint8)
        np.testing.assert_array_equal((flags & 8) > 0, different)
        row = int(np.flatnonzero(different)[0])
        (item,) = client.get(f"/api/items?rows={row}").json()
        assert item["graph"] == session.graph.labels[row] != item["answer"]
        client.post("/api/label", json={"items": [row], "label": item["graph"]})
        assert not client.get("/api/answers").content[3 * len(X) + row] & 8

    def test_the_graph_goes_with_the_student(self, client, session):
        project = session.project
        label(project, RANDOM[:40])
        project.refine(quick(project))
        session.decided()
        wait_for(lambda: session.graph is not None, session)
        project.label(int(RANDOM[40]), "a name unknown to the student")
        session.decided()
        wait_for(lambda: session.answers_revision == 41, session)
        assert session.graph is None
        wait_for(lambda: "graph" not in session.busy, session)
        assert session.graph is None

    def test_nothing_is_made_again_for_the_same_labels(self, session, monkeypatch):
        monkeypatch.setattr("labelwise.app.session._IDLE", 0.0)
        project = session.project
        label(project, RANDOM[:40])
        project.refine(quick(project))
        made = []
        for name in ("answers", "live_answers", "graph_answers", "forecast"):
            make = getattr(type(project), name)
            monkeypatch.setattr(
                type(project), name, lambda self, *a, n=name, make=make: made.append(n) or make(self, *a)
            )
        session.decided()
        wait_for(lambda: session.graph is not None and not session.busy, session)
        assert sorted(made) == ["answers", "forecast", "graph_answers", "live_answers"]
        for _ in range(3):
            session.want()
            wait_for(lambda: not session.busy, session)
        assert len(made) == 4

    def test_the_map_comes_when_it_is_made(self, client, session):
        assert client.get("/api/map").status_code == 202
        wait_for(lambda: session.layout is not None, session)
        positions = np.frombuffer(client.get("/api/map").content, "<f4").reshape(-1, 2)
        np.testing.assert_array_equal(positions, session.project.layout())


class TestFiles:
    def test_labels_out_and_in_again(self, client, session):
        name_sheet(client)
        content = client.get("/api/files/labels.csv").content
        client.post("/api/undo", json={})
        answer = client.post("/api/labels/file?kind=csv&by=bo", content=content)
        assert answer.json()["n_new"] == len(session.project.labeled()) > 0

    @pytest.mark.parametrize(
        "content", [b"", b"a,b\n1,2\n", b"index,label\n999,x\n", b"\xff\xfe", b"index,label\n1,\x00\n"]
    )
    def test_files_that_hold_no_labels(self, client, session, content):
        answer = client.post("/api/labels/file?kind=csv", content=content)
        assert answer.status_code == 400
        assert session.revision == 0

    def test_the_answerer_answers_elsewhere(self, client, session, tmp_path):
        for _ in range(6):
            name_sheet(client)
        content = client.get("/api/files/answerer.zip").content
        zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
        answerer = labelwise.load(tmp_path / "digits.answerer")
        assert answerer.predict_proba(NEW).shape[0] == len(NEW)

    @pytest.mark.parametrize("name", ["predictions.csv", "predictions.parquet", "label-studio.json"])
    def test_predictions(self, client, name):
        name_sheet(client)
        name_sheet(client)
        answer = client.get(f"/api/files/{name}")
        assert answer.status_code == 200
        assert f'filename="digits-{name}"' in answer.headers["content-disposition"]

    def test_nothing_to_predict_with(self, client):
        answer = client.get("/api/files/predictions.csv")
        assert answer.status_code == 400
        assert "no labels yet" in answer.json()["error"]


class TestRefining:
    def test_it_needs_labels(self, client):
        assert client.post("/api/refine").status_code == 400

    def test_progress_cancel_and_a_verdict(self, client, session, monkeypatch):
        for _ in range(3):
            name_sheet(client)
        assert client.post("/api/refine").json()["running"]
        assert client.post("/api/refine").status_code == 400
        client.post("/api/refine/cancel")
        wait_for(lambda: not session.refining.state["running"], session)
        assert "cancelled" in session.refining.state["verdict"]
        # What was decided meanwhile would have been kept, and so is what comes now.
        name_sheet(client)
        assert session.revision == 4


def test_the_page_and_all_that_it_loads_are_there(client):
    import re

    html = client.get("/").text
    waiting, seen = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html)), set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if path.endswith(".js"):
            waiting |= {f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', answer.text)} - seen
    assert "/static/sheets.js" in seen
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son[a-z]+=", html)
