"""Phone numbers: any usual way of writing one -> E.164."""

from __future__ import annotations

import unicodedata

import phonenumbers
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from reception.domain.errors import invalid_field
from reception.words import N_

LONGEST = 40
REFUSED = N_("This is not a phone number of this country. Write numbers from abroad with + and their country code.")
FROM_ABROAD = (CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN, CountryCodeSource.FROM_NUMBER_WITH_IDD)


def normal_phone(text: str | None, region: str, field: str = "phone", known: str | None = None) -> str | None:
    """A number as it is typed in the country `region` -> E.164; None for nothing. Raises Invalid.

    Written with a country code it has to be possible; without one it has to be a number of `region` with the zero that
    is dialled there: else somebody's number from abroad would be taken for one of here. `known`: what the card has, which
    may stay as it is.
    """
    if not text or not text.strip():
        return None
    typed = "".join(c for c in text.strip() if unicodedata.category(c) != "Cf")  # marks of direction come with copying
    if 0 < len(typed) <= LONGEST and "\x00" not in typed:
        digits = "".join(str(unicodedata.digit(c)) for c in typed if c.isdigit())
        code = str(phonenumbers.country_code_for_region(region))
        abroad = None
        if digits.startswith("00"):  # what most of the world dials to go abroad, whatever is dialled here
            abroad = _parsed(f"+{digits[2:]}", None)
        elif digits.startswith(code) and _zero(region) and typed[0] not in "+＋":
            abroad = _parsed(f"+{digits}", None)
        if abroad is not None and phonenumbers.is_valid_number(abroad):
            return _e164(abroad)
        number = _parsed(typed, region)
        if number is not None and (_is_meant(number, digits, region) or _e164(number) == known):
            return _e164(number)
    raise invalid_field(field, REFUSED)


def _parsed(typed: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(typed, region, keep_raw_input=True)
    except NumberParseException:
        return None


def _is_meant(number: PhoneNumber, digits: str, region: str) -> bool:
    if number.country_code_source in FROM_ABROAD:
        return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    if not phonenumbers.is_valid_number(number):
        return False
    inside = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL).lstrip("(")
    is_with_zero = not _zero(region) or not inside.startswith("0") or digits.startswith("0")
    return is_with_zero or number.country_code_source == CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN


def _zero(region: str) -> bool:
    """Whether numbers of this country begin with a zero when they are dialled inside it."""
    return bool(phonenumbers.ndd_prefix_for_region(region, True) == "0")


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
