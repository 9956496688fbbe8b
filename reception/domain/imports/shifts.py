"""The import's doctors, their shifts and slots: what stands is used, what is missing is made."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from reception.clock import instant
from reception.domain import directory
from reception.domain.actors import Actor
from reception.domain.audit import record
from reception.domain.errors import Invalid
from reception.domain.imports import bulk, plan
from reception.extensions import db
from reception.models import Appointment, Department, Doctor, Patient, Schedule, Slot
from reception.words import N_

DEPARTMENT, DOCTOR = "Imported appointments", "Import"
QUARTER = timedelta(minutes=plan.MINUTES)
LETTERS = ("I", *"JKLMNOPQRSTUVWXYZABCDEFGH")


def department_of(actor: Actor, at: datetime) -> Department:
    """The department that imported appointments are in, made at first need."""
    found = db.session.scalar(select(Department).filter_by(clinic_id=actor.clinic_id, name=DEPARTMENT))
    if found is not None:
        return found
    taken = set(db.session.scalars(select(Department.code).filter_by(clinic_id=actor.clinic_id)))
    letter = next((letter for letter in LETTERS if letter not in taken), "IMP")
    return directory.add_department(DEPARTMENT, letter, actor=actor, at=at)


def doctors_of(department: Department, count: int, *, actor: Actor, at: datetime) -> list[int]:
    """Ids of the import's doctors, at least `count`; missing ones are made."""
    mine = select(Doctor.id).where(Doctor.department_id == department.id, Doctor.last_name.like(f"{DOCTOR} %"))
    found = list(db.session.scalars(mine.order_by(Doctor.id)))
    for number in range(len(found) + 1, count + 1):
        name = f"{DOCTOR} {number:03d}"
        found.append(directory.add_doctor(department.id, last_name=name, actor=actor, at=at).id)
    return found


@dataclass
class Frame:
    """One day of the import's doctors (`doctors`: ids, by their number in the plan)."""

    actor: Actor
    at: datetime
    day: date
    doctors: list[int]

    def __post_init__(self) -> None:
        opens = instant(self.day, time(plan.OPENS), self.actor.clinic)
        if opens is None:
            raise Invalid(N_("On %(day)s there is no eight o'clock in this clinic's zone."), day=self.day)
        self.opens = opens
        self.number = {ident: n for n, ident in enumerate(self.doctors)}

    def taken(self, source: str) -> plan.DayPlan:
        """The day as earlier imports left it. `source`: what stands before a person's number in `source_key`."""
        frame = plan.DayPlan(len(self.doctors))
        rows = db.session.execute(
            select(Patient.source_key, Appointment.doctor_id, Appointment.starts_at)
            .join(Patient, Patient.id == Appointment.patient_id)
            .where(Appointment.clinic_id == self.actor.clinic_id, Appointment.day == self.day)
        )
        for key, doctor_id, starts_at in rows:
            if doctor_id in self.number:
                quarter = max(0, (starts_at - self.opens) // QUARTER)
                frame.occupy((key or "").removeprefix(source), self.number[doctor_id], quarter)
        return frame

    def open(self, places: list[plan.Place]) -> dict[tuple[int, int], tuple[int, int]]:
        """(doctor, quarter) -> (schedule, slot) for all places: each doctor's shift from eight to the last of them."""
        until: dict[int, datetime] = defaultdict(lambda: self.opens)
        for place in places:
            until[place.doctor] = max(until[place.doctor], self.opens + (place.quarter + 1) * QUARTER)
        standing = {schedule.doctor_id: schedule for schedule in db.session.scalars(self._shifts())}
        edited = bulk.signed(self.actor, self.at) | {"clinic_id": self.actor.clinic_id}
        shifts: list[dict[str, Any]] = []
        slots: list[dict[str, Any]] = []
        for (number, end), ident in zip(sorted(until.items()), bulk.new_ids(Schedule, len(until)), strict=True):
            begin, schedule = self.opens, standing.get(self.doctors[number])
            if schedule is None:
                row = {"doctor_id": self.doctors[number], "day": self.day, "starts_at": begin, "ends_at": end}
                shifts.append({**edited, **row, "id": ident, "slot_minutes": plan.MINUTES})
            else:
                ident, begin = schedule.id, schedule.ends_at
                self._extend(schedule, end)
            for n in range(max(0, (end - begin) // QUARTER)):
                start = begin + n * QUARTER
                slots.append({"schedule_id": ident, "starts_at": start, "ends_at": start + QUARTER})
        db.session.flush()
        bulk.insert(Schedule, shifts)
        bulk.insert(Slot, [{**slot, "clinic_id": self.actor.clinic_id, "capacity": 1} for slot in slots])
        return self._slots()

    def _extend(self, schedule: Schedule, end: datetime) -> None:
        if schedule.ends_at < end:
            schedule.ends_at = end
            record(self.actor, "schedule.extend", schedule, at=self.at)

    def _shifts(self) -> Any:
        return select(Schedule).where(
            Schedule.clinic_id == self.actor.clinic_id, Schedule.day == self.day, Schedule.starts_at == self.opens
        )

    def _slots(self) -> dict[tuple[int, int], tuple[int, int]]:
        rows = db.session.execute(
            select(Schedule.doctor_id, Slot.starts_at, Schedule.id, Slot.id)
            .join(Schedule, Schedule.id == Slot.schedule_id)
            .where(
                Schedule.clinic_id == self.actor.clinic_id, Schedule.day == self.day, Schedule.starts_at == self.opens
            )
        )
        return {
            (self.number[doctor_id], (starts_at - self.opens) // QUARTER): (schedule, slot)
            for doctor_id, starts_at, schedule, slot in rows
            if doctor_id in self.number
        }
