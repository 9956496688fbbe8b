"""The words on the pages: no English of its own in a template, no English and no code on a page in another language."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes
from sqlalchemy import String

from reception import models
from reception.extensions import db
from reception.models import Role, VisitStatus
from tests.factories import House
from tests.pages import VOID
from tests.test_house import furnished, walk
from tests.test_words import ON_SQLITE, ROOT, SPOKEN

TEMPLATES = ROOT / "reception" / "templates"

# --------------------------------------------------------------------------------------- templates say it through _()

SAID_ATTRIBUTES = {"aria-label", "aria-roledescription", "placeholder", "title", "alt", "label"}
NO_WORDS = {"Esc", "Enter", "API", "A", "i", "—", "CSV", "XLSX", "Excel"}
"""What stands in a template as it is: caps of keys, and the ticket of the picture on the sign-in page."""
CODES = re.compile(
    r"(Key[A-Z]|Digit\d|Slash|Space|Enter|Esc|Shift\+Slash|HX-[A-Za-z]+|[A-Z]+|K|\w+Field|\s*\\u[0-9a-f]+)"
)


class Visible(HTMLParser):
    """Text nodes and spoken attributes of a template whose Jinja was taken out."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "\u2063", source, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in SAID_ATTRIBUTES]

    def handle_data(self, data: str) -> None:
        words = re.sub(r'[\w-]+="[^"]*"|\bnovalidate\b', "", data)  # a macro may hold the attributes of a tag
        self.found += words.replace("\u2063", "\n").split("\n")


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


def named(path: Path) -> str:
    return path.relative_to(TEMPLATES).as_posix()


def own_words(source: str) -> list[str]:
    """English that a template shows without asking the catalogue."""
    found = {text.strip() for text in Visible(source).found}
    words = {text for text in found if re.search(r"[A-Za-z]{2,}|^[A-Za-z]$", text)} - NO_WORDS
    return [text for text in words if not re.fullmatch(r"is-[a-z-]*", text)]  # a class, in a block of its own


def bare_words(source: str) -> list[str]:
    """Texts in a template's expressions that do not go through the catalogue."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    marked = {
        id(text)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in ("_", "gettext", "ngettext", "pgettext")
        for text in call.find_all(nodes.Const)
    }
    bare = [c.value for c in tree.find_all(nodes.Const) if id(c) not in marked and isinstance(c.value, str)]
    return [text for text in bare if re.search(r"^[A-Z][a-z]+($| [a-z])", text) and not CODES.fullmatch(text)]


@pytest.mark.parametrize("path", templates(), ids=named)
def test_a_template_has_no_words_of_its_own(path: Path) -> None:
    assert own_words(path.read_text()) == []


def test_words_of_its_own_are_seen() -> None:
    assert own_words('<b class="x">Check in</b>{{ _("Call") }}') == ["Check in"]
    assert own_words('<input placeholder="Name" value="K"><a aria-label="{{ _("x") }}">{% if a %}now{% endif %}</a>')
    assert own_words('<b title="{{ name }}">{{ _("Call") }}</b>') == []
    assert bare_words('{{ act(visit, "call", "Call next", url) }}') == ["Call next"]
    assert bare_words('{{ act(visit, "call", _("Call next"), url, cls="btn btn-small") }}') == []


@pytest.mark.parametrize("path", templates(), ids=named)
def test_a_template_hands_no_bare_words_on(path: Path) -> None:
    """Texts given to macros go through _() as well."""
    assert bare_words(path.read_text()) == []


# ------------------------------------------------------------------------------------------------ pages as they stand


class Read(HTMLParser):
    """What a reader of the page sees or hears: texts and spoken attributes, but no codes (dir=ltr), no key caps, and
    nothing that says it is in another language."""

    UNSEEN = ("script", "style", "kbd", "code", "svg", "template")

    def __init__(self, html: str, locale: str) -> None:
        super().__init__()
        self.locale = locale
        self.said: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(re.sub(r"\{[a-z]+\}|\([A-Z]{2}\)", "", html))  # what a script fills in; the code of a country

    @property
    def _hidden(self) -> bool:
        return any(hidden for _, hidden in self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_other = tag != "html" and (("lang" in given and given["lang"] != self.locale) or given.get("dir") == "ltr")
        hidden = tag in self.UNSEEN or (is_other and tag not in ("input", "textarea"))
        if not self._hidden and not (hidden and tag != "svg"):
            self.said += [
                value
                for name, value in given.items()
                if name in SAID_ATTRIBUTES or name.startswith(("data-word", "data-key-word", "data-note"))
            ]
        if tag not in VOID:
            self._open.append((tag, hidden))

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at][0] == tag:
                del self._open[at:]
                return

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.said.append(data.strip())


PLAIN = {
    "EUR",
    "API",
    "CSV",
    "JSON",
    "TV",
    "Reception",
    "English",
    "XLSX",
    "Excel",
    "xlsx",
    "gz",
    "ICD",
    "Enter",
    "Shift",
    "Esc",
}
"""Latin words of every language: formats, keys. (A name of a language stands in it.)"""
NAMES = ("name", "first_name", "middle_name", "last_name", "full_name", "username", "title", "code", "location",
         "priority_reason", "close_reason")  # fmt: skip


def names_of(house: House) -> set[str]:
    """Every word that somebody entered."""
    found: set[str] = set()
    for mapper in db.Model.registry.mappers:
        columns = [c for c in mapper.columns if c.key in NAMES and isinstance(c.type, String)]
        for column in columns:
            for value in db.session.scalars(db.select(column)):
                found |= set(re.findall(r"[A-Za-z]+", value or ""))
    return found


@ON_SQLITE
@pytest.mark.parametrize("locale", SPOKEN)
def test_no_page_shows_english_or_codes(house: House, locale: str) -> None:
    """Every page and dialog in Russian and Arabic: what is Latin in it is a name."""
    values = furnished(house)
    _bustle(house)
    client = house.client(*Role)
    assert client.post("/preferences", data={"locale": locale, "key": "speak"}).status_code < 400
    known = names_of(house) | PLAIN
    read: dict[str, int] = {}
    wrong: dict[str, set[str]] = {}
    for endpoint, method, path, _ in walk(house, values):
        if method != "GET" or path.startswith(("/api/", "/display")):
            continue
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(path, headers=headers)
            if answer.mimetype != "text/html" or answer.status_code != 200:
                continue
            page = Read(answer.get_data(as_text=True), locale)
            read[endpoint] = read.get(endpoint, 0) + len(page.said)
            latin = {word for text in page.said for word in re.findall(r"[A-Za-z]{2,}", text)}
            wrong.setdefault(f"{endpoint} {path}", set()).update(latin - known)
    assert {endpoint: words for endpoint, words in wrong.items() if words} == {}
    assert {"desk.index", "queue.index", "queue.board", "queue.visit", "queue.ask", "desk.walk_in"} <= read.keys()
    assert {
        "finance.index",
        "finance.cashbox_report_page",
        "finance.pay",
        "finance.receipt",
        "audit.index",
    } <= read.keys()
    assert sum(read.values()) > 500


def _bustle(house: House) -> None:
    """Visits in every state and every reason to stand in a line, so that every word of the boards is drawn."""
    for status in VisitStatus:
        if status not in (VisitStatus.SCHEDULED, VisitStatus.IN_PROGRESS, VisitStatus.CALLED):
            house.visit(status)
    house.booked(starts_at=house.at(10, 5))
    house.booked(starts_at=house.at(15, 30))
    house.later(minutes=50)
    urgent = house.visit(priority=models.Priority.EMERGENCY, priority_reason="боль в груди")
    house.visit(priority=models.Priority.PRIORITY, priority_reason="беременность")
    second = house.another_doctor()
    again = house.visit(VisitStatus.CALLED, doctor=second)
    house.move(again, "recall")
    back = house.visit(VisitStatus.CALLED)
    house.move(back, "requeue", minutes=0)
    house.move(urgent, "call")
    house.move(urgent, "start")
    house.visit(VisitStatus.PENDING_PAYMENT, doctor=house.another_doctor("Sokolov"))


@ON_SQLITE
@pytest.mark.parametrize("locale", SPOKEN)
def test_refusals_speak_the_language(house: House, locale: str) -> None:
    """What is refused is refused in the reader's words, gaps and states included."""
    visit = house.visit(VisitStatus.COMPLETED)
    client = house.client(*Role)
    client.post("/preferences", data={"locale": locale, "key": "speak"})
    asked: list[Callable[[], Any]] = [
        lambda: client.post(f"/queue/visits/{visit.id}/call", data={"key": "late", "version": visit.version},
                            headers={"HX-Request": "true"}),
        lambda: client.post("/desk/walk-in", data={"key": "empty"}, headers={"HX-Request": "true"}),
        lambda: client.post(f"/finance/bills/{visit.payment.id}/pay", data={"key": "paid", "amount-CASH": "zwölf"},
                            headers={"HX-Request": "true"}),
        lambda: client.get("/nothing-here"),
    ]  # fmt: skip
    known = names_of(house) | PLAIN
    for ask in asked:
        answer = ask()
        assert answer.status_code >= 400
        page = Read(answer.get_data(as_text=True), locale)
        assert page.said
        assert {word for text in page.said for word in re.findall(r"[A-Za-z]{2,}", text)} - known == set()
