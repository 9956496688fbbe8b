"""The waiting-room TV: paired by a code, shows numbers and rooms, is cut off at once."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from sqlalchemy import func, select

from reception import clock, live
from reception.domain import clinic, devices
from reception.domain.errors import Invalid
from reception.extensions import db
from reception.models import AuditEntry, Device, PairingCode, Role
from tests.factories import House
from tests.pages import Page, htmx, parts
from tests.screens import Screen

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
HX = htmx("/display")


def show_code(house: House) -> tuple[FlaskClient, str]:
    """A TV that asked for its code, and the code."""
    house.app.config["WTF_CSRF_ENABLED"] = False
    screen = house.client()
    answer = screen.post("/display", headers=HX)
    assert answer.status_code == 200
    return screen, Page(answer.get_data(as_text=True)).one("p", class_="tv-code").text


def pair(house: House, code: str, name: str = "Hall", **more: Any) -> Any:
    return house.client(Role.MANAGER).post(
        "/settings/displays", data={"code": code, "name": name, "key": f"pair-{name}"}, **more
    )


def test_a_code_leads_a_screen_to_its_address(house: House) -> None:
    screen, code = show_code(house)
    assert re.fullmatch(r"[A-Z0-9]{2} [A-Z0-9]{2} [A-Z0-9]{2}", code)
    assert code in screen.get("/display", headers=HX).get_data(as_text=True), "until then it shows the same code"
    answer = pair(house, f" {code.lower()}", headers=htmx("/settings/displays"))
    assert answer.status_code == 200
    assert "Hall" in parts(answer.get_data(as_text=True))["settings-list"].text
    device = db.session.scalars(select(Device)).one()
    polled = screen.get("/display", headers=HX)
    assert polled.headers["HX-Redirect"] == f"/display/{device.token}"
    assert "screen=;" in polled.headers["Set-Cookie"]
    page = screen.get(f"/display/{device.token}")
    assert page.status_code == 200
    assert f'data-display="{device.token}"' in page.get_data(as_text=True)
    actions = list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))
    assert "device.add" in actions


@ON_SQLITE
def test_a_plain_request_is_led_on_too(house: House) -> None:
    screen, code = show_code(house)
    assert pair(house, code).status_code == 303
    answer = screen.get("/display")
    assert (answer.status_code, answer.headers["Location"].startswith("/display/")) == (302, True)


@ON_SQLITE
def test_looking_at_the_pairing_page_writes_nothing(house: House) -> None:
    page = Page(house.client().get("/display").get_data(as_text=True))
    assert page.one(id="pair")["hx-post"] == "/display"
    assert "X-CSRFToken" in page.one(id="pair")["hx-headers"]
    assert db.session.scalar(select(func.count()).select_from(PairingCode)) == 0


@ON_SQLITE
def test_a_code_asks_for_the_token_of_its_page(house: House) -> None:
    screen = house.client()
    house.app.config["WTF_CSRF_ENABLED"] = True
    assert screen.post("/display", headers=HX).status_code == 400
    page = Page(screen.get("/display").get_data(as_text=True))
    token = page.one(id="pair")["hx-headers"].split('"')[3]
    assert screen.post("/display", headers={**HX, "X-CSRFToken": token}).status_code == 200


@ON_SQLITE
def test_the_secret_stays_with_the_screen(house: House) -> None:
    screen, code = show_code(house)
    cookie = screen.get_cookie("screen", path="/display")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Strict"
    stored = db.session.scalars(select(PairingCode)).one()
    assert cookie.value not in (stored.secret_hash, stored.code)
    pair(house, code)
    stranger = house.client()
    stranger.set_cookie("screen", stored.secret_hash, path="/display")
    assert "HX-Redirect" not in stranger.get("/display", headers=HX).headers


def test_a_code_runs_out(house: House) -> None:
    screen, code = show_code(house)
    house.later(minutes=10)
    refused = pair(house, code, headers=htmx("/settings/displays"))
    assert refused.status_code == 422
    assert "No screen shows this code now." in refused.get_data(as_text=True)
    page = Page(screen.get("/display", headers=HX).get_data(as_text=True))
    assert page.one(id="pair")["hx-post"] == "/display", "the screen asks for a new one"
    screen.post("/display", headers=HX)
    assert db.session.scalar(select(func.count()).select_from(PairingCode)) == 1, "the old one is swept away"


def test_a_code_pairs_once(house: House) -> None:
    _, code = show_code(house)
    other = House.open(house.app, "Hillside")
    house.run(devices.pair, code, "Hall")
    with pytest.raises(Invalid):
        other.run(devices.pair, code, "Theirs")
    assert db.session.scalar(select(func.count()).select_from(Device)) == 1


@ON_SQLITE
def test_names_of_screens_are_told_apart(house: House) -> None:
    house.display("Hall")
    _, code = show_code(house)
    answer = pair(house, code, "Hall", headers=htmx("/settings/displays"))
    assert answer.status_code == 422
    assert "A screen of this name exists already." in answer.get_data(as_text=True)
    assert pair(house, code, "Corridor", headers=htmx("/settings/displays")).status_code == 200


@ON_SQLITE
def test_guessing_codes_has_an_end(house: House) -> None:
    client = house.client(Role.MANAGER)
    answers = [
        client.post("/settings/displays", data={"code": f"AAAA{n:02d}", "name": "x", "key": f"k{n}"}).status_code
        for n in range(31)
    ]
    assert answers == [422] * 30 + [429]


@ON_SQLITE
def test_guessing_addresses_has_an_end(house: House) -> None:
    device = house.display()
    client = house.client()
    answers = [client.get(f"/display/{'x' * 42}{n % 10}").status_code for n in range(31)]
    assert answers == [404] * 30 + [429]
    assert client.get(f"/display/{device.token}").status_code == 200, "a paired screen is not touched"


@ON_SQLITE
def test_the_board_shows_numbers_and_rooms_and_nobody(house: House) -> None:
    visit = house.visit("CALLED", patient=house.patient("Hoffmann", first_name="Greta", phone="+4915112345678"))
    waiting = house.visit(patient=house.patient("Yilmaz"))
    device = house.display()
    page = house.client().get(f"/display/{device.token}")
    text = page.get_data(as_text=True)
    shown = Page(text)
    assert visit.ticket.partition("-")[2] in shown.one("article").text
    assert "101" in shown.one("article").text
    assert waiting.ticket.partition("-")[2] in text
    region = house.client().get(f"/live/display-{device.id}", headers={"Authorization": f"Display {device.token}"})
    assert region.status_code == 200
    for html in (text, region.get_data(as_text=True)):
        for secret in ("Hoffmann", "Greta", "Yilmaz", "15112345678", "Novak", str(visit.patient.card_no)):
            assert secret not in html


@ON_SQLITE
def test_a_screen_uses_no_cookie(house: House) -> None:
    device = house.display()
    client = house.client()
    for path in (f"/display/{device.token}", f"/live/display-{device.id}", "/static/tv.css"):
        answer = client.get(path, headers={"Authorization": f"Display {device.token}"})
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    house.app.config["WTF_CSRF_ENABLED"] = True


@ON_SQLITE
def test_a_screen_sees_its_own_board_only(house: House) -> None:
    device, second = house.display("One"), house.display("Two")
    theirs = House.open(house.app, "Hillside").display()
    client = house.client()
    headers = {"Authorization": f"Display {device.token}"}
    for name in (f"display-{second.id}", f"display-{theirs.id}", "arrivals", f"line-{house.doctor.id}", "ticket-1"):
        assert client.get(f"/live/{name}", headers=headers).status_code == 403
    asked = client.get(f"/live/versions?ids=arrivals,display-{device.id},display-{second.id}", headers=headers)
    assert list(asked.get_json()) == [f"display-{device.id}"]


def test_a_screen_that_lost_its_right_is_cut_off_at_once(house: House) -> None:
    device = house.display("Hall")
    screen = Screen(house, auth={"display": device.token}, client=house.client())
    other = Screen(house, auth={"display": house.display("Other").token}, client=house.client())
    assert screen.is_open
    manager = house.client(Role.MANAGER)
    page = manager.get("/settings/displays", headers=htmx("/settings/displays")).get_data(as_text=True)
    assert Page(page).one(id=f"device-{device.id}").text.count("Connected now") == 1
    path = f"/settings/displays/{device.id}/revoke"
    for _ in range(2):
        answer = manager.post(path, data={"key": f"device-{device.id}.revoke"}, headers=htmx("/settings/displays"))
        assert answer.status_code == 200
    assert not screen.is_open
    assert other.is_open
    assert not Page(answer.get_data(as_text=True)).all(id=f"device-{device.id}")
    gone = house.client().get(f"/display/{device.token}")
    assert gone.status_code == 404
    assert Page(gone.get_data(as_text=True)).all("a", href="/display")
    assert Screen(house, auth={"display": device.token}, client=house.client()).is_open is False
    assert house.client().get(f"/live/display-{device.id}",
                              headers={"Authorization": f"Display {device.token}"}).status_code == 403  # fmt: skip
    actions = list(db.session.scalars(select(AuditEntry.action)))
    assert actions.count("device.revoke") == 1


@ON_SQLITE
def test_a_screen_that_is_not_there_shows_as_such(house: House) -> None:
    device = house.display()
    row = Page(house.client(Role.MANAGER).get("/settings/displays").get_data(as_text=True)).one(id=device.ref)
    assert "Not connected" in row.text
    assert live.connected("device", [device.id]) == set()


@pytest.mark.redis
@ON_SQLITE
def test_a_screen_at_another_worker_is_known_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (url := os.environ.get("TEST_REDIS_URL")):
        pytest.skip("no Redis: run make test")
    device = house.display()
    channel = redis.Redis.from_url(url)
    monkeypatch.setattr(live, "_redis", channel)
    screen = Screen(house, auth={"display": device.token}, client=house.client())
    live.beat()
    monkeypatch.setattr(live, "hub", live.Hub())  # as another worker, that has no screen of its own
    try:
        assert live.connected("device", [device.id, device.id + 1]) == {device.id}
        assert 0 < channel.ttl(f"{live.CHANNEL}:device:{device.id}") <= 15, "it is forgotten by itself"
    finally:
        channel.delete(f"{live.CHANNEL}:device:{device.id}")
    assert screen.is_open


def test_what_the_screens_show_is_pushed_to_them(house: House) -> None:
    device = house.display()
    screen = Screen(house, auth={"display": device.token}, client=house.client())
    screen.heard()
    manager = house.client(Role.MANAGER)
    form = Page(manager.get("/settings/displays").get_data(as_text=True)).one(id="look-form")
    values = {e["name"]: e.get("value") or "" for e in form.inside if e.tag == "input" and e.get("name")}
    values |= {"display_message": "<b>Masks</b>, please", "display_theme": "light", "first_language": "ru",
               "second_language": "ar", "third_language": ""}  # fmt: skip
    answer = manager.post("/settings/displays/look", data=values, headers=htmx("/settings/displays"))
    assert answer.status_code == 200
    html = screen.regions()[f"display-{device.id}"]["html"]
    assert "&lt;b&gt;Masks&lt;/b&gt;, please" in html
    assert 'data-theme="light"' in html
    assert 'data-locales="ru ar"' in html
    stale = manager.post("/settings/displays/look", data={**values, "key": "another"}, headers=htmx())
    assert stale.status_code == 409
    assert "Somebody has changed this meanwhile." in stale.get_data(as_text=True)


@ON_SQLITE
def test_a_message_that_is_too_long_is_refused_at_its_field(house: House) -> None:
    with pytest.raises(Invalid) as refused:
        house.run(clinic.change_clinic, display_message="x" * 201)
    assert list(refused.value.fields) == ["display_message"]
    with pytest.raises(Invalid):
        house.run(clinic.change_clinic, display_locales=[])
    with pytest.raises(Invalid):
        house.run(clinic.change_clinic, display_theme="pink")


@ON_SQLITE
def test_codes_are_easy_to_read_aloud(house: House) -> None:
    codes = {house.run(devices.offer_code, str(n)).code for n in range(50)}
    assert len(codes) == 50
    assert not set("".join(codes)) & set("0125IOSZ")
    assert all(len(code) == devices.LENGTH for code in codes)
    row = db.session.scalars(select(PairingCode).limit(1)).one()
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert row.created_at <= clock.now()
