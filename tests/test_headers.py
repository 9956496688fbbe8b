"""The headers of every answer: pages, parts, errors, files. One place writes them: reception/__init__.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from reception import CSP, HEADERS
from reception.models import Role
from tests.factories import House
from tests.pages import htmx

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
RECEPTION = Path(__file__).parent.parent / "reception"


def directives(policy: str) -> dict[str, set[str]]:
    return {part.split()[0]: set(part.split()[1:]) for part in policy.split(";")}


def answers(house: House) -> list[tuple[str, TestResponse]]:
    """One of every kind of answer, by what it is."""
    device, visit = house.display(), house.visit()
    admin, nobody, token = house.client(Role.ADMIN), house.client(), house.token(Role.ADMIN)
    nurse = house.client(Role.NURSE)
    tv = {"Authorization": f"Display {device.token}"}
    found = [
        ("page", admin.get("/settings")),
        ("part", admin.get("/settings/rooms", headers=htmx("/settings/rooms"))),
        ("dialog", admin.get(f"/queue/visits/{visit.id}", headers=htmx())),
        ("region", admin.get(f"/live/line-{house.doctor.id}")),
        ("door", nobody.get("/sign-in")),
        ("to the door", nobody.get("/settings")),
        ("lost part", nobody.get("/settings", headers=htmx())),
        ("screen", nobody.get(f"/display/{device.token}")),
        ("region of a screen", nobody.get(f"/live/display-{device.id}", headers=tv)),
        ("pairing", nobody.get("/display")),
        ("ticket", nobody.get(f"/t/{visit.public_token}")),
        ("api", nobody.get("/api/v1/doctors", headers=token)),
        ("api, nobody", nobody.get("/api/v1/doctors")),
        ("api, nothing", nobody.get("/api/v1/nothing", headers=token)),
        ("not allowed", nurse.get("/settings")),
        ("not found", admin.get("/doctors/999999")),
        ("no address", nobody.get("/nowhere")),
        ("wrong method", admin.delete("/settings")),
        ("no key", admin.post("/settings/rooms", data={"name": "1"})),
        ("refused", admin.post("/settings/rooms", data={"name": "", "key": "k"}, headers=htmx())),
        ("health", nobody.get("/healthz")),
        ("file", nobody.get("/static/app.css")),
        ("file of others", nobody.get("/static/vendor/htmx-4.0.1.min.js")),
        ("no file", nobody.get("/static/nothing-1.2.css")),
    ]
    wanted = {"not allowed": 403, "not found": 404, "no address": 404, "wrong method": 405, "no key": 400, "refused": 422,
              "to the door": 302, "lost part": 401, "api, nobody": 401, "api, nothing": 404, "no file": 404}  # fmt: skip
    for name, answer in found:
        assert answer.status_code == wanted.get(name, 200), (name, answer.status_code)
    return found


def test_every_answer_carries_them(house: House) -> None:
    for name, answer in answers(house):
        for header, value in HEADERS.items():
            assert answer.headers.getlist(header) == [value], (name, header)
        assert len(answer.headers["X-Request-ID"]) == 32, name


def test_a_crash_carries_them_and_tells_nothing(house: House) -> None:
    def broken(**_values: Any) -> str:
        raise RuntimeError("the secret of Greta Hoffmann")

    for endpoint in ("desk.index", "api.list_doctors"):
        broken.permission = house.app.view_functions[endpoint].permission  # type: ignore[attr-defined]
        house.app.view_functions[endpoint] = broken
    house.app.config["PROPAGATE_EXCEPTIONS"] = False
    client = house.client()
    client = house.client(Role.ADMIN)
    for answer in (client.get("/"), client.get("/", headers=htmx()),
                   client.get("/api/v1/doctors", headers=house.token(Role.ADMIN))):  # fmt: skip
        assert answer.status_code == 500
        for header, value in HEADERS.items():
            assert answer.headers.getlist(header) == [value]
        text = answer.get_data(as_text=True)
        assert "Nothing was changed." in text
        assert "Greta" not in text
        assert "RuntimeError" not in text
    page = client.get("/")
    assert page.headers["X-Request-ID"][:12] in page.get_data(as_text=True)


def test_the_policy_lets_nothing_in_from_elsewhere(house: House) -> None:
    policy = directives(CSP)
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == policy["connect-src"] == {"'self'"}
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == {"'none'"}
    assert policy["form-action"] == {"'self'"}
    assert policy["img-src"] == {"'self'", "data:"}
    unsafe = {name for name, sources in policy.items() if any("unsafe" in source for source in sources)}
    assert unsafe == {"style-src-attr"}, "grid places only"
    assert house.client().get("/sign-in").headers["Content-Security-Policy"] == CSP


def test_one_place_writes_them(house: House) -> None:
    for path in RECEPTION.rglob("*.py"):
        if path != RECEPTION / "__init__.py":
            text = path.read_text()
            for header in HEADERS:
                assert header not in text, path


def test_what_is_personal_is_not_kept(house: House) -> None:
    """No browser or proxy keeps a page: Back asks the server."""
    for name, answer in answers(house):
        if "file" in name:
            continue
        assert answer.headers["Cache-Control"] == "no-store", name


def test_a_part_is_never_taken_for_the_page(house: House) -> None:
    """The same address answers a page or a part, by the reader's cookie: caches must tell them apart."""
    for name, answer in answers(house):
        vary = {part.strip() for line in answer.headers.getlist("Vary") for part in line.split(",")}
        if "file" in name:
            assert "HX-Request" not in vary, name
        else:
            assert "HX-Request" in vary, name
        if name in ("page", "part", "dialog", "door"):
            assert "Cookie" in vary, name


def test_files_are_kept_as_long_as_their_address_names_their_content(house: House) -> None:
    client = house.client(Role.ADMIN)
    vendored = client.get("/static/vendor/htmx-4.0.1.min.js")
    assert vendored.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    plain = client.get("/static/live.js")
    assert plain.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/live.js", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304
    assert again.headers["Content-Security-Policy"] == CSP
    page = client.get("/").get_data(as_text=True)
    found = re.search(r"/static/app\.css\?v=\w+", page)
    assert found
    assert "immutable" in client.get(found[0]).headers["Cache-Control"]
    for missing in ("/static/vendor/nothing-9.9.js", "/static/nothing.css?v=1"):
        answer = client.get(missing)
        assert answer.status_code == 404
        assert "immutable" not in answer.headers.get("Cache-Control", "")


def test_no_file_and_no_screen_carries_the_cookie(house: House) -> None:
    """What a proxy may keep for everybody must not bring somebody's sign-in along."""
    device = house.display()
    client = house.client(Role.ADMIN)
    assert "Set-Cookie" in client.get("/settings").headers
    for path in ("/static/app.css", "/static/vendor/htmx-4.0.1.min.js", f"/display/{device.token}", "/healthz"):
        assert "Set-Cookie" not in client.get(path).headers, path


def test_in_production_the_cookie_travels_over_https_only(house: House) -> None:
    house.app.config["SESSION_COOKIE_SECURE"] = True
    client = house.client()
    written = client.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in written.split(";")}
    house.app.config["WTF_CSRF_ENABLED"] = False
    code = client.post("/display", base_url="https://localhost", headers=htmx())
    assert all("Secure" in line for line in code.headers.getlist("Set-Cookie"))
