"""The two demo clinics of one organisation: departments, doctors in their rooms, prices, cashboxes, a TV, sign-ins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from reception import clock
from reception.domain import directory, users
from reception.domain.actors import Actor, founder, system
from reception.domain.calendar import schedules, templates
from reception.domain.calendar.templates import Weekly
from reception.domain.clinic import change_clinic
from reception.extensions import db
from reception.models import CashboxKind, Clinic, Doctor, Role, User
from reception.transaction import perform

MAIN, SECOND = "Riverside Clinic", "Riverside Osaka"
DAYS_AHEAD = 14
WEEKS_BEFORE = 4
"""So long before today the weekly shifts were entered."""
DOCTORS = (
    ("A", "101", "Dr.", "Marek", "Novák"), ("A", "102", "Dr.", "Ágnes", "Horváth"), ("A", "103", "Dr.", "Elif", "Demir"),
    ("A", "104", "Dr.", "Jonas", "Brandt"), ("B", "201", "Prof.", "Elena", "Sokolova"), ("B", "202", "Dr.", "Wei", "Chen"),
    ("C", "1", "Dr.", "Amélie", "Laurent"), ("C", "2", "Dr.", "Omar", "Haddad"),
)  # fmt: skip
"""Department, room, title, names; the n-th signs in as `doctor<n>`."""
DEPARTMENTS = (("General medicine", "A", "First floor"), ("Cardiology", "B", "Second floor"),
               ("Paediatrics", "C", "Ground floor"))  # fmt: skip
SERVICES = (
    ("A", "Consultation", 6000, 15), ("A", "Follow-up", 3500, 15), ("A", "Health check", 12000, 15),
    ("B", "Cardiology consultation", 9500, 15), ("B", "ECG", 4500, 15), ("B", "Echocardiography", 14000, 30),
    ("C", "Child consultation", 6500, 15), ("C", "Vaccination", 4000, 15),
    ("", "Blood test", 2850, 15), ("", "Medical certificate", 2000, 15),
)  # fmt: skip
CASHBOXES = (("Cash desk 1", CashboxKind.CASH), ("alpha", CashboxKind.CARD), ("sber", CashboxKind.CARD),
             ("Bank", CashboxKind.BANK))  # fmt: skip
STAFF = (
    ("reception", "Rosa Winter", Role.RECEPTIONIST), ("nurse", "Nina Petersen", Role.NURSE),
    ("cashier", "Karim Aziz", Role.CASHIER), ("manager", "Magda Nowak", Role.MANAGER),
    ("admin", "Adrian Weber", Role.ADMIN),
)  # fmt: skip


@dataclass
class Desk:
    """One clinic of the demo and who works in it. `doctors`: their ids, in the order of DOCTORS."""

    clinic: Clinic
    system: Actor
    people: dict[str, Actor] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    doctors: list[int] = field(default_factory=list)
    services: dict[str, list[int]] = field(default_factory=dict)
    cashboxes: dict[CashboxKind, list[int]] = field(default_factory=dict)

    def services_of(self, code: str) -> list[int]:
        return self.services[code]


def found_main(password_hash: str, at: datetime) -> Desk:
    """The clinic that the demo plays in, as it was founded at `at`."""
    desk = _found(MAIN, at, time_zone="Europe/Berlin", currency="EUR", phone_region="DE")
    perform(desk.system, _furnish_main, desk, password_hash, at=at)
    for number, doctor_id in enumerate(desk.doctors, 1):
        name, department = f"doctor{number}", DOCTORS[number - 1][0]
        desk.people[name] = replace(desk.people[name], doctor_id=doctor_id, department_id=desk.departments[department])
    return desk


def found_second(password_hash: str, main: Desk, at: datetime) -> Desk:
    """A clinic in another zone with a currency without small coins, so that walls and money show."""
    desk = _found(SECOND, at, time_zone="Asia/Tokyo", currency="JPY", phone_region="JP")
    perform(desk.system, _furnish_second, desk, password_hash, main, at=at)
    return desk


def _found(name: str, at: datetime, **settings: Any) -> Desk:
    clinic = perform(founder(), directory.found_clinic, name, at=at, **settings)
    return Desk(clinic, system(clinic))


def _furnish_main(desk: Desk, password_hash: str, *, actor: Actor, at: datetime) -> None:
    message = "Please have your insurance card ready."
    change_clinic(display_locales=["en", "ru", "ar"], display_message=message, actor=actor, at=at)
    for name, code, location in DEPARTMENTS:
        desk.departments[code] = directory.add_department(name, code, location=location, actor=actor, at=at).id
    for username, full_name, role in STAFF:
        _add_user(desk, username, password_hash, full_name, role, actor=actor, at=at)
    for number, (code, room, title, first, last) in enumerate(DOCTORS, 1):
        floor = room[0] if len(room) == 3 else "0"
        room_id = directory.add_room(room, floor=floor, actor=actor, at=at).id
        full_name = f"{title} {first} {last}"
        user = _add_user(desk, f"doctor{number}", password_hash, full_name, Role.DOCTOR, actor=actor, at=at)
        doctor = directory.add_doctor(
            desk.departments[code], title=title, first_name=first, last_name=last, room_id=room_id, user_id=user.id,
            actor=actor, at=at,
        )  # fmt: skip
        desk.doctors.append(doctor.id)
    _add_prices(desk, SERVICES, actor=actor, at=at)
    directory.add_device("Waiting room", actor=actor, at=at)


def _furnish_second(desk: Desk, password_hash: str, main: Desk, *, actor: Actor, at: datetime) -> None:
    desk.departments["A"] = directory.add_department("General medicine", "A", actor=actor, at=at).id
    _add_user(desk, "reception2", password_hash, "Haruka Sato", Role.RECEPTIONIST, actor=actor, at=at)
    for username, role in (("admin", Role.ADMIN), ("manager", Role.MANAGER)):
        users.welcome(username, [role], actor=actor, at=at)
        desk.people[username] = replace(main.people[username], clinic=actor.clinic)
    for number, (first, last) in enumerate((("陽子", "田中"), ("健", "鈴木")), 1):
        room_id = directory.add_room(str(number), floor="1", actor=actor, at=at).id
        doctor = directory.add_doctor(
            desk.departments["A"], first_name=first, last_name=last, room_id=room_id, actor=actor, at=at
        )
        desk.doctors.append(doctor.id)
    _add_prices(desk, (("A", "Consultation", 7500, 15), ("", "Blood test", 3200, 15)), actor=actor, at=at)


def _add_user(
    desk: Desk, username: str, password_hash: str, full_name: str, role: Role, *, actor: Actor, at: datetime
) -> User:
    user = users.create_user(username, password_hash, full_name, [role], actor=actor, at=at)
    user.email = f"{username}@demo.invalid"
    desk.people[username] = replace(
        actor, kind="user", id=user.id, user_id=user.id, name=full_name, roles=frozenset({role})
    )
    return user


def _add_prices(desk: Desk, services: tuple[tuple[str, str, int, int], ...], *, actor: Actor, at: datetime) -> None:
    everybody: list[int] = []
    for code, name, price, minutes in services:
        row = directory.add_service(
            name, price, duration_min=minutes, department_id=desk.departments.get(code), actor=actor, at=at
        )
        (desk.services.setdefault(code, []) if code else everybody).append(row.id)
    for own in desk.services.values():
        own.extend(everybody)
    for name, kind in CASHBOXES:
        box = directory.add_cashbox(name, kind, actor=actor, at=at)
        desk.cashboxes.setdefault(kind, []).append(box.id)


def open_shifts(desk: Desk, today: tuple[datetime, datetime], *, actor: Actor, at: datetime) -> None:
    """Each doctor's shift `today`, and weekly ones from tomorrow on, 08:00 to 17:00, Sundays free: those of the next
    two weeks are made."""
    rooms = _rooms(desk)
    day = clock.service_day(today[0], desk.clinic)
    change_clinic(horizon_weeks=WEEKS_BEFORE + DAYS_AHEAD // 7, actor=actor, at=at)
    weekly = Weekly(time(8), time(17), valid_from=day + timedelta(days=1))
    for doctor_id in desk.doctors:
        schedules.open_schedule(doctor_id, *today, room_id=rooms[doctor_id], actor=actor, at=at)
        templates.add(doctor_id, range(6), replace(weekly, room_id=rooms[doctor_id]), actor=actor, at=at)


def entered_at(desk: Desk, day: date) -> datetime:
    """When the shifts around `day` were entered."""
    at = clock.instant(day - timedelta(weeks=WEEKS_BEFORE), time(7), desk.clinic)
    assert at is not None
    return at


def _rooms(desk: Desk) -> dict[int, int | None]:
    rows = db.session.execute(select(Doctor.id, Doctor.room_id).where(Doctor.id.in_(desk.doctors)))
    return dict(rows.tuples().all())
