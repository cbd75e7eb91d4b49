"""axe-core finds nothing that would keep somebody with a screen reader or weak eyes from any view."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.conftest import hosted, opened

AXE = Path(__file__).parents[2] / "build/axe/package/axe.min.js"
# What is on each view once it is there.
VIEWS = {
    "name": ".group .tile",
    "single": ".single .tile",
    "wall": ".stage canvas",
    "map": "#overlay",
    "refine": "button.main",
    "files": "[data-file='labels.csv']",
    "history": "tbody tr",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AXE.exists(), reason="there is no axe-core, which npm brings: make axe"),
]


def check(page):
    """Nothing is found on what is shown now."""
    # Evaluated, as the page's own policy refuses scripts from elsewhere.
    page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    complaints = [
        (each["impact"], each["id"], node["html"], node["failureSummary"])
        for each in found["violations"]
        for node in each["nodes"]
    ]
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_views(named, scheme):
    named.emulate_media(color_scheme=scheme)
    for view, shown in VIEWS.items():
        named.evaluate(f"location.hash = '#{view}'")
        named.wait_for_selector(shown)
        check(named)


def test_dialogs(named):
    named.click("#help")
    named.wait_for_selector("dialog[open] .keys")
    check(named)
    named.keyboard.press("Escape")
    named.click("#person")
    named.wait_for_selector("dialog[open] input")
    check(named)
    named.keyboard.press("Escape")
    named.evaluate("location.hash = '#wall'")
    named.wait_for_selector(VIEWS["wall"])
    named.focus(".stage")
    named.keyboard.press("Enter")
    named.wait_for_selector("dialog[open] .tile")
    check(named)


@pytest.mark.parametrize(("kind", "shown"), [("texts", ".tile.text"), ("rows", "tr[data-row]")])
def test_texts_and_rows(context, faults, request, kind, shown):
    with hosted(request.getfixturevalue(kind)) as address:
        page = opened(context, address, faults, shown=shown)
        check(page)
        page.evaluate("location.hash = '#wall'")
        page.wait_for_selector(".line .content")
        check(page)
