"""Claims of another program as bills here: a line for each charge, an insurer's part, what was paid, by our own verbs.

A claim becomes a bill without a visit. Its parts stand as amounts: an insurer's part is what it paid and what is still
asked of it; the rest is the patient's. Patients pay into cashboxes of the import, insurers for a claim of ours. What was
paid beyond the charge is not booked. Bills are stored fifty at a time; what is there already is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from reception.clock import service_day
from reception.domain import numbers
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.directory import add_cashbox
from reception.domain.finance import Part, claims, pay
from reception.domain.finance.bills import number_invoice
from reception.domain.finance.changing import changed
from reception.domain.imports.claims import PATIENT, ClaimRead, Reading
from reception.domain.patients import register
from reception.extensions import db
from reception.models import (
    BillLine,
    BillPayer,
    Cashbox,
    CashboxKind,
    Claim,
    ClaimStatus,
    CoverageKind,
    Insurer,
    Method,
    Operation,
    Patient,
    Payment,
    Service,
)

SLICE = 50
BOXES = {
    Method.CASH: ("Imported cash", CashboxKind.CASH),
    Method.CARD: ("Imported card", CashboxKind.CARD),
    Method.BANK_TRANSFER: ("Imported bank", CashboxKind.BANK),
}


def store(
    reading: Reading, run: Callable[..., Any], progress: Callable[[int], None] = lambda _: None
) -> tuple[int, int]:
    """(imported, known before). `run` performs a verb in a transaction of its own."""
    known = known_claims(run)
    fresh = [claim for claim in reading.claims if claim.key not in known]
    if fresh:
        run(furnish, reading)
    for start in range(0, len(fresh), SLICE):
        run(store_slice, reading, fresh[start : start + SLICE])
        progress(min(SLICE, len(fresh) - start))
    for insurer in sorted(reading.insurers):
        run(settle, reading, insurer)
    return len(fresh), len(reading.claims) - len(fresh)


def known_claims(run: Callable[..., Any]) -> set[str]:
    """Keys of the claims that are here already."""

    def look(*, actor: Actor, at: datetime) -> set[str]:
        rows = db.session.scalars(
            select(BillLine.reason).where(BillLine.clinic_id == actor.clinic_id, BillLine.reason.like("claim %"))
        )
        return {text.split(" ")[1] for text in rows}

    return set(run(look))


def furnish(reading: Reading, *, actor: Actor, at: datetime) -> None:
    """People, insurers, services and cashboxes that the claims need and that are not here yet."""
    here = set(db.session.scalars(select(Patient.source_key).filter_by(clinic_id=actor.clinic_id)))
    for ident, person in reading.people.items():
        if f"n:{ident}" not in here:
            patient = register(
                actor=actor, at=at, last_name=person.last_name, first_name=person.first_name, gender=person.gender,
                date_of_birth=person.date_of_birth,
            )  # fmt: skip
            patient.source_key = f"n:{ident}"
    known = set(db.session.scalars(select(Insurer.name).filter_by(clinic_id=actor.clinic_id)))
    for name in sorted({*reading.insurers.values()} - known):
        row = Insurer(clinic_id=actor.clinic_id, name=name)
        db.session.add(row)
        db.session.flush()
        record(actor, "insurer.add", row, at=at)
    known = set(db.session.scalars(select(Service.name).filter_by(clinic_id=actor.clinic_id)))
    for name in sorted({_service(charge.code, charge.title) for claim in reading.claims for charge in claim.charges}):
        if name not in known:
            service = Service(clinic_id=actor.clinic_id, name=name, is_active=False)
            db.session.add(service)
            db.session.flush()
            record(actor, "service.add", service, at=at)
    known = set(db.session.scalars(select(Cashbox.name).filter_by(clinic_id=actor.clinic_id)))
    for name, kind in BOXES.values():
        if name not in known:
            add_cashbox(name, kind, actor=actor, at=at)


def _service(code: str, title: str) -> str:
    return f"{title[:180]} ({code})" if code else title[:180]


def store_slice(reading: Reading, claims_read: Sequence[ClaimRead], *, actor: Actor, at: datetime) -> None:
    """The bills of some claims, with what patients paid for them."""
    clinic = {"clinic_id": actor.clinic_id}
    services = dict(db.session.execute(select(Service.name, Service.id).filter_by(**clinic)).tuples().all())
    insurers = dict(db.session.execute(select(Insurer.name, Insurer.id).filter_by(**clinic)).tuples().all())
    boxes = dict(db.session.execute(select(Cashbox.name, Cashbox.id).filter_by(**clinic)).tuples().all())
    keys = [f"n:{claim.patient}" for claim in claims_read]
    people = select(Patient.source_key, Patient.id, Patient.merged_into_id).filter_by(**clinic)
    patients = {
        key: merged or ident for key, ident, merged in db.session.execute(people.where(Patient.source_key.in_(keys)))
    }
    for claim in claims_read:
        bill = _bill(claim, patients[f"n:{claim.patient}"], services, reading, insurers, actor, at)
        paid: dict[Method, int] = {}
        for part in claim.taken:
            if part.payer == PATIENT:
                paid[part.method] = paid.get(part.method, 0) + part.amount
        if paid:
            parts = [Part(method, boxes[BOXES[method][0]], amount) for method, amount in paid.items()]
            pay(bill.id, parts, actor=actor, at=at)


def _bill(
    claim: ClaimRead, patient_id: int, services: dict[str, int], reading: Reading, insurers: dict[str, int],
    actor: Actor, at: datetime,
) -> Payment:  # fmt: skip
    bill = Payment(clinic_id=actor.clinic_id, patient_id=patient_id)
    db.session.add(bill)
    db.session.flush()
    for charge in claim.charges:
        db.session.add(
            BillLine(
                clinic_id=actor.clinic_id, payment_id=bill.id, service_id=services[_service(charge.code, charge.title)],
                unit_price=charge.amount, amount=charge.amount, reason=f"claim {claim.key} {claim.day.isoformat()}",
            )
        )  # fmt: skip
    shares = [(payer, amount) for payer, amount in claim.shares.items() if payer != PATIENT and amount]
    for position, (payer, amount) in enumerate(shares, 1):
        db.session.add(
            BillPayer(
                clinic_id=actor.clinic_id, payment_id=bill.id, insurer_id=insurers[reading.insurers[payer]],
                position=position, coverage=CoverageKind.AMOUNT, value=amount,
            )
        )  # fmt: skip
    changed(bill, None, actor=actor, at=at)
    number_invoice(bill, actor=actor, at=at)
    record(actor, "payment.import", bill, at=at)
    return bill


def settle(reading: Reading, insurer: str, *, actor: Actor, at: datetime) -> Operation | None:
    """Ask the insurer for its parts by a claim of ours, and book what the files say that it paid."""
    row = db.session.scalar(select(Insurer).filter_by(clinic_id=actor.clinic_id, name=reading.insurers[insurer]))
    said: dict[str, int] = {}
    for claim in reading.claims:
        amount = sum(paid.amount for paid in claim.taken if paid.payer == insurer)
        said[claim.key] = said.get(claim.key, 0) + amount
    parts = _parts(row.id if row else 0, said)
    loose = [part for _, part in parts if part.claim_id is None and claims.is_open(part) > 0]
    if row is None or not loose:
        return None
    day = service_day(at, actor.clinic)
    ours = Claim(
        clinic_id=actor.clinic_id, insurer_id=row.id, number=numbers.claim_no(actor.clinic, day),
        month=claims.month_of(day), status=ClaimStatus.DRAFT,
    )  # fmt: skip
    db.session.add(ours)
    db.session.flush()
    for part in loose:
        part.claim_id = ours.id
    db.session.flush()
    record(actor, "claim.draft", ours, at=at, also=loose)
    claims.send(ours.id, actor=actor, at=at)
    paid = {part.id: said[key] for key, part in parts if part.claim_id == ours.id and said[key]}
    box = db.session.scalar(
        select(Cashbox).filter_by(clinic_id=actor.clinic_id, name=BOXES[Method.BANK_TRANSFER][0])
    )  # fmt: skip
    if not paid or box is None:
        return None
    return claims.pay(ours.id, box.id, parts=paid, actor=actor, at=at)


def _parts(insurer_id: int, said: dict[str, int]) -> list[tuple[str, BillPayer]]:
    """(claim's key, the insurer's part) of the bills that came from these claims."""
    rows = db.session.execute(
        select(BillLine.reason, BillPayer)
        .join(BillPayer, BillPayer.payment_id == BillLine.payment_id)
        .where(BillPayer.insurer_id == insurer_id, BillLine.reason.like("claim %"))
        .order_by(BillPayer.id)
    )
    found = {part.id: (text.split(" ")[1], part) for text, part in rows}
    return [(key, part) for key, part in found.values() if key in said]
