"""What two cards of one person are compared by, which value is proposed, and what the kept card becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Enum, select

from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.chain import plain
from reception.domain.errors import invalid_field
from reception.domain.locks import locked
from reception.domain.registry import TEXTS
from reception.extensions import db
from reception.models import Gender, Patient
from reception.words import N_

KEPT, GONE, BOTH = "kept", "gone", "both"
EMPTY = (None, "", Gender.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Part:
    """One choice: columns that belong together. `joint`: what stands between the two texts where both may stay."""

    name: str
    columns: tuple[str, ...]
    joint: str = ""

    def values(self, patient: Patient) -> tuple[Any, ...]:
        return tuple(getattr(patient, column) for column in self.columns)

    def is_filled(self, patient: Patient) -> bool:
        return any(value not in EMPTY for value in self.values(patient))

    def is_same(self, kept: Patient, gone: Patient) -> bool:
        return _compared(self.values(kept)) == _compared(self.values(gone))


def _compared(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        None if v in EMPTY else " ".join(v.split()).casefold() if isinstance(v, str) else v for v in values
    )  # fmt: skip


def _own(*columns: str) -> tuple[Part, ...]:
    return tuple(Part(column, (column,)) for column in columns)


PARTS: tuple[Part, ...] = (
    *_own("last_name", "first_name", "middle_name", "date_of_birth", "gender", "phone", "home_phone", "email"),
    *_own("guardian_id", "national_id", "tax_id"),
    Part("document", ("document_type", "document_number")),
    Part("place", ("country", "region_code", "district_code", "settlement_code")),
    *_own("address"),
    Part("insurance", ("insurance_type", "insurer", "policy_number")),
    *_own("gestational_age_weeks"),
    Part("alerts", ("alerts",), "; "),
    Part("special_needs", ("special_needs",), "; "),
    Part("medical_history", ("medical_history",), "\n"),
    Part("additional_info", ("additional_info",), "\n"),
    *_own("preferred_locale", "referred_by_id"),
)
UNIQUE = ("phone", "national_id", "tax_id", "document")
"""Parts that no two cards of a clinic share: the gone card gives up what the kept one takes."""
BY_NAME = {part.name: part for part in PARTS}


def proposed(part: Part, kept: Patient, gone: Patient, verified: frozenset[int]) -> str:
    """Filled over empty, both texts where both say something; then the card of which an identity was verified, then
    the one changed last."""
    if not part.is_filled(gone) or part.is_same(kept, gone):
        return KEPT
    if not part.is_filled(kept):
        return GONE
    if part.joint:
        return BOTH
    if len(sure := verified & {kept.id, gone.id}) == 1:
        return KEPT if kept.id in sure else GONE
    return GONE if gone.updated_at > kept.updated_at else KEPT


def merged(kept: Patient, gone: Patient, take: Mapping[str, str]) -> dict[str, Any]:
    """The columns of the kept card that get another value. `take`: {name of a part: kept, gone or both}.

    Raises Invalid for unknown parts and choices, a text that became too long, a card without a name.
    """
    becomes: dict[str, Any] = {}
    for name, side in take.items():
        part = BY_NAME.get(name)
        if part is None or side not in (KEPT, GONE, BOTH) or (side == BOTH and not part.joint):
            raise invalid_field(name if part else "take", N_("Choose one of the two values."))
        if side == GONE:
            becomes |= dict(zip(part.columns, part.values(gone), strict=True))
        elif side == BOTH:
            becomes |= _joined(part, kept, gone)
    if _leads_back(becomes.get("referred_by_id", kept.referred_by_id), "referred_by_id", kept, gone):
        becomes["referred_by_id"] = None
    if _leads_back(becomes.get("guardian_id", kept.guardian_id), "guardian_id", kept, gone):
        raise invalid_field(
            "guardian_id", N_("This guardian is in the care of the patient. Change the guardian first.")
        )
    is_guest = kept.is_anonymous and gone.is_anonymous
    if not is_guest and not becomes.get("last_name", kept.last_name).strip():
        raise invalid_field("last_name", N_("The card needs a last name. Choose the one that is filled in."))
    becomes |= {"is_anonymous": is_guest, "is_active": kept.is_active or gone.is_active}
    return {name: value for name, value in becomes.items() if value != getattr(kept, name)}


def _leads_back(above: int | None, pointer: str, kept: Patient, gone: Patient) -> bool:
    """Whether the card `above`, or one above it, is one of the two: nobody refers to oneself, however far round."""
    seen: set[int] = set()
    while above is not None and above not in seen:
        if above in (kept.id, gone.id):
            return True
        seen.add(above)
        above = db.session.scalar(select(getattr(Patient, pointer)).where(Patient.id == above))
    return False


def _joined(part: Part, kept: Patient, gone: Patient) -> dict[str, str]:
    (column,) = part.columns
    texts = [text for text in (getattr(kept, column), getattr(gone, column)) if text]
    joined = part.joint.join(texts if not part.is_same(kept, gone) else texts[:1])
    if len(joined) > (most := TEXTS.get(column, 20_000)):
        raise invalid_field(column, N_("Both together are longer than %(most)s characters. Choose one."), most=most)
    return {column: joined}


def give_up(gone_id: int, column: str, *, actor: Actor, at: datetime) -> None:
    """A merged card gives a number to the card that stands; the two cannot be taken apart then (`merging.why_not`)."""
    part = next(BY_NAME[name] for name in UNIQUE if column in BY_NAME[name].columns)
    with db.session.no_autoflush:  # it gives the number up before the other card takes it
        gone = locked(Patient, gone_id, actor.clinic_id)
        for name in part.columns:
            setattr(gone, name, None)
        db.session.flush([gone])
    record(actor, "patient.change", gone, at=at)


def frozen(patient: Patient, columns: Mapping[str, Any] | tuple[str, ...]) -> dict[str, Any]:
    """The present values of `columns` as a merge record holds them."""
    return {column: plain(getattr(patient, column)) for column in columns}


def thawed(column: str, value: Any) -> Any:
    """A value of a merge record as the card holds it."""
    kind = Patient.__table__.columns[column].type
    if value is not None and isinstance(kind, Date):
        return date.fromisoformat(value)
    return Gender(value) if isinstance(kind, Enum) else value
