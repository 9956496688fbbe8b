"""Is everything as it must be? Recomputes what is cached and checks what no constraint can see."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, literal_column, or_, select, text
from sqlalchemy.orm import aliased

from reception import clock
from reception.domain import audit, evidence, finance, operations, registry_links, registry_search
from reception.domain.actors import system
from reception.domain.anonymising import EMPTIED
from reception.domain.calendar import open_slots
from reception.domain.finance import checks as bill_checks
from reception.domain.finance import refund_checks, shift_checks
from reception.domain.matching import cards
from reception.domain.merging_rows import MOVED
from reception.extensions import db
from reception.models import (
    Account,
    AppointmentPlace,
    Cashbox,
    CashboxSum,
    Clinic,
    Hold,
    LedgerEntry,
    LedgerKind,
    Method,
    OfferStatus,
    Patient,
    PatientMerge,
    Payment,
    PaymentStatus,
    Visit,
    VisitStatus,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistStatus,
)


def findings() -> Iterator[str]:
    """One line for each thing that is wrong; nothing when all is well."""
    for clinic_id in db.session.scalars(select(Clinic.id).order_by(Clinic.id)).all():
        if broken := audit.check_chain(clinic_id):
            yield broken
        if broken := evidence.check_money(clinic_id):
            yield broken
        if bare := cards.unmatched(clinic_id):
            yield f"{bare} cards of clinic {clinic_id} have no keys to be compared by: run match-cards --again"
    yield from _balances()
    yield from _cashbox_sums()
    yield from _bills()
    yield from bill_checks.findings()
    yield from shift_checks.findings()
    yield from refund_checks.findings()
    yield from _queue()
    yield from _states()
    yield from _left()
    for clinic in db.session.scalars(select(Clinic).order_by(Clinic.id)).all():
        yield from open_slots.drifts(system(clinic))
    yield from _merges()
    yield from _anonymous()
    yield from registry_links.circles()
    yield from registry_search.drifts()
    yield from _holds()


def _balances() -> Iterator[str]:
    debits = dict(_sums(LedgerEntry.debit_id))
    credits = dict(_sums(LedgerEntry.credit_id))
    for ident, kind, balance in db.session.execute(select(Account.id, Account.kind, Account.balance)):
        net = debits.get(ident, 0) - credits.get(ident, 0)
        expected = net if kind in finance.DEBIT_SIDE else -net
        if balance != expected:
            yield f"account {ident} ({kind}) holds {balance}, its entries say {expected}"


def _cashbox_sums() -> Iterator[str]:
    """The daily sums of the cashboxes say what their entries say."""
    # Literals: a bound value is another parameter each time, and PostgreSQL then sees another expression.
    method = func.coalesce(LedgerEntry.method, literal_column("''"))
    cashier = func.coalesce(LedgerEntry.cashier_id, literal_column("0"))
    key = (LedgerEntry.cashbox_id, LedgerEntry.day, LedgerEntry.kind, method, cashier)
    query = (
        select(*key, func.sum(operations.IN), func.sum(operations.OUT), func.count())
        .join(Cashbox, Cashbox.id == LedgerEntry.cashbox_id)
        .group_by(*key)
    )
    posted = {tuple(row[:5]): tuple(map(int, row[5:])) for row in db.session.execute(query)}
    said = {
        (row.cashbox_id, row.day, row.kind, row.method, row.cashier_id): (row.money_in, row.money_out, row.entries)
        for row in db.session.execute(select(*CashboxSum.__table__.columns))
    }
    for name in sorted(posted.keys() | said.keys(), key=str):
        if posted.get(name) != said.get(name):
            yield f"the sums of cashbox {name[0]} on {name[1]} ({name[2]}) say {said.get(name)}, its entries {posted.get(name)}"


def _sums(column: object) -> list[tuple[int, int]]:
    rows = db.session.execute(select(column, func.sum(LedgerEntry.amount)).group_by(column))  # type: ignore[call-overload]
    return [(ident, int(total)) for ident, total in rows]


def _bills() -> Iterator[str]:
    paid = dict(
        db.session.execute(
            select(LedgerEntry.payment_id, func.sum(LedgerEntry.amount))
            .where(
                LedgerEntry.kind == LedgerKind.PAYMENT,
                LedgerEntry.reverses_id.is_(None),
                LedgerEntry.method != Method.INSURANCE,
            )
            .group_by(LedgerEntry.payment_id)
        )
        .tuples()
        .all()
    )
    charged = dict(
        db.session.execute(
            text(
                "SELECT payment_id, sum(CASE WHEN reverses_id IS NULL THEN amount ELSE -amount END) FROM ledger_entry"
                " WHERE kind = 'CHARGE' GROUP BY payment_id"
            )
        )
        .tuples()
        .all()
    )
    rows = db.session.execute(select(Payment.id, Payment.status, Payment.total_amount, Payment.amount_paid))
    for ident, status, total, amount_paid in rows:
        if int(paid.get(ident, 0)) != amount_paid:
            yield f"bill {ident} says {amount_paid} paid, its entries say {paid.get(ident, 0)}"
        expected = 0 if status == PaymentStatus.CANCELLED else total
        if int(charged.get(ident, 0)) != expected:
            yield f"bill {ident} ({status}) asks {expected}, its charges say {charged.get(ident, 0)}"


def _queue() -> Iterator[str]:
    rows = db.session.execute(
        select(Visit.clinic_id, Visit.service_day, func.count(), func.max(Visit.queue_number))
        .where(Visit.queue_number.is_not(None))
        .group_by(Visit.clinic_id, Visit.service_day)
    )
    for clinic_id, day, count, last in rows:
        if count != last:
            yield f"queue numbers of clinic {clinic_id} on {day} have holes: {count} given, the last is {last}"


def _left() -> Iterator[str]:
    rows = select(Visit.id, Visit.status).where(Visit.left_unseen, Visit.status != VisitStatus.CANCELLED)
    for ident, status in db.session.execute(rows):
        yield f"visit {ident} is {status}, but its patient left without being seen"


def _states() -> Iterator[str]:
    pairs = {
        "CONFIRMED": (VisitStatus.SCHEDULED,),
        "CHECKED_IN": (VisitStatus.WAITING, VisitStatus.CALLED, VisitStatus.IN_PROGRESS),
        "COMPLETED": (VisitStatus.PENDING_PAYMENT, VisitStatus.COMPLETED),
        "CANCELLED": (VisitStatus.CANCELLED,),
        "NO_SHOW": (VisitStatus.NO_SHOW,),
    }
    rows = db.session.execute(
        text(
            "SELECT a.id, a.status, v.status, (SELECT count(*) FROM appointment_place p WHERE p.appointment_id = a.id)"
            " FROM appointment a LEFT JOIN visit v ON v.appointment_id = a.id"
        )
    )
    for ident, appointment, visit, places in rows:
        if visit is None:
            yield f"appointment {ident} has no visit"
        elif visit not in pairs[appointment] and not (appointment == "COMPLETED" and visit == "CANCELLED"):
            yield f"appointment {ident} is {appointment}, its visit {visit}"
        if (places == 0) != (appointment in ("CANCELLED", "NO_SHOW")):
            yield f"appointment {ident} is {appointment} and holds {places} places"


def _holds() -> Iterator[str]:
    """What is kept has places, and what is offered is kept."""
    kept = select(Hold.id).where(~select(AppointmentPlace.slot_id).where(AppointmentPlace.hold_id == Hold.id).exists())
    for ident in db.session.scalars(kept):
        yield f"hold {ident} keeps no place"
    open_offers = select(WaitlistOffer.id, WaitlistEntry.status, Hold.id).where(
        WaitlistOffer.status == OfferStatus.OPEN, WaitlistOffer.answer_by > clock.now()
    )
    query = open_offers.join(WaitlistEntry, WaitlistEntry.id == WaitlistOffer.entry_id).outerjoin(
        Hold, Hold.id == WaitlistOffer.hold_id
    )
    for ident, status, hold_id in db.session.execute(query):
        if hold_id is None:
            yield f"offer {ident} is open and nothing is kept for it"
        if status != WaitlistStatus.NOTIFIED:
            yield f"offer {ident} is open, its entry {status}"


def _merges() -> Iterator[str]:
    """A merged card points at one that stands, has a record of it, no money, and nothing that may move."""
    kept = aliased(Patient)
    for ident, further, record in db.session.execute(
        select(Patient.id, kept.merged_into_id, PatientMerge.id)
        .join(kept, kept.id == Patient.merged_into_id)
        .outerjoin(PatientMerge, and_(PatientMerge.gone_id == Patient.id, PatientMerge.undone_at.is_(None)))
    ):
        if further is not None:
            yield f"patient {ident} was merged into a card that was merged itself"
        if record is None:
            yield f"patient {ident} was merged, but there is no record of the merge"
    gone = select(Patient.id).where(Patient.merged_into_id.is_not(None))
    for _, kind, column in MOVED:
        for ident in db.session.scalars(select(kind.id).where(getattr(kind, column).in_(gone))):
            yield f"{kind.__tablename__} {ident} names a card that was merged into another one"
    for ident, balance in db.session.execute(
        select(Account.id, Account.balance).where(Account.patient_id.in_(gone), Account.balance != 0)
    ):
        yield f"account {ident} of a merged card holds {balance}"


def _anonymous() -> Iterator[str]:
    """Nothing of the person is left on a card that was made anonymous."""
    left = or_(*(getattr(Patient, name).is_distinct_from(value) for name, value in EMPTIED.items()))
    for ident in db.session.scalars(select(Patient.id).where(Patient.anonymised_at.is_not(None), left)):
        yield f"patient {ident} was made anonymous and still says something"
