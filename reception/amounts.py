"""Amounts as people type them: comma or point, spaces in the thousands, to whole smallest units or a sentence why not.

The language says which sign parts the fraction and which the thousands (`formats.money` writes them); spaces of every
width part thousands everywhere, and the other sign stands for the fraction where it cannot mean thousands: "12,50" is
twelve and a half in English, too. `static/payment-rules.js` reads the same way.
"""

from __future__ import annotations

import re
import unicodedata

from babel.core import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol

from reception.domain.errors import Invalid, invalid_field
from reception.domain.finance import MOST
from reception.formats import digits
from reception.words import N_

MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u061c\u2066\u2067\u2068\u2069"))
"""Direction marks that a copied amount brings along."""
ARABIC = str.maketrans({"٫": ".", "٬": " ", "’": " ", "'": " "})


def signs(locale: Locale) -> tuple[str, str]:
    """(decimal, group) sign with which amounts are written in `locale`; a space where spaces part the thousands."""
    written = Locale("en") if locale.language == "ar" else locale
    group = get_group_symbol(written)
    return get_decimal_symbol(written), group if group in ".," else " "


def read(text: str, currency: str, locale: Locale, field: str = "amount") -> int:
    """`text` in smallest units of `currency`. Raises Invalid about `field`: nothing, zero, letters, too fine, too large."""
    plain = "".join(_sign(c) for c in text.translate(MARKS).translate(ARABIC).strip())
    decimal, group = signs(locale)
    if not plain:
        raise invalid_field(field, N_("An amount is needed here."))
    number = re.fullmatch(r"(\d+)(?:\.(\d+))?", _ungrouped(plain, decimal, group))
    if plain[0] in "-−":
        raise invalid_field(field, N_("An amount must be above zero."))
    if number is None:
        raise invalid_field(
            field, N_("This is not an amount. Write it like %(example)s."), example=_example(currency, decimal)
        )
    whole, fraction = number[1], number[2] or ""
    places = digits(currency)
    if len(fraction) > places:
        raise _too_fine(field, currency, places)
    if len(whole.lstrip("0")) > 15:
        raise invalid_field(field, N_("This amount is too large."))
    amount = int(whole) * 10**places + int(fraction.ljust(places, "0") or 0)
    if amount > MOST:
        raise invalid_field(field, N_("This amount is too large."))
    if amount == 0:
        raise invalid_field(field, N_("An amount must be above zero."))
    return amount


def _sign(char: str) -> str:
    """Digits of every script as 0 to 9, every space as a plain one."""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return " " if char.isspace() else char


def _ungrouped(text: str, decimal: str, group: str) -> str:
    """`text` with a point for the fraction and nothing in the thousands; as it is where the groups are not of three."""
    other = "," if decimal == "." else "."
    for sign in {" ", group}:
        found = re.fullmatch(rf"(\d{{1,3}}(?:{re.escape(sign)}\d{{3}})+)({re.escape(decimal)}\d+)?", text)
        if found:
            text = found[1].replace(sign, "") + (found[2] or "")
    if decimal not in text and text.count(other) == 1:
        head, _, tail = text.partition(other)
        found = re.fullmatch(r"\d{1,3}(?: \d{3})+", head)
        return f"{head.replace(' ', '') if found else head}.{tail}"
    return text.replace(decimal, ".")


def _example(currency: str, decimal: str) -> str:
    places = digits(currency)
    return "1500" + (decimal + "50".ljust(places, "0")[:places] if places else "")


def _too_fine(field: str, currency: str, places: int) -> Invalid:
    if not places:
        return invalid_field(field, N_("%(currency)s has no digits after the point."), currency=currency)
    return invalid_field(
        field, N_("%(currency)s has at most %(places)s digits after the point."), currency=currency, places=places
    )
