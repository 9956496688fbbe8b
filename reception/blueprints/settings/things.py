"""Departments, doctors, specializations, rooms, service types, cashboxes: lists of things that are added, changed, opened and closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import g, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField

from reception import formats
from reception.access import Permission, requires
from reception.blueprints.dialogs import new_key
from reception.blueprints.fields import Choice, HouseForm, text, whole
from reception.blueprints.settings.frame import asked, bp, listing, posted_key, saved, seen, tried
from reception.domain import clinic, directory, edits, finance
from reception.domain.locks import load, scoped
from reception.extensions import db
from reception.models import (
    Account,
    Cashbox,
    CashboxKind,
    CategoryKind,
    Department,
    Doctor,
    Membership,
    MoneyCategory,
    Record,
    Role,
    Room,
    Service,
    ServiceType,
    Specialization,
    User,
)
from reception.transaction import run


class DepartmentForm(HouseForm):
    name = text(_l("Name"), needed=True)
    code = text(_l("Letter on tickets"), needed=True, render_kw={"maxlength": 4, "dir": "ltr"})
    location = text(_l("Way to it"))
    is_active = BooleanField(_l("Open"), default=True)


class RoomForm(HouseForm):
    name = text(_l("Name on the door"), needed=True)
    floor = text(_l("Floor"))
    building = text(_l("Building"))
    is_active = BooleanField(_l("Open"), default=True)


class SpecializationForm(HouseForm):
    name = text(_l("Name"), needed=True)
    description = text(_l("Description"))
    is_active = BooleanField(_l("Offered"), default=True)


class TypeForm(HouseForm):
    name = text(_l("Name"), needed=True)
    is_active = BooleanField(_l("Offered"), default=True)


class CashboxForm(HouseForm):
    name = text(_l("Name"), needed=True)
    kind = Choice(_l("Kind"))
    is_open = BooleanField(_l("Open"), default=True)

    def offer(self, row: Cashbox | None) -> None:
        self.kind.offer((kind.value, formats.word(kind)) for kind in CashboxKind)
        if row is not None:
            del self["kind"]  # it says which payments went in: a box of another kind is another box


class CategoryForm(HouseForm):
    name = text(_l("Name"), needed=True)
    kind = Choice(_l("Kind"))
    is_active = BooleanField(_l("In use"), default=True)

    def offer(self, row: MoneyCategory | None) -> None:
        self.kind.offer((kind.value, formats.word(kind)) for kind in CategoryKind)
        if row is not None:
            del self["kind"]  # what was booked on it stays what it is


class DoctorForm(HouseForm):
    title = text(_l("Title"))
    first_name = text(_l("First name"))
    middle_name = text(_l("Middle name"))
    last_name = text(_l("Last name"), needed=True)
    department_id = Choice(_l("Department"))
    specialization_id = Choice(_l("Specialization"))
    room_id = Choice(_l("Room"))
    user_id = Choice(_l("Signs in as"))
    phone = text(_l("Phone"), render_kw={"inputmode": "tel", "dir": "ltr"})
    internal_phone = text(_l("Internal phone"), render_kw={"inputmode": "tel", "dir": "ltr"})
    share_percent = whole(_l("Share of the bill in percent"), 0, 100, needed=False)
    slots_per_day = whole(_l("Most patients a day"), 1, 10_000, needed=False)
    is_active = BooleanField(_l("Works here"), default=True)

    def offer(self, row: Doctor | None) -> None:
        departments = db.session.scalars(scoped(Department, g.actor.clinic_id).order_by(Department.code))
        self.department_id.offer(
            (d.id, f"{d.code} · {d.name}") for d in departments if d.is_active or (row and d.id == row.department_id)
        )
        known = db.session.scalars(scoped(Specialization, g.actor.clinic_id).order_by(Specialization.name))
        self.specialization_id.offer(
            ((s.id, s.name) for s in known if s.is_active or (row and s.id == row.specialization_id)),
            nothing=gettext("None"),
        )
        rooms = db.session.scalars(scoped(Room, g.actor.clinic_id).order_by(Room.name))
        self.room_id.offer(
            ((r.id, r.name) for r in rooms if r.is_active or (row and r.id == row.room_id)), nothing=gettext("No room")
        )
        self.user_id.offer(_free_users(row), nothing=gettext("Nobody: the desk calls for this doctor"))

    @property
    def values(self) -> dict[str, Any]:
        ids = {
            "department_id": self.department_id.number,
            "specialization_id": self.specialization_id.number,
            "room_id": self.room_id.number,
            "user_id": self.user_id.number,
        }
        return {**super().values, **ids, "phone": self.phone.data or None}


def _free_users(row: Doctor | None) -> list[tuple[int, str]]:
    """Users with the doctor's role here who are no other doctor's yet, and the one that is this doctor's."""
    own = row.user_id if row else None
    here = select(Membership.user_id).where(Membership.clinic_id == g.actor.clinic_id, Membership.role == Role.DOCTOR)
    taken = select(Doctor.user_id).where(Doctor.clinic_id == g.actor.clinic_id, Doctor.user_id.is_not(None))
    query = (
        select(User.id, User.full_name, User.username)
        .where((User.id == own) | (User.id.in_(here) & User.is_active & User.id.not_in(taken)))
        .order_by(User.full_name)
    )
    return [(ident, f"{full_name} ({username})") for ident, full_name, username in db.session.execute(query)]


@dataclass(frozen=True)
class Thing:
    """One list of the settings. `add(form)` and `change(id, form)` run the verb."""

    name: str
    model: type[Record]
    form: type[HouseForm]
    heading: Any
    new: Any
    rows: Callable[[], list[Any]]
    add: Callable[[Any], Any]
    change: Callable[[int, Any], Any]
    added: Any
    changed: Any


def _departments() -> list[Department]:
    return list(db.session.scalars(scoped(Department, g.actor.clinic_id).order_by(Department.code)))


def _rooms() -> list[Room]:
    return list(db.session.scalars(scoped(Room, g.actor.clinic_id).order_by(Room.building, Room.floor, Room.name)))


def _counted(kind: type[Any], user: type[Any], column: Any) -> list[Any]:
    """(row, how many have it), those that are offered first."""
    number = select(func.count()).where(column == kind.id, user.is_active).scalar_subquery()
    query = select(kind, number).where(kind.clinic_id == g.actor.clinic_id)
    return list(db.session.execute(query.order_by(kind.is_active.desc(), kind.name)))


def _cashboxes() -> list[Any]:
    query = (
        select(Cashbox, Account.balance)
        .join(Account, Account.id == Cashbox.account_id)
        .where(Cashbox.clinic_id == g.actor.clinic_id)
        .order_by(Cashbox.kind, Cashbox.name)
    )
    return list(db.session.execute(query))


def _doctors() -> list[Doctor]:
    query = scoped(Doctor, g.actor.clinic_id).options(
        joinedload(Doctor.department), joinedload(Doctor.room), joinedload(Doctor.user)
    )
    return list(db.session.scalars(query.order_by(Doctor.is_active.desc(), Doctor.last_name, Doctor.id)))


def _add_doctor(form: DoctorForm) -> Any:
    values = form.values
    return run(directory.add_doctor, values.pop("department_id"), **values)


THINGS = (
    Thing(
        "departments", Department, DepartmentForm, _l("Departments"), _l("New department"), _departments,
        lambda form: run(directory.add_department, form.name.data, form.code.data, location=form.location.data),
        lambda ident, form: run(clinic.change_department, ident, seen=seen(), **form.values),
        _l("The department is added."), _l("The department is changed."),
    ),
    Thing(
        "rooms", Room, RoomForm, _l("Rooms"), _l("New room"), _rooms,
        lambda form: run(directory.add_room, form.name.data, floor=form.floor.data, building=form.building.data),
        lambda ident, form: run(clinic.change_room, ident, seen=seen(), **form.values),
        _l("The room is added."), _l("The room is changed."),
    ),
    Thing(
        "specializations", Specialization, SpecializationForm, _l("Specializations"), _l("New specialization"),
        lambda: _counted(Specialization, Doctor, Doctor.specialization_id),
        lambda form: run(directory.add_specialization, form.name.data, description=form.description.data),
        lambda ident, form: run(directory.change_specialization, ident, seen=seen(), **form.values),
        _l("The specialization is added."), _l("The specialization is changed."),
    ),
    Thing(
        "types", ServiceType, TypeForm, _l("Service types"), _l("New service type"),
        lambda: _counted(ServiceType, Service, Service.service_type_id),
        lambda form: run(directory.add_service_type, form.name.data),
        lambda ident, form: run(directory.change_service_type, ident, seen=seen(), **form.values),
        _l("The service type is added."), _l("The service type is changed."),
    ),
    Thing(
        "cashboxes", Cashbox, CashboxForm, _l("Cashboxes"), _l("New cashbox"), _cashboxes,
        lambda form: run(directory.add_cashbox, form.name.data, CashboxKind(form.kind.data)),
        lambda ident, form: run(
            clinic.change_cashbox, ident, name=form.name.data, is_open=form.is_open.data, seen=seen()
        ),
        _l("The cashbox is added."), _l("The cashbox is changed."),
    ),
    Thing(
        "categories", MoneyCategory, CategoryForm, _l("Income and expenses"), _l("New category"),
        lambda: finance.categories(g.actor.clinic_id, all_of_them=True),
        lambda form: run(finance.add_category, form.name.data, CategoryKind(form.kind.data)),
        lambda ident, form: run(
            finance.change_category, ident, name=form.name.data, is_active=form.is_active.data, seen=seen()
        ),
        _l("The category is added."), _l("The category is changed."),
    ),
    Thing(
        "doctors", Doctor, DoctorForm, _l("Doctors"), _l("New doctor"), _doctors, _add_doctor,
        lambda ident, form: run(directory.change_doctor, ident, seen=seen(), **form.values),
        _l("The doctor is added."), _l("The doctor is changed."),
    ),
)  # fmt: skip


def _part(thing: Thing) -> str:
    return render_template(f"settings/_{thing.name}.html", thing=thing, rows=thing.rows())


def _form(thing: Thing, row: Any, **given: Any) -> Any:
    """The form with what can be chosen in it."""
    form = thing.form(**given)
    if row is None:  # a new one is open; a box that was not sent would say the contrary
        for name in {"is_active", "is_open"} & set(form._fields):
            del form[name]
    if hasattr(form, "offer"):
        form.offer(row)
    return form


def _ask(thing: Thing, form: Any, row: Any, error: str = "", status: int = 200) -> Any:
    values = {"ident": row.id} if row else {}
    return asked(
        "_thing", status, form=form, row=row, thing=thing, error=error,
        url=url_for(f"settings.{thing.name}_{'change' if row else 'add'}", **values),
        key=new_key() if status == 200 else posted_key(),
        seen=seen() if status == 422 else edits.version(row) if row else "",
    )  # fmt: skip


def _open(thing: Thing) -> None:
    """Hang in the five views of `thing`: its list, the form of a new one, the form of one, and both posts."""

    @requires(Permission.SETTINGS)
    def index() -> str:
        return listing(f"_{thing.name}", thing=thing, rows=thing.rows())

    @requires(Permission.SETTINGS)
    def new() -> Any:
        return _ask(thing, _form(thing, None), None)

    @requires(Permission.SETTINGS)
    def edit(ident: int) -> Any:
        row = load(thing.model, ident, g.actor.clinic_id)
        return _ask(thing, _form(thing, row, obj=row), row)

    @requires(Permission.SETTINGS)
    def add() -> Any:
        form = _form(thing, None, formdata=request.form)
        _, error, status = tried(form, lambda: thing.add(form))
        return _ask(thing, form, None, error, status) if status != 200 else _saved(thing, thing.added)

    @requires(Permission.SETTINGS)
    def change(ident: int) -> Any:
        form = _form(thing, load(thing.model, ident, g.actor.clinic_id), formdata=request.form)
        _, error, status = tried(form, lambda: thing.change(ident, form))
        if status != 200:
            return _ask(thing, form, load(thing.model, ident, g.actor.clinic_id), error, status)
        return _saved(thing, thing.changed)

    one = f"/{thing.name}/<int:ident>"
    bp.add_url_rule(f"/{thing.name}", thing.name, index, methods=["GET"])
    bp.add_url_rule(f"/{thing.name}", f"{thing.name}_add", add, methods=["POST"])
    bp.add_url_rule(f"/{thing.name}/new", f"{thing.name}_new", new, methods=["GET"])
    bp.add_url_rule(one, f"{thing.name}_edit", edit, methods=["GET"])
    bp.add_url_rule(one, f"{thing.name}_change", change, methods=["POST"])


def _saved(thing: Thing, words: Any) -> Any:
    return saved(str(words), f"settings.{thing.name}", lambda: _part(thing))


for _thing in THINGS:
    _open(_thing)
