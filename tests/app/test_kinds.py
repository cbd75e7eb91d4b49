"""Texts, and rows of a table, on the page in a real browser."""

from __future__ import annotations

import pytest

from app.conftest import ODD, TEXTS, hosted, opened, settled
from labelwise import Project

pytestmark = pytest.mark.slow


def named(place):
    """Rows with their labels."""
    with Project.open(place) as project:
        return {row: label for row, (label, _) in project.labeled().items()}


def test_texts_are_read_whole_named_and_corrected(context, texts, faults):
    with hosted(texts) as address:
        page = opened(context, address, faults, shown=".tile.text")
        shown = page.eval_on_selector_all(
            ".tile.text",
            "all => all.map((tile) => [+tile.dataset.row, tile.querySelector('.content').textContent])",
        )
        assert len(shown) > 1
        assert all(text == TEXTS[row] for row, text in shown)
        page.keyboard.type("cats & dogs")
        page.keyboard.press("Enter")
        settled(page)
        page.evaluate("location.hash = '#wall'")
        page.wait_for_selector(".line .content")
        row = int(page.get_attribute(".line", "data-row"))
        assert page.inner_text(".line .content") == TEXTS[row]
        page.click(".line")
        page.wait_for_selector("dialog[open] input")
        assert TEXTS[row] in page.inner_text("dialog[open]")
        page.keyboard.type("corrected")
        page.keyboard.press("Enter")
        settled(page)
    assert named(texts) == {**dict.fromkeys((row for row, _ in shown), "cats & dogs"), row: "corrected"}


def test_what_is_unusual_in_a_row_is_marked(context, rows, faults):
    with hosted(rows) as address:
        page = opened(context, address, faults, shown="tr[data-row]")
        page.keyboard.press("Control+z")  # the row that was named first is shown again
        page.wait_for_selector(f"tr[data-row='{ODD}']")
        cells = page.eval_on_selector_all(
            f"tr[data-row='{ODD}'] .unusual", "all => all.map((cell) => [cell.textContent, cell.title])"
        )
        assert sorted(cells) == [
            ["∅ ", "∅ missing"],
            ["▲ 9000", "▲ unusually high"],
            ["◆ <b>puce</b>", "◆ rare"],
        ]
        heads = page.eval_on_selector_all("th", "all => all.map((head) => head.textContent)")
        assert set(heads[1:4]) == {"amount", "weight", "colour"}
        page.keyboard.type("strange")
        page.keyboard.press("Enter")
        settled(page)
        page.wait_for_selector(f"tr[data-row]:not([data-row='{ODD}'])")
        assert page.query_selector_all(f"tr[data-row='{ODD}']") == []
        page.wait_for_selector("p:has-text('The same in all: ')")
        assert "unit kg" in page.inner_text("p:has-text('The same in all: ')")
    assert named(rows)[ODD] == "strange"
