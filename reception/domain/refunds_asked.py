"""Refunds that wait for a second person, and those that were answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from reception.domain.actors import Actor
from reception.extensions import db
from reception.models import Payment, RefundRequest, RefundRequestStatus, User

MOST = 50


def asked(viewer: Actor, _: int = 0) -> dict[str, Any]:
    """What waits, the oldest first, with the names of who asked."""
    rows = _read(viewer, RefundRequest.status == RefundRequestStatus.ASKED, RefundRequest.id)
    return {"asked": rows, "names": names(rows)}


def answered(viewer: Actor) -> dict[str, Any]:
    """What was answered lately, the latest first."""
    rows = _read(viewer, RefundRequest.status != RefundRequestStatus.ASKED, RefundRequest.id.desc())
    return {"answered": rows, "names": names(rows)}


def _read(viewer: Actor, rule: Any, order: Any) -> list[RefundRequest]:
    query = select(RefundRequest).where(RefundRequest.clinic_id == viewer.clinic_id, rule).order_by(order).limit(MOST)
    return list(db.session.scalars(query.options(joinedload(RefundRequest.payment).joinedload(Payment.patient))))


def names(rows: list[RefundRequest]) -> dict[int, str]:
    """Full names of who asked and answered, by user."""
    wanted = {ident for row in rows for ident in (row.asked_by_id, row.answered_by_id) if ident}
    return {
        ident: name for ident, name in db.session.execute(select(User.id, User.full_name).where(User.id.in_(wanted)))
    }
