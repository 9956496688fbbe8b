"""The registry's screens: list, search, registration, the card and its tabs, who looked, and every refusal in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from reception import live, regions
from reception.domain import cards, patients
from reception.extensions import db
from reception.live_sockets import viewer_of
from reception.models import AccessEntry, AuditEntry, IdempotencyKey, Patient, Role
from tests.factories import House
from tests.pages import Page, htmx, parts
from tests.sql import statements

DESK = Role.RECEPTIONIST
HTML = "<script>alert(1)</script>"


def page(client: FlaskClient, path: str, status: int = 200, **headers: str) -> Page:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def post(client: FlaskClient, path: str, data: dict[str, Any], status: int, part: bool = True) -> Page:
    answer = client.post(path, data=data, headers=htmx("/patients", "#dialog") if part else {})
    html = answer.get_data(as_text=True)
    assert answer.status_code == status, html
    found = Page(html)
    found.headers = answer.headers  # type: ignore[attr-defined]
    found.toasts = parts(html).get("toasts", Page("")).text  # type: ignore[attr-defined]
    return found


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def names(found: Page) -> list[str]:
    return [e.text.strip() for e in found.all("a", class_="rx-open")]


# ---------------------------------------------------------------------------------------------------- list, search


def test_the_list_page_by_page(house: House) -> None:
    """By name, fifty at a time; the address of the next rows carries an id and no name. A part for htmx."""
    for number in range(52):
        house.patient(f"Name{number:02d}")
    client = house.client(DESK)
    first = page(client, "/patients")
    assert (len(names(first)), names(first)[0]) == (50, "Name00")
    following = first.one("a", rel="next")["href"]
    assert "Name" not in following
    assert names(page(client, following)) == ["Name50", "Name51"]
    part = page(client, "/patients", **htmx())
    assert (part.all("html"), len(names(part))) == ([], 50)
    assert page(client, "/patients", **htmx(), **{"HX-History-Restore-Request": "true"}).all("html")
    row = first.all("li", data_row=True)[0]
    assert row.inside[1]["href"] == f"/patients/{row['id'].removeprefix('patient-')}"


def test_a_search_travels_in_the_body(house: House) -> None:
    """It needs no key and writes nothing; its next rows are asked for the same way; closed cards where wanted."""
    for number in range(55):
        house.patient("Smith", first_name=f"N{number:02d}")
    closed = house.patient("Smithers")
    house.run(patients.set_active, closed.id, False)
    client = house.client(DESK)
    before = (count(AuditEntry), count(IdempotencyKey))
    with statements() as seen:
        found = post(client, "/patients/search", {"q": "smith"}, 200)
    assert (len(names(found)), seen.writes) == (50, [])
    more = found.one("button", name="skip")
    assert more["value"] == "50"
    rest = post(client, "/patients/search", {"q": "smith", "skip": "50"}, 200)
    assert len(names(rest)) == 5
    assert not set(names(rest)) & set(names(found))
    assert (count(AuditEntry), count(IdempotencyKey)) == before
    assert names(post(client, "/patients/search", {"q": "smithers"}, 200)) == []
    assert names(post(client, "/patients/search", {"q": "smithers", "closed": "1"}, 200)) == ["Smithers"]
    plain = post(client, "/patients/search", {"q": "smith n07"}, 200, part=False)
    assert plain.all("html")
    assert names(plain) == ["Smith, N07"]
    nobody = post(client, "/patients/search", {"q": f"{HTML}\x00 0171 23"}, 200)
    assert HTML in nobody.text.replace("\x00", "")
    assert nobody.all("script") == []
    for skip in ("-5", "x", "9" * 30):
        post(client, "/patients/search", {"q": "smith", "skip": skip}, 200)


# ----------------------------------------------------------------------------------------------------- registration


def test_registering(house: House) -> None:
    """Only the last name is needed; it leads to the card, once, however often it is sent."""
    client = house.client(DESK)
    form = page(client, "/patients/new", **htmx())
    key = form.one("input", name="key")["value"]
    assert key != page(client, "/patients/new", **htmx()).one("input", name="key")["value"]
    again = post(client, "/patients", {"key": key, "last_name": " ", "first_name": HTML}, 422)
    assert again.one("input", name="key")["value"] == key
    assert again.one("input", name="last_name")["aria-invalid"] == "true"
    assert again.one("input", name="first_name")["value"] == HTML
    assert count(Patient) == 0
    data = {"key": key, "last_name": "Hoffmann", "first_name": HTML, "date_of_birth": "1985-03-12", "gender": "FEMALE",
            "phone": "0171 2345678"}  # fmt: skip
    for _ in range(2):
        done = post(client, "/patients", data, 200)
        row = db.session.scalars(select(Patient)).one()
        assert done.headers["HX-Redirect"] == f"/patients/{row.id}"  # type: ignore[attr-defined]
    assert (row.first_name, row.phone, row.gender) == (HTML, "+491712345678", "FEMALE")
    shown = page(client, f"/patients/{row.id}")
    assert HTML in shown.one("h1").text
    assert "0171 2345678" in shown.one("a", href="tel:+491712345678").text
    plain = client.post("/patients", data={"key": "plain-1", "last_name": "Plain"})
    assert (plain.status_code, count(Patient)) == (302, 2)


def test_a_known_phone_leads_to_its_card(house: House) -> None:
    known = house.patient("Hoffmann", first_name="Greta", phone="0171 2345678")
    client = house.client(DESK)
    told = post(client, "/patients", {"key": "k-1", "last_name": "Else", "phone": "+49 171 2345678"}, 409)
    assert told.one("div", role="alert").text.strip() == "Hoffmann Greta is registered with this phone already."
    assert told.one("a", class_="btn btn-primary btn-small")["href"] == f"/patients/{known.id}"
    assert told.one("input", name="last_name")["value"] == "Else"
    assert count(Patient) == 1
    post(client, "/patients", {"key": "k-1", "last_name": "Else", "phone": "0171 2345679"}, 200)


def test_what_registration_refuses(house: House) -> None:
    """Each fault at its field, with the form as it was; and what a form must carry."""
    house.patient("Known")
    client = house.client(DESK)
    before = (count(Patient), count(AuditEntry))
    for field, value in (
        ("last_name", "x" * 10_000), ("last_name", "a\x00b"), ("date_of_birth", "2026-11-21"),
        ("date_of_birth", "1880-01-01"), ("date_of_birth", "31.02.1985"), ("date_of_birth", "x" * 10_000),
        ("phone", "12"), ("phone", "0171\x00"), ("gender", "NEITHER"), ("gender", HTML),
    ):  # fmt: skip
        told = post(client, "/patients", {"key": "k-1", "last_name": "New", "gender": "UNKNOWN", field: value}, 422)
        assert told.one(id=f"{field}-error").text.strip().endswith("."), (field, value)
        assert told.all("div", role="alert") == []
    assert "no key" in post(client, "/patients", {"last_name": "New"}, 400).toasts  # type: ignore[attr-defined]
    post(client, "/patients", {"last_name": "New", "key": "a b<c>"}, 400)
    assert (count(Patient), count(AuditEntry)) == before
    post(client, "/patients", {"key": "k-2", "last_name": "New"}, 200)
    told = post(client, "/patients", {"key": "k-2", "last_name": "Other"}, 422)
    assert told.one("input", name="key")["value"] != "k-2"
    assert count(Patient) == before[0] + 1
    post(house.client(Role.CASHIER), "/patients", {"key": "k-3", "last_name": "New"}, 403)


def test_who_is_known_is_shown_while_typing(house: House) -> None:
    row = house.patient("Hoffmann", first_name="Greta", phone="0171 2345678")
    client = house.client(DESK)
    found = post(client, "/patients/known", {"last_name": "hoff", "first_name": "gre"}, 200)
    assert found.one("a")["href"] == f"/patients/{row.id}"
    assert post(client, "/patients/known", {"last_name": "ho"}, 200).all("a") == []
    named = post(client, "/patients/new", {"q": "Zzyzx, Anna"}, 200)
    assert (named.one("input", name="last_name")["value"], named.one("input", name="first_name")["value"]) == (
        "Zzyzx", "Anna",
    )  # fmt: skip
    assert post(client, "/patients/new", {"q": "0171 99"}, 200).one("input", name="phone")["value"] == "0171 99"


# ------------------------------------------------------------------------------------------------------------- card


def test_the_card_and_its_tabs(house: House) -> None:
    """Head and one tab, with htmx and without; what a role may not see is not there."""
    house.later(hours=-1)
    row = house.patient("Hoffmann", first_name="Greta", phone="0171 2345678", alerts=HTML, date_of_birth=None)
    house.later(hours=1)
    house.booked(row, house.at(12, days=2))
    visit = house.visit("COMPLETED", patient=row)
    house.run(patients.change, row.id, first_name="Margarethe")
    client = house.client(DESK)
    whole = page(client, f"/patients/{row.id}")
    assert whole.one("h1").text.strip() == "Margarethe Hoffmann"
    assert HTML in whole.text
    assert whole.all("script", src=False) == []
    strip = [e for e in whole.all("a") if "tab=" in e["href"] and e.get("hx-get")]
    assert [e.text.strip() for e in strip] == [
        "Visits", "Details", "Bookings", "Bills", "Bonus and deposit", "Changes", "Access",
    ]  # fmt: skip
    assert [e["href"] == e["hx-get"] for e in strip] == [True] * 7
    for tab, words in {
        "visits": ["Coming", "Sun 22 Nov", visit.ticket, "Paid", "120.00"],
        "bills": ["Total", "120.00", "Paid"],
        "changes": ["First name", "Greta", "Margarethe", "System"],
        "access": ["Receptionist", "Visits"],
    }.items():
        part = page(client, f"/patients/{row.id}?tab={tab}", **htmx())
        assert part.all("html") == []
        assert part.one("article", id="card")["data-signal"] == f"patient-{row.id}"
        assert part.one("a", aria_current="page").text.strip().lower() == tab
        assert [w for w in words if w not in part.text] == [], tab
        assert page(client, f"/patients/{row.id}?tab={tab}").one("section", id=f"tab-{tab}")
    doctor = house.client(Role.DOCTOR)
    seen = page(doctor, f"/patients/{row.id}")
    assert "120.00" not in seen.text
    assert [e.text.strip() for e in seen.all("a") if "tab=" in e["href"] and e.get("hx-get")] == [
        "Visits",
        "Details",
        "Bookings",
    ]
    for tab in ("bills", "changes", "access"):
        page(doctor, f"/patients/{row.id}?tab={tab}", 403)
    page(doctor, f"/patients/{row.id}?tab=nothing", 404)


def test_opening_a_card_is_written_down_first(house: House) -> None:
    """Who, when, which part; a redrawn screen, too. It is the one thing that reading writes."""
    row, client = house.patient("Hoffmann"), house.client(DESK)
    desk = house.person(DESK)
    audited = count(AuditEntry)
    page(client, f"/patients/{row.id}")
    page(client, f"/patients/{row.id}?tab=bills", **htmx())
    page(client, f"/patients/{row.id}?tab=bills&redraw=1", **htmx())
    page(client, f"/patients/{row.id}/edit", **htmx())
    found = db.session.scalars(select(AccessEntry).order_by(AccessEntry.id)).all()
    assert [entry.how for entry in found] == ["visits", "bills", cards.REDRAWN, "edit"]
    assert {(e.actor_kind, e.actor_id, e.address, e.patient_id) for e in found} == {
        ("user", desk.id, "127.0.0.1", row.id)
    }
    assert all(entry.request_id for entry in found)
    assert count(AuditEntry) == audited
    # A plain request is an opening, whatever it calls itself.
    page(client, f"/patients/{row.id}?redraw=1")
    assert db.session.scalars(select(AccessEntry.how).order_by(AccessEntry.id.desc())).first() == "visits"


REFUSING = {
    "sqlite": ["CREATE TRIGGER no_access BEFORE INSERT ON access_entry BEGIN SELECT RAISE(ABORT, 'no'); END"],
    "postgresql": [
        "CREATE FUNCTION no_access() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE TRIGGER no_access BEFORE INSERT ON access_entry FOR EACH ROW EXECUTE FUNCTION no_access()",
    ],
}


def test_what_cannot_be_written_down_is_not_shown(house: House, backend: str) -> None:
    """The database takes no entry: the card stays closed, and the sentence says why."""
    row, client = house.patient("Hoffmann", alerts="Latex"), house.client(DESK)
    with db.engine.begin() as connection:
        for statement in REFUSING[backend]:
            connection.execute(text(statement))
    for path in (f"/patients/{row.id}", f"/patients/{row.id}?tab=access", f"/patients/{row.id}/edit"):
        for headers in ({}, htmx()):
            told = page(client, path, 503, **headers)
            assert "it could not be written down who opens it" in told.text
            assert "Latex" not in told.text
            assert "Hoffmann" not in told.text


def test_other_clinics_cards_look_like_none(house: House) -> None:
    """The same answer for unknown ids and for another clinic's, and the try is in the audit."""
    foreign = House.open(house.app, "Hillside").patient("Foreign", first_name="Fay")
    client = house.client(DESK)
    answers = set()
    for ident in (foreign.id, 10**9, 2**70):
        for path in (f"/patients/{ident}", f"/patients/{ident}?tab=changes", f"/patients/{ident}/edit"):
            answer = client.get(path, headers=htmx())
            answers.add((answer.status_code, answer.get_data(as_text=True)))
        for path in (f"/patients/{ident}", f"/patients/{ident}/close", f"/patients/{ident}/open"):
            answer = client.post(path, data={"key": "k", "last_name": "Mine", "version": "1"}, headers=htmx())
            answers.add((answer.status_code, answer.get_data(as_text=True)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    opened = db.session.scalars(select(AccessEntry.how).where(AccessEntry.how != "refused")).all()
    assert (foreign.last_name, foreign.is_active, opened) == ("Foreign", True, [])
    tried = db.session.scalars(select(AuditEntry.fields).where(AuditEntry.action == "patient.refused")).all()
    assert [fact["patient"] for fact in tried].count(foreign.id) == 3


# ----------------------------------------------------------------------------------------------------------- change


def full(found: Page) -> dict[str, str]:
    """What the form would send as it stands."""
    data = {e["name"]: e.get("value") or "" for e in found.all("input", name=True)}
    data |= {e["name"]: e.text.strip() for e in found.all("textarea", name=True)}
    for choice in found.all("select", name=True):
        chosen = [option for option in choice.inside if option.tag == "option" and "selected" in option.attrs]
        data[choice["name"]] = chosen[0]["value"] if chosen else ""
    return data


def test_editing_the_card(house: House) -> None:
    """What is sent back unchanged changes nothing; what is changed is saved with its act; a second save is stale."""
    row = house.patient("Hoffmann", first_name="Greta", phone="0171 2345678", email="greta@example.org", gender="FEMALE",
                        preferred_locale="ru", national_id="AB1", additional_info="two\nlines")  # fmt: skip
    client = house.client(DESK)
    version = row.version
    form = full(page(client, f"/patients/{row.id}/edit", **htmx()))
    assert (form["phone"], form["version"]) == ("0171 2345678", str(version))
    done = post(client, f"/patients/{row.id}", form, 200)
    assert done.headers["HX-Redirect"] == f"/patients/{row.id}"  # type: ignore[attr-defined]
    assert row.version == version
    first = full(page(client, f"/patients/{row.id}/edit", **htmx()))
    second = full(page(client, f"/patients/{row.id}/edit", **htmx()))
    post(client, f"/patients/{row.id}", first | {"phone": "", "alerts": HTML, "date_of_birth": "1985-03-12"}, 200)
    assert (row.phone, row.alerts, row.email, row.additional_info) == (None, HTML, "greta@example.org", "two\nlines")
    told = post(client, f"/patients/{row.id}", second | {"alerts": "mine"}, 409)
    assert "Somebody changed this card meanwhile" in told.one("div", role="alert").text
    assert told.one("a", href=f"/patients/{row.id}/edit")
    assert told.one("input", name="alerts")["value"] == "mine"
    without = {name: value for name, value in second.items() if name != "version"}
    post(client, f"/patients/{row.id}", without, 409)
    assert row.alerts == HTML


def test_what_the_card_refuses(house: House) -> None:
    twin = house.patient("Twin", national_id="AB 12")
    row, client = house.patient("Hoffmann", phone="0171 2345678"), house.client(DESK)
    form = full(page(client, f"/patients/{row.id}/edit", **htmx()))
    version, audited = row.version, count(AuditEntry)
    for field, value in (
        ("last_name", ""), ("first_name", "x" * 10_000), ("middle_name", "a\x00b"), ("email", "nobody"),
        ("address", "x" * 501), ("home_phone", "12"), ("national_id", "\x00"), ("tax_id", "x" * 65),
        ("preferred_locale", "zz<b>"), ("gender", ""), ("alerts", "x" * 2001), ("additional_info", "x" * 5001),
        ("date_of_birth", "2027-01-01"),
    ):  # fmt: skip
        told = post(client, f"/patients/{row.id}", form | {field: value}, 422)
        assert told.one(id=f"{field}-error").text.strip().endswith("."), field
    told = post(client, f"/patients/{row.id}", form | {"national_id": "ab12"}, 409)
    assert told.one("a", class_="btn btn-primary btn-small")["href"] == f"/patients/{twin.id}"
    assert (row.version, count(AuditEntry)) == (version, audited)


def test_closing_a_card_has_a_way_back(house: House) -> None:
    row, client = house.patient("Hoffmann"), house.client(DESK)
    button = page(client, f"/patients/{row.id}").one("button", data_act="close")
    for _ in range(2):
        done = post(client, button["hx-post"], button.vals, 200)
    assert not row.is_active
    undo = parts(client.post(button["hx-post"], data=button.vals, headers=htmx()).get_data(as_text=True))["toasts"]
    assert page(client, f"/patients/{row.id}").all("button", data_act="close") == []
    back = undo.one("button", data_undo=True)
    assert "Card closed" in done.toasts  # type: ignore[attr-defined]
    post(client, back["hx-post"], back.vals, 200)
    assert row.is_active
    house.booked(row)
    busy = page(client, f"/patients/{row.id}").one("button", data_act="close")
    told = post(client, busy["hx-post"], busy.vals, 409)
    assert "booked or in the queue" in told.toasts  # type: ignore[attr-defined]
    assert row.is_active
    assert client.post(f"/patients/{row.id}/close", data={"version": "1"}, headers=htmx()).status_code == 400


def test_an_open_card_hears_of_changes(house: House) -> None:
    """The card, a visit and a payment raise its signal; another patient's do not."""
    row, other = house.patient("Hoffmann"), house.patient("Else")
    name = f"patient-{row.id}"
    assert regions.may_see(viewer_of(house.person(DESK)), name)

    def is_told(act: Callable[[], Any]) -> bool:
        before = live.versions(house.clinic.id, [name])
        act()
        return live.versions(house.clinic.id, [name]) != before

    assert is_told(lambda: house.run(patients.change, row.id, first_name="Greta"))
    assert is_told(lambda: house.booked(row))
    visit = house.visit("PENDING_PAYMENT", patient=row)
    assert is_told(lambda: house.pay(visit))
    assert not is_told(lambda: house.run(patients.change, other.id, first_name="Nobody"))
    assert not is_told(lambda: house.booked(other, house.at(12)))


def test_nothing_of_a_person_is_in_an_address_or_a_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Searches, registrations, cards and refusals: no name, phone or note in a link or a line of the log."""
    caplog.set_level("DEBUG")
    row = house.patient("Quetzalcoatl", first_name="Xochi", phone="0171 2345678", alerts="Latexallergie")
    client = house.client(DESK)
    pages = [
        page(client, "/patients"),
        post(client, "/patients/search", {"q": "quetzal"}, 200, part=False),
        page(client, f"/patients/{row.id}"),
        page(client, f"/patients/{row.id}?tab=changes"),
        post(client, "/patients", {"key": "k", "last_name": "Quetzalcoatl", "phone": "0171 2345678"}, 409, part=False),
        post(client, "/patients", {"key": "k", "last_name": "Quetzalcoatl", "phone": "12"}, 422, part=False),
    ]
    links = [
        value
        for found in pages
        for element in found.elements
        for name, value in element.attrs.items()
        if name in ("href", "action", "hx-get", "hx-post") and not value.startswith("tel:")
    ]
    assert links
    for word in ("quetzal", "xochi", "2345678", "latex"):
        assert not [link for link in links if word in link.lower()]
        assert word not in caplog.text.lower()
