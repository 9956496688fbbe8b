"""The rules of live.js and of the TV that need neither a page nor a server, asked in the browser they run in."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "reception/static"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def rules():
    """A function that evaluates JavaScript with every rule in scope."""
    sync_api = pytest.importorskip("playwright.sync_api")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/live-rules.js")
        page.evaluate(
            """async () => Object.assign(globalThis, await import("/live-rules.js"), await import("/tv-rules.js"))"""
        )
        yield page.evaluate
        browser.close()
    server.shutdown()


@pytest.mark.parametrize(
    "v, shown, newer",
    [(119, "118", True), (118, "118", False), (9, "10", False), (0, None, True), ("", "0", False), (1, "", True)],
)
def test_a_message_is_shown_only_when_it_is_newer(rules, v, shown, newer):
    assert rules("([v, shown]) => isNewer(v, shown)", [v, shown]) is newer


def test_behind_names_what_is_shown_and_old(rules):
    named = {"line-1": 5, "line-2": 3, "line-3": 7, "elsewhere": 9}
    shown = {"line-1": 4, "line-2": 3, "line-3": 8}
    assert rules("([n, s]) => behind(n, s)", [named, shown]) == ["line-1"]


def test_a_server_that_went_back_is_believed_on_a_new_line_only(rules):
    named, shown = {"line-1": 3}, {"line-1": 8}
    assert rules("([n, s]) => behind(n, s)", [named, shown]) == []
    assert rules("([n, s]) => behind(n, s, true)", [named, shown]) == ["line-1"]


@pytest.mark.parametrize(
    "line, age, desk, patients",
    [
        ("open", 0, "live", "live"),
        ("open", 7_999, "live", "live"),
        ("open", 8_000, "late", "late"),
        ("open", 15_000, "off", "off"),
        ("polled", 100, "late", "late"),
        ("polled", 15_000, "off", "off"),
        ("down", 100, "off", "late"),
        ("down", 15_000, "off", "off"),
        ("starting", 500, "starting", "starting"),
        ("starting", 2_000, "late", "late"),
        ("starting", 15_000, "off", "off"),
    ],
)
def test_freshness_is_one_word(rules, line, age, desk, patients):
    assert rules("([line, age]) => freshness({line, age})", [line, age]) == desk
    assert rules("([line, age]) => freshness({line, age, isCalm: true})", [line, age]) == patients


@pytest.mark.parametrize(
    "age, lang, style, text",
    [
        (-50, "en", "long", "0 seconds"),
        (1_999, "en", "long", "1 second"),
        (40_000, "en", "long", "40 seconds"),
        (41_000, "ru", "long", "41 секунда"),
        (42_000, "ru", "long", "42 секунды"),
        (180_000, "en", "long", "3 minutes"),
        (7_200_000, "en", "long", "2 hours"),
    ],
)
def test_ages_are_written_as_the_language_has_them(rules, age, lang, style, text):
    assert rules("(a) => ageText(...a)", [age, lang, style]) == text


def test_jitter_stays_within_its_part(rules):
    low, high = rules("() => { const j = Array.from({length: 999}, () => jitter(1000, .3));"
                      " return [Math.min(...j), Math.max(...j)] }")  # fmt: skip
    assert 700 <= low < 800
    assert 1200 < high <= 1300


def test_calls_are_announced_once_oldest_first_and_never_late(rules):
    calls = [{"key": "4.1", "at": 99_000}, {"key": "3.2", "at": 98_000}, {"key": "2.1", "at": 69_000}]
    calls.append({"key": "1.1", "at": 97_000})
    assert rules("(c) => toAnnounce(c, new Set(['1.1', '3.1']), 100000)", calls) == ["3.2", "4.1"]


@pytest.mark.parametrize("ticket, said", [("A-017", "A 17"), ("B-100", "B 100"), ("C-000", "C 0"), ("12", "12")])
def test_a_ticket_is_said_as_people_say_it(rules, ticket, said):
    assert rules("(t) => spoken(t)", ticket) == said
