"""The rules of the house, asked of the house itself: one way down, one place for each power, every route walked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from reception import access
from reception.access import Permission
from reception.extensions import db
from reception.models import Role, VisitStatus
from tests.factories import House
from tests.pages import Page
from tests.sql import statements

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "reception"
FILES = sorted(HOUSE.rglob("*.py"))
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

WEB = ("flask", "werkzeug", "wtforms", "flask_wtf", "flask_login", "flask_babel", "flask_socketio", "jinja2")
ABOVE_DOMAIN = ("access", "blueprints", "cli", "errors", "formats", "live", "live_sockets", "regions", "transaction")


def relative(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Every call as written ("db.session.commit") with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            try:
                yield ast.unparse(node.func), node.lineno
            except RecursionError:  # pragma: no cover
                continue


def offenders(*names: str, allowed: tuple[str, ...]) -> list[str]:
    """Calls whose last words are one of `names`, outside the `allowed` files."""
    return [
        f"{relative(path)}:{line} {call}"
        for path in FILES
        if relative(path) not in allowed
        for call, line in calls(path)
        if any(call == name or call.endswith(f".{name}") for name in names)
    ]


# --------------------------------------------------------------------------------------------------- one way down


def test_the_domain_knows_nothing_above_it() -> None:
    """`domain` imports no web framework and nothing of the layers above, so a rule can be tried from a shell."""
    wrong = [
        f"{relative(path)}: {name}"
        for path in FILES
        if relative(path).startswith("domain/")
        for name in imports(path)
        if name.split(".")[0] in WEB or any(name.startswith(f"reception.{above}") for above in ABOVE_DOMAIN)
    ]
    assert wrong == []


def test_models_and_live_know_no_views() -> None:
    """Below the blueprints nobody knows them; the models know only their columns."""
    for path in FILES:
        name = relative(path)
        if name.startswith(("blueprints/", "cli/")) or name == "__init__.py":
            continue
        assert not [i for i in imports(path) if i.startswith("reception.blueprints")], name
    below = {i for i in imports(HOUSE / "models.py") if i.startswith("reception")}
    assert {i.split(".")[1] for i in below} <= {"columns", "extensions"}


def test_blueprints_write_through_verbs_only() -> None:
    """A view loads and draws; rows are added and changed by the domain (a sign-in row, made by auth, aside)."""
    for path in FILES:
        if relative(path).startswith("blueprints/") and relative(path) != "blueprints/auth.py":
            assert not [
                c for c, _ in calls(path) if c in ("db.session.add", "db.session.delete", "db.session.flush")
            ], path


# ------------------------------------------------------------------------------------- one place for each power


def test_only_the_transaction_commits() -> None:
    assert offenders("session.commit", "connection.commit", allowed=("transaction.py",)) == []


def test_only_live_emits() -> None:
    assert offenders("socketio.emit", "socketio.send", "server.emit", "emit", allowed=("live.py",)) == []


def test_only_the_clock_asks_for_the_time() -> None:
    asked = offenders(
        "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.localtime",
        allowed=("clock.py",),
    )  # fmt: skip
    assert asked == []


def test_a_verb_is_given_its_instant() -> None:
    """Who takes `at` does not read the clock: the same act tried again at the same instant does the same."""
    wrong = []
    for path in FILES:
        if not relative(path).startswith("domain/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(
                a.arg == "at" for a in (*node.args.args, *node.args.kwonlyargs)
            ):
                reads = [ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
                wrong += [
                    f"{relative(path)}:{node.name}"
                    for call in reads
                    if call in ("clock.now", "clock.today", "now", "today")
                ]
    assert wrong == []


def test_templates_mark_nothing_safe_that_people_wrote() -> None:
    """`|safe` stands only behind words of our own."""
    for path in sorted((HOUSE / "templates").rglob("*.html")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            before, mark, _ = line.partition("|safe")
            if mark:
                assert before.rstrip().endswith(("'", '"')), f"{path.name}:{number}"


# --------------------------------------------------------------------------------------------------- every route


def furnished(house: House) -> dict[str, Any]:
    """A house with one of everything; what the rules' arguments are called -> a value that exists."""
    house.check_in(house.booked())
    paid = house.visit(VisitStatus.PENDING_PAYMENT)
    operation = house.pay(paid)
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    device = house.display()
    return {
        "visit_id": visit.id, "payment_id": visit.payment.id, "patient_id": visit.patient_id, "operation_id": operation.id,
        "doctor_id": house.doctor.id, "device_id": device.id, "clinic_id": house.clinic.id, "service_id": house.service.id,
        "appointment_id": 1, "token": device.token, "filename": "app.css",
    }  # fmt: skip


def address(rule: Rule, values: dict[str, Any]) -> str:
    """An address of the rule: named values, for others the first that the converter takes."""
    chosen: dict[str, Any] = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        items = getattr(converter, "items", None)
        chosen[name] = values.get(name, sorted(items)[0] if items else 1)
        if items and chosen[name] not in items:
            chosen[name] = sorted(items)[0]
    built = rule.build(chosen)
    assert built is not None, rule
    return built[1]


def walk(house: House, values: dict[str, Any]) -> Iterator[tuple[str, str, str, Permission]]:
    """(endpoint, method, address, permission) of the whole house."""
    adapter = house.app.url_map
    for rule in adapter.iter_rules():
        permission = access.permission_of(house.app, rule.endpoint)
        assert permission is not None, f"{rule} names no permission"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, address(rule, values), permission


def is_api(path: str) -> bool:
    return path.startswith("/api/")


@ON_SQLITE
def test_nobody_comes_in_without_signing_in(house: House) -> None:
    values = furnished(house)
    client = house.client()
    for endpoint, method, path, permission in walk(house, values):
        if permission is Permission.PUBLIC:
            continue
        with statements() as seen:
            answer = client.open(path, method=method)
            part = client.open(path, method=method, headers={"HX-Request": "true"})
        if is_api(path):
            assert answer.status_code == 401, endpoint
            assert answer.mimetype == "application/problem+json"
            continue
        assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/sign-in"), endpoint
        assert part.status_code == 401, endpoint
        assert part.headers["HX-Redirect"].startswith("/sign-in"), endpoint
        assert seen.writes == [], endpoint


@ON_SQLITE
def test_nobody_comes_in_without_the_permission(house: House) -> None:
    """Every route that is not everybody's, asked by each role that does not hold its permission."""
    values = furnished(house)
    browsers = {role: house.client(role) for role in Role}
    tokens = {role: house.token(role) for role in Role}
    asked = 0
    for endpoint, method, path, permission in walk(house, values):
        for role in set(Role) - access.PERMISSIONS.get(permission, frozenset(Role)):
            with statements() as seen:
                answer = browsers[role].open(path, method=method, headers=tokens[role] if is_api(path) else {})
            assert answer.status_code == 403, (endpoint, role)
            noted = [s for s in seen.writes if s.upper().startswith(MAY_NOTE_ACCESS)]
            assert seen.writes == noted, endpoint
            assert len(noted) == ("patient_id" in path_values(house, endpoint)), endpoint
            asked += 1
    assert asked > 20


def path_values(house: House, endpoint: str) -> set[str]:
    """The arguments of an endpoint's rule."""
    return {name for rule in house.app.url_map.iter_rules(endpoint) for name in rule.arguments}


MAY_NOTE_ACCESS = "INSERT INTO ACCESS_ENTRY"
SHOWS_A_CODE = {"display.pair"}
"""A screen without a token is shown a new code to type in elsewhere."""


@ON_SQLITE
def test_reading_writes_nothing(house: House) -> None:
    """No GET and no POST marked as reading changes a row; that somebody looked at a patient may be noted."""
    values = furnished(house)
    everybody = house.client(*Role)
    token = house.token(*Role)
    for endpoint, method, path, _ in walk(house, values):
        reads = getattr(house.app.view_functions[endpoint], "reads", False)
        if (method != "GET" and not reads) or endpoint in SHOWS_A_CODE:
            continue
        with statements() as seen:
            answer = everybody.open(path, method=method, headers=token if is_api(path) else {})
        assert answer.status_code < 500, endpoint
        assert [s for s in seen.writes if not s.upper().startswith(MAY_NOTE_ACCESS)] == [], endpoint


@ON_SQLITE
def test_every_page_stands_well(house: House) -> None:
    """No id twice, one title, one h1, a language; nothing inline that the CSP would stop; nothing from elsewhere."""
    values = furnished(house)
    client = house.client(*Role)
    seen = 0
    for endpoint, method, path, _ in walk(house, values):
        if method != "GET" or is_api(path):
            continue
        answer = client.get(path)
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        page = Page(answer.get_data(as_text=True))
        assert page.twice == [], endpoint
        assert not [e for e in page.elements if any(a.startswith("on") for a in e.attrs)], endpoint
        assert not page.all("style"), endpoint
        for element in page.all("script"):
            assert element.get("src"), endpoint
        for element in page.elements:
            for name in ("src", "href", "action", "hx-get", "hx-post"):
                if element.get(name) is not None:
                    assert (
                        element[name].startswith(("/", "#", "data:,", "mailto:", "tel:", "?")) or not element[name]
                    ), (endpoint, element)
        if page.all("html"):
            assert page.one("html").get("lang"), endpoint
            assert len(page.all("title")) >= 1, endpoint
            assert len(page.all("h1")) == 1, endpoint
            seen += 1
        assert "None" not in page.text.split(), endpoint
    assert seen >= 4


@ON_SQLITE
def test_the_headers_are_on_every_answer(house: House) -> None:
    values = furnished(house)
    client = house.client(Role.RECEPTIONIST)
    for path in (
        "/",
        "/nothing-here",
        "/static/app.css",
        f"/queue/visits/{values['visit_id']}",
        "/healthz",
        "/api/v1/x",
    ):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert path.startswith("/static") or headers["Cache-Control"] == "no-store", path


@ON_SQLITE
def test_the_access_table_is_committed(house: House) -> None:
    """docs/access.md is what `flask routes-table` prints."""
    printed = house.app.test_cli_runner().invoke(args=["routes-table"]).output
    assert (ROOT / "docs" / "access.md").read_text() == printed, (
        "run: flask --app reception routes-table > docs/access.md"
    )


@ON_SQLITE
def test_every_write_needs_the_token_of_the_page(house: House) -> None:
    """CSRF: without the token that the page carries nothing is written."""
    values = furnished(house)
    client = house.client(*Role)
    house.app.config["WTF_CSRF_ENABLED"] = True
    for endpoint, method, path, _ in walk(house, values):
        if method == "GET" or is_api(path):
            continue
        with statements() as seen:
            answer = client.open(path, method=method, data={"key": "k"})
        assert answer.status_code == 400, endpoint
        assert seen.writes == [], endpoint
    db.session.rollback()
