"""Shifts of doctors: who sits when, in which room, in places of how many minutes. The times are the clinic's wall clock.

Doctors and rooms stand already: the file names them. Shifts of one doctor, and of one room, never overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import select

from reception import clock
from reception.domain.audit import work
from reception.domain.calendar import open_slots
from reception.domain.calendar.schedules import LONGEST
from reception.domain.errors import invalid_field
from reception.domain.imports import bulk, values
from reception.domain.imports.columns import Column, column, plain
from reception.domain.imports.kinds import Checked, Fault, Kind, Staged
from reception.extensions import db
from reception.models import Doctor, Room, RoomUse, Schedule, Slot
from reception.words import N_

COLUMNS: tuple[Column, ...] = (
    column("doctor", N_("Doctor"), "physician|doctor name|врач|доктор|специалист|фио врача|shifokor|vrach|doktor|шифокор|"
           "الطبيب|اسم الطبيب", needed=True),
    column("day", N_("Day"), "date|дата|день|sana|kun|сана|кун|اليوم|التاريخ", needed=True),
    column("begins", N_("Begins"), "from|start|starts|start time|begin|начало|с|время начала|boshlanishi|boshlanish|dan|"
           "бошланиши|من|البداية|وقت البداية", needed=True),
    column("ends", N_("Ends"), "to|end|until|end time|till|конец|окончание|до|по|время окончания|tugashi|gacha|тугаши|"
           "إلى|النهاية|وقت النهاية", needed=True),
    column("room", N_("Room"), "cabinet|office|кабинет|комната|палата|xona|кабинет №|хона|الغرفة|العيادة"),
    column("slot_minutes", N_("Length of a place"), "minutes|slot|slot minutes|interval|минут|шаг|интервал|длительность|"
           "длительность приема|daqiqa|oraliq|الدقائق|مدة الموعد"),
    column("capacity", N_("Capacity"), "places|patients per slot|мест|вместимость|количество мест|sig'imi|o'rin|السعة"),
)  # fmt: skip


class Schedules(Kind):
    name = "schedules"
    title = N_("Schedules")
    columns = COLUMNS
    most = 50_000

    # ------------------------------------------------------------------------------------------------------ reading

    def read(self, cells: dict[str, str]) -> Checked:
        clinic = self.actor.clinic
        doctor = self._doctor(values.line(cells["doctor"], 300, "doctor"))
        day = values.day(cells["day"], "day", clinic.phone_region)
        first, last = values.wall(cells["begins"], "begins"), values.wall(cells["ends"], "ends")
        for field, value in (("day", day), ("begins", first), ("ends", last)):
            if value is None:
                raise invalid_field(field, N_("This is needed."))
        assert day is not None
        assert first is not None
        assert last is not None
        starts = self._instant(day, first, "begins")
        ends_on = (
            values.day(cells["ends"][:10], "ends", "") if "-" in cells["ends"] else day + timedelta(last == time())
        )
        ends = self._instant(ends_on or day, last, "ends")
        if ends <= starts:
            raise invalid_field("ends", N_("The end must come after the start."))
        if ends - starts > LONGEST:
            raise invalid_field("ends", N_("A shift lasts at most 24 hours."))
        room = self._room(values.line(cells.get("room", ""), 130, "room"))
        found = {
            "doctor": doctor, "room": room, "day": day, "starts_at": starts, "ends_at": ends,
            "slot_minutes": values.whole(cells.get("slot_minutes", ""), "slot_minutes", 1, 1440, nothing=15),
            "capacity": values.whole(cells.get("capacity", ""), "capacity", 1, 100, nothing=1),
        }  # fmt: skip
        spans = [(f"doctor:{doctor}", starts.isoformat(), ends.isoformat())]
        if room is not None:
            spans.append((f"room:{room}", starts.isoformat(), ends.isoformat()))
        return Checked(found, [f"begins:{doctor}:{starts.isoformat()}"], spans)

    def _instant(self, day: date, wall: time, field: str) -> datetime:
        found = clock.instant(day, wall, self.actor.clinic)
        if found is None:
            raise invalid_field(
                field, N_("There is no %(time)s on that day: the clocks are put forward."), time=f"{wall:%H:%M}"
            )
        return found

    @cached_property
    def _doctors(self) -> dict[str, set[int]]:
        """The clinic's doctors by name in every usual order and by phone; those who left, too."""
        known: dict[str, set[int]] = defaultdict(set)
        query = select(Doctor.id, Doctor.title, Doctor.first_name, Doctor.middle_name, Doctor.last_name, Doctor.phone)
        for ident, title, first, middle, last, phone in db.session.execute(
            query.where(Doctor.clinic_id == self.actor.clinic_id)
        ):
            for name in (last, f"{last}{first}", f"{last}{first}{middle}", f"{first}{last}", f"{first}{middle}{last}"):
                known[plain(name)].add(ident)
                known[plain(f"{title}{name}")].add(ident)
            if phone:
                known[plain(phone)].add(ident)
        return known

    @cached_property
    def _rooms(self) -> dict[str, set[int]]:
        known: dict[str, set[int]] = defaultdict(set)
        query = select(Room.id, Room.name, Room.building)
        for ident, name, building in db.session.execute(query.where(Room.clinic_id == self.actor.clinic_id)):
            for written in (name, f"{name}{building}", f"{building}{name}"):
                known[plain(written)].add(ident)
        return known

    @cached_property
    def _closed(self) -> set[tuple[str, int]]:
        """Doctors who left and rooms that are closed: their shifts stand, but there are no new ones."""
        return {
            (kind.__tablename__, ident)
            for kind in (Doctor, Room)
            for ident in db.session.scalars(
                select(kind.id).where(kind.clinic_id == self.actor.clinic_id, kind.is_active.is_(False))
            )
        }

    def _doctor(self, typed: str) -> int:
        found = self._doctors.get(plain(values.needed(typed, "doctor")), set())
        if not found:
            raise invalid_field("doctor", N_("There is no doctor of this name."))
        if len(found) > 1:
            raise invalid_field("doctor", N_("Several doctors have this name. Write the first name, too."))
        return next(iter(found))

    def _room(self, typed: str) -> int | None:
        if not typed:
            return None
        found = self._rooms.get(plain(typed), set())
        if not found:
            raise invalid_field("room", N_("There is no room of this name."))
        if len(found) > 1:
            raise invalid_field("room", N_("Several rooms have this name. Write the building, too."))
        return next(iter(found))

    # ---------------------------------------------------------------------------------------------------- comparing

    def compare(self, rows: list[Staged]) -> Iterator[Fault]:
        thawed = [(row, _thawed(row.values)) for row in rows]
        standing, taken = self._standing([found for _, found in thawed])
        for row, found in thawed:
            row.is_new = True
            others = [
                shift for shift in standing.get(found["doctor"], ())
                if (shift["starts_at"] < found["ends_at"] and found["starts_at"] < shift["ends_at"])
                or shift["starts_at"] == found["starts_at"]
            ]  # fmt: skip
            if any(shift["is_open"] and _same(shift, found) for shift in others):
                row.is_new = False
            elif any(shift["is_open"] for shift in others):
                yield Fault(row.row, row.line, N_("The doctor has another shift at this time."), "begins")
            elif any(shift["starts_at"] == found["starts_at"] for shift in others):
                yield Fault(row.row, row.line,
                            N_("A closed shift of this doctor begins then. Open it in the calendar."), "begins")  # fmt: skip
            elif found["ends_at"] <= self.at:
                yield Fault(
                    row.row, row.line, N_("This shift would be over already. Choose a later day or time."), "day"
                )
            elif ("doctor", found["doctor"]) in self._closed:
                yield Fault(row.row, row.line, N_("This doctor is not at work here any more."), "doctor")
            elif ("room", found["room"]) in self._closed:
                yield Fault(row.row, row.line, N_("This room is closed."), "room")
            elif any(s < found["ends_at"] and found["starts_at"] < e for s, e in taken.get(found["room"], ())):
                yield Fault(row.row, row.line, N_("The room is taken at this time."), "room")

    def _standing(self, rows: list[dict[str, Any]]) -> tuple[dict[int, list[dict[str, Any]]], dict[int, list[Any]]]:
        """Shifts by doctor and uses by room in the time of the rows."""
        first, last = min(row["starts_at"] for row in rows), max(row["ends_at"] for row in rows)
        query = select(
            Schedule.doctor_id, Schedule.room_id, Schedule.starts_at, Schedule.ends_at, Schedule.slot_minutes,
            Schedule.capacity, Schedule.is_open,
        ).where(
            Schedule.clinic_id == self.actor.clinic_id, Schedule.doctor_id.in_({row["doctor"] for row in rows}),
            Schedule.starts_at < last, Schedule.ends_at > first,
        )  # fmt: skip
        shifts: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in db.session.execute(query).mappings():
            shifts[row["doctor_id"]].append({**row, "room": row["room_id"]})
        uses: dict[int, list[Any]] = defaultdict(list)
        if rooms := {row["room"] for row in rows if row["room"]}:
            used = select(RoomUse.room_id, RoomUse.starts_at, RoomUse.ends_at).where(
                RoomUse.room_id.in_(rooms),
                RoomUse.starts_at < last,
                RoomUse.ends_at > first,
                RoomUse.owner_kind != "CLOSURE",
            )
            for room, starts, ends in db.session.execute(used):
                uses[room].append((starts, ends))
        return shifts, uses

    # ------------------------------------------------------------------------------------------------------ storing

    def insert(self, rows: list[Staged]) -> None:
        here = {"clinic_id": self.actor.clinic_id}
        edited = bulk.signed(self.actor, self.at) | here
        thawed = [_thawed(row.values) for row in rows]
        shut = open_slots.reasons(
            self.actor, min(found["starts_at"] for found in thawed), max(found["ends_at"] for found in thawed)
        )
        shifts: list[dict[str, Any]] = []
        slots: list[dict[str, Any]] = []
        uses: list[dict[str, Any]] = []
        for found, ident in zip(thawed, bulk.new_ids(Schedule, len(rows)), strict=True):
            shifts.append({
                **edited, "id": ident, "doctor_id": found["doctor"], "room_id": found["room"], "day": found["day"],
                "starts_at": found["starts_at"], "ends_at": found["ends_at"],
                "slot_minutes": found["slot_minutes"], "capacity": found["capacity"],
            })  # fmt: skip
            mine = [
                why for why in shut if why.covers(found["starts_at"], found["ends_at"], found["doctor"], found["room"])
            ]
            for begin, end in _cut(found):
                is_open = not any(why.covers(begin, end, found["doctor"], found["room"]) for why in mine)
                slots.append({**here, "schedule_id": ident, "starts_at": begin, "ends_at": end,
                              "capacity": found["capacity"], "is_open": is_open})  # fmt: skip
            if found["room"]:
                closed = sorted((why.starts_at, why.ends_at) for why in mine if why.room_id)
                uses += [
                    {**here, "starts_at": begin, "ends_at": end, "room_id": found["room"], "owner_kind": "SCHEDULE",
                     "owner_id": ident}
                    for begin, end in _between(found["starts_at"], found["ends_at"], closed)
                ]  # fmt: skip
            work().regions.add(f"calendar-{found['day']}")
        bulk.insert(Schedule, shifts)
        bulk.insert(Slot, slots)
        bulk.insert(RoomUse, uses)


def _thawed(found: dict[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(found[name]) for name in ("starts_at", "ends_at")}
    return {**found, **times, "day": date.fromisoformat(found["day"])}


def _same(shift: dict[str, Any], found: dict[str, Any]) -> bool:
    return all(shift[name] == found[name] for name in ("starts_at", "ends_at", "slot_minutes", "capacity", "room"))


def _cut(found: dict[str, Any]) -> Iterator[tuple[datetime, datetime]]:
    """The shift in slots; a rest shorter than a slot makes a short last one."""
    start = found["starts_at"]
    while start < found["ends_at"]:
        end = min(start + timedelta(minutes=found["slot_minutes"]), found["ends_at"])
        yield start, end
        start = end


def _between(
    start: datetime, end: datetime, closed: list[tuple[datetime, datetime]]
) -> Iterator[tuple[datetime, datetime]]:
    """The times from `start` to `end` that are not in `closed`, which is in order."""
    for shut, opened in closed:
        if shut > start:
            yield start, min(shut, end)
        start = max(start, opened)
    if start < end:
        yield start, end
