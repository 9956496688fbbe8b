"""Settings: what is in the clinic and who works there, changed over HTTP; every slip is said at its field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from reception import access, clock
from reception.domain import clinic, directory, users
from reception.domain.errors import Invalid, NotFound, NotPossible
from reception.extensions import db
from reception.models import (
    ApiToken,
    AuditEntry,
    Cashbox,
    Clinic,
    Department,
    Doctor,
    LoginSession,
    Membership,
    Payment,
    Role,
    Room,
    Service,
    ServicePrice,
)
from tests.factories import PASSWORD, House
from tests.pages import Page, htmx, parts
from tests.screens import Screen

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
HX = htmx("/settings")


class Form:
    """A form as a person sees it: its fields with what stands in them, and a way to send it."""

    def __init__(self, client: FlaskClient, path: str, action: str = "") -> None:
        self.client = client
        self.answer = client.get(path, headers=HX)
        assert self.answer.status_code == 200, self.answer.get_data(as_text=True)[-500:]
        self._read(self.answer, action)

    def _read(self, answer: TestResponse, action: str = "") -> None:
        page = Page(answer.get_data(as_text=True))
        self.element = next(e for e in page.all("form") if not action or e["hx-post"] == action)
        self.values: dict[str, Any] = {}
        for field in self.element.inside:
            name = field.get("name")
            if name is None:
                continue
            if field.tag == "select":
                chosen = [o for o in field.inside if o.tag == "option" and o.get("selected") is not None]
                self.values[name] = chosen[0]["value"] if chosen else ""
            elif field.get("type") == "checkbox":
                if field.get("checked") is not None:
                    self.values.setdefault(name, []).append(field.get("value") or "y")
            else:
                self.values[name] = field.get("value") or ""

    def send(self, **values: Any) -> TestResponse:
        """Send it with `values` instead of what stands there; None leaves a field out (an empty box)."""
        data = {name: value for name, value in {**self.values, **values}.items() if value is not None}
        return self.client.post(self.element["hx-post"], data=data, headers=HX)

    def refused(self, **values: Any) -> dict[str, str]:
        """What is said at each field, and under "" what no field is to blame for."""
        answer = self.send(**values)
        assert answer.status_code in (409, 422), answer.status_code
        page = Page(answer.get_data(as_text=True))
        said = {e["id"].removesuffix("-error"): e.text for e in page.all(class_="invalid-feedback")}
        if alerts := page.all(role="alert"):
            said[""] = " ".join(e.text.strip() for e in alerts)
        return said


def said(answer: TestResponse) -> str:
    """The toast of an answer."""
    assert answer.status_code == 200, answer.get_data(as_text=True)[-800:]
    return parts(answer.get_data(as_text=True))["toasts"].text


def actions() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


@pytest.fixture
def manager(house: House) -> FlaskClient:
    return house.client(Role.MANAGER)


@pytest.fixture
def admin(house: House) -> FlaskClient:
    return house.client(Role.ADMIN)


# ------------------------------------------------------------------------------------- departments, rooms, doctors


def test_a_department_is_added_and_changed(house: House, manager: FlaskClient) -> None:
    answer = Form(manager, "/settings/departments/new").send(name=" Surgery ", code="s", location="Second floor")
    assert said(answer) == "The department is added."
    assert answer.headers["HX-Trigger"] == "rx:close-dialog"
    assert "Surgery" in parts(answer.get_data(as_text=True))["settings-list"].text
    row = db.session.scalars(select(Department).filter_by(name="Surgery")).one()
    assert (row.code, row.location, row.is_active) == ("S", "Second floor", True)
    assert (
        said(Form(manager, f"/settings/departments/{row.id}").send(name="Small surgery"))
        == "The department is changed."
    )
    assert db.session.get_one(Department, row.id).name == "Small surgery"
    assert actions()[-2:] == ["department.add", "department.change"]


@ON_SQLITE
def test_what_is_wrong_stands_at_its_field(house: House, manager: FlaskClient) -> None:
    slips: list[tuple[dict[str, str], str]] = [
        ({"name": "", "code": "S"}, "name"),
        ({"name": "x" * 10_000, "code": "S"}, "name"),
        ({"name": "Surgery", "code": "1"}, "code"),
        ({"name": "Surgery", "code": "SURGE"}, "code"),
        ({"name": "a\x00b", "code": "S"}, "name"),
    ]
    form = Form(manager, "/settings/departments/new")
    for values, field in slips:
        found = form.refused(**values)
        assert list(found) == [field]
        assert found[field]
    assert said(form.send(name="Surgery", code="S")) == "The department is added.", "its key is still good"
    assert len(db.session.scalars(select(Department)).all()) == 2


def test_a_name_twice_is_refused_in_words(house: House, manager: FlaskClient) -> None:
    found = Form(manager, "/settings/departments/new").refused(name="General medicine", code="B")
    assert found == {"": "A department of this name exists already."}
    found = Form(manager, "/settings/departments/new").refused(name="Another", code="a")
    assert found == {"": "Another department has this letter already."}
    other = House.open(house.app, "Hillside")
    assert other.department.name == "General medicine", "in another clinic it is free"


@ON_SQLITE
def test_html_and_formulas_are_shown_as_typed(house: House, manager: FlaskClient) -> None:
    name = "<script>alert(1)</script> =SUM(A1)"
    answer = Form(manager, "/settings/departments/new").send(name=name, code="S", location="<b>x</b>")
    assert name in parts(answer.get_data(as_text=True))["settings-list"].text
    assert "<script>alert" not in manager.get("/settings/departments").get_data(as_text=True)
    assert db.session.scalars(select(Department).filter_by(code="S")).one().name == name


def test_sent_twice_is_added_once(house: House, manager: FlaskClient) -> None:
    form = Form(manager, "/settings/rooms/new")
    for _ in range(2):
        assert said(form.send(name="305", floor="3")) == "The room is added."
    assert len(db.session.scalars(select(Room).filter_by(name="305")).all()) == 1
    assert form.refused(name="306") == {"": "This key was used for another request."}


@ON_SQLITE
def test_two_at_one_form_the_slower_one_is_told(house: House, manager: FlaskClient) -> None:
    mine, theirs = (Form(manager, f"/settings/rooms/{house.room.id}") for _ in range(2))
    assert said(theirs.send(name="101 A"))
    answer = mine.send(floor="9")
    assert answer.status_code == 409
    assert "Somebody has changed this meanwhile." in answer.get_data(as_text=True)
    assert db.session.get_one(Room, house.room.id).floor == "1"
    mine._read(answer)
    assert mine.values["floor"] == "9", "what was typed stands there still"
    assert said(mine.send()) == "The room is changed."
    assert db.session.get_one(Room, house.room.id).floor == "9"


@ON_SQLITE
def test_a_doctor_is_added_and_changed(house: House, manager: FlaskClient) -> None:
    user = house.person(Role.DOCTOR)
    form = Form(manager, "/settings/doctors/new")
    answer = form.send(
        last_name="Okafor", first_name="Ada", title="Dr.", department_id=str(house.department.id),
        room_id=str(house.room.id), user_id=str(user.id), phone="030 1234567", share_percent="55", slots_per_day="30",
    )  # fmt: skip
    assert said(answer) == "The doctor is added."
    row = db.session.scalars(select(Doctor).filter_by(last_name="Okafor")).one()
    assert (row.user_id, row.room_id, row.phone) == (user.id, house.room.id, "+49301234567")
    assert (row.share_percent, row.slots_per_day, row.is_active) == (55, 30, True)
    form = Form(manager, f"/settings/doctors/{row.id}")
    assert form.values["user_id"] == str(user.id)
    assert said(form.send(share_percent="", room_id=""))
    row = db.session.get_one(Doctor, row.id)
    assert (row.share_percent, row.room_id) == (None, None)


@ON_SQLITE
def test_a_doctors_slips(house: House, manager: FlaskClient) -> None:
    form = Form(manager, "/settings/doctors/new")
    for field, value in [
        ("last_name", ""),
        ("phone", "not a phone"),
        ("share_percent", "101"),
        ("share_percent", "many"),
        ("slots_per_day", "-1"),
        ("department_id", "999"),
        ("room_id", "1 OR 1=1"),
        ("user_id", "999"),
        ("first_name", "x" * 10_000),
    ]:
        found = form.refused(**{"last_name": "Okafor", "department_id": str(house.department.id), field: value})
        assert list(found) == [field]
    assert len(db.session.scalars(select(Doctor)).all()) == 1


@ON_SQLITE
def test_another_clinics_people_and_rooms_cannot_be_chosen(house: House, manager: FlaskClient) -> None:
    other = House.open(house.app, "Hillside")
    theirs = other.run(users.create_user, "theirs", "x", "Theirs", [Role.DOCTOR])
    form = Form(manager, "/settings/doctors/new")
    values = {"last_name": "Okafor", "department_id": str(house.department.id)}
    for name, ident in [("department_id", other.department.id), ("room_id", other.room.id), ("user_id", theirs.id)]:
        assert list(form.refused(**{**values, name: str(ident)})) == [name]
    with pytest.raises(NotFound):
        house.run(directory.change_doctor, house.doctor.id, user_id=theirs.id)
    with pytest.raises(NotFound):
        house.run(directory.change_doctor, house.doctor.id, room_id=other.room.id)


def test_nobody_is_closed_who_is_waited_for(house: House, manager: FlaskClient) -> None:
    visit = house.visit()
    found = Form(manager, f"/settings/doctors/{house.doctor.id}").refused(is_active=None)
    assert found == {"": "Visits still open with this doctor: 1. Move or finish them first."}
    assert Form(manager, f"/settings/departments/{house.department.id}").refused(is_active=None) == {
        "": "Doctors still working in this department: 1. Move them first."
    }
    assert Form(manager, f"/settings/rooms/{house.room.id}").refused(is_active=None) == {
        "": "Doctors still sitting in this room: 1. Give them another room first."
    }
    house.move(visit, "cancel")
    booked = house.booked(starts_at=house.at(11, days=3))
    assert Form(manager, f"/settings/doctors/{house.doctor.id}").refused(is_active=None)[""].startswith("Visits still")
    house.move(booked.visit, "cancel")
    assert said(Form(manager, f"/settings/doctors/{house.doctor.id}").send(is_active=None)) == "The doctor is changed."
    assert db.session.get_one(Doctor, house.doctor.id).is_active is False
    assert said(Form(manager, f"/settings/rooms/{house.room.id}").send(is_active=None)), "nobody sits there any more"


# ----------------------------------------------------------------------------------------------- services and prices


def test_a_new_price_begins_on_a_day_and_old_bills_keep_theirs(house: House, manager: FlaskClient) -> None:
    bill = house.visit().payment
    assert bill.total_amount == 12_000
    tomorrow = clock.today(house.clinic) + timedelta(days=1)
    path = f"/settings/services/{house.service.id}"
    form = Form(manager, path, f"{path}/prices")
    assert said(form.send(price="135,50", valid_from=tomorrow.isoformat())) == "The price is set."
    prices = db.session.scalars(select(ServicePrice).order_by(ServicePrice.valid_from)).all()
    assert [(p.price, p.valid_from, p.valid_to) for p in prices] == [
        (12_000, clock.today(house.clinic), clock.today(house.clinic)),
        (13_550, tomorrow, None),
    ]
    listed = manager.get("/settings/services").get_data(as_text=True)
    assert "120.00" in listed
    assert "135.50 from" in Page(listed).text
    assert house.visit().payment.total_amount == 12_000
    house.later(days=1)
    assert house.visit().payment.total_amount == 13_550
    assert db.session.get_one(Payment, bill.id).total_amount == 12_000
    assert "135.50" in manager.get("/services").get_data(as_text=True)


@ON_SQLITE
def test_slips_of_a_price(house: House, manager: FlaskClient) -> None:
    path = f"/settings/services/{house.service.id}"
    form = Form(manager, path, f"{path}/prices")
    today = clock.today(house.clinic)
    for price in ("", "-1", "abc", "1.234", "9" * 30):
        assert list(form.refused(price=price, valid_from=today.isoformat())) == ["price"], price
    assert list(form.refused(price="1", valid_from=(today - timedelta(days=1)).isoformat())) == ["valid_from"]
    assert list(form.refused(price="1", valid_from="never")) == ["valid_from"]
    assert said(form.send(price="200", valid_from=(today + timedelta(days=9)).isoformat()))
    form = Form(manager, path, f"{path}/prices")
    assert form.refused(price="1", valid_from=(today + timedelta(days=3)).isoformat()) == {
        "": "From 29 Nov 2026 another price is set already. End this one the day before, or withdraw that one."
    }
    assert len(db.session.scalars(select(ServicePrice)).all()) == 2


@ON_SQLITE
def test_a_service_is_added_changed_and_withdrawn(house: House, manager: FlaskClient) -> None:
    form = Form(manager, "/settings/services/new")
    assert list(form.refused(name="ECG", price="")) == ["price"]
    assert list(form.refused(name="ECG", price="30", duration_min="0")) == ["duration_min"]
    assert said(form.send(name="ECG", price="0", duration_min="20")) == "The service is added."
    row = db.session.scalars(select(Service).filter_by(name="ECG")).one()
    assert (row.duration_min, row.department_id) == (20, None)
    assert db.session.scalars(select(ServicePrice).filter_by(service_id=row.id)).one().price == 0
    path = f"/settings/services/{row.id}"
    form = Form(manager, path, path)
    assert said(form.send(department_id=str(house.department.id), is_active=None, description="<i>quick</i>"))
    row = db.session.get_one(Service, row.id)
    assert (row.department_id, row.is_active, row.description) == (house.department.id, False, "<i>quick</i>")
    assert "ECG" not in manager.get("/services").get_data(as_text=True)


# --------------------------------------------------------------------------------------------- cashboxes, the clinic


def test_nothing_goes_into_a_closed_cashbox(house: House, manager: FlaskClient) -> None:
    form = Form(manager, f"/settings/cashboxes/{house.cash.id}")
    assert "kind" not in form.values
    assert said(form.send(name="Drawer", is_open=None)) == "The cashbox is changed."
    assert db.session.get_one(Cashbox, house.cash.id).name == "Drawer"
    visit = house.visit("PENDING_PAYMENT")
    with pytest.raises((Invalid, NotPossible)):
        house.pay(visit)
    assert said(Form(manager, f"/settings/cashboxes/{house.cash.id}").send(is_open="y"))
    house.pay(visit)
    assert said(Form(manager, "/settings/cashboxes/new").send(name="Bank", kind="BANK")) == "The cashbox is added."
    assert list(Form(manager, "/settings/cashboxes/new").refused(name="Gold", kind="GOLD")) == ["kind"]


def test_the_clinic_is_changed_and_its_screens_are_drawn_anew(house: House, manager: FlaskClient) -> None:
    screen = Screen(house, Role.RECEPTIONIST)
    assert screen.is_open
    form = Form(manager, "/settings", "/settings/clinic")
    answer = form.send(wait_limit_minutes="7", early_minutes="20", closes_at="21:30", phone_region="AT")
    assert said(answer) == "The settings of the clinic are saved."
    row = db.session.get_one(Clinic, house.clinic.id)
    assert (row.wait_limit_minutes, row.early_minutes, row.closes_at.isoformat("minutes")) == (7, 20, "21:30")
    assert row.phone_region == "AT"
    assert not screen.is_open, "it was drawn for the former limit"
    again = Screen(house, client=screen.browser)
    assert again.is_open
    assert said(Form(manager, "/settings", "/settings/clinic").send(name="Riverside Health"))
    assert again.is_open is False


@ON_SQLITE
def test_slips_of_the_clinic(house: House, manager: FlaskClient) -> None:
    form = Form(manager, "/settings", "/settings/clinic")
    for field, value in [
        ("name", ""),
        ("phone_region", "XX"),
        ("default_locale", "tlh"),
        ("wait_limit_minutes", "0"),
        ("calls_before_parking", "99"),
        ("closes_at", "07:00"),
        ("opens_at", "25:00"),
    ]:
        assert list(form.refused(**{field: value})) == [field]


@ON_SQLITE
def test_the_currency_stands_once_there_is_money(house: House, manager: FlaskClient) -> None:
    assert "currency" not in Form(manager, "/settings", "/settings/clinic").values
    with pytest.raises(NotPossible):
        house.run(clinic.change_clinic, currency="USD")
    for price in db.session.scalars(select(ServicePrice)):
        house.run(directory.set_price, price.service_id, 0, price.valid_from)
    form = Form(manager, "/settings", "/settings/clinic")
    assert list(form.refused(currency="QQQ")) == ["currency"]
    assert said(form.send(currency="usd"))
    assert db.session.get_one(Clinic, house.clinic.id).currency == "USD"


# ------------------------------------------------------------------------------------------------------------ people


def new_user(admin: FlaskClient, **values: Any) -> dict[str, Any]:
    form = Form(admin, "/settings/users/new")
    return {**form.values, "full_name": "Ada Okafor", "username": "Ada", "password": "long enough", "roles": ["NURSE"],
            "confirm": PASSWORD, **values}  # fmt: skip


def test_somebody_new_signs_in_with_the_roles_given(house: House, admin: FlaskClient) -> None:
    form = Form(admin, "/settings/users/new")
    values = new_user(admin, roles=["NURSE", "CASHIER"])
    answer = form.send(**values)
    assert said(answer) == "The account is open."
    user = users.by_name("ada")
    assert user is not None
    assert set(db.session.scalars(select(Membership.role).filter_by(user_id=user.id))) == {Role.NURSE, Role.CASHIER}
    assert "long enough" not in answer.get_data(as_text=True)
    client = house.client()
    assert client.post("/sign-in", data={"username": "ada", "password": "long enough"}).status_code == 302
    assert client.get("/finance").status_code == 200
    assert client.get("/settings").status_code == 403


@ON_SQLITE
def test_slips_of_a_new_person(house: House, admin: FlaskClient) -> None:
    form = Form(admin, "/settings/users/new")
    slips: list[tuple[str, Any]] = [
        ("confirm", "wrong password"),
        ("confirm", ""),
        ("password", "short"),
        ("username", "two words"),
        ("username", "n" * 65),
        ("full_name", ""),
        ("full_name", "x" * 10_000),
        ("roles", None),
        ("roles", ["OWNER"]),
    ]
    for field, value in slips:
        assert list(form.refused(**new_user(admin, **{field: value}))) == [field]
    assert users.by_name("ada") is None


@ON_SQLITE
def test_a_taken_user_name_is_refused(house: House, admin: FlaskClient) -> None:
    found = Form(admin, "/settings/users/new").refused(**new_user(admin, username="ADMIN"))
    assert found == {"": "This user name is taken."}


def test_other_roles_end_every_sign_in_token_and_screen_here(house: House, admin: FlaskClient) -> None:
    actor = house.person(Role.RECEPTIONIST)
    client, token = house.client(Role.RECEPTIONIST), house.token(Role.RECEPTIONIST)
    screen = Screen(house, client=client)
    api = Screen(house, client=house.client(), auth={"token": token["Authorization"].split()[1]})
    bystander = Screen(house, Role.CASHIER)
    assert (screen.is_open, api.is_open) == (True, True)
    path = f"/settings/users/{actor.id}"
    form = Form(admin, path, f"{path}/roles")
    assert form.values["roles"] == ["RECEPTIONIST"]
    assert list(form.refused(roles=["CASHIER"], confirm="wrong")) == ["roles_form-confirm"]
    assert client.get("/queue").status_code == 200
    assert said(form.send(roles=["CASHIER"], confirm=PASSWORD)) == "The account is changed."
    assert (screen.is_open, api.is_open, bystander.is_open) == (False, False, True)
    assert client.get("/queue").status_code == 302
    assert house.client().get("/api/v1/doctors", headers=token).status_code == 401
    client.post("/sign-in", data={"username": "receptionist", "password": PASSWORD})
    assert client.get("/finance").status_code == 200
    assert client.get("/desk/walk-in").status_code == 403


def test_a_closed_account_is_out_at_once_and_can_come_back(house: House, admin: FlaskClient) -> None:
    actor = house.person(Role.NURSE)
    client, token = house.client(Role.NURSE), house.token(Role.NURSE)
    screen = Screen(house, client=client)
    path = f"/settings/users/{actor.id}"
    assert said(Form(admin, path, f"{path}/close").send()) == "The account is closed; its screens are cut off."
    assert not screen.is_open
    assert client.get("/queue").status_code == 302
    assert house.client().get("/api/v1/doctors", headers=token).status_code == 401
    assert client.post("/sign-in", data={"username": "nurse", "password": PASSWORD}).status_code == 401
    assert said(Form(admin, path, f"{path}/open").send()) == "The account is open again."
    assert client.get("/queue").status_code == 302, "the old sign-in stays dead"
    assert client.post("/sign-in", data={"username": "nurse", "password": PASSWORD}).status_code == 302


def test_a_new_password_ends_what_the_old_one_opened(house: House, admin: FlaskClient) -> None:
    actor = house.person(Role.NURSE)
    client = house.client(Role.NURSE)
    screen = Screen(house, client=client)
    path = f"/settings/users/{actor.id}"
    form = Form(admin, path, f"{path}/password")
    assert list(form.refused(password="short", confirm=PASSWORD)) == ["password"]
    assert said(form.send(password="quite another one", confirm=PASSWORD)) == "The account is changed."
    assert not screen.is_open
    assert client.get("/queue").status_code == 302
    assert client.post("/sign-in", data={"username": "nurse", "password": PASSWORD}).status_code == 401
    assert client.post("/sign-in", data={"username": "nurse", "password": "quite another one"}).status_code == 302


@ON_SQLITE
def test_an_administrator_cannot_shut_himself_out(house: House, admin: FlaskClient) -> None:
    me = house.person(Role.ADMIN)
    path = f"/settings/users/{me.id}"
    form = Form(admin, path, f"{path}/roles")
    assert form.refused(roles=["NURSE"], confirm=PASSWORD) == {
        "": "You cannot take the administrator's role from yourself."
    }
    for act in ("close", "dismiss"):
        assert admin.post(f"{path}/{act}", data={"key": act}, headers=HX).status_code == 409
    assert said(form.send(roles=["ADMIN", "DOCTOR"], confirm=PASSWORD))
    assert admin.get("/settings/users").status_code == 200, "adding to the own roles keeps the sign-in"


def test_who_works_elsewhere_too_is_not_shut_out_there(house: House, admin: FlaskClient) -> None:
    other = House.open(house.app, "Hillside")
    user = other.run(users.create_user, "theirs", "x", "Theirs", [Role.ADMIN])
    form = Form(admin, "/settings/users/welcome")
    assert list(form.refused(username="nobody", roles=["NURSE"], confirm=PASSWORD)) == ["username"]
    assert said(form.send(username="Theirs", roles=["NURSE"], confirm=PASSWORD)) == "The person works here, too."
    assert list(
        Form(admin, "/settings/users/welcome").refused(username="theirs", roles=["NURSE"], confirm=PASSWORD)
    ) == ["username"]
    path = f"/settings/users/{user.id}"
    assert admin.post(f"{path}/close", data={"key": "c"}, headers=HX).status_code == 409
    found = Form(admin, path, f"{path}/password").refused(password="quite another one", confirm=PASSWORD)
    assert found[""].startswith("This person also works in a clinic that you do not administrate.")
    assert said(Form(admin, path, f"{path}/dismiss").send()) == "The person does not work here any more."
    left = db.session.execute(select(Membership.clinic_id, Membership.role).filter_by(user_id=user.id)).all()
    assert [tuple(row) for row in left] == [(other.clinic.id, Role.ADMIN)]
    assert admin.get(path).status_code == 404


@ON_SQLITE
def test_the_own_password_is_tried_a_few_times_only(house: House) -> None:
    house.app.config["LOGIN_LIMIT"] = "3 per 15 minutes"
    admin = house.client(Role.ADMIN)
    form = Form(admin, "/settings/users/new")
    tried = [form.refused(**new_user(admin, confirm="wrong"))["confirm"] for _ in range(4)]
    assert tried == ["This is not your password."] * 3 + ["Too many tries. Please wait a quarter of an hour."]
    assert form.refused(**new_user(admin))["confirm"].startswith("Too many")


# ------------------------------------------------------------------------------------------------------------ tokens


def test_a_token_is_shown_once_and_ended(house: House, admin: FlaskClient) -> None:
    actor = house.person(Role.CASHIER)
    form = Form(admin, "/settings/tokens/new")
    assert list(form.refused(name="Till", user_id=str(actor.id), confirm="no")) == ["confirm"]
    answer = form.send(name="Till", user_id=str(actor.id), confirm=PASSWORD)
    secret = Page(answer.get_data(as_text=True)).one("input", class_="form-control rx-secret")["value"]
    row = db.session.scalars(select(ApiToken)).one()
    assert row.token_hash == access.hashed(secret)
    again = form.send(name="Till", user_id=str(actor.id), confirm=PASSWORD)
    assert "was shown already" in again.get_data(as_text=True)
    assert len(db.session.scalars(select(ApiToken)).all()) == 1
    headers = {"Authorization": f"Bearer {secret}"}
    assert house.client().get("/api/v1/cashboxes", headers=headers).status_code == 200
    screen = Screen(house, client=house.client(), auth={"token": secret})
    assert screen.is_open
    assert secret not in admin.get("/settings/tokens").get_data(as_text=True)
    ended = admin.post(f"/settings/tokens/{row.id}/revoke", data={"key": f"{row.ref}.revoke"}, headers=HX)
    assert said(ended) == "The token is worth nothing any more."
    assert house.client().get("/api/v1/cashboxes", headers=headers).status_code == 401
    assert not screen.is_open
    assert actions()[-2:] == ["token.add", "token.revoke"]


@ON_SQLITE
def test_another_clinics_tokens_are_not_there(house: House, admin: FlaskClient) -> None:
    other = House.open(house.app, "Hillside")
    other.token(Role.NURSE)
    row = db.session.scalars(select(ApiToken)).one()
    assert admin.post(f"/settings/tokens/{row.id}/revoke", data={"key": "k"}).status_code == 404
    assert db.session.get_one(ApiToken, row.id).revoked_at is None


# ------------------------------------------------------------------------------------------------ without a script


@ON_SQLITE
def test_everything_works_without_a_script(house: House, admin: FlaskClient) -> None:
    page = Page(admin.get("/settings/rooms/new").get_data(as_text=True))
    assert page.all("html")
    form = next(e for e in page.all("form") if e.get("action") == "/settings/rooms")
    values = {e["name"]: e.get("value") or "" for e in form.inside if e.get("name")}
    bad = admin.post("/settings/rooms", data={**values, "name": ""})
    assert bad.status_code == 422
    assert Page(bad.get_data(as_text=True)).all("html")
    good = admin.post("/settings/rooms", data={**values, "name": "204"})
    assert (good.status_code, good.headers["Location"]) == (303, "/settings/rooms")
    assert "204" in admin.get("/settings/rooms").get_data(as_text=True)


@ON_SQLITE
def test_going_back_gets_the_whole_page(house: House, admin: FlaskClient) -> None:
    part = admin.get("/settings/rooms", headers=HX).get_data(as_text=True)
    assert part.lstrip().startswith('<section id="settings-list"')
    whole = admin.get("/settings/rooms", headers={**HX, "HX-History-Restore-Request": "true"}).get_data(as_text=True)
    assert whole.lstrip().startswith("<!doctype html>")


@ON_SQLITE
def test_the_manager_does_not_see_the_people(house: House, manager: FlaskClient) -> None:
    places = Page(manager.get("/settings").get_data(as_text=True)).all("a")
    assert not [a for a in places if a.get("href") in ("/settings/users", "/settings/tokens")]
    assert manager.get("/settings/users").status_code == 403
    assert db.session.scalars(select(LoginSession)).all()
