"""Fields and forms of the inner pages: shape only; what makes sense is the domain's to say.

form = RoomForm(request.form)          # what was typed
if form.validate(): run(...)           # else 422: every field says what is wrong with it
except Refusal as refusal: words = form.blame(refusal)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from wtforms import DateField, Form, IntegerField, SelectField, StringField, TimeField
from wtforms.validators import InputRequired, NumberRange, ValidationError
from wtforms.validators import Optional as MayBeEmpty

from reception import amounts
from reception.domain.errors import Refusal
from reception.errors import field_sentences, sentence
from reception.words import N_

NEEDED = _l("This is needed.")


OURS = {
    "Not a valid choice.": N_("Choose from the list."),
    "Not a valid date value.": N_("Write a day of the calendar."),
    "Not a valid time value.": N_("Write a time such as 08:30."),
    "Not a valid integer value.": N_("Write a whole number."),
    "This field is required.": N_("This is needed."),
}
"""WTForms' own sentences -> what this house says instead."""


class _Words:
    """WTForms' own sentences in our words, through our catalogue."""

    def gettext(self, text: str) -> str:
        words = OURS.get(text, text)
        return str(gettext(words))

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


class HouseForm(Form):
    """A form whose fields a refusal of the domain can mark."""

    class Meta:
        def get_translations(self, _form: Any) -> _Words:
            return _Words()

    aliases: dict[str, str] = {}
    """The domain's name of a value -> the field that holds it, where they differ."""

    def blame(self, refusal: Refusal) -> str:
        """Mark the fields that the refusal names; the sentence that is left where it names none of this form."""
        words = sentence(refusal)
        fields = field_sentences(refusal)
        marked = False
        for name, message in fields.items():
            name = self.aliases.get(name, name)
            if name in self:
                self[name].errors = [words if len(fields) == 1 else message]
                marked = True
        return "" if marked else words

    @property
    def values(self) -> dict[str, Any]:
        """Field -> value, for a verb that takes them by name."""
        return {name: field.data for name, field in self._fields.items()}


def text(label: Any, *, needed: bool = False, **more: Any) -> StringField:
    """One line of text; too long or not storable is the domain's word."""
    return StringField(label, [InputRequired(NEEDED)] if needed else [], filters=[lambda typed: typed or ""], **more)


class _Whole(IntegerField):
    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(self.gettext("Write a whole number.")) from None


def whole(label: Any, least: int, most: int, *, needed: bool = True) -> IntegerField:
    """A whole number from `least` to `most`, or nothing."""
    message = _l("Say a number from %(least)s to %(most)s.", least=least, most=most)
    return _Whole(
        label,
        [InputRequired(NEEDED) if needed else MayBeEmpty(), NumberRange(least, most, message)],
        render_kw={"inputmode": "numeric", "min": least, "max": most},
    )


class _Day(DateField):
    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(self.gettext("Write a day of the calendar.")) from None


def day(label: Any, *, needed: bool = True) -> DateField:
    return _Day(label, [InputRequired(NEEDED) if needed else MayBeEmpty()])


class _Clock(TimeField):
    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(self.gettext("Write a time such as 08:30.")) from None


def clock(label: Any, *, needed: bool = True) -> TimeField:
    return _Clock(label, [InputRequired(NEEDED) if needed else MayBeEmpty()])


class Choice(SelectField):
    """One of a list, or nothing (""); `offer` says what there is."""

    def __init__(self, label: Any = None, validators: Any = None, **more: Any) -> None:
        super().__init__(label, validators, choices=[], coerce=str, validate_choice=False, **more)
        self.type = "SelectField"  # how the macro `field` knows it

    def offer(self, choices: Iterable[tuple[Any, str]], *, nothing: str | None = None) -> None:
        """What can be chosen: (value, words). `nothing`: words of choosing nothing, where that may be."""
        found = [(str(value), words) for value, words in choices]
        self.choices = [*([("", nothing)] if nothing is not None else []), *found]

    def process_data(self, value: Any) -> None:
        self.data = "" if value is None else str(value)

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            self.data = valuelist[0]

    def pre_validate(self, _form: Any) -> None:
        if (self.data or "") not in {str(choice[0]) for choice in self.choices or ()}:
            raise ValidationError(self.gettext("Choose from the list."))

    @property
    def number(self) -> int | None:
        """The chosen id."""
        return int(self.data) if self.data else None


class Amount(StringField):
    """An amount as it is typed; `units(currency)` gives whole smallest units, zero included. Raises Invalid."""

    def units(self, currency: str) -> int:
        typed = (self.data or "").strip()
        if typed and not typed.strip("0.,"):
            return 0
        return amounts.read(typed, currency, get_locale(), self.short_name)
