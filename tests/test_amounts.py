"""Amounts as people type them. `tests/browser/test_payment.py` asks the browser's rules the same questions."""

from __future__ import annotations

import pytest
from babel.core import Locale

from reception import amounts
from reception.domain.errors import Invalid

READ = [
    ("en", "EUR", "800", 80_000),
    ("en", "EUR", "800.00", 80_000),
    ("en", "EUR", "800.5", 80_050),
    ("en", "EUR", "0.01", 1),
    ("en", "EUR", "1,500", 150_000),
    ("en", "EUR", "1,500.25", 150_025),
    ("en", "EUR", "1,234,567.89", 123_456_789),
    ("en", "EUR", "12,50", 1_250),
    ("en", "EUR", "1 500.25", 150_025),
    ("en", "EUR", "1\u202f500.25", 150_025),
    ("en", "EUR", "1\u00a0500", 150_000),
    ("en", "EUR", "\u20661 500.00\u2069", 150_000),
    ("en", "EUR", "  62.50 ", 6_250),
    ("en", "JPY", "1500", 1_500),
    ("en", "JPY", "1,500", 1_500),
    ("en", "KWD", "1.005", 1_005),
    ("ru", "EUR", "1 500,50", 150_050),
    ("ru", "EUR", "1500.50", 150_050),
    ("ru", "KWD", "12,345", 12_345),
    ("ar", "EUR", "١٢٫٥", 1_250),
    ("ar", "EUR", "١٬٥٠٠", 150_000),
    ("ar", "EUR", "62.50", 6_250),
    ("en", "EUR", "9999999999999", 999_999_999_999_900),
]
"""Language, currency, what is typed, smallest units."""

REFUSED = [
    ("en", "EUR", "-5"), ("en", "EUR", "−5"), ("en", "EUR", "0"), ("en", "EUR", "0.00"), ("en", "EUR", "12.345"),
    ("en", "EUR", "1.500"), ("en", "JPY", "1.5"), ("en", "JPY", "15.0"), ("en", "KWD", "1.0001"), ("en", "EUR", "a"),
    ("en", "EUR", "1e3"), ("en", "EUR", "+5"), ("en", "EUR", "1 00"), ("en", "EUR", "1,50,0"), ("en", "EUR", ".5"),
    ("en", "EUR", "5."), ("en", "EUR", "1.2.3"), ("en", "EUR", "²"), ("en", "EUR", "1000000000000000000"),
    ("en", "EUR", "99999999999999999999999999"), ("en", "EUR", "1 500,50.00"), ("ru", "EUR", "1,234,567"),
    ("ru", "EUR", "12,345"), ("en", "EUR", "=1+1"), ("en", "EUR", "1\x00"), ("en", "EUR", "EUR 5"), ("en", "EUR", "∞"),
]  # fmt: skip


@pytest.mark.parametrize("language, currency, typed, units", READ)
def test_read(language: str, currency: str, typed: str, units: int) -> None:
    assert amounts.read(typed, currency, Locale(language)) == units


@pytest.mark.parametrize("language, currency, typed", REFUSED)
def test_refused_with_a_sentence_about_the_field(language: str, currency: str, typed: str) -> None:
    with pytest.raises(Invalid) as caught:
        amounts.read(typed, currency, Locale(language), "amount-CASH")
    assert list(caught.value.fields) == ["amount-CASH"]
    assert str(caught.value).endswith(".")
    assert "%(" not in str(caught.value)


def test_nothing_typed_is_asked_for() -> None:
    for text in ("", "  ", "\u2066\u2069"):
        with pytest.raises(Invalid, match="needed"):
            amounts.read(text, "EUR", Locale("en"))


def test_the_languages_know_their_signs() -> None:
    assert [amounts.signs(Locale(name)) for name in ("en", "ru", "ar", "de")] == [
        (".", ","), (",", " "), (".", ","), (",", "."),
    ]  # fmt: skip
