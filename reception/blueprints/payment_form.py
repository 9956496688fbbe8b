"""The payment dialog as a form: a part for each way of paying that the clinic has and the patient has something of, what
was typed, what was wrong.

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
from reception.models import Account, AccountKind, Cashbox, CashboxKind, Method, Patient, Payment
from reception.words import N_

WAYS: tuple[tuple[Method, CashboxKind, str], ...] = (
    (Method.CASH, CashboxKind.CASH, "cash-banknote"),
    (Method.CARD, CashboxKind.CARD, "credit-card"),
    (Method.BANK_TRANSFER, CashboxKind.BANK, "building-bank"),
)
"""Ways of paying in the order of their keys, with the cashboxes that take them."""


OWN: tuple[tuple[Method, AccountKind, str], ...] = (
    (Method.BONUS, AccountKind.BONUS_OWED, "gift"),
    (Method.DEPOSIT, AccountKind.DEPOSIT_HELD, "wallet"),
)
"""Ways of paying out of what the clinic owes the patient; offered where there is something."""


@dataclass(slots=True)
class Way:
    """One way of paying: its open cashboxes, or (`most`) what the patient has of it, and what stands in its part."""

    method: Method
    icon: str
    boxes: list[Cashbox]
    box_id: int | None
    is_used: bool
    typed: str = ""
    most: int | None = None


def ways_of(
    actor: Actor, owner_id: int | None, form: MultiDict[str, str] | None, last: dict[str, int] | None
) -> list[Way]:
    """The ways that money can come now, and the bonus and deposit of the card `owner_id`, with what `form` brought."""
    boxes = db.session.scalars(
        select(Cashbox).where(Cashbox.clinic_id == actor.clinic_id, Cashbox.is_open).order_by(Cashbox.name)
    ).all()
    ways = [
        Way(method, icon, own, None, is_used=False)
        for method, kind, icon in WAYS
        if (own := [box for box in boxes if box.kind == kind])
    ]
    for way in ways:
        chosen = form.get(f"cashbox-{way.method}", "") if form else str((last or {}).get(way.method, ""))
        way.box_id = next((box.id for box in way.boxes if str(box.id) == chosen), way.boxes[0].id)
    if owner_id is not None:
        has = balances_of(owner_id)
        ways += [Way(method, icon, [], None, False, most=has[kind]) for method, kind, icon in OWN if has.get(kind)]
    for way in ways:
        way.is_used = bool(form and way.method in form.getlist("use"))
        way.typed = form.get(f"amount-{way.method}", "") if form else ""
    if form is None and ways:
        ways[0].is_used = True
    return ways


def balances_of(patient_id: int) -> dict[AccountKind, int]:
    """What stands on the patient's accounts."""
    rows = db.session.execute(select(Account.kind, Account.balance).where(Account.patient_id == patient_id))
    return {kind: balance for kind, balance in rows}


@dataclass(slots=True)
class MoneyForm:
    """What a dialog that takes money shows. `errors`: field name -> sentence; `error`: a sentence about the whole."""

    key: str
    ways: list[Way]
    received: str = ""
    prints: bool = False
    error: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    closed_box: int | None = None
    """The cashbox whose shift has to be opened first."""

    def keep(self, form: MultiDict[str, str] | None) -> None:
        """What was typed beside the parts."""
        if form is not None:
            self.received, self.prints = form.get("received", ""), "print" in form

    def blame(self, refusal: Refusal) -> None:
        """Show the refusal at its field; a bill that changed is shown anew, with nothing typed."""
        words = sentence(refusal)
        self.errors = {name: words for name in refusal.fields if name in self._fields()}
        if not self.errors:
            self.error = words
        if refusal.code == "shift-closed" and refusal.link:
            self.closed_box = refusal.link[1]
        if isinstance(refusal, Stale):
            self.received = ""
            for way in self.ways:
                way.typed = ""

    def _fields(self) -> set[str]:
        return {"received"} | {f"amount-{way.method}" for way in self.ways}

    @property
    def is_wrong(self) -> bool:
        return bool(self.error or self.errors)


@dataclass(slots=True)
class PaymentForm(MoneyForm):
    """The dialog of one bill."""

    bill: Payment = field(kw_only=True)

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
        made = cls(key, ways_of(actor, bill.patient_id, form, last), bill=bill)
        made.keep(form)
        return made


@dataclass(slots=True)
class TogetherForm(MoneyForm):
    """The dialog of several bills: `bills` to choose from, `chosen` their ids, and who pays."""

    payer: Patient = field(kw_only=True)
    bills: list[Payment] = field(kw_only=True)
    chosen: set[int] = field(kw_only=True)

    @property
    def due(self) -> int:
        return sum(bill.due_amount for bill in self.bills if bill.id in self.chosen)


def wish(form: MultiDict[str, str], currency: str) -> dict[str, Any]:
    """What the cashier asks of `finance.pay`, as its arguments. Raises Invalid about the field that is wrong."""
    due = whole(form.get("due", ""), "due")
    return parts_of(form, currency, due) | {"version": whole(form.get("version", ""), "version"), "due": due}


def seen_bills(form: MultiDict[str, str]) -> list[finance.Seen]:
    """The chosen bills of the dialog of several, each as it was seen. Raises Invalid."""
    idents = [whole(text, "bills") for text in form.getlist("bill")]
    if not idents:
        raise invalid_field("bills", N_("Choose at least one bill."))
    return [
        finance.Seen(
            ident, whole(form.get(f"version-{ident}", ""), "bills"), whole(form.get(f"due-{ident}", ""), "bills")
        )
        for ident in idents
    ]


def parts_of(form: MultiDict[str, str], currency: str, due: int) -> dict[str, Any]:
    """The parts of a payment of `due`, what they add up to, and the cash received. Raises Invalid."""
    boxed = [method for method, _, _ in WAYS]
    used = [method for method in (*boxed, *(method for method, _, _ in OWN)) if method in form.getlist("use")]
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
    parts = [
        finance.Part(m, whole(form.get(f"cashbox-{m}", ""), f"cashbox-{m}") if m in boxed else None, amounts_of[m])
        for m in used
    ]
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
    return {"parts": parts, "amount": total, "received": received}


def read(form: MultiDict[str, str], name: str, currency: str) -> int:
    """The amount in the field `name`. Raises Invalid."""
    return amounts.read(form.get(name, ""), currency, get_locale(), name)


def whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise invalid_field(name, N_("This form is not whole. Please open it again."))
    return int(text)
