"""Two cards of one person become one, and are taken apart again.

The kept card gets the values that were chosen, everything that may change moves to it (`merging_rows`), balances are
carried over (`merging_money`), and the other card points at it (`merged_into_id`): it is closed, keeps its number and
its words for the search, and whoever asks for it is shown the kept one. The record of the merge holds what is needed
to go back, exactly, until a value that the merge set was changed again, a number that would go back is somebody
else's by then, the kept card was itself merged on, or the person was made anonymous.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from reception.domain import merging_money
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid, NotPossible, Stale
from reception.domain.locks import load, locked
from reception.domain.machines import ACTIVE
from reception.domain.merging_fields import BY_NAME, UNIQUE, frozen, merged, thawed
from reception.domain.merging_rows import move, pointing_at, put_back
from reception.domain.search import fold
from reception.extensions import db
from reception.models import Appointment, AppointmentStatus, Patient, PatientMerge, Visit
from reception.words import N_

STANDING = (AppointmentStatus.CONFIRMED, AppointmentStatus.CHECKED_IN)
OF_A_SHIFT = (*STANDING, AppointmentStatus.COMPLETED)


def merge(
    kept_id: int,
    gone_id: int,
    take: Mapping[str, str],
    *,
    actor: Actor,
    at: datetime,
    kept_version: int | None = None,
    gone_version: int | None = None,
) -> PatientMerge:
    """Make the card `gone_id` part of `kept_id`. `take`: {part of `merging_fields.PARTS`: kept, gone or both}; what is
    not named stays as the kept card has it. Versions: of the cards that the preview showed.

    Raises NotFound, Invalid, Stale, or NotPossible with a sentence that names the clash.
    """
    kept, gone = _locked_pair(kept_id, gone_id, actor)
    if kept_version not in (None, kept.version) or gone_version not in (None, gone.version):
        raise Stale(N_("One of the cards was changed meanwhile. Look at them again."))
    for clash in clashes(kept, gone):
        raise clash
    becomes = merged(kept, gone, take)
    given_up = [column for name in UNIQUE if take.get(name) == "gone" for column in BY_NAME[name].columns]
    leaves = {**dict.fromkeys(given_up), "merged_into_id": kept.id, "is_active": False}
    row = PatientMerge(
        clinic_id=actor.clinic_id, kept_id=kept.id, gone_id=gone.id, at=at, by_id=actor.user_id,
        kept_version=kept.version, gone_version=gone.version, moved={}, before={},
    )  # fmt: skip
    db.session.add(row)
    before = {"kept": frozen(kept, becomes), "gone": frozen(gone, leaves)}
    _set(gone, leaves)
    db.session.flush()  # the gone card gives up its numbers before the kept one takes them
    _set(kept, becomes)
    row.moved, rows = move(gone, kept)
    db.session.flush()
    money = merging_money.carry(row, row.moved.get("payment", ()), actor=actor, at=at)
    left = frozen(gone, tuple(column for name in UNIQUE for column in BY_NAME[name].columns))
    row.before = {**before, "became": frozen(kept, becomes), "left": left, "money": money}
    found_anew(kept)
    record(actor, "patient.merge", kept, at=at, also=(gone, *rows), gone=gone.id, merge=row.id)
    db.session.flush()
    row.kept_version, row.gone_version = kept.version, gone.version
    return row


def undo(merge_id: int, *, actor: Actor, at: datetime) -> PatientMerge:
    """Take the two cards apart. Raises NotFound, or NotPossible with what stands in the way."""
    row = locked(PatientMerge, merge_id, actor.clinic_id)
    kept, gone = _lock(row.kept_id, row.gone_id, actor)
    if reason := why_not(row, kept, gone):
        raise reason
    before = row.before
    was = {name: thawed(name, value) for name, value in before["kept"].items()}
    _set(kept, {column: None for part in UNIQUE for column in BY_NAME[part].columns if column in was})
    db.session.flush()  # and the other way round
    _set(gone, {name: thawed(name, value) for name, value in before["gone"].items()})
    db.session.flush()
    _set(kept, was)
    bills, rows = put_back(row, kept, gone)
    db.session.flush()
    merging_money.give_back(row, bills, actor=actor, at=at)
    found_anew(kept)
    row.undone_at, row.undone_by_id = at, actor.user_id
    record(actor, "patient.unmerge", kept, at=at, also=(gone, *rows), gone=gone.id, merge=row.id)
    db.session.flush()
    return row


def found_anew(patient: Patient) -> None:
    """What the search and the look for duplicates compare, after a change of the card."""
    patient.folded = fold(patient)


def _set(patient: Patient, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(patient, name, value)


def _locked_pair(kept_id: int, gone_id: int, actor: Actor) -> tuple[Patient, Patient]:
    if kept_id == gone_id:
        raise Invalid(N_("This is one and the same card. Choose another one."), code="same-card")
    return _lock(kept_id, gone_id, actor)


def _lock(kept_id: int, gone_id: int, actor: Actor) -> tuple[Patient, Patient]:
    """Both cards, and those that point at the one that goes, under lock by ascending id."""
    pair = {kept_id, gone_id}
    near = pointing_at(load(Patient, gone_id, actor.clinic_id))
    cards = {ident: locked(Patient, ident, actor.clinic_id) for ident in sorted(pair | near)}
    for ident in sorted(pointing_at(cards[gone_id]) - set(cards)):
        locked(Patient, ident, actor.clinic_id)
    return cards[kept_id], cards[gone_id]


# ------------------------------------------------------------------------------------------------- what stands in the way


def clashes(kept: Patient, gone: Patient) -> list[NotPossible]:
    """Why the two cannot become one card now, each in a sentence that says what to do."""
    found: list[NotPossible] = []
    for card in (kept, gone):
        if card.merged_into_id is not None:
            found.append(
                _no(
                    "merged", N_("The card %(card)s was merged into another one already."), card=card.card_no,
                    link=("patient", card.merged_into_id),
                )
            )  # fmt: skip
        if card.anonymised_at is not None:
            found.append(_no("anonymised", N_("The card %(card)s was made anonymous."), card=card.card_no))
    if kept.guardian_id == gone.id or gone.guardian_id == kept.id:
        found.append(_no("guardian", N_("One of the two is the guardian of the other. Change the guardian first.")))
    if found:
        return found
    return [clash for clash in (_in_queue(kept, gone), _at_once(kept, gone), _in_shift(kept, gone)) if clash]


def _no(code: str, message: str, **more: Any) -> NotPossible:
    return NotPossible(message, code=code, allowed=[], **more)


def _in_queue(kept: Patient, gone: Patient) -> NotPossible | None:
    tickets = db.session.scalars(
        select(Visit.ticket)
        .where(Visit.patient_id.in_([kept.id, gone.id]), Visit.status.in_(ACTIVE))
        .order_by(Visit.id)
    ).all()
    if len(tickets) < 2:
        return None
    message = N_("Both cards are in the queue: %(first)s and %(second)s. Finish or cancel one of the visits first.")
    return _no("both-in-queue", message, first=tickets[0], second=tickets[1])


def _at_once(kept: Patient, gone: Patient) -> NotPossible | None:
    ours, theirs = aliased(Appointment), aliased(Appointment)
    overlap = (ours.starts_at < theirs.ends_at) & (theirs.starts_at < ours.ends_at)
    message = N_("The bookings %(first)s and %(second)s are at the same time. Move or cancel one of them first.")
    return _pair_of_bookings(kept, gone, ours, theirs, overlap, STANDING, "patient-elsewhere", message)


def _in_shift(kept: Patient, gone: Patient) -> NotPossible | None:
    ours, theirs = aliased(Appointment), aliased(Appointment)
    message = N_("The bookings %(first)s and %(second)s are in the same shift. Move or cancel one of them first.")
    same = ours.schedule_id == theirs.schedule_id
    return _pair_of_bookings(kept, gone, ours, theirs, same, OF_A_SHIFT, "already-booked", message)


def _pair_of_bookings(
    kept: Patient, gone: Patient, ours: Any, theirs: Any, rule: ColumnElement[bool],
    states: tuple[AppointmentStatus, ...], code: str, message: str,
) -> NotPossible | None:  # fmt: skip
    found = db.session.execute(
        select(ours.booking_id, theirs.booking_id)
        .where(
            ours.patient_id == kept.id, theirs.patient_id == gone.id, ours.status.in_(states),
            theirs.status.in_(states), rule,
        )
        .order_by(ours.id, theirs.id)
        .limit(1)
    ).one_or_none()  # fmt: skip
    return _no(code, message, first=found[0], second=found[1]) if found else None


def why_not(row: PatientMerge, kept: Patient, gone: Patient) -> NotPossible | None:
    """Why the two cannot be taken apart any more; None where they can."""
    if row.undone_at is not None:
        return _no("undone", N_("These two cards were taken apart already."))
    if not row.before or kept.anonymised_at is not None:
        return _no("anonymised", N_("The person was made anonymous. The cards cannot be taken apart any more."))
    if kept.merged_into_id is not None:
        message = N_("The card %(card)s was itself merged into another one later. Take that apart first.")
        return _no("merged-on", message, card=kept.card_no, link=("patient", kept.merged_into_id))
    became, left = row.before["became"], row.before["left"]
    now, then = frozen(kept, became), frozen(gone, left)
    if changed := [*(name for name in became if now[name] != became[name]), *(n for n in left if then[n] != left[n])]:
        message = N_("The card was changed again after the merge. The cards cannot be taken apart any more.")
        return _no("changed-since", message, fields=dict.fromkeys(changed, N_("Changed after the merge.")))
    return _taken(row, kept, gone)


def _taken(row: PatientMerge, kept: Patient, gone: Patient) -> NotPossible | None:
    """A number that would go back, and is a third card's by now."""
    for side in ("kept", "gone"):
        before = {name: thawed(name, value) for name, value in row.before[side].items()}
        for part in UNIQUE:
            columns = BY_NAME[part].columns
            if any(before.get(column) is None for column in columns):
                continue
            holder = db.session.scalar(
                select(Patient).where(
                    Patient.clinic_id == row.clinic_id,
                    *(getattr(Patient, column) == before[column] for column in columns),
                    Patient.id.not_in([kept.id, gone.id]),
                )
            )
            if holder is not None:
                message = N_("The card %(card)s has a phone or document by now that would go back.")
                return _no("taken", message, card=holder.card_no, link=("patient", holder.id))
    return None
