"""The words: every message in Russian and Arabic, whole and in the language's own forms, and a word for every state."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask_babel import force_locale, gettext

from reception import formats, models
from reception.models import AppointmentStatus, Method, PaymentStatus, VisitStatus
from tests.factories import House

ROOT = Path(__file__).parent.parent
CATALOGUES = ROOT / "reception" / "translations"
SPOKEN = ["ru", "ar"]
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
Key = tuple[str, str]
"""Context (or "") and message; of a message for one and many, the one."""


# ---------------------------------------------------------------------------------------------------- the catalogues


@cache
def extracted() -> dict[Key, str]:
    """Every message of the source, as `make messages` finds it, and where it stands."""
    [line] = [row for row in (ROOT / "Makefile").read_text().splitlines() if "pybabel -q extract" in row]
    words = shlex.split(line)
    keywords = parse_keywords([words[at + 1] for at, word in enumerate(words) if word == "-k"])
    with (ROOT / "babel.cfg").open() as settings:
        method_map, options_map = parse_mapping_cfg(settings)
    from babel.messages.extract import DEFAULT_KEYWORDS

    rows = extract_from_dir(ROOT, method_map, options_map, keywords={**DEFAULT_KEYWORDS, **keywords})
    return {(row[4] or "", _one(row[2])): row[0] for row in rows}


def _one(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


@cache
def catalogue(locale: str) -> Catalog:
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def messages(locale: str) -> Iterator[Message]:
    return (message for message in catalogue(locale) if message.id)


def key(message: Message) -> Key:
    return (message.context or "", _one(message.id))


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


@pytest.mark.parametrize("locale", [*SPOKEN, "en"])
def test_the_catalogues_hold_what_the_source_says(locale: str) -> None:
    """`make messages` would bring nothing new and take nothing out."""
    known = {key(message) for message in messages(locale)}
    source = extracted()
    assert len(source) > 500, "the extraction finds the messages"
    assert {k: where for k, where in source.items() if k not in known} == {}, "run: make messages"
    assert known - source.keys() == set(), "run: make messages"
    assert [k for k in catalogue(locale).obsolete if k not in source] == []


@pytest.mark.parametrize("locale", SPOKEN)
def test_every_message_is_translated(locale: str) -> None:
    assert [key(m) for m in messages(locale) if not all(forms(m))] == []
    assert [key(m) for m in messages(locale) if m.fuzzy] == []


@pytest.mark.parametrize("locale", [*SPOKEN, "en"])
def test_what_is_compiled_is_what_is_written(locale: str) -> None:
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = {(_text(m.context), _one(m.id)): forms(m) for m in read_mo(file) if m.id}
    assert compiled == {key(m): forms(m) for m in messages(locale) if any(forms(m)) and not m.fuzzy}


def _text(context: str | bytes | None) -> str:
    """A context as text: this reader leaves it in bytes."""
    return context.decode() if isinstance(context, bytes) else context or ""


def gaps(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[a-z]|%%|\{\w+\}", text))


@pytest.mark.parametrize("locale", SPOKEN)
def test_gaps_are_the_same(locale: str) -> None:
    """A gap that is missing hides a number, one too many breaks the page. Arabic says none, one and two in words."""
    for message in messages(locale):
        wanted = gaps(_one(message.id))
        for at, text in enumerate(forms(message)):
            in_words = locale == "ar" and message.pluralizable and at < 3
            assert gaps(text) == wanted or (in_words and gaps(text) < wanted), (key(message), text)


@pytest.mark.parametrize("locale", SPOKEN)
def test_no_percent_is_broken(locale: str) -> None:
    """What is filled in by % fills in: no lone percent sign in a sentence with gaps."""
    for message in messages(locale):
        for text in forms(message):
            if gaps(text):
                assert text % _Anything()


class _Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return name


@pytest.mark.parametrize("locale", SPOKEN)
def test_sentences_end_as_they_should(locale: str) -> None:
    """A sentence stays one, a label stays one; quotation marks are the language's own; no double spaces."""
    for message in messages(locale):
        for text in forms(message):
            assert text == text.strip(), key(message)
            assert "  " not in text, key(message)
            assert not re.search(r"[“”\"]", text), key(message)
            if len(_one(message.id).split()) > 2:
                assert _one(message.id).endswith(".") == text.endswith("."), key(message)


def spoken(locale: str) -> GNUTranslations:
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        return GNUTranslations(file)


def test_plurals_follow_the_language() -> None:
    assert (catalogue("en").num_plurals, catalogue("ru").num_plurals, catalogue("ar").num_plurals) == (2, 3, 6)

    def years(locale: str, n: int) -> str:
        return spoken(locale).ngettext("%(num)s year", "%(num)s years", n) % {"num": n}

    assert [years("en", n) for n in (1, 2)] == ["1 year", "2 years"]
    assert [years("ru", n) for n in (0, 1, 2, 5, 11, 21, 22, 111)] == [
        "0 лет", "1 год", "2 года", "5 лет", "11 лет", "21 год", "22 года", "111 лет",
    ]  # fmt: skip
    assert [years("ar", n) for n in (1, 2, 3, 11, 100)] == ["سنة واحدة", "سنتان", "3 سنوات", "11 سنة", "100 سنة"]
    late = [spoken("ar").ngettext("%(num)s late", "%(num)s late", n) % {"num": n} for n in (0, 2, 3, 10, 12, 99, 100)]
    assert late == [
        "لا متأخرين", "متأخران", "3 متأخرين", "10 متأخرين", "12 متأخرًا", "99 متأخرًا", "100 متأخر",
    ]  # fmt: skip


@pytest.mark.parametrize("locale", SPOKEN)
def test_no_message_is_left_in_english(locale: str) -> None:
    """A translation has letters of its own script, unless there are none in the message."""
    own = {"ru": r"[а-яё]", "ar": r"[\u0600-\u06ff]"}[locale]
    for message in messages(locale):
        bare = re.sub(r"%\(\w+\)[a-z]", "", _one(message.id))
        if re.search(r"[A-Za-z]{2,}", bare) and bare not in ("CSV", "Excel", "No.", "No. ", " to "):
            for text in forms(message):
                assert re.search(own, text, re.IGNORECASE), (key(message), text)


# ---------------------------------------------------------------------------------------------------- states as words

NOT_SHOWN: dict[type[StrEnum], str] = {
    models.ClinicKind: "chosen when a clinic is founded, on the command line",
    models.AccountKind: "accounts are the books' own, people see cashboxes",
    models.LineKind: "a line says its service, or that it is a discount",
    models.DeviceKind: "screens only, so far",
}


def test_every_state_has_a_word() -> None:
    kinds = {
        kind
        for kind in vars(models).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
    }
    named = {(type(state), state.value) for state, _ in formats.WORDS}
    for kind in kinds - NOT_SHOWN.keys():
        assert [state for state in kind if (kind, state.value) not in named] == [], kind
    assert NOT_SHOWN.keys() <= kinds


@ON_SQLITE
def test_one_english_word_may_be_two_russian_ones(house: House) -> None:
    """A card that pays and a card of a patient, a visit and an appointment that are cancelled."""
    with house.app.test_request_context(), force_locale("ru"):
        assert formats.word(Method.BANK_TRANSFER) == "Перевод"
        assert gettext("Transfer") == "Перевести"
        assert formats.word(VisitStatus.CANCELLED) == "Отменён"
        assert formats.word(AppointmentStatus.CANCELLED) == "Отменена"
        assert formats.word(PaymentStatus.PENDING) == "Не оплачен"
    with house.app.test_request_context(), force_locale("en"):
        assert formats.word(Method.BANK_TRANSFER) == "Transfer"
        assert formats.word(PaymentStatus.PENDING) == "Open"
