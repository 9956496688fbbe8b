"""Who pays a bill beside the patient: insurers of the clinic, and their parts of a bill.

Insurers take their parts in the order in which they were named, each a percent of the total or up to an amount, of what
those before left; what remains is the patient's.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.clinic import named
from reception.domain.edits import unchanged
from reception.domain.errors import NotFound, NotPossible, invalid_field
from reception.domain.finance.changing import changed, opened
from reception.domain.finance.payments import MOST
from reception.domain.locks import load, locked, scoped
from reception.domain.search_words import plain
from reception.domain.texts import checked
from reception.extensions import db
from reception.models import BillPayer, CoverageKind, Insurer, Patient, Payment, Visit
from reception.words import N_


def add_insurer(name: str, *, actor: Actor, at: datetime, coverage_percent: int = 100) -> Insurer:
    """A company or fund that pays parts of bills; `coverage_percent`: what it usually pays."""
    row = Insurer(clinic_id=actor.clinic_id, name=_free(name, None, actor), coverage_percent=percent(coverage_percent))
    db.session.add(row)
    db.session.flush()
    record(actor, "insurer.add", row, at=at)
    return row


def change_insurer(
    insurer_id: int, *, actor: Actor, at: datetime, name: str, coverage_percent: int, is_active: bool = True,
    seen: str = "",
) -> Insurer:  # fmt: skip
    """Its name, what it usually pays, whether it is still named on bills. Bills that name it stay as they are."""
    row = unchanged(locked(Insurer, insurer_id, actor.clinic_id), seen)
    row.name, row.coverage_percent, row.is_active = _free(name, row, actor), percent(coverage_percent), is_active
    record(actor, "insurer.change", row, at=at)
    return row


def _free(name: str, row: Insurer | None, actor: Actor) -> str:
    name = named(name)
    twin = db.session.scalar(select(Insurer.id).filter_by(clinic_id=actor.clinic_id, name=name))
    if twin not in (None, row.id if row else None):
        raise invalid_field("name", N_("There is an insurer with this name already."))
    return name


def percent(value: int, field: str = "coverage_percent") -> int:
    """A percent of coverage. Raises Invalid."""
    if not 0 <= value <= 100:
        raise invalid_field(field, N_("Say a percent from %(least)s to %(most)s."), least=0, most=100)
    return value


def insurers(clinic_id: int, *, only_active: bool = True) -> list[Insurer]:
    """The clinic's insurers by name."""
    query = scoped(Insurer, clinic_id).order_by(Insurer.name)
    return list(db.session.scalars(query.where(Insurer.is_active) if only_active else query))


def policy_of(patient: Patient, insurer: Insurer) -> str:
    """The policy number on the patient's card, where the card names this insurer."""
    return patient.policy_number if plain(patient.insurer) == plain(insurer.name) else ""


# ------------------------------------------------------------------------------------------------ parts of a bill


def add_payer(
    payment_id: int, insurer_id: int, *, actor: Actor, at: datetime, coverage: CoverageKind | None = None,
    value: int | None = None, policy_number: str | None = None, version: int | None = None,
) -> Payment:  # fmt: skip
    """Let an insurer pay a part of the bill: what it usually pays unless `coverage` and `value` say otherwise. The
    policy number is the card's, where the card names this insurer.

    Raises NotFound, Stale, Invalid, or NotPossible (see `changing.opened`).
    """
    bill, visit = opened(payment_id, version, actor=actor)
    insurer = load(Insurer, insurer_id, actor.clinic_id)
    if not insurer.is_active:
        raise NotPossible(N_("Bills are not sent to this insurer any more."), code="inactive")
    if db.session.scalar(select(BillPayer.id).filter_by(payment_id=bill.id, insurer_id=insurer.id)) is not None:
        raise NotPossible(N_("%(name)s pays a part of this bill already."), name=insurer.name, code="payer-known")
    kind = coverage or CoverageKind.PERCENT
    if policy_number is None:
        policy_number = policy_of(db.session.get_one(Patient, bill.patient_id), insurer)
    last = db.session.scalar(select(func.max(BillPayer.position)).where(BillPayer.payment_id == bill.id))
    payer = BillPayer(
        clinic_id=bill.clinic_id, payment_id=bill.id, insurer_id=insurer.id, position=(last or 0) + 1,
        policy_number=checked(policy_number, "policy_number", 60), coverage=kind,
        value=_value(kind, insurer.coverage_percent if value is None else value),
    )  # fmt: skip
    db.session.add(payer)
    db.session.flush()
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.payer-add", bill, at=at, also=(visit,), insurer=insurer.id)
    return bill


def change_payer(
    payment_id: int, payer_id: int, coverage: CoverageKind, value: int, *, actor: Actor, at: datetime,
    policy_number: str | None = None, version: int | None = None,
) -> Payment:  # fmt: skip
    """Another part for an insurer that pays of the bill."""
    bill, visit = opened(payment_id, version, actor=actor)
    payer = _payer(bill, payer_id)
    payer.coverage, payer.value = coverage, _value(coverage, value)
    if policy_number is not None:
        payer.policy_number = checked(policy_number, "policy_number", 60)
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.payer-change", bill, at=at, also=(visit,), insurer=payer.insurer_id)
    return bill


def remove_payer(
    payment_id: int, payer_id: int, *, actor: Actor, at: datetime, version: int | None = None
) -> Payment:  # fmt: skip
    """The insurer pays nothing of the bill; its part is the others'."""
    bill, visit = opened(payment_id, version, actor=actor)
    payer = _payer(bill, payer_id)
    insurer_id = payer.insurer_id
    db.session.delete(payer)
    db.session.flush()
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.payer-remove", bill, at=at, also=(visit,), insurer=insurer_id)
    return bill


def refuse_part(
    payment_id: int, payer_id: int, reason: str, *, actor: Actor, at: datetime, version: int | None = None
) -> Payment:
    """The insurer does not pay its part of the bill, outside of a claim that was sent: the part is the patient's."""
    bill, visit = opened(payment_id, version, actor=actor)
    if not checked(reason, "reason", 200):
        raise invalid_field("reason", N_("Say why."))
    return refused(bill, visit, _payer(bill, payer_id), actor=actor, at=at)


def refused(bill: Payment, visit: Visit | None, payer: BillPayer, *, actor: Actor, at: datetime) -> Payment:
    """What the insurer has not paid of its part becomes the patient's; the row stays and says so."""
    payer.coverage, payer.value = CoverageKind.AMOUNT, payer.paid_amount
    changed(bill, visit, actor=actor, at=at)
    record(actor, "payment.payer-refuse", bill, at=at, also=(visit,), insurer=payer.insurer_id)
    return bill


def _payer(bill: Payment, payer_id: int) -> BillPayer:
    payer = locked(BillPayer, payer_id, bill.clinic_id)
    if payer.payment_id != bill.id:
        raise NotFound
    return payer


def _value(coverage: CoverageKind, value: int) -> int:
    if coverage == CoverageKind.PERCENT:
        return percent(value, "value")
    if not 0 <= value <= MOST:
        raise invalid_field("value", N_("This amount is too large.") if value > 0 else N_("An amount is needed here."))
    return value
