"""Who acts: a plain value that verbs, audit and push are given instead of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import ClassVar

from reception.models import Clinic, Role


@dataclass(frozen=True, slots=True)
class ClinicFacts:
    """What rules need to know of the clinic, copied so that no rule waits for a lazy load."""

    id: int
    name: str
    kind: str
    time_zone: str
    currency: str
    default_locale: str
    phone_region: str
    opens_at: time
    closes_at: time
    ticket_digits: int
    doctor_share_percent: int
    referral_bonus_percent: int
    refund_limit: int | None
    wait_limit_minutes: int
    early_minutes: int
    hold_minutes: int
    requeue_minutes: int
    calls_before_parking: int
    overbooking_cap: int
    place_hold_seconds: int
    offer_minutes: int

    @classmethod
    def of(cls, clinic: Clinic) -> ClinicFacts:
        return cls(**{name: getattr(clinic, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody at work in one clinic. `kind`: user, token, device or system; `id`: of the user, token or device."""

    kind: str
    id: int
    clinic: ClinicFacts
    roles: frozenset[Role]
    user_id: int | None = None
    name: str = ""
    doctor_id: int | None = None
    department_id: int | None = None
    login_id: int | None = None
    address: str = ""
    locale: str = "en"

    SYSTEM: ClassVar[str] = "system"

    @property
    def clinic_id(self) -> int:
        return self.clinic.id

    def has(self, *roles: Role) -> bool:
        return bool(self.roles.intersection(roles))


def system(clinic: Clinic) -> Actor:
    """A command or a nightly job at work in `clinic`: every role, no user."""
    return Actor(kind=Actor.SYSTEM, id=0, clinic=ClinicFacts.of(clinic), roles=frozenset(Role))


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant of an act (`at`, aware UTC) and the clinic's date of it (`day`)."""

    at: datetime
    day: date


def founder() -> Actor:
    """Who founds the first clinic: a command, before there is any clinic to act in."""
    nowhere = ClinicFacts(
        id=0, name="", kind="HUMAN", time_zone="UTC", currency="EUR", default_locale="en", phone_region="DE",
        opens_at=time(8), closes_at=time(20), ticket_digits=3, doctor_share_percent=0, referral_bonus_percent=0, refund_limit=None, wait_limit_minutes=30,
        early_minutes=15, hold_minutes=10, requeue_minutes=5, calls_before_parking=3,
        overbooking_cap=3, place_hold_seconds=300, offer_minutes=60,
    )  # fmt: skip
    return Actor(kind=Actor.SYSTEM, id=0, clinic=nowhere, roles=frozenset(Role))
