"""Counting a cashbox as a form: pieces by denomination or one sum, the reason of a difference, what was wrong.

The form posts `coin-<piece>` (pieces of the denomination, in smallest units) or `counted`, `reason`, and what the cashier
saw: `expected`. An empty field of pieces is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import get_locale
from werkzeug.datastructures import MultiDict

from reception import amounts
from reception.domain import finance
from reception.domain.errors import Refusal, Stale, invalid_field
from reception.errors import field_sentences, sentence
from reception.models import Cashbox, CashboxKind
from reception.words import N_

COIN = "coin-"


@dataclass(slots=True)
class CountForm:
    """What the dialog shows. `pieces`: denominations to count; none where it is one sum."""

    box: Cashbox
    expected: int
    pieces: tuple[int, ...]
    key: str
    typed: dict[int, str] = field(default_factory=dict)
    counted: str = ""
    reason: str = ""
    error: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, box: Cashbox, expected: int, currency: str, key: str, form: MultiDict[str, str] | None = None
    ) -> CountForm:  # fmt: skip
        """The form of `box`, with what `form` brought."""
        is_cash = box.kind == CashboxKind.CASH
        made = cls(box, expected, finance.DENOMINATIONS.get(currency, ()) if is_cash else (), key)
        if form is not None:
            made.typed = {piece: form.get(f"{COIN}{piece}", "") for piece in made.pieces}
            made.counted, made.reason = form.get("counted", ""), form.get("reason", "")
        return made

    @property
    def is_sum(self) -> bool:
        return not self.pieces

    @property
    def may_be_empty(self) -> bool:
        """A terminal or an account need not be counted."""
        return self.box.kind != CashboxKind.CASH

    def blame(self, refusal: Refusal) -> None:
        """Show the refusal at its field, else above."""
        fields = {f"{COIN}{piece}" for piece in self.pieces} | {"reason"} | ({"counted"} if self.is_sum else set())
        self.errors = {name: words for name, words in field_sentences(refusal).items() if name in fields}
        if not self.errors:
            self.error = sentence(refusal)
        elif len(self.errors) == 1:
            self.errors = dict.fromkeys(self.errors, sentence(refusal))
        if isinstance(refusal, Stale):
            self.error = sentence(refusal)


def wish(form: MultiDict[str, str], currency: str) -> dict[str, Any]:
    """What was counted, as the verbs take it. Raises Invalid about the field that is wrong."""
    asked: dict[str, Any] = {"reason": form.get("reason", "")}
    if form.get("expected", ""):
        asked["expected"] = whole(form["expected"], "expected")
    coins = {whole(name.removeprefix(COIN), "coins"): name for name in form if name.startswith(COIN)}
    if coins:
        asked["coins"] = {piece: whole(form.get(name, "").strip() or "0", name) for piece, name in coins.items()}
    elif form.get("counted", "").strip():
        asked["amount"] = zero_or_more(form["counted"], currency, "counted")
    return asked


def whole(text: str, name: str) -> int:
    """The whole number typed; digits of every script. Raises Invalid."""
    plain = text.strip().removeprefix("-")
    if not plain.isdecimal() or len(plain) > 18:
        raise invalid_field(name, N_("Write a whole number."))
    return -int(plain) if text.strip().startswith("-") else int(plain)


def zero_or_more(text: str, currency: str, name: str) -> int:
    """An amount as it is typed, zero included. Raises Invalid."""
    plain = text.strip()
    if plain and not plain.strip("0.,٠٫"):
        return 0
    return amounts.read(plain, currency, get_locale(), name)
