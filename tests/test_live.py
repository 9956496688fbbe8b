"""Push: one message per audience after a commit, none after a refusal, none outside the role; nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import simple_websocket
from sqlalchemy import select

from reception import live, regions
from reception.domain import directory, users
from reception.domain.errors import NotPossible, Refusal
from reception.extensions import db
from reception.models import LiveRegion, Role, VisitStatus
from tests.factories import House
from tests.pages import htmx
from tests.screens import Screen, Socket
from tests.servers import serving

DESK, DOCTOR, CASHIER = Role.RECEPTIONIST, Role.DOCTOR, Role.CASHIER
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Where the database makes no difference."""


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each region was drawn."""
    counts: Counter[str] = Counter()
    draw = regions.draw

    def counted(viewer: Any, name: str, version: int) -> str:
        counts[name] += 1
        return draw(viewer, name, version)

    monkeypatch.setattr(regions, "draw", counted)
    return counts


def now_of(house: House) -> dict[str, int]:
    rows = db.session.execute(select(LiveRegion.name, LiveRegion.version).filter_by(clinic_id=house.clinic.id))
    return {name: version for name, version in rows}


def test_one_message_per_audience_after_a_commit(house: House, drawn: Counter[str]) -> None:
    """Five screens of two audiences: each region is drawn twice, and each screen hears it once, at its version."""
    appointment = house.booked()
    desks = [Screen(house, DESK) for _ in range(3)]
    others = [Screen(house, DESK, DOCTOR) for _ in range(2)]
    for screen in desks + others:
        screen.heard()
    drawn.clear()
    house.check_in(appointment)
    line = f"line-{house.doctor.id}"
    versions = now_of(house)
    for screen in desks + others:
        found = screen.regions()
        assert {"arrivals", line} == set(found)
        assert {name: m["v"] for name, m in found.items()} == {name: versions[name] for name in found}
        assert f'data-v="{versions[line]}"' in found[line]["html"]
        assert 'data-status="WAITING"' in found[line]["html"]
    assert drawn == {"arrivals": 2, line: 2}


def test_nothing_after_a_refusal_or_a_rollback(house: House) -> None:
    visit = house.visit()
    screen = Screen(house, DESK)
    screen.heard()
    before = now_of(house)
    with pytest.raises(NotPossible):
        house.move(visit, "finish")
    with pytest.raises(Refusal):
        house.visit(patient=visit.patient)

    def broken(*, actor: Any, at: Any) -> None:
        house.doctor.on_break = True
        db.session.flush()
        raise NotPossible("no")

    with pytest.raises(NotPossible):
        house.run(broken)
    answer = screen.browser.post(f"/queue/visits/{visit.id}/start", data={"key": "k"}, headers=htmx())
    assert answer.status_code == 409
    live.beat()
    assert screen.heard("region") == screen.heard("signal") == []
    assert now_of(house) == before


def test_nothing_outside_the_role(house: House) -> None:
    """A doctor hears no arrivals and no money, a cashier does; another clinic hears nothing; asking does not help."""
    neighbour = House.open(house.app, "Hillside")
    line, far = f"line-{house.doctor.id}", f"line-{neighbour.doctor.id}"
    doctor = Screen(house, DOCTOR, auth={"regions": ["arrivals", "payable", "finance", line, far, "x", "display-1", 7]})
    cashier, desk = Screen(house, CASHIER), Screen(house, DESK)
    assert set(doctor.heard("versions")[0]) == {line, far}
    assert {"payable", "finance", "arrivals"} <= set(cashier.heard("versions")[0])
    assert "finance" not in desk.heard("versions")[0]
    for screen in (doctor, cashier, desk):
        screen.heard()
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    house.pay(visit)
    theirs = neighbour.visit(VisitStatus.CALLED)
    assert {m["id"] for m in doctor.heard("region")} == {line}
    messages = cashier.heard()
    assert {"payable", "finance"} <= {m["args"][0]["id"] for m in messages}
    for screen in (doctor, cashier, desk):
        live.beat()
        words = str(screen.heard())
        assert theirs.patient.last_name not in words
    assert theirs.patient.last_name not in str(messages)


def test_versions_on_connect_and_on_every_beat(house: House) -> None:
    """The first word of a line is what stands in the database; a beat repeats it; what was missed comes with it."""
    house.visit(VisitStatus.CALLED)
    screen = Screen(house, DESK)
    first = screen.heard()
    assert [m["name"] for m in first] == ["versions"]
    known = now_of(house)
    assert first[0]["args"][0] == {name: known.get(name, 0) for name in first[0]["args"][0]}
    live.beat()
    assert screen.heard("versions") == [first[0]["args"][0]]


def test_a_message_that_was_lost_comes_with_the_next_beat(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between commit and send, a deaf channel: the beat reads the versions and pushes what this process missed."""
    screen = Screen(house, DESK)
    screen.heard()
    with monkeypatch.context() as silent:
        silent.setattr(live, "publish", lambda *_: None)
        visit = house.visit()
    assert screen.heard() == []
    live.beat()
    pushed = {m["id"]: m for m in screen.heard("region")}
    assert visit.ticket in pushed[f"line-{house.doctor.id}"]["html"].replace("<span>", "")
    live.beat()
    assert screen.heard("region") == [], "once"


def test_an_old_message_is_never_sent_after_a_newer(house: House) -> None:
    house.visit()
    screen = Screen(house, DESK)
    line = f"line-{house.doctor.id}"
    house.visit()
    version = now_of(house)[line]
    screen.heard()
    live.publish(house.clinic.id, {line: version - 1})
    live.publish(house.clinic.id, {line: version})
    assert screen.heard() == []


def test_a_region_over_http_is_what_was_pushed(house: House) -> None:
    """For every kind of region that a screen can show: the same HTML from the push and from the address."""
    screen = Screen(house, DESK, auth={"regions": [
        "arrivals", "payable", f"line-{house.doctor.id}", f"pool-{house.department.id}", f"board-{house.doctor.id}",
    ]})  # fmt: skip
    screen.heard()
    house.check_in(house.booked())
    house.visit(department_id=house.department.id)
    house.visit(VisitStatus.PENDING_PAYMENT)
    pushed = {m["id"]: m for m in screen.heard("region")}
    assert len(pushed) == 5
    for name, message in pushed.items():
        answer = screen.browser.get(f"/live/{name}", headers={"HX-Request": "true"})
        assert answer.get_data(as_text=True) == message["html"], name
    named = screen.browser.get(f"/live/versions?ids={','.join(pushed)},nothing,line-x").json
    assert named == {name: message["v"] for name, message in pushed.items()}


@ON_SQLITE
def test_the_address_of_a_region_has_the_same_walls(house: House) -> None:
    neighbour = House.open(house.app, "Hillside")
    desk, doctor, nobody = house.client(DESK), house.client(DOCTOR), house.client()
    assert desk.get(f"/live/line-{neighbour.doctor.id}").status_code == 404
    assert desk.get("/live/line-999999999999999999999").status_code == 404
    assert desk.get("/live/nothing").status_code in (403, 404)
    assert desk.get("/live/display-1").status_code == 403
    assert doctor.get("/live/payable").status_code == 403
    assert nobody.get("/live/arrivals").status_code in (401, 403)
    assert doctor.get("/live/versions?ids=payable,arrivals,finance").json == {}
    assert desk.get(f"/live/versions?ids=line-{neighbour.doctor.id}").json == {f"line-{neighbour.doctor.id}": 0}


@ON_SQLITE
def test_nothing_personal_in_a_region(house: House) -> None:
    """Two people of one role get the same words: no token of a form, no name of the reader."""
    house.check_in(house.booked())
    house.visit(VisitStatus.PENDING_PAYMENT)
    actor = house.person(DESK)
    client = house.client(DESK)
    for name in ("arrivals", "payable", f"line-{house.doctor.id}", f"board-{house.doctor.id}"):
        html = client.get(f"/live/{name}").get_data(as_text=True)
        assert "csrf" not in html.lower()
        assert actor.name not in html


def test_a_display_gets_numbers_and_rooms_and_nothing_else(house: House) -> None:
    device = house.display()
    screen = Screen(house, auth={"display": device.token})
    assert list(screen.heard("versions")[0]) == [f"display-{device.id}"]
    patient = house.patient("Geheimrat", first_name="Gustav", phone="030 1234567")
    visit = house.visit(patient=patient)
    house.call_next()
    message = screen.heard()[-1]["args"][0]
    assert message["id"] == f"display-{device.id}"
    words = message["html"]
    assert visit.ticket in words
    assert house.room.name in words
    for secret in ("Geheimrat", "Gustav", "1234567", patient.card_no, house.service.name, house.doctor.last_name):
        assert secret not in words
    header = {"Authorization": f"Display {device.token}"}
    nobody = house.client()
    assert nobody.get(f"/live/display-{device.id}", headers=header).status_code == 200
    for other in (f"display-{device.id + 1}", "arrivals", f"line-{house.doctor.id}"):
        assert nobody.get(f"/live/{other}", headers=header).status_code == 403
    house.run(directory.revoke_device, device.id)
    live.beat()
    assert not screen.is_open
    assert nobody.get(f"/live/display-{device.id}", headers=header).status_code == 403


def test_a_ticket_page_hears_its_own_visit(house: House) -> None:
    visit, other = house.visit(), house.visit()
    screen = Screen(house, auth={"ticket": visit.public_token})
    assert list(screen.heard("versions")[0]) == [f"ticket-{visit.id}"]
    house.move(other, "call")
    assert screen.heard("region") == []
    house.move(visit, "call")
    message = screen.heard("region")[-1]
    assert message["id"] == f"ticket-{visit.id}"
    assert other.patient.last_name not in message["html"]


@ON_SQLITE
def test_who_brings_nothing_is_refused(house: House) -> None:
    device = house.display()
    house.run(directory.revoke_device, device.id)
    for auth in (
        None,
        {},
        {"token": "x"},
        {"display": "x"},
        {"ticket": ""},
        {"display": device.token},
        {"token": 7},
        "x",
    ):
        assert not Screen(house, auth=auth).is_open, auth  # type: ignore[arg-type]
    token = house.token(DESK)["Authorization"].partition(" ")[2]
    assert Screen(house, auth={"token": token}).is_open


def test_a_lost_right_closes_the_line(house: House) -> None:
    """Signing out at once; a revoked, disabled or changed user with the next beat. The others stay."""
    stays = Screen(house, CASHIER)
    leaves = Screen(house, DESK)
    leaves.browser.post("/sign-out")
    assert not leaves.is_open

    promoted = Screen(house, Role.MANAGER)
    manager = users.by_name("manager")
    assert manager is not None
    house.run(users.set_roles, manager.id, [Role.NURSE])
    live.beat()
    assert not promoted.is_open

    disabled = Screen(house, Role.ADMIN)
    admin = users.by_name("admin")
    assert admin is not None

    house.run(users.set_active, admin.id, False)
    live.beat()
    assert not disabled.is_open
    assert stays.is_open


@ON_SQLITE
def test_a_client_cannot_speak(house: House) -> None:
    """A socket changes nothing, whatever it sends."""
    visit = house.visit()
    screen = Screen(house, DESK)
    before = now_of(house)
    for event in ("region", "versions", "call", "join", "message"):
        screen.line.emit(event, {"id": visit.id}, namespace="/live")
    assert now_of(house) == before
    assert visit.status == VisitStatus.WAITING
    assert screen.is_open


def test_a_real_server_pushes_to_a_real_socket(house: House) -> None:
    """A server process, a WebSocket, a click over HTTP: the region comes with the change in it, a display its number."""
    visit = house.visit()
    device = house.display()
    headers = house.token(Role.ADMIN)
    token = headers["Authorization"].partition(" ")[2]
    line, screen = f"line-{house.doctor.id}", f"display-{device.id}"
    paired, path, ticket = device.token, f"/api/v1/visits/{visit.id}/call", visit.ticket
    with serving(house, RECEPTION_LIVE_BEAT="1") as server:
        stranger = Socket(server.url, {"token": "wrong"})
        assert not stranger.is_open
        with pytest.raises(simple_websocket.ConnectionError):
            Socket(server.url, {"token": token}, origin="http://elsewhere.example")
        desk, tv = (
            Socket(server.url, {"token": token, "regions": [line]}),
            Socket(server.url, {"display": paired}),
        )
        assert desk.is_open
        before = desk.wait("versions")[line]
        tv.wait("versions")
        assert server.client(headers).post(path).status == 200
        pushed = desk.wait("region", id=line)
        assert pushed["v"] == before + 1
        assert 'data-status="CALLED"' in pushed["html"]
        assert str(ticket) in tv.wait("region", id=screen)["html"]
        assert desk.wait("versions")[line] == pushed["v"]
        for socket in (desk, tv):
            socket.close()
