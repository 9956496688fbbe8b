"""The walk-in form: shape only; what makes sense is the domain's to say."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import DateField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from reception import formats
from reception.blueprints.fields import NEEDED, HouseForm
from reception.domain import offers
from reception.domain.actors import Actor
from reception.domain.errors import Refusal, invalid_field
from reception.models import Gender, Priority
from reception.words import N_

PERSON = ("last_name", "first_name", "date_of_birth", "gender", "phone")


class WalkInForm(HouseForm):
    """Who (a known patient's id, or the person's data), where to, which service, and how urgent."""

    last_name = StringField(_l("Last name"), [InputRequired(NEEDED)])
    first_name = StringField(_l("First name"))
    phone = StringField(_l("Phone"))
    date_of_birth = DateField(_l("Date of birth"), [Optional()])
    gender = SelectField(_l("Gender"), choices=[], default=Gender.UNKNOWN.value)
    where = SelectField(_l("To"), choices=[])
    service = SelectField(_l("Service"), choices=[])
    priority = SelectField(_l("Priority"), choices=[], default=Priority.NORMAL.value)
    priority_reason = StringField(_l("Reason of the priority"))
    patient_id: int | None = None
    aliases = {"doctor_id": "where", "department_id": "where"}

    @classmethod
    def offering(cls, actor: Actor, posted: MultiDict[str, str] | None = None, **values: Any) -> WalkInForm:
        """The form with what this clinic offers; `values` fill it where nothing was posted."""
        form = cls(posted, data={name: value for name, value in values.items() if name in cls._names()})
        form.gender.choices = [(state.value, formats.word(state)) for state in Gender]
        form.priority.choices = [(state.value, formats.word(state)) for state in Priority]
        form.where.choices, places = places_of(actor)
        rows = offers.services(actor)
        form.service.choices = [(str(row.id), row.name) for row in rows]
        if posted is None:
            form.where.data = values.get("where") if values.get("where") in places else next(iter(places), None)
            home = places.get(form.where.data or "")
            own = [row for row in rows if row.department_id == home] or [
                row for row in rows if row.department_id is None
            ]
            known = {str(row.id) for row in rows}
            default = str((own or rows)[0].id) if rows else None
            form.service.data = values.get("service") if values.get("service") in known else default
        elif (text := posted.get("patient_id", "")) and text.isascii() and text.isdigit() and len(text) < 19:
            form.patient_id = int(text)
        return form

    @classmethod
    def _names(cls) -> set[str]:
        return {*PERSON, "where", "service", "priority", "priority_reason"}

    @property
    def person(self) -> dict[str, Any]:
        """As patients.register takes it."""
        found = {name: self[name].data for name in PERSON if self[name].data}
        return {**found, "gender": Gender(self.gender.data)}

    @property
    def visit(self) -> dict[str, Any]:
        """As walkin.walk_in takes it. Raises Invalid where the clinic offers nothing."""
        kind, _, number = (self.where.data or "").partition("-")
        if not number or not self.service.data:
            raise invalid_field("where", N_("Enter a department and a service in the settings first."))
        return {
            "service_id": int(self.service.data),
            f"{kind}_id": int(number),
            "priority": Priority(self.priority.data),
            "priority_reason": self.priority_reason.data or "",
        }

    def blame(self, refusal: Refusal) -> str:
        """As for every form; a known phone is the phone's fault."""
        if refusal.code == "duplicate-phone":
            refusal.fields.setdefault("phone", refusal.message)
        return super().blame(refusal)


def places_of(actor: Actor) -> tuple[dict[str, list[tuple[str, str]]], dict[str, int]]:
    """Choices in groups, and the department of each."""
    choices: dict[str, list[tuple[str, str]]] = {}
    places: dict[str, int] = {}
    for department, doctors in offers.by_department(actor):
        options = [(f"department-{department.id}", gettext("Any doctor"))] if doctors else []
        options += [(f"doctor-{doctor.id}", formats.doctor_name(doctor)) for doctor in doctors]
        if options:
            choices[f"{department.code} · {department.name}"] = options
            places.update(dict.fromkeys((value for value, _ in options), department.id))
    return choices, places
