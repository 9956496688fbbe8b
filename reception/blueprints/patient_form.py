"""The forms of the registry: shape only; what makes sense is the domain's to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

from babel.core import Locale
from flask import g
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from phonenumbers import SUPPORTED_REGIONS
from werkzeug.datastructures import MultiDict
from wtforms import DateField, Form, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Optional

from reception import formats
from reception.blueprints import patient_words
from reception.blueprints.fields import HouseForm, whole
from reception.domain import regions
from reception.domain.registry import MEDICAL_ROLES, WEEKS, DocumentType, InsuranceType
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


class Chosen(HiddenField):
    """The id of another card, chosen by typing; nothing is None."""

    data: Any

    def process_data(self, value: int | None) -> None:
        self.data = value

    def process_formdata(self, valuelist: list[str]) -> None:
        text = (valuelist or [""])[0].strip()
        self.data = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
        if text and self.data is None:
            raise ValueError(gettext("There is no such patient here."))


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
    """Everything of the card that people fill in, in the order of its sections; and the consents."""

    class Meta(HouseForm.Meta):
        pass

    preferred_locale = SelectField(_l("Language"), validate_choice=False)
    gestational_age_weeks = whole(_l("Born after, weeks"), *WEEKS, needed=False)
    home_phone = StringField(_l("Second phone"))
    email = StringField(_l("E-mail"))
    guardian_id = Chosen(_l("Guardian"))
    document_type = SelectField(_l("Document"), validate_choice=False)
    document_number = StringField(_l("Series and number"))
    national_id = StringField(_l("Personal number"))
    tax_id = StringField(_l("Tax number"))
    country = SelectField(_l("Country"), validate_choice=False)
    region_code = SelectField(_l("Region"), validate_choice=False)
    district_code = SelectField(_l("District"), validate_choice=False)
    settlement_code = SelectField(_l("Settlement"), validate_choice=False)
    address = StringField(_l("Street, house, flat"))
    insurance_type = SelectField(_l("Insurance"), validate_choice=False)
    insurer = StringField(_l("Insurer"))
    policy_number = StringField(_l("Policy number"))
    alerts = StringField(_l("Alerts (allergies)"))
    special_needs = StringField(_l("Special needs"))
    medical_history = TextAreaField(_l("Medical history"))
    referred_by_id = Chosen(_l("Referred by"))
    additional_info = TextAreaField(_l("Other notes"))

    def __init__(self, posted: MultiDict[str, str] | None = None, **more: Any) -> None:
        super().__init__(posted, **more)
        self.sent = frozenset(posted or ())
        self.preferred_locale.choices = [("", ""), *formats.LOCALES.items()]
        self.document_type.choices = patient_words.choices(DocumentType)
        self.insurance_type.choices = patient_words.choices(InsuranceType)
        if not g.actor.has(*MEDICAL_ROLES):
            del self.medical_history
        self.offer_places()

    @classmethod
    def of(cls, patient: Patient) -> CardForm:
        """The form as the card stands; phones as they are read here."""
        form = cls(obj=patient)
        form.gender.data = patient.gender.value
        for name in ("preferred_locale", "document_type", *regions.LEVELS):
            form[name].data = getattr(patient, name) or ""
        form.phone.data = formats.phone(patient.phone)
        form.home_phone.data = formats.phone(patient.home_phone)
        form.offer_places()
        return form

    def offer_places(self, *, clear: bool = False) -> None:
        """The regions of the chosen country, and what lies in what is chosen. `clear`: what lies elsewhere goes, as
        whatever is above was just chosen anew; a saved form keeps it, and is told."""
        self.country.choices = [("", ""), *countries()]
        here = [row for row in regions.regions() if self.country.data in ("", None, row.country)]
        self._offer("region_code", here, clear)
        self._offer("district_code", regions.districts(self.region_code.data), clear)
        self._offer("settlement_code", regions.settlements(self.district_code.data), clear)
        if clear and self.region_code.data:
            self.country.data = next(row.country for row in here if row.code == self.region_code.data)

    def _offer(self, name: str, rows: Iterable[regions.Place], clear: bool) -> None:
        level: Any = self[name]
        level.choices = patient_words.offered(rows)
        if clear and level.data not in {choice[0] for choice in level.choices}:
            level.data = ""

    @property
    def values(self) -> dict[str, Any]:
        """As the registry's verbs take them: what was sent, and nothing that was not asked."""
        return {field.short_name: field.data for field in self if field.name in self.sent}

    @property
    def has_places(self) -> bool:
        """Whether there are regions to choose."""
        return len(self.region_code.choices or ()) > 1


@cache
def _countries(language: str) -> list[tuple[str, str]]:
    names = Locale(language).territories
    return sorted(((code, names.get(code, code)) for code in SUPPORTED_REGIONS), key=lambda pair: pair[1])


def countries() -> list[tuple[str, str]]:
    """(code, name in the reader's language), the clinic's own first."""
    own = g.actor.clinic.phone_region
    return sorted(_countries(get_locale().language), key=lambda pair: pair[0] != own)
