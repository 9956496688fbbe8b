"""What the calendar's views show: the grid of a day or a week, the counts of a week or a month, the list of a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from babel.dates import format_skeleton, get_day_names
from flask import g, url_for
from flask_babel import get_locale, gettext

from reception import clock, formats
from reception.blueprints.calendar_forms import rooms
from reception.blueprints.calendar_look import Look
from reception.domain import offers
from reception.domain.calendar import daylist, grid, grid_counts
from reception.domain.calendar.grid_shapes import Block, Column, Shut
from reception.domain.calendar.holds import Held
from reception.models import AbsenceKind, Doctor, VisitStatus
from reception.words import N_

STATES = (
    VisitStatus.SCHEDULED, VisitStatus.WAITING, VisitStatus.CALLED, VisitStatus.IN_PROGRESS,
    VisitStatus.PENDING_PAYMENT, VisitStatus.COMPLETED, VisitStatus.NO_SHOW,
)  # fmt: skip
"""The legend, in the order of a visit."""
WHY = {
    "opens": N_("Opens at %(detail)s"),
    "pause": N_("Closed until %(detail)s"),
    "over": N_("Closed from %(detail)s"),
    "none": N_("No shift"),
    "away": N_("Away: %(detail)s"),
    "day": N_("Closed: %(detail)s"),
    "room": N_("Room closed: %(detail)s"),
    "shut": N_("Closed"),
}


def context(look: Look, at: datetime) -> dict[str, Any]:
    """What the view's template shows, and which it is (`part`)."""
    found = {"day": _day, "week": _week, "month": _month, "list": _list}[look.view](look, at)
    return {"choices": _choices(look), "shut_words": shut_words, "title": _title(look), **found}


def _title(look: Look) -> str:
    """What is shown, as the heading says it: a day, the edges of a week, or a month; whose it is."""
    if look.view == "month":
        text = format_skeleton("yMMMM", look.day, locale=get_locale())
    elif look.view == "week":
        text = f"{formats.day(look.days[0])} – {formats.day(look.days[-1])}"
    else:
        text = formats.day(look.day)
    far = look.view != "month" and look.day.year != clock.today(g.actor.clinic).year
    return f"{text} {look.day.year}" if far else text


def _day(look: Look, at: datetime) -> dict[str, Any]:
    shown = grid.of_day(g.actor, look.day, at, by=look.by, ident=look.ident, department_id=look.department)
    return {"part": "calendar/_grid.html", "grid": shown, "at": at, **_drawing()}


def _week(look: Look, at: datetime) -> dict[str, Any]:
    if look.ident is None:
        week = grid_counts.of_week(g.actor, look.monday, at, by=look.by, department_id=look.department)
        return {"part": "calendar/_week.html", "week": week}
    shown = grid.of_week(g.actor, look.monday, at, by=look.by, ident=look.ident)
    return {"part": "calendar/_grid.html", "grid": shown, "at": at, **_drawing()}


def _month(look: Look, at: datetime) -> dict[str, Any]:
    first, last = look.month
    month = grid_counts.of_month(
        g.actor, first, last, at, by=look.by, ident=look.ident, department_id=look.department
    )  # fmt: skip
    names = get_day_names("abbreviated", locale=get_locale())
    return {"part": "calendar/_month.html", "month": month, "weekdays": [names[n] for n in range(7)]}


def _list(look: Look, at: datetime) -> dict[str, Any]:
    days = daylist.of(g.actor, look.day, at, doctor_id=look.doctor)
    if look.department is not None:
        days = [found for found in days if found.doctor.department_id == look.department]
    return {"part": "calendar/_list.html", "days": days, "doctor_id": look.doctor}


def _drawing() -> dict[str, Any]:
    """What the grid's template asks for again and again."""
    return {
        "label": label,
        "held_words": held_words,
        "slots_of": slots_of,
        "STATES_IN_ORDER": STATES,
        "lengths": {row.duration_min: row.id for row in reversed(offers.services(g.actor))},
        "shapes": url_for("static", filename="shapes.svg"),
        "address": url_for("calendar.appointment", appointment_id=0).removesuffix("0"),
    }


def _choices(look: Look) -> list[tuple[str, list[tuple[str, str]]]]:
    """The select: a group for each department with its doctors, or the rooms."""
    if look.by == "room":
        return [("", [(f"room-{room.id}", room.name) for room in rooms(g.actor)])]
    return [
        (
            f"{department.code} · {department.name}",
            [
                (f"department-{department.id}", gettext("All of %(department)s", department=department.name)),
                *((f"doctor-{doctor.id}", formats.doctor_name(doctor)) for doctor in doctors),
            ],
        )
        for department, doctors in offers.by_department(g.actor)
        if doctors
    ]


def shut_words(shut: Shut) -> str:
    """Why these hours are closed, in words."""
    detail = formats.time(shut.detail) if isinstance(shut.detail, datetime) else formats.word(shut.detail)
    if shut.detail is AbsenceKind.OTHER:
        return str(detail)
    return gettext(WHY[shut.why]) % {"detail": detail}


def label(block: Block, column: Column) -> str:
    """The appointment, or the place that is kept, in one sentence, for those who hear the screen."""
    row = block.row
    parts = [f"{formats.time(row.starts_at)}–{formats.time(row.ends_at)}"]
    parts += [held_words(row)] if block.is_held else [formats.list_name(row), row.service, formats.word(row.status)]
    if isinstance(column.owner, Doctor):
        parts.append(formats.doctor_name(column.owner))
    elif column.owner is None:
        parts.append(formats.day(column.day))
    if block.is_beyond:
        parts.append(gettext("Beyond the capacity"))
    return ", ".join(parts)


def held_words(held: Held) -> str:
    """Why the place is kept."""
    return gettext("being booked by %(name)s", name=held.by) if held.by else gettext("offered to the waitlist")


def slots_of(column: Column, by: str) -> str:
    """The open slots for the page's script: start-length-capacity-taken, by room with the doctor's id, in minutes."""
    return " ".join(
        f"{cell.at}-{cell.to - cell.at}-{cell.capacity}-{cell.taken}" + (f"-{cell.doctor_id}" if by == "room" else "")
        for cell in column.cells
        if cell.is_open
    )
