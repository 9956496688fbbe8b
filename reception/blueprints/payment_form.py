"""The payment dialog as a form: a part for each way of paying that the clinic has, what was typed, what was wrong.

The form posts `use` (the chosen ways), `amount-CASH`, `cashbox-CASH` …, `received`, and what the cashier saw: `due` and
`version`. One chosen part may stay empty: it is the rest. So the form works without a script, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import get_locale
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from reception import amounts, formats
from reception.domain import finance
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, Refusal, Stale, invalid_field
from reception.errors import sentence
from reception.extensions import db
from reception.models import Cashbox, CashboxKind, Method, Payment
from reception.words import N_

WAYS: tuple[tuple[Method, CashboxKind, str], ...] = (
    (Method.CASH, CashboxKind.CASH, "cash-banknote"),
    (Method.CARD, CashboxKind.CARD, "credit-card"),
    (Method.BANK_TRANSFER, CashboxKind.BANK, "building-bank"),
)
"""Ways of paying in the order of their keys, with the cashboxes that take them."""


@dataclass(slots=True)
class Way:
    """One way of paying: its open cashboxes and what stands in its part."""

    method: Method
    icon: str
    boxes: list[Cashbox]
    box_id: int | None
    is_used: bool
    typed: str = ""


@dataclass(slots=True)
class PaymentForm:
    """What the dialog shows. `errors`: field name -> sentence; `error`: a sentence about the whole."""

    bill: Payment
    key: str
    ways: list[Way]
    received: str = ""
    prints: bool = False
    error: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def offering(
        cls,
        bill: Payment,
        key: str,
        actor: Actor,
        form: MultiDict[str, str] | None = None,
        last: dict[str, int] | None = None,
    ) -> PaymentForm:
        """The form for `bill`, with what `form` brought; without it cash (or the first way) for the whole sum.

        `last`: the cashbox that this desk used last for each way.
        """
        boxes = db.session.scalars(
            select(Cashbox).where(Cashbox.clinic_id == actor.clinic_id, Cashbox.is_open).order_by(Cashbox.name)
        ).all()
        ways = [
            Way(method, icon, own, None, is_used=bool(form and method in form.getlist("use")))
            for method, kind, icon in WAYS
            if (own := [box for box in boxes if box.kind == kind])
        ]
        for way in ways:
            chosen = form.get(f"cashbox-{way.method}", "") if form else str((last or {}).get(way.method, ""))
            way.box_id = next((box.id for box in way.boxes if str(box.id) == chosen), way.boxes[0].id)
            way.typed = form.get(f"amount-{way.method}", "") if form else ""
        if form is None and ways:
            ways[0].is_used = True
        made = cls(bill, key, ways)
        if form is not None:
            made.received, made.prints = form.get("received", ""), "print" in form
        return made

    def blame(self, refusal: Refusal) -> None:
        """Show the refusal at its field; a bill that changed is shown anew, with nothing typed."""
        words = sentence(refusal)
        self.errors = {name: words for name in refusal.fields if name in self._fields()}
        if not self.errors:
            self.error = words
        if isinstance(refusal, Stale):
            self.received = ""
            for way in self.ways:
                way.typed = ""

    def _fields(self) -> set[str]:
        return {"received"} | {f"amount-{way.method}" for way in self.ways}

    @property
    def is_wrong(self) -> bool:
        return bool(self.error or self.errors)


def wish(form: MultiDict[str, str], currency: str) -> dict[str, Any]:
    """What the cashier asks of `finance.pay`, as its arguments. Raises Invalid about the field that is wrong."""
    due = _whole(form.get("due", ""), "due")
    used = [method for method, _, _ in WAYS if method in form.getlist("use")]
    if not used:
        raise invalid_field("parts", N_("Choose how it is paid."))
    amounts_of = {m: read(form, f"amount-{m}", currency) for m in used if form.get(f"amount-{m}", "").strip()}
    if missing := [method for method in used if method not in amounts_of]:
        if len(missing) > 1 or "part" in form:
            raise invalid_field(f"amount-{missing[0]}", N_("An amount is needed here."))
        rest = due - sum(amounts_of.values())
        if rest <= 0:
            raise invalid_field(f"amount-{missing[0]}", N_("Nothing is left for this part."))
        amounts_of[missing[0]] = rest
    parts = [finance.Part(m, _whole(form.get(f"cashbox-{m}", ""), f"cashbox-{m}"), amounts_of[m]) for m in used]
    total = sum(part.amount for part in parts)
    if "part" not in form and total != due:
        raise Invalid(
            N_("The parts are %(amount)s more than is to pay.")
            if total > due
            else N_("The parts leave %(amount)s to pay. Give the rest, or take only a part."),
            amount=formats.money(abs(total - due), currency),
            fields={"parts": N_("The parts do not add up to the amount.")},
        )
    received = read(form, "received", currency) if Method.CASH in used and form.get("received", "").strip() else None
    return {
        "parts": parts,
        "version": _whole(form.get("version", ""), "version"),
        "due": due,
        "amount": total,
        "received": received,
    }


def read(form: MultiDict[str, str], name: str, currency: str) -> int:
    """The amount in the field `name`. Raises Invalid."""
    return amounts.read(form.get(name, ""), currency, get_locale(), name)


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise invalid_field(name, N_("This form is not whole. Please open it again."))
    return int(text)
