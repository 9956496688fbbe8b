"""Values as people write them into tables: days, times, genders, yes and no. Sentences where they are nothing of the kind."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time

from babel.numbers import get_currency_precision

from reception.domain.errors import invalid_field
from reception.models import Gender
from reception.words import N_

MONTH_FIRST = frozenset({"US", "PH", "PR"})
"""Countries where 3/4/2020 is the fourth of March."""
MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip
GENDERS = {
    Gender.FEMALE: "f female w woman girl ж жен женский женщина ayol a qiz ж. أنثى انثى 2",
    Gender.MALE: "m male man boy м муж мужской мужчина erkak e o'g'il м. ذكر 1",
    Gender.OTHER: "o other x divers другой boshqa آخر 9",
    Gender.UNKNOWN: "u unknown n/a ? - неизвестно noma'lum غير 0",
}
_GENDERS = {word: gender for gender, words in GENDERS.items() for word in words.split()}
YES = frozenset("1 y yes true ja да ha بلى نعم x + on open".split())
NO = frozenset("0 n no false nein нет yo'q لا - off closed".split())


def digits(text: str) -> str:
    """`text` with the digits of every script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def day(text: str, field: str, region: str) -> date | None:
    """A day in a usual writing; None for nothing. `region`: says whether 3/4 is in March or April. Raises Invalid."""
    typed = digits(text).strip()
    if not typed:
        return None
    wrong = invalid_field(field, N_("This is not a day. Write it like 2020-04-03 or 03.04.2020."))
    typed = re.sub(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$", "", typed)
    if found := re.fullmatch(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})", typed) or re.fullmatch(
        r"(\d{4})(\d{2})(\d{2})", typed
    ):
        year, month, number = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})([-./])(\d{1,2})\2(\d{4})", typed):
        number, month, year = int(found[1]), int(found[3]), int(found[4])
        if found[2] == "/" and region in MONTH_FIRST:
            number, month = month, number
    elif found := re.fullmatch(r"(\d{1,2})[ -]([A-Za-z]{3})[a-z]*\.?,?[ -](\d{4})", typed):
        number, month, year = int(found[1]), MONTHS.get(found[2].lower(), 0), int(found[3])
    elif found := re.fullmatch(r"([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})", typed):
        number, month, year = int(found[2]), MONTHS.get(found[1].lower(), 0), int(found[3])
    elif re.fullmatch(r"\d{1,2}[-./]\d{1,2}[-./]\d{2}", typed):
        raise invalid_field(field, N_("Write the year with four digits."))
    else:
        raise wrong
    try:
        return date(year, month, number)
    except ValueError:
        raise wrong from None


def wall(text: str, field: str) -> time | None:
    """A time of day; None for nothing. 24:00 is midnight. Raises Invalid."""
    typed = digits(text).strip().lower()
    if not typed:
        return None
    found = re.fullmatch(
        r"(?:\d{4}-\d{2}-\d{2}[t ])?(\d{1,2})(?:[:.h](\d{2}))?(?:[:.]00)?\s*([ap])?\.?(?:m\.?)?", typed
    )
    if found and (found[2] or found[3]):
        hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
        if half:
            hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 99
        if (hour, minute) == (24, 0):
            hour = 0
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise invalid_field(field, N_("This is not a time of day. Write it like 08:30."))


def gender(text: str, field: str = "gender") -> Gender:
    """A gender by its usual words; nothing is unknown. Raises Invalid."""
    typed = _word(text)
    if not typed:
        return Gender.UNKNOWN
    if typed.upper() in Gender.__members__:
        return Gender(typed.upper())
    if typed not in _GENDERS:
        raise invalid_field(field, N_("This is no gender that is known here. Write F or M."))
    return _GENDERS[typed]


def yes(text: str, field: str, nothing: bool) -> bool:
    """Yes or no by its usual words; `nothing`: what an empty cell says. Raises Invalid."""
    typed = _word(text)
    if not typed:
        return nothing
    if typed in YES or typed in NO:
        return typed in YES
    raise invalid_field(field, N_("Write yes or no."))


def whole(text: str, field: str, least: int, most: int, nothing: int) -> int:
    """A whole number; `nothing`: what an empty cell says. Raises Invalid."""
    typed = digits(text).strip()
    if not typed:
        return nothing
    if not re.fullmatch(r"\d{1,9}(\.0+)?", typed) or not least <= int(float(typed)) <= most:
        raise invalid_field(field, N_("Say a number from %(least)s to %(most)s."), least=least, most=most)
    return int(float(typed))


def line(text: str, most: int, field: str) -> str:
    """A cell as text; what a spreadsheet was told by a leading apostrophe is taken off again. Raises Invalid."""
    typed = text.strip()
    if typed.startswith("'") and typed[1:].startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        typed = typed[1:]
    if "\x00" in typed or any(unicodedata.category(c) == "Cs" for c in typed if not c.isascii()):
        raise invalid_field(field, N_("This contains characters that cannot be stored."))
    if len(typed) > most:
        raise invalid_field(field, N_("This is too long: at most %(most)s characters."), most=most)
    return typed


def needed(text: str, field: str) -> str:
    """Raises Invalid for nothing."""
    if not text.strip():
        raise invalid_field(field, N_("This is needed."))
    return text


def _word(text: str) -> str:
    return digits(text).strip().casefold().replace("‘", "'").replace("ʻ", "'").replace("’", "'")


def amount(text: str, field: str, currency: str, most: int) -> int:
    """An amount in smallest units of `currency`, zero included. Raises Invalid.

    The last of two different signs parts the fraction; a single one with three digits behind it parts the thousands.
    """
    typed = re.sub(r"[\s\u00a0\u202f'’]|" + re.escape(currency.lower()), "", digits(text).strip().lower())
    typed = typed.translate({ord("٫"): ".", ord("٬"): None})
    wrong = invalid_field(field, N_("This is not an amount. Write it like %(example)s."), example="1500")
    if not typed:
        raise invalid_field(field, N_("This is needed."))
    places = int(get_currency_precision(currency))
    found = re.fullmatch(r"(\d+|\d{1,3}(?:([.,])\d{3})+)(?:([.,])(\d+))?", typed)
    if found is None or (found[2] and found[2] == found[3]):
        raise wrong
    whole_part, fraction = re.sub("[.,]", "", found[1]), found[4] or ""
    if not found[2] and len(fraction) == 3 and places < 3:
        whole_part, fraction = whole_part + fraction, ""
    fraction = fraction.rstrip("0")
    if len(fraction) > places:
        raise invalid_field(
            field, N_("%(currency)s has at most %(places)s digits after the point."), currency=currency, places=places
        )
    if len(whole_part) > 15 or int(whole_part) * 10**places > most:
        raise invalid_field(field, N_("This amount is too large."))
    units: int = int(whole_part) * 10**places
    return units + int(fraction.ljust(places, "0") or 0)
