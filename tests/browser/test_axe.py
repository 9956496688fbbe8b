"""axe finds no serious or critical fault on any screen: light, dark, right to left, and on a phone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.day import Day
from tests.browser.screens import NO_SCREENS, SCREENS, Screen, is_clean
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser
one_worker = pytest.mark.xdist_group("browser-axe")
another_worker = pytest.mark.xdist_group("browser-axe-rtl")

VENDOR = Path(__file__).parent / "vendor"
BAD = ("serious", "critical")
COLOURS = {"runOnly": ["color-contrast"]}
"""Light and dark differ in colours alone, so in the dark only they are looked at."""
NO_COLOURS = {"rules": {"color-contrast": {"enabled": False}}}


@cache
def axe() -> str:
    (path,) = VENDOR.glob("axe-*.min.js")
    return path.read_text()


def faults(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """One line for each element with a serious or critical fault."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe())
    found = page.evaluate(
        "(options) => axe.run(document, {resultTypes: ['violations'], ...options}).then((r) => r.violations)",
        options or {},
    )
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in BAD
        for node in rule["nodes"]
    ]


@one_worker
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_no_serious_fault_in_light_and_dark(busy: tuple[Stage, Stage, Day], screen: Screen) -> None:
    page = screen.show(busy, reduced_motion="reduce", color_scheme="light")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert faults(page, COLOURS) == []
    page.close()


@another_worker
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_no_serious_fault_right_to_left(busy: tuple[Stage, Stage, Day], screen: Screen) -> None:
    page = screen.show(busy, reduced_motion="reduce", locale="ar")
    is_clean(page, *(("en", "ltr") if screen.path.startswith("/display/") else ("ar", "rtl")))
    assert faults(page, NO_COLOURS) == []
    page.close()


@another_worker
@pytest.mark.parametrize("name", ["desk", "payment", "walk-in", "board", "queue", "finance"])
def test_no_serious_fault_on_a_phone(busy: tuple[Stage, Stage, Day], name: str) -> None:
    screen = next(screen for screen in SCREENS if screen.name == name)
    page = screen.show(busy, reduced_motion="reduce", viewport={"width": 390, "height": 844}, has_touch=True)
    assert faults(page) == []
    page.close()


@one_worker
def test_axe_finds_what_is_wrong(busy: tuple[Stage, Stage, Day]) -> None:
    """Else the tests above would say nothing."""
    page = busy[0].window().new_page()
    page.goto("/sign-in")
    page.evaluate("""() => {
        document.querySelector("h1").style.color = "#ccc";
        document.querySelector("label").remove();
    }""")
    assert {line.partition(" ")[0] for line in faults(page)} == {"color-contrast", "label"}
    page.close()


@one_worker
def test_no_screen_is_forgotten(busy: tuple[Stage, Stage, Day]) -> None:
    """Every page that the house has stands in the table."""
    stage, _, day = busy
    rules = stage.house.app.url_map
    seen = {
        rules.bind("localhost").match(screen.path.format_map(vars(day)).partition("?")[0], "GET")[0]
        for screen in SCREENS
        if screen.path != "/nothing/here"
    }
    all_pages = {rule.endpoint for rule in rules.iter_rules() if "GET" in (rule.methods or ())}
    assert {name for name in all_pages if not name.startswith("api.")} - NO_SCREENS == seen
