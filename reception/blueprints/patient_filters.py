"""The filters of the registry: typed values -> what is asked for, and what is asked for -> chips and saved searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import Optional

from reception import formats
from reception.blueprints import patient_words
from reception.blueprints.fields import HouseForm, whole
from reception.blueprints.patient_form import Day
from reception.domain import regions
from reception.domain.errors import Invalid
from reception.domain.registry_search import OLDEST, SORTS, Filters
from reception.models import Gender

NAMES = (
    "q", "closed", "gender", "age_from", "age_to", "region", "district", "registered_from", "registered_to",
    "visited_from", "visited_to", "open_bill", "booked", "needs", "sort", "down",
)  # fmt: skip
"""What a search is made of, as form and saved search call it."""
DATES = ("registered_from", "registered_to", "visited_from", "visited_to")
SORT_WORDS = {
    "name": _l("Patient"), "born": _l("Date of birth"), "registered": _l("Registered"), "card": _l("Card"),
}  # fmt: skip
assert set(SORT_WORDS) == set(SORTS)


class FilterForm(HouseForm):
    """Everything that narrows the list, each field for itself."""

    gender = SelectField(_l("Gender"), validate_choice=False, default="")
    age_from = whole(_l("Age from"), 0, OLDEST, needed=False)
    age_to = whole(_l("Age to"), 0, OLDEST, needed=False)
    region = SelectField(_l("Region"), validate_choice=False, default="")
    district = SelectField(_l("District"), validate_choice=False, default="")
    registered_from = Day(_l("Registered from"), [Optional()])
    registered_to = Day(_l("Registered to"), [Optional()])
    visited_from = Day(_l("Last visit from"), [Optional()])
    visited_to = Day(_l("Last visit to"), [Optional()])
    open_bill = BooleanField(_l("Has an open bill"))
    booked = BooleanField(_l("Is booked"))
    needs = BooleanField(_l("Has special needs"))
    q = StringField()

    def __init__(self, posted: MultiDict[str, str] | None = None, **more: Any) -> None:
        super().__init__(posted, **more)
        self.gender.choices = [("", ""), *((state.value, formats.word(state)) for state in Gender)]
        self.region.choices = patient_words.offered(regions.regions())
        districts = patient_words.offered(regions.districts(self.region.data))
        if self.district.data not in {choice[0] for choice in districts}:
            self.district.data = ""
        self.district.choices = districts


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in words, to be taken away: `name` as `Filters.without` knows it."""

    name: str
    words: str


@dataclass(slots=True)
class Search:
    """What the list shows: the filters, the form that they came from, and whether that makes sense."""

    filters: Filters
    form: FilterForm
    is_good: bool = True

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Search:
        """From posted or saved values; fields that make no sense carry their sentence and are not asked for."""
        posted = MultiDict({name: str(values[name]).replace("\x00", " ") for name in NAMES if values.get(name)})
        if posted.get("needs") == "0":  # what an unticked box may say
            posted.pop("needs")
        form = FilterForm(posted)
        is_good = form.validate()
        good = {field.short_name: field.data for field in form if not field.errors}
        sort = posted.get("sort", "")
        asked = Filters(
            text=posted.get("q", "").strip()[:100],
            closed=bool(posted.get("closed")),
            gender=Gender(good["gender"]) if good.get("gender") in list(Gender) else None,
            age_from=good.get("age_from"),
            age_to=good.get("age_to"),
            region=good.get("region") or None,
            district=good.get("district") or None,
            **{name: good.get(name) for name in DATES},
            open_bill=bool(good.get("open_bill")),
            booked=bool(good.get("booked")),
            needs=bool(good.get("needs")),
            sort=sort if sort in SORTS else "",
            descending=bool(posted.get("down")),
        )
        try:
            asked.checked()
        except Invalid as refusal:
            form.blame(refusal)
            for name in refusal.fields:
                asked = asked.without(name)
            is_good = False
        return cls(asked, form, is_good)

    @classmethod
    def of(cls, asked: Filters) -> Search:
        return cls.read(values_of(asked))

    @property
    def chips(self) -> list[Chip]:
        """The filters in words."""
        asked, found = self.filters, []
        if asked.gender is not None:
            found.append(Chip("gender", str(formats.word(asked.gender))))
        if asked.age_from is not None:
            found.append(Chip("age_from", gettext("from %(n)s years", n=asked.age_from)))
        if asked.age_to is not None:
            found.append(Chip("age_to", gettext("up to %(n)s years", n=asked.age_to)))
        return found + self._places() + self._days() + self._marks()

    def _places(self) -> list[Chip]:
        levels: dict[str, Any] = {"region": self.form.region, "district": self.form.district}
        words = {name: {choice[0]: choice[1] for choice in level.choices} for name, level in levels.items()}
        asked = {"region": self.filters.region, "district": self.filters.district}
        return [Chip(name, words[name].get(code, code)) for name, code in asked.items() if code]

    def _days(self) -> list[Chip]:
        return [
            Chip(name, f"{self.form[name].label.text} {formats.full_date(day)}")
            for name in DATES
            if isinstance(day := getattr(self.filters, name), date)
        ]

    def _marks(self) -> list[Chip]:
        names = ("open_bill", "booked", "needs")
        return [Chip(name, str(self.form[name].label.text)) for name in names if getattr(self.filters, name)]


def values_of(asked: Filters) -> dict[str, str]:
    """What is asked for as the form carries it; what is not asked for is left out."""
    found: dict[str, Any] = {
        "q": asked.text, "closed": asked.closed, "gender": asked.gender.value if asked.gender else "",
        "region": asked.region, "district": asked.district, "open_bill": asked.open_bill, "booked": asked.booked,
        "needs": asked.needs, "sort": asked.sort, "down": asked.descending,
    }  # fmt: skip
    found |= {name: day.isoformat() for name in DATES if (day := getattr(asked, name)) is not None}
    found |= {name: str(years) for name in ("age_from", "age_to") if (years := getattr(asked, name)) is not None}
    return {name: "1" if value is True else str(value) for name, value in found.items() if value}
