"""The forms of the registry: shape only; what makes sense is the domain's to say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import DateField, Form, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Optional

from reception import formats
from reception.models import Gender, Patient

NEEDED = _l("This is needed.")


class Day(DateField):
    """A native date input; what is no date is said in the reader's language."""

    def process_formdata(self, valuelist: list[str]) -> None:
        text = (valuelist or [""])[0].strip()
        self.data = None
        if text:
            try:
                self.data = date.fromisoformat(text)
            except ValueError:
                self.raw_data = [text]
                raise ValueError(gettext("This is not a date.")) from None


class QuickForm(Form):
    """What a registration in passing asks for. Only the last name is needed."""

    last_name = StringField(_l("Last name"), [InputRequired(NEEDED)])
    first_name = StringField(_l("First name"))
    middle_name = StringField(_l("Middle name"))
    date_of_birth = Day(_l("Date of birth"), [Optional()])
    gender = SelectField(_l("Gender"), validate_choice=False, default=Gender.UNKNOWN.value)
    phone = StringField(_l("Phone"))

    def __init__(self, posted: MultiDict[str, str] | None = None, **more: Any) -> None:
        super().__init__(posted, **more)
        self.gender.choices = [(state.value, formats.word(state)) for state in Gender]

    @property
    def values(self) -> dict[str, Any]:
        """As `patients.register` and `patients.change` take them."""
        return {field.short_name: field.data for field in self}

    def blame(self, fields: Mapping[str, str]) -> None:
        """Mark the fields that a refusal names with its words."""
        for name, words in fields.items():
            if name in self:
                self[name].errors = [words]

    @property
    def has_errors(self) -> bool:
        return any(field.errors for field in self)


class CardForm(QuickForm):
    """Everything of the card that the desk may change."""

    home_phone = StringField(_l("Second phone"))
    email = StringField(_l("E-mail"))
    preferred_locale = SelectField(_l("Language"), validate_choice=False)
    address = StringField(_l("Address"))
    national_id = StringField(_l("Document number"))
    tax_id = StringField(_l("Tax number"))
    alerts = StringField(_l("Alerts (allergies)"))
    special_needs = StringField(_l("Special needs"))
    additional_info = TextAreaField(_l("Other notes"))

    def __init__(self, posted: MultiDict[str, str] | None = None, **more: Any) -> None:
        super().__init__(posted, **more)
        self.preferred_locale.choices = [("", ""), *formats.LOCALES.items()]

    @classmethod
    def of(cls, patient: Patient) -> CardForm:
        """The form as the card stands; phones as they are read here."""
        form = cls(obj=patient)
        form.gender.data = patient.gender.value
        form.preferred_locale.data = patient.preferred_locale or ""
        form.phone.data = formats.phone(patient.phone)
        form.home_phone.data = formats.phone(patient.home_phone)
        return form


def said(name: str, value: str | None) -> str:
    """A value of the history of changes as people read it."""
    if not value:
        return ""
    if name == "gender":
        return str(formats.word(Gender(value)))
    if name == "date_of_birth":
        return formats.full_date(date.fromisoformat(value))
    if name in ("phone", "home_phone"):
        return formats.phone(value)
    if name == "preferred_locale":
        return formats.LOCALES.get(value, value)
    if name == "is_active":
        return gettext("open") if value == "True" else gettext("closed")
    if name == "is_anonymous":
        return gettext("yes") if value == "True" else gettext("no")
    return value
