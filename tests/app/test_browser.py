"""The page in a real browser, by keyboard as a person would."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from app.conftest import Served, hosted, name_sheet, opened, rows_on, settled
from labelwise import Project
from labelwise.project.journal import Journal
from project.conftest import NAMES, RANDOM, label, quick

# Where pictures for the documents go, when they are made anew.
PICTURES = os.environ.get("LABELWISE_PICTURES")

pytestmark = pytest.mark.slow


def labels_in(place):
    found = {}
    for decision in Journal(place / "labels.jsonl").in_effect():
        found.update(zip(decision.items, decision.each, strict=True))
    return found


def keep_picture(page, name):
    if PICTURES:
        page.wait_for_timeout(700)
        page.screenshot(path=str(Path(PICTURES) / f"page-{name}.png"))


class TestSheets:
    def test_thirty_by_keyboard_alone(self, page, place):
        said = {}
        for number in range(30):
            said.update(name_sheet(page))
            if number == 9:
                page.wait_for_selector(".group")
                keep_picture(page, "sheet")
        settled(page)
        assert labels_in(place) == said
        page.wait_for_function("() => document.querySelector('#decisions').textContent === '30'")
        decisions = Journal(place / "labels.jsonl").decisions
        assert {decision.by for decision in decisions} == {"Ana"}

    def test_there_is_one_search_for_sheets_at_a_time(self, page):
        looks = []

        def find_nothing(route):
            looks.append(route.request.url)
            route.fulfill(json={"sheets": [], "revision": 0})

        page.route("**/api/sheets", find_nothing)
        page.reload()
        while len(looks) < 3:  # as many as make others, if each made another
            page.wait_for_timeout(100)
        before = len(looks)
        page.wait_for_timeout(2000)
        assert len(looks) - before <= 6  # one in 400 ms at most

    def test_enter_confirms_what_is_predicted(self, page, place):
        while not page.query_selector(".group"):
            name_sheet(page)
            settled(page)
        shown = page.eval_on_selector_all(
            ".group",
            "all => all.flatMap((group) => [...group.querySelectorAll('.tile')]"
            ".map((tile) => [Number(tile.dataset.row), group.querySelector('h3').textContent.slice(0, -1)]))",
        )
        page.keyboard.press("Enter")
        settled(page)
        kept = labels_in(place)
        assert {row: kept[row] for row, _ in shown} == dict(map(tuple, shown))
        assert list(Journal(place / "labels.jsonl").decisions[-1].items) == [row for row, _ in shown]

    def test_an_odd_item_gets_a_name_of_its_own(self, page, place):
        rows = rows_on(page)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.type("odd")
        page.keyboard.press("Enter")
        page.wait_for_selector(f".tile.named[data-row='{rows[1]}']")
        page.keyboard.type("even")
        page.keyboard.press("Enter")
        settled(page)
        assert labels_in(place) == {row: "odd" if row == rows[1] else "even" for row in rows}
        assert len(Journal(place / "labels.jsonl").decisions) == 2

    def test_letters_are_text_in_the_field_and_keys_outside(self, page, place):
        first = rows_on(page)
        page.keyboard.type("mug u2")
        assert page.input_value("#name") == "mug u2"
        assert rows_on(page) == first
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.keyboard.press("Space")
        page.wait_for_function("row => !document.querySelector(`[data-row='${row}']`)", arg=first[0])
        second = rows_on(page)
        page.keyboard.press("m")
        page.wait_for_function(
            "rows => document.querySelector('.tile')"
            " && !rows.every((row) => document.querySelector(`[data-row='${row}']`))",
            arg=second,
        )
        assert set(rows_on(page)) & set(second)
        assert labels_in(place) == {}

    def test_completion_and_the_latest_names_at_digits(self, page, place):
        said = name_sheet(page)
        (name,) = set(said.values())
        page.keyboard.type(name[:2])
        page.keyboard.press("Tab")
        assert page.input_value("#name") == name
        rows = rows_on(page)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.keyboard.press("1")
        settled(page)
        assert {labels_in(place)[row] for row in rows} == {name}

    def test_undo_and_redo(self, page, place):
        said = name_sheet(page)
        page.keyboard.press("Control+z")
        page.wait_for_selector(f".tile[data-row='{next(iter(said))}']")
        settled(page)
        assert labels_in(place) == {}
        page.keyboard.press("Control+Shift+z")
        page.wait_for_function("row => !document.querySelector(`[data-row='${row}']`)", arg=next(iter(said)))
        settled(page)
        assert labels_in(place) == said

    def test_all_keys_are_listed(self, page):
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert "take back the latest decision" in page.inner_text("dialog[open]")

    def test_a_name_is_never_markup(self, page, place):
        page.keyboard.type("<img src=x onerror=document.title='run'>")
        page.keyboard.press("Enter")
        settled(page)
        for view in ("wall", "map", "history", "files", "refine"):
            page.goto(page.url.partition("#")[0] + f"#{view}")
            page.wait_for_timeout(200)
        assert "run" not in page.title()
        assert page.query_selector("img[src=x]") is None
        assert "<img" in page.inner_text("#progress")


class TestNothingIsLost:
    def test_killed_in_the_middle_and_started_again(self, context, place, faults):
        served = Served(place)
        page = opened(context, served.address, [])  # it complains of the server that is gone
        said = {**name_sheet(page), **name_sheet(page)}
        settled(page)
        served.kill()
        rows = rows_on(page)
        page.keyboard.type("late")
        page.keyboard.press("Enter")
        page.wait_for_selector("#saved.failed")
        assert "not saved yet" in page.inner_text("#saved")
        assert labels_in(place) == said
        page.close()  # or it would send its decision to the new server, which has the same address
        again = Served(place)
        try:
            page = opened(context, again.address, faults)
            assert page.inner_text("#decisions") == "2"
            assert set(rows).isdisjoint(said)
            page.keyboard.press("Control+z")
            page.wait_for_function("() => document.querySelector('#decisions').textContent === '1'")
            assert len(labels_in(place)) < len(said)
        finally:
            again.kill()

    def test_ctrl_c_releases_the_project(self, context, served, place, faults):
        opened(context, served.address, faults)
        faults_before = list(faults)
        code, errors = served.end(signal.SIGINT)
        faults[:] = faults_before  # the page lost its server on purpose
        assert (code, errors) == (0, "")
        with Project.open(place) as project:
            project.label(1, "free")

    def test_a_reload_shows_the_same_sheet_and_a_second_window_moves_on(
        self, page, context, address, place, faults
    ):
        name_sheet(page)
        settled(page)
        rows = rows_on(page)
        page.reload()
        page.wait_for_selector(".tile")
        assert rows_on(page) == rows
        other = opened(context, address, faults)
        assert rows_on(other) == rows
        other.keyboard.type("theirs")
        other.keyboard.press("Enter")
        settled(other)
        page.keyboard.type("ours")
        page.keyboard.press("Enter")
        page.wait_for_selector(".notice button")
        assert "theirs" in page.inner_text(".notice")
        assert {labels_in(place)[row] for row in rows} == {"theirs"}
        page.click("text=Replace")
        settled(page)
        page.wait_for_timeout(500)
        assert {labels_in(place)[row] for row in rows} == {"ours"}
        faults.clear()  # the browser writes of the conflict itself


class TestOtherViews:
    def go(self, page, view):
        page.evaluate(f"location.hash = '#{view}'")
        page.wait_for_selector(f"#tabs a[data-view={view}][aria-current]")

    def test_the_wall_is_drawn_and_corrects(self, named, place):
        self.go(named, "wall")
        named.wait_for_selector(".stage canvas")
        drawn(named, 200)
        keep_picture(named, "wall")
        box = named.query_selector(".stage").bounding_box()
        named.mouse.click(box["x"] + 40, box["y"] + 40)
        named.wait_for_selector("dialog[open] input")
        named.keyboard.type("corrected")
        named.keyboard.press("Enter")
        settled(named)
        decision = Journal(place / "labels.jsonl").decisions[-1]
        assert (decision.label, decision.how, len(decision.items)) == ("corrected", "correction", 1)

    def test_the_map_is_drawn_and_a_lasso_names(self, named, place):
        self.go(named, "map")
        named.wait_for_selector("#overlay")
        drawn(named, 4)
        keep_picture(named, "map")
        box = named.query_selector(".stage").bounding_box()
        x, y, w, h = (box[key] for key in ("x", "y", "width", "height"))
        named.keyboard.down("Shift")
        named.mouse.move(x + 5, y + 5)
        named.mouse.down()
        for dx, dy in ((w - 9, 5), (w - 9, h - 9), (5, h - 9)):
            named.mouse.move(x + dx, y + dy, steps=4)
        named.mouse.up()
        named.keyboard.up("Shift")
        named.wait_for_function("() => /300 items in the loop/.test(document.body.textContent)")
        named.click("text=Name them")
        named.wait_for_selector("dialog[open] input")
        named.keyboard.type("everything")
        named.keyboard.press("Enter")
        settled(named)
        assert set(labels_in(place).values()) == {"everything"}

    def test_hovering_shows_an_item(self, named):
        self.go(named, "map")
        named.wait_for_selector("#overlay")
        drawn(named, 4)
        x, y = named.evaluate(
            "() => { const c = document.querySelector('.stage canvas'); const d = c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data; for (let i = 3; i < d.length; i += 4) if (d[i]) {"
            " const p = (i - 3) / 4, b = c.getBoundingClientRect();"
            " return [b.x + p % c.width, b.y + Math.floor(p / c.width)]; } }"
        )
        named.mouse.move(x + 1, y + 1)
        named.wait_for_selector(".card:not([hidden]) img")

    def test_single_items(self, named, place):
        self.go(named, "single")
        named.wait_for_selector(".single .tile")
        row = rows_on(named)[0]
        named.keyboard.type(NAMES[row])
        named.keyboard.press("Enter")
        named.wait_for_function("row => !document.querySelector(`.single [data-row='${row}']`)", arg=row)
        settled(named)
        assert labels_in(place)[row] == NAMES[row]

    def test_what_comes_late_does_not_appear_on_another_view(self, named):
        held = []
        named.route("**/api/suggestions*", lambda route: held.append(route))
        self.go(named, "single")
        named.wait_for_function("() => /worth a label/.test(document.querySelector('#view').textContent)")
        self.go(named, "files")
        with named.expect_response("**/api/suggestions*") as late:
            held[0].continue_()
        late.value.finished()
        named.wait_for_selector("[data-file='labels.csv']")
        assert named.query_selector(".single") is None

    def test_history_and_export(self, named, place):
        self.go(named, "history")
        named.wait_for_selector("tbody tr")
        assert len(named.query_selector_all("tbody tr")) == 8
        self.go(named, "files")
        with named.expect_download() as download:
            named.click("[data-file='labels.csv']")
        text = Path(download.value.path()).read_text()
        assert len(text.splitlines()) == 1 + len(labels_in(place))

    def test_cancelling_the_refinement(self, named):
        self.go(named, "refine")
        named.wait_for_selector("button.main:not(:disabled)")
        named.click("text=Refine >> nth=-1")
        named.wait_for_selector("button:has-text('Cancel'):not(:disabled)")
        named.click("text=Cancel")
        named.wait_for_function("() => /cancelled/.test(document.querySelector('.panel').textContent)")


def test_the_wall_shows_where_student_and_graph_differ(context, place, faults):
    with Project.open(place) as project:
        label(project, RANDOM[:40], how="random")
        project.refine(quick(project))
        different = project.answers().labels != project.graph_answers().labels
        different[RANDOM[:40]] = False
    with hosted(place) as address:
        page = opened(context, address, faults)
        page.evaluate("location.hash = '#wall'")
        page.wait_for_selector("[aria-label=Order] option[value=different]:not(:disabled)", state="attached")
        page.select_option("[aria-label=Order]", "different")
        page.wait_for_selector(f"[role=status]:has-text('{different.sum()} item')")
        page.focus(".stage")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open] :text('the graph says')")


def drawn(page, n_colours):
    """Until the canvas has more colours than that: a blank one has one."""
    page.wait_for_function(
        "(least) => { const canvas = document.querySelector('.stage canvas');"
        " if (!canvas.width) return false;"
        " const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        " return new Set(new Uint32Array(image.data.buffer)).size > least; }",
        arg=n_colours,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page, scheme):
    page.emulate_media(color_scheme=scheme)
    name_sheet(page)
    settled(page)
    keep_picture(page, scheme)
    pairs = page.evaluate(
        "(selectors) => selectors.map((selector) => {"
        " const element = document.querySelector(selector), style = getComputedStyle; let ground = element;"
        " while (style(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;"
        " return [selector, style(element).color, style(ground).backgroundColor]; })",
        ["#project", ".sheet-head h2", ".faint", "#decisions", "button.main", "#tabs a"],
    )
    for selector, ink, ground in pairs:
        assert contrast(ink, ground) >= 4.5, (selector, ink, ground)  # what WCAG asks of text


def contrast(one, other):
    def luminance(colour):
        values = np.array([int(each) for each in re.findall(r"\d+", colour)[:3]]) / 255
        linear = np.where(values <= 0.03928, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_everything_that_acts_has_a_name(page):
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, a, input, select, img, canvas')].filter((element) =>"
        " !element.closest('[aria-hidden=true]') && !(element.textContent.trim() || element.alt ||"
        " element.getAttribute('aria-label') || element.title || element.labels?.length))"
        ".map((element) => element.outerHTML)"
    )
    assert nameless == [] or all("aria-pressed" in each for each in nameless)
