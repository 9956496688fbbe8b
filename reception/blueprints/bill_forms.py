"""The forms of a bill's page: a service, its quantity, a discount, an insurer's part, a reason."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from wtforms import StringField

from reception import amounts, formats
from reception.blueprints.fields import Amount, Choice, HouseForm, get_locale, text, whole
from reception.domain.finance import lines, payers
from reception.domain.locks import scoped
from reception.extensions import db
from reception.models import BillPayer, CoverageKind, Doctor, Payment, Service, ServicePrice

MONEY = {"inputmode": "decimal", "dir": "ltr"}


class LineForm(HouseForm):
    service_id = Choice(_l("Service"))
    quantity = whole(_l("Quantity"), 1, lines.MOST_PIECES)
    doctor_id = Choice(_l("Doctor"))

    def offer(self, bill: Payment) -> None:
        """Services that have a price on the bill's day, and doctors at work here."""
        day = lines.day_of(bill, bill.visit, g.actor)
        prices = dict(
            db.session.execute(
                select(ServicePrice.service_id, ServicePrice.price)
                .where(
                    ServicePrice.clinic_id == g.actor.clinic_id, ServicePrice.valid_from <= day,
                    (ServicePrice.valid_to.is_(None)) | (ServicePrice.valid_to >= day),
                )
                .order_by(ServicePrice.valid_from)
            )
            .tuples()
            .all()
        )  # fmt: skip
        services = db.session.scalars(
            scoped(Service, g.actor.clinic_id).where(Service.is_active).order_by(Service.name)
        )
        currency = g.actor.clinic.currency
        self.service_id.offer(
            (s.id, f"{s.name} · {formats.money(prices[s.id], currency)} {currency}") for s in services if s.id in prices
        )
        doctors = db.session.scalars(
            scoped(Doctor, g.actor.clinic_id).where(Doctor.is_active).order_by(Doctor.last_name, Doctor.id)
        )
        own = gettext("The visit's doctor") if bill.visit and bill.visit.doctor_id else gettext("Nobody")
        self.doctor_id.offer(((d.id, formats.doctor_name(d)) for d in doctors), nothing=own)


class QuantityForm(HouseForm):
    quantity = whole(_l("Quantity"), 1, lines.MOST_PIECES)


class DiscountForm(HouseForm):
    percent = whole(_l("Percent"), 1, 100, needed=False)
    amount = Amount(_l("or amount"), render_kw=MONEY)
    line_id = Choice(_l("Of what"))
    reason = text(_l("Reason"), needed=True, render_kw={"maxlength": 200})

    def offer(self, services: list[tuple[int, str]]) -> None:
        self.line_id.offer(services, nothing=gettext("The whole bill"))

    @property
    def wish(self) -> dict[str, Any]:
        """What the verb takes. Raises Invalid where the amount is none."""
        typed = (self.amount.data or "").strip()
        return {
            "percent": self.percent.data,
            "amount": self.amount.units(g.actor.clinic.currency) if typed else None,
            "line_id": self.line_id.number,
        }


class PayerForm(HouseForm):
    insurer_id = Choice(_l("Insurer"))
    coverage = Choice(_l("Pays"))
    value = StringField(_l("How much"), render_kw=MONEY)
    policy_number = text(_l("Policy number"), render_kw={"maxlength": 60, "dir": "ltr"})

    def offer(self, row: BillPayer | None) -> None:
        """What can be chosen; an insurer that is on the bill already stays."""
        if row is not None:
            del self["insurer_id"]
        else:
            found = payers.insurers(g.actor.clinic_id)
            self.insurer_id.offer((i.id, f"{i.name} · {i.coverage_percent} %") for i in found)
            self.value.description = gettext("Nothing here: what the insurer usually pays.")
            self.policy_number.description = gettext("Nothing here: the one on the patient's card.")
        self.coverage.offer((kind.value, formats.word(kind)) for kind in CoverageKind)

    @property
    def wish(self) -> dict[str, Any]:
        """`coverage` and `value` as the verb takes them. Raises Invalid."""
        kind, typed = CoverageKind(self.coverage.data or ""), (self.value.data or "").strip()
        if not typed:
            return (
                {"coverage": None, "value": None} if kind == CoverageKind.PERCENT else {"coverage": kind, "value": -1}
            )
        if kind == CoverageKind.AMOUNT:
            zero = not typed.strip("0.,")
            return {"coverage": kind, "value": 0 if zero else amounts.read(typed, _currency(), get_locale(), "value")}
        digits = typed.removesuffix("%").strip()
        return {
            "coverage": kind,
            "value": int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else -1,
        }

    @classmethod
    def of(cls, row: BillPayer) -> PayerForm:
        shown = str(row.value) if row.coverage == CoverageKind.PERCENT else formats.plain_money(row.value, _currency())
        return cls(data={"coverage": row.coverage, "value": shown, "policy_number": row.policy_number})


class ReasonForm(HouseForm):
    reason = text(_l("Reason"), needed=True, render_kw={"maxlength": 200})


def _currency() -> str:
    return str(g.actor.clinic.currency)
