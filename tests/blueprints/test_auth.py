"""Signing in and out, over HTTP with CSRF as it really is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from reception import access, create_app, live
from reception.domain import users
from reception.extensions import db, limiter
from reception.models import AuditEntry, LoginSession, Role
from tests.conftest import settings
from tests.factories import PASSWORD, House
from tests.screens import Screen

LIMIT = 3


@contextmanager
def guarded(folder: Path, url: str, **more: str) -> Iterator[House]:
    app = create_app(settings(folder, url, RECEPTION_LOGIN_LIMIT=f"{LIMIT} per 15 minutes", **more))
    live.hub = live.Hub()
    with app.app_context():
        house = House.open(app)
        house.person(Role.RECEPTIONIST)
        house.person(Role.CASHIER)
        yield house
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def strict(database_url: str, tmp_path: Path) -> Iterator[House]:
    """A house with three password tries in a quarter of an hour, and CSRF checked."""
    with guarded(tmp_path, database_url) as house:
        limiter.reset()
        yield house


def csrf(client: FlaskClient, path: str = "/sign-in") -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).get_data(as_text=True))
    assert found
    return found[1]


def try_in(client: FlaskClient, name: str, password: str = PASSWORD, **more: str) -> int:
    data = {"username": name, "password": password, "csrf_token": csrf(client), **more}
    return client.post("/sign-in", data=data).status_code


def cookie(client: FlaskClient) -> str:
    found = client.get_cookie("reception")
    assert found
    return found.value


def test_name_and_password_open_the_desk(strict: House) -> None:
    client = strict.client()
    assert client.get("/queue").headers["Location"] == "/sign-in?next=/queue"
    answer = client.post(
        "/sign-in",
        data={"username": " Receptionist ", "password": PASSWORD, "csrf_token": csrf(client), "next": "/queue"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/queue")
    assert client.get("/queue").status_code == 200
    assert client.get("/sign-in").headers["Location"] == "/"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_way_on_stays_in_the_house(strict: House) -> None:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb"):
        client = strict.client()
        data = {"username": "receptionist", "password": PASSWORD, "csrf_token": csrf(client), "next": target}
        assert client.post("/sign-in", data=data).headers["Location"] == "/"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_sign_in_without_its_token_is_offered_anew(strict: House) -> None:
    client = strict.client()
    answer = client.post("/sign-in", data={"username": "receptionist", "password": PASSWORD})
    assert answer.status_code == 400
    assert "This page was open too long" in answer.get_data(as_text=True)
    assert not db.session.scalars(select(LoginSession)).all()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_write_without_its_token_changes_nothing(strict: House) -> None:
    client = strict.client()
    assert try_in(client, "receptionist") == 302
    answer = client.post("/preferences", data={"theme": "dark"})
    assert answer.status_code == 400
    assert "open too long" in answer.get_data(as_text=True)
    assert users.by_name("receptionist").theme == "auto"  # type: ignore[union-attr]


def test_wrong_names_and_wrong_passwords_look_the_same(strict: House) -> None:
    closed = strict.person(Role.NURSE)
    strict.run(users.set_active, closed.id, False)
    bodies = set()
    for name, password in [
        ("receptionist", "wrong"),
        ("nobody", PASSWORD),
        ("nurse", PASSWORD),
        ("nobody\x00", "x"),
        ("n" * 900, "x"),
    ]:
        client = strict.client()
        data = {"username": name, "password": password, "csrf_token": csrf(client)}
        answer = client.post("/sign-in", data=data)
        assert answer.status_code == 401
        bodies.add(
            re.sub(r'(value|data-now)="[^"]*"|CSRFToken": "[^"]*"| autofocus', "", answer.get_data(as_text=True))
        )
    assert len(bodies) == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_unknown_name_costs_the_same_hash(strict: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    real = users._hasher

    class Counted:
        def verify(self, password_hash: str, password: str) -> bool:
            hashed.append(password_hash)
            return real.verify(password_hash, password)

    monkeypatch.setattr(users, "_hasher", Counted())
    assert try_in(strict.client(), "nobody") == 401
    assert try_in(strict.client(), "receptionist", "wrong password") == 401
    assert [found.split("$")[:4] for found in hashed] == [users._nobody.split("$")[:4]] * 2


def test_tries_of_an_account_are_counted_before_the_password_is_looked_at(strict: House) -> None:
    clients = [strict.client() for _ in range(LIMIT + 2)]
    statuses = [try_in(client, "receptionist", "wrong") for client in clients[:LIMIT]]
    assert statuses == [401] * LIMIT
    blocked = clients[LIMIT]
    data = {"username": "RECEPTIONIST", "password": PASSWORD, "csrf_token": csrf(blocked)}
    answer = blocked.post("/sign-in", data=data)
    assert answer.status_code == 429
    assert "Please wait a quarter of an hour." in answer.get_data(as_text=True)
    assert try_in(clients[LIMIT + 1], "cashier") == 302, "another account is not touched"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_somebody_elsewhere_is_not_locked_out(strict: House) -> None:
    client = strict.client()
    for _ in range(LIMIT + 1):
        try_in(client, "receptionist", "wrong")
    there = strict.client()
    token = csrf(there)
    data = {"username": "receptionist", "password": PASSWORD, "csrf_token": token}
    assert there.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": "10.0.0.7"}).status_code == 302


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_address_is_not_what_a_header_says(strict: House) -> None:
    client = strict.client()
    token = csrf(client)
    statuses = [
        client.post(
            "/sign-in",
            data={"username": "receptionist", "password": "wrong", "csrf_token": token},
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        ).status_code
        for number in range(LIMIT + 1)
    ]
    assert statuses == [401] * LIMIT + [429]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_address_has_a_limit_of_its_own(strict: House) -> None:
    client = strict.client()
    token = csrf(client)
    statuses = [
        client.post(
            "/sign-in", data={"username": f"name{number}", "password": "wrong", "csrf_token": token}
        ).status_code
        for number in range(10 * LIMIT + 1)
    ]
    assert statuses == [401] * (10 * LIMIT) + [429]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_right_password_forgives_the_wrong_ones(strict: House) -> None:
    for _ in range(2):
        client = strict.client()
        for _ in range(LIMIT - 1):
            assert try_in(client, "receptionist", "wrong") == 401
        assert try_in(client, "receptionist") == 302


@pytest.mark.redis
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_workers_count_together_in_redis(database_url: str, tmp_path: Path) -> None:
    if not (redis_url := os.environ.get("TEST_REDIS_URL")):
        pytest.skip("no Redis: run make test")
    address = {"REMOTE_ADDR": f"10.{os.getpid() % 250}.{id(tmp_path) % 250}.1"}
    with guarded(tmp_path, database_url, REDIS_URL=redis_url) as house:
        more = {"RECEPTION_LOGIN_LIMIT": f"{LIMIT} per 15 minutes", "REDIS_URL": redis_url}
        second = create_app(settings(tmp_path, database_url, **more))
        second.test_client_class = house.client().__class__
        clients = [house.client(), second.test_client()]
        tokens = [csrf(client) for client in clients]
        statuses = [
            clients[n % 2]
            .post(
                "/sign-in",
                data={"username": "receptionist", "password": "wrong", "csrf_token": tokens[n % 2]},
                environ_base=address,
            )
            .status_code
            for n in range(LIMIT + 1)
        ]
        assert statuses == [401] * LIMIT + [429]
        keys = [key for key in limiter.storage.storage.scan_iter("LIMITS:*")]
        assert keys
        assert not [key for key in keys if b"receptionist" in key], "no name is in Redis"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_without_its_redis_a_worker_counts_alone(database_url: str, tmp_path: Path) -> None:
    with guarded(tmp_path, database_url, REDIS_URL="redis://127.0.0.1:1/0") as house:
        clients = [house.client() for _ in range(LIMIT + 2)]
        names = ["cashier"] + ["receptionist"] * (LIMIT + 1)
        statuses = [try_in(client, name, "wrong") for client, name in zip(clients, names, strict=True)]
        assert statuses == [401] * (LIMIT + 1) + [429]


def test_each_sign_in_is_a_new_row_and_the_former_one_of_the_browser_ends(strict: House) -> None:
    client = strict.client()
    csrf(client)
    before = cookie(client)
    try_in(client, "receptionist")
    assert cookie(client) != before
    token = csrf(client, "/queue")
    old = cookie(client)
    data = {"username": "cashier", "password": PASSWORD, "csrf_token": token}
    assert client.post("/sign-in", data=data).status_code == 302
    rows = db.session.scalars(select(LoginSession).order_by(LoginSession.id)).all()
    assert [row.revoked_at is None for row in rows] == [False, True]
    assert len({row.token_hash for row in rows}) == 2
    thief = strict.client()
    thief.set_cookie("reception", old)
    assert thief.get("/queue").status_code == 302


def test_after_signing_out_the_old_cookie_is_dead(strict: House) -> None:
    client = strict.client()
    try_in(client, "receptionist")
    token, old = csrf(client, "/queue"), cookie(client)
    answer = client.post("/sign-out", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    thief = strict.client()
    thief.set_cookie("reception", old)
    assert thief.get("/queue").status_code == 302
    assert thief.get("/live/arrivals").status_code == 403
    acts = list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))
    assert acts[-2:] == ["login.open", "login.close"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_lost_sign_in_inside_a_part_leads_to_the_whole_page(house: House) -> None:
    client = house.client(Role.RECEPTIONIST)
    row = db.session.scalars(select(LoginSession).order_by(LoginSession.id.desc())).first()
    house.run(users.set_active, row.user_id, False)  # type: ignore[union-attr]
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/queue?all=1"}
    for answer in (client.get("/desk/walk-in", headers=headers), client.post("/desk/ticket", headers=headers)):
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/sign-in?next=/queue?all%3D1"
        assert answer.get_data() == b""


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_cookie_is_kept_from_scripts_and_other_sites(strict: House) -> None:
    client = strict.client()
    answer = client.post(
        "/sign-in", data={"username": "receptionist", "password": PASSWORD, "csrf_token": csrf(client)}
    )
    written = answer.headers["Set-Cookie"]
    assert "HttpOnly" in written
    assert "SameSite=Lax" in written
    assert PASSWORD not in written


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_only_the_hash_of_a_sign_in_is_stored(strict: House) -> None:
    client = strict.client()
    try_in(client, "receptionist")
    with client.session_transaction() as held:
        token = held["_user_id"]
    row = db.session.scalars(select(LoginSession)).one()
    assert row.token_hash == access.hashed(token) != token


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_languages_before_signing_in(strict: House) -> None:
    client = strict.client()
    answer = client.post("/language", data={"locale": "ar", "csrf_token": csrf(client), "next": "/queue"})
    assert answer.headers["Location"] == "/sign-in?next=/queue"
    page = client.get("/sign-in").get_data(as_text=True)
    assert 'lang="ar" dir="rtl"' in page
    client.post("/language", data={"locale": "xx", "csrf_token": csrf(client)})
    assert 'lang="ar"' in client.get("/sign-in").get_data(as_text=True)


def test_the_clinic_of_a_sign_in_is_one_of_the_users(house: House) -> None:
    other = House.open(house.app, "Hillside")
    client = house.client(Role.RECEPTIONIST)
    assert client.post(f"/clinic/{other.clinic.id}").status_code == 404
    user = users.by_name("receptionist")
    other.run(users.welcome, user.username, [Role.CASHIER])  # type: ignore[union-attr]
    assert client.post(f"/clinic/{other.clinic.id}").status_code == 302
    row = db.session.scalars(select(LoginSession)).one()
    assert row.clinic_id == other.clinic.id


def test_screens_of_the_former_clinic_are_cut_off(house: House) -> None:
    other = House.open(house.app, "Hillside")
    client = house.client(Role.RECEPTIONIST)
    other.run(users.welcome, "receptionist", [Role.RECEPTIONIST])
    screen, ticket = Screen(house, client=client), house.visit()
    phone = Screen(house, auth={"ticket": ticket.public_token}, client=house.client())
    assert client.post(f"/clinic/{other.clinic.id}").status_code == 302
    assert not screen.is_open
    assert phone.is_open
    anew = Screen(house, client=client)
    lines = {name for name in anew.heard("versions")[0] if name.startswith("line-")}
    assert lines == {f"line-{other.doctor.id}"}
