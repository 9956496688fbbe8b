"""Counting a drawer: which pieces a currency has, and what so many of them come to."""

from __future__ import annotations

from collections.abc import Mapping

from reception.domain.errors import invalid_field
from reception.domain.finance.payments import MOST
from reception.models import Cashbox, CashboxKind
from reception.words import N_

_PIECES = {
    "EUR": "500 200 100 50 20 10 5 2 1 .50 .20 .10 .05 .02 .01",
    "USD": "100 50 20 10 5 2 1 .50 .25 .10 .05 .01",
    "GBP": "50 20 10 5 2 1 .50 .20 .10 .05 .02 .01",
    "CHF": "1000 200 100 50 20 10 5 2 1 .50 .20 .10 .05",
    "PLN": "500 200 100 50 20 10 5 2 1 .50 .20 .10 .05 .02 .01",
    "CZK": "5000 2000 1000 500 200 100 50 20 10 5 2 1",
    "TRY": "200 100 50 20 10 5 1 .50 .25 .10 .05",
    "RUB": "5000 2000 1000 500 200 100 50 10 5 2 1 .50 .10",
    "UAH": "1000 500 200 100 50 20 10 5 2 1 .50 .10",
    "KZT": "20000 10000 5000 2000 1000 500 200 100 50 20 10 5",
    "INR": "500 200 100 50 20 10 5 2 1",
    "CNY": "100 50 20 10 5 1 .50 .10",
    "AED": "1000 500 200 100 50 20 10 5 1 .50 .25",
    "SAR": "500 200 100 50 20 10 5 2 1 .50 .25 .10 .05 .01",
    "QAR": "500 200 100 50 10 5 1 .50 .25",
    "EGP": "200 100 50 20 10 5 1 .50 .25",
    "ILS": "200 100 50 20 10 5 2 1 .50 .10",
    "JPY": "10000 5000 2000 1000 500 100 50 10 5 1",
    "KRW": "50000 10000 5000 1000 500 100 50 10",
    "KWD": "20 10 5 1 .500 .250 .100 .050 .020 .010 .005",
    "BHD": "20 10 5 1 .500 .100 .050 .025 .010 .005",
    "OMR": "50 20 10 5 1 .500 .100 .050 .025 .010 .005",
    "JOD": "50 20 10 5 1 .500 .250 .100 .050",
    "TND": "50 20 10 5 2 1 .500 .200 .100 .050 .020 .010",
}
_PLACES = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}


def _units(piece: str, places: int) -> int:
    whole, _, fraction = piece.partition(".")
    return int(whole or 0) * int(10**places) + int(fraction.ljust(places, "0") or 0)


DENOMINATIONS: dict[str, tuple[int, ...]] = {
    currency: tuple(_units(piece, _PLACES.get(currency, 2)) for piece in pieces.split())
    for currency, pieces in _PIECES.items()
}
"""Currency -> its notes and coins in smallest units, largest first. Of others the cash is one sum."""

MOST_PIECES = 1_000_000


def counted(
    box: Cashbox, coins: Mapping[int, int] | None, amount: int | None, *, expected: int, currency: str
) -> tuple[int, dict[str, int]]:  # fmt: skip
    """(what was found, pieces by denomination): by `coins`, or as one `amount`. A terminal or an account that nobody
    counted holds what is `expected`. Raises Invalid."""
    if coins is not None:
        found = _added_up(box, coins, currency)
        if amount is not None and amount != found:
            raise invalid_field("counted", N_("The pieces do not add up to the amount."))
        if found > MOST:
            raise invalid_field("counted", N_("This amount is too large."))
        return found, {str(piece): count for piece, count in sorted(coins.items(), reverse=True) if count}
    if amount is None:
        if box.kind == CashboxKind.CASH:
            raise invalid_field("counted", N_("Count the cash first."))
        return expected, {}
    if amount < 0:
        raise invalid_field("counted", N_("An amount is zero or more."))
    if amount > MOST:
        raise invalid_field("counted", N_("This amount is too large."))
    return amount, {}


def _added_up(box: Cashbox, coins: Mapping[int, int], currency: str) -> int:
    known = DENOMINATIONS.get(currency, ())
    if box.kind != CashboxKind.CASH or not known:
        raise invalid_field("coins", N_("Here only a sum is counted, no notes and coins."))
    for piece, count in coins.items():
        if piece not in known:
            raise invalid_field("coins", N_("%(currency)s has no such note or coin."), currency=currency)
        if not 0 <= count <= MOST_PIECES:
            raise invalid_field(
                f"coin-{piece}", N_("Say a number from %(least)s to %(most)s."), least=0, most=MOST_PIECES
            )
    return sum(piece * count for piece, count in coins.items())
