"""The clinic itself over JSON: departments, doctors, services, rooms."""

from __future__ import annotations

from typing import Any

from flask import g

from reception import clock
from reception.access import Permission, requires
from reception.blueprints.api import schemas, shapes
from reception.blueprints.api.calls import after, bp, described, page
from reception.domain import listings, rooms_now


@bp.get("/clinic")
@requires(Permission.DIRECTORY)
@described(schemas.Clinic)
def show_clinic() -> dict[str, Any]:
    """The clinic of the token, its date and its clock."""
    return shapes.clinic(g.actor.clinic)


@bp.get("/departments")
@requires(Permission.DIRECTORY)
@described(schemas.Department, query=schemas.Page, is_list=True)
def list_departments(query: schemas.Page) -> dict[str, Any]:
    """Departments, closed ones included."""
    return _page(listings.departments, query, "departments", shapes.plain)


@bp.get("/doctors")
@requires(Permission.DIRECTORY)
@described(schemas.Doctor, query=schemas.Page, is_list=True)
def list_doctors(query: schemas.Page) -> dict[str, Any]:
    """Doctors, those who left included (`is_active` false)."""
    return _page(listings.doctors, query, "doctors", shapes.doctor)


@bp.get("/services")
@requires(Permission.DIRECTORY)
@described(schemas.Service, query=schemas.Page, is_list=True)
def list_services(query: schemas.Page) -> dict[str, Any]:
    """Services on offer with today's prices."""
    clinic = g.actor.clinic
    rows = listings.services(clinic.id, clock.today(clinic), after(query.cursor, "services"), query.limit)
    return page(rows, query.limit, lambda row: shapes.service(row, clinic.currency), "services", _place)


@bp.get("/services/<int:service_id>")
@requires(Permission.DIRECTORY)
@described(schemas.Service)
def show_service(service_id: int) -> dict[str, Any]:
    """One service with today's price."""
    clinic = g.actor.clinic
    return shapes.service(listings.service(clinic.id, service_id, clock.today(clinic)), clinic.currency)


@bp.get("/rooms")
@requires(Permission.DIRECTORY)
@described(schemas.Room, query=schemas.Page, is_list=True)
def list_rooms(query: schemas.Page) -> dict[str, Any]:
    """Rooms, closed ones included."""
    return _page(listings.rooms, query, "rooms", shapes.plain)


@bp.get("/rooms/status_now")
@requires(Permission.QUEUE)
@described(schemas.RoomStatus, query=schemas.Page, is_list=True)
def list_rooms_now(query: schemas.Page) -> dict[str, Any]:
    """What goes on in each open room now: a visit, a call, a closure, a shift without anybody in, or nothing."""
    clinic = g.actor.clinic
    rows = listings.open_rooms(clinic.id, after(query.cursor, "rooms-now"), query.limit)
    found = rooms_now.now_in(clinic, [row.id for row in rows], clock.now())
    return page(rows, query.limit, lambda row: shapes.room_now(row, found[row.id]), "rooms-now", _place)


def _page(listing: Any, query: schemas.Page, name: str, shape: Any) -> dict[str, Any]:
    rows = listing(g.actor.clinic_id, after(query.cursor, name), query.limit)
    return page(rows, query.limit, shape, name, _place)


def _place(row: Any) -> tuple[str, int]:
    return "", row.id
