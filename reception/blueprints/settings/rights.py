"""What gives somebody rights: the roles to tick, and the password of whoever gives them, asked again."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, SelectMultipleField
from wtforms.validators import InputRequired, ValidationError

from reception import formats
from reception.aside import aside
from reception.blueprints.auth import may_try_password
from reception.blueprints.fields import NEEDED, HouseForm
from reception.domain import users
from reception.domain.errors import invalid_field
from reception.extensions import db
from reception.models import Role, User
from reception.words import N_


def password_field(label: Any, *, new: bool = False) -> PasswordField:
    """A password; what is typed never comes back in the page."""
    return PasswordField(
        label, [InputRequired(NEEDED)], render_kw={"autocomplete": "new-password" if new else "current-password"}
    )


class Confirmed(HouseForm):
    """A form that asks for the administrator's own password again."""

    confirm = password_field(_l("Your own password"))

    def check_confirmed(self) -> None:
        """Raises Invalid about `confirm`. Tries are counted like those of signing in."""
        me = db.session.get_one(User, g.actor.user_id)
        if not may_try_password(me.username):
            raise invalid_field("confirm", N_("Too many tries. Please wait a quarter of an hour."))
        if not aside(users.matches, me.password_hash, self.confirm.data or ""):
            raise invalid_field("confirm", N_("This is not your password."))


class Roles(SelectMultipleField):
    """Roles as boxes to tick."""

    def __init__(self, label: Any = None, **more: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **more)

    def pre_validate(self, _form: Any) -> None:
        if any(value not in Role.__members__ for value in self.data or []):
            raise ValidationError(self.gettext("Choose from the list."))

    @property
    def roles(self) -> list[Role]:
        return [Role(value) for value in self.data or []]

    @property
    def offered(self) -> list[tuple[str, str]]:
        return [(role.value, formats.word(role)) for role in Role]
