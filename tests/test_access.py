"""Who may open what, asked of every route; the walls between clinics, tried at every id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from reception import access
from reception.access import Permission, requires
from reception.domain import clinic, directory, finance, shift_notes, users
from reception.domain.audit import record
from reception.extensions import Base, db
from reception.live_sockets import Live
from reception.models import (
    Absence,
    AccessEntry,
    ApiToken,
    BillLine,
    BillPayer,
    CashTransfer,
    Claim,
    ClosedDay,
    Edited,
    ImportRun,
    Insurer,
    LoginSession,
    Membership,
    Method,
    Operation,
    PatientMerge,
    Payment,
    RecordTemplate,
    Role,
    RoomMaintenance,
    SavedSearch,
    Schedule,
    ScheduleTemplate,
    ServicePrice,
    Treatment,
    VisitStatus,
    Vital,
    WaitlistEntry,
    WaitlistOffer,
)
from tests.factories import PASSWORD, House
from tests.pages import Page, htmx
from tests.screens import Screen

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
TABLE = Path(__file__).parent.parent / "docs" / "access.md"
ROW = re.compile(r"\| `(?P<rule>[^`]+)` \| (?P<method>[A-Z]+) \| (?P<permission>[\w-]+) \| (?P<roles>[\w ]+) \|")
NOBODY = "nobody"


def committed() -> dict[tuple[str, str], set[str]]:
    """(rule, method) -> who may, as docs/access.md says; NOBODY is somebody who has not signed in."""
    found = {}
    for row in ROW.finditer(TABLE.read_text()):
        everybody = {NOBODY, *Role}
        roles = everybody if row["roles"] == "everybody" else set(row["roles"].split())
        found[row["rule"], row["method"]] = roles
    return found


def is_api(path: str) -> bool:
    return path.startswith("/api/")


def address(rule: Rule, values: dict[str, Any]) -> str:
    """An address of the rule with `values` for its arguments; the first of a list, 1 for any other number."""
    chosen = {}
    for name in rule.arguments:
        items = getattr(rule._converters[name], "items", None)
        chosen[name] = sorted(items)[0] if items else values.get(name, 1)
    built = rule.build(chosen)
    assert built is not None, rule
    return built[1]


# -------------------------------------------------------------------------------------------- every route, every role


@ON_SQLITE
def test_every_route_lets_in_whom_the_table_names(house: House) -> None:
    """Each cell of docs/access.md, really requested; the views stand still and only say that they were reached."""
    reached: list[str] = []
    for endpoint, view in list(house.app.view_functions.items()):
        if endpoint != "static":
            house.app.view_functions[endpoint] = _stub(view, endpoint, reached)
    browsers: dict[str, FlaskClient] = {}
    tokens: dict[str, dict[str, str]] = {}
    for role in Role:
        browsers[role], tokens[role] = _browser(house, role), house.token(role)
    browsers[NOBODY], tokens[NOBODY] = house.client(), {}
    table, asked = committed(), 0
    for rule in house.app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        path = address(rule, {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            may = table.pop((rule.rule, method))
            for who, browser in browsers.items():
                reached.clear()
                answer = browser.open(path, method=method, headers=tokens[who] if is_api(path) else {})
                assert bool(reached) == (who in may), f"{who} at {method} {rule.rule}: {answer.status_code}"
                if who not in may:
                    assert answer.status_code == _refusal(who, path), f"{who} at {method} {rule.rule}"
                asked += 1
    assert [row for row in table if row[0] != "/static/<path:filename>"] == [], "the table names routes that are gone"
    assert asked > 500


def _browser(house: House, role: Role) -> FlaskClient:
    """A browser signed in as `role` although the views stand still: the login row is made, its token put in."""
    actor = house.person(role)
    secret = access.new_token()
    house.app.config["WTF_CSRF_ENABLED"] = False
    browser = house.client()

    def sign_in(*, actor: Any, at: Any, user_id: int) -> None:
        row = {"user_id": user_id, "clinic_id": house.clinic.id, "created_at": at, "last_seen_at": at}
        db.session.add(LoginSession(token_hash=access.hashed(secret), **row))

    house.run(sign_in, user_id=actor.user_id)
    with browser.session_transaction() as held:
        held["_user_id"] = secret
    return browser


def _stub(view: Any, endpoint: str, reached: list[str]) -> Any:
    def stub(**_values: Any) -> str:
        reached.append(endpoint)
        return ""

    stub.permission = view.permission  # type: ignore[attr-defined]
    return stub


def _refusal(who: str, path: str) -> int:
    if who == NOBODY:
        return 401 if is_api(path) else 302
    return 403


@ON_SQLITE
def test_who_is_nobody_is_sent_to_sign_in_and_a_part_too(house: House) -> None:
    client = house.client()
    assert client.get("/settings/users").headers["Location"] == "/sign-in?next=/settings/users"
    part = client.get("/settings/users/1", headers=htmx("/settings/users"))
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in?next=/settings/users")
    assert client.get("/api/v1/patients").headers["WWW-Authenticate"] == "Bearer"


@ON_SQLITE
def test_a_route_that_names_no_permission_does_not_start(house: House) -> None:
    app = house.app
    access.check_routes(app)
    app._got_first_request = False
    app.add_url_rule("/open-door", "door", lambda: "in")
    with pytest.raises(RuntimeError, match="door"):
        access.check_routes(app)
    assert house.client(*Role).get("/open-door").status_code == 403, "and were it started, nobody would come in"
    app.view_functions["door"] = requires(Permission.PUBLIC)(lambda: "in")
    access.check_routes(app)
    assert house.client().get("/open-door").status_code == 200


def test_a_socket_takes_nothing_but_its_handshake() -> None:
    assert {name for name in vars(Live) if name.startswith("on_")} == {"on_connect", "on_disconnect"}


# ------------------------------------------------------------------------------------------- walls between clinics

ARGUMENTS: dict[str, str] = {
    "visit_id": "visit", "payment_id": "payment", "patient_id": "patient", "operation_id": "operation",
    "doctor_id": "doctor", "appointment_id": "appointment", "schedule_id": "schedule", "service_id": "service",
    "clinic_id": "clinic", "note_id": "shift_note", "absence_id": "absence", "closed_day_id": "closed_day",
    "closure_id": "closure", "template_id": "template", "merge_id": "merge", "other_id": "gone",
    "vital_id": "vital", "treatment_id": "treatment", "record_template_id": "record_template",
    "line_id": "bill_line", "payer_id": "bill_payer", "claim_id": "claim", "part_id": "bill_payer",
    "request_id": "refund_request", "cashbox_id": "cashbox", "shift_id": "cashbox_shift", "transfer_id": "cash_transfer",
    "price_id": "service_price", "change_id": "price_change", "offer_id": "offer", "first": "patient", "second": "gone",
}  # fmt: skip
"""An argument of a rule -> which record of the other clinic it names. `ident` and `entry_id`: by its place."""
PLACES = {
    "access": "access_entry", "waitlist": "entry", "searches": "search", "import": "import_run",
    "cashboxes": "cashbox", "departments": "department", "displays": "device", "doctors": "doctor", "rooms": "room",
    "specializations": "specialization", "types": "service_type", "services": "service", "insurers": "insurer", "categories": "money_category", "tokens": "api_token", "users": "user",
}  # fmt: skip
PLAIN = {
    "act",
    "name",
    "move",
    "token",
    "filename",
    "kind",
    "minutes",
    "hold_id",
    "tab",
    "answer",
    "table",
    "form",
    "seq",
}
"""Arguments that are no ids: words, figures, tokens (unguessable), and names of regions (tried by themselves). Any hold
that is not one's own is answered as one that is over, for those are gone. `seq` counts the acts of the own clinic."""
MISSING = 10**9

FORM: dict[str, str] = {
    "name": "Other", "code": "Z", "last_name": "Other", "first_name": "Other", "full_name": "Other", "price": "1",
    "duration_min": "15", "valid_from": "2030-01-01", "roles": "NURSE", "password": "long enough", "confirm": PASSWORD,
    "version": "1", "reason": "other", "minutes": "5", "on": "1", "wanted": "1", "is_open": "y", "gender": "UNKNOWN",
    "is_fine": "1", "slot": "1@2026-11-23T09:00Z", "due": "120.00", "use": "CASH", "amount-CASH": "120.00", "start": "2026-11-23T10:00", "day": "2026-11-23",
}  # fmt: skip
"""Values that let a form's own checks pass, so that the record is what is wrong."""
OF_ENDS: dict[str, dict[str, str]] = {
    "drop": {"start": "2026-11-23T09:00Z", "end": "2026-11-23T09:30Z"},
    "resize": {"end": "2026-11-23T09:30Z"},
    "give": {"kind": "PERSONAL_DATA"},
    "withdraw": {"kind": "PERSONAL_DATA"},
}
"""More of them by the end of the path."""
BODIES: dict[str, dict[str, Any]] = {
    "pay": {"parts": [{"method": "CASH", "cashbox_id": 1, "amount": "120.00"}]},
    "reschedule": {"start": "2026-11-23T09:00:00Z"},
    "transfer": {"department_id": 1},
    "cancel": {"reason": "other"},
    "claims/pay": {"cashbox_id": 1},
    "lines": {"service_id": 1},
    "quantity": {"quantity": 2},
    "discounts": {"reason": "other", "percent": 5},
    "payers": {"insurer_id": 1},
    "void": {"reason": "other"},
    "refund": {"reason": "other"},
    "deposit": {"parts": [{"method": "CASH", "cashbox_id": 1, "amount": "1.00"}]},
    "give-back": {"method": "CASH", "cashbox_id": 1, "amount": "1.00"},
    "add": {"amount": "1.00"},
    "withdraw": {"amount": "1.00"},
    "cash-transfers/withdraw": {"version": 1},
    "refund-requests/refuse": {"version": 1},
    "refuse": {"reason": "other"},
    "cash-transfers/refuse": {"version": 1},
    "income": {"category_id": 1, "amount": "1.00"},
    "expense": {"category_id": 1, "amount": "1.00"},
    "PATCH": {"last_name": "Other"},
}
"""JSON bodies by the end of the path or the method."""


@dataclass
class Walls:
    """A house with a second clinic beside it, the same user names and records in both."""

    house: House
    other: House
    theirs: dict[str, int]
    ours: dict[str, int]

    @classmethod
    def build(cls, house: House) -> Walls:
        other = House.open(house.app, "Hillside")
        return cls(house, other, _records(other, "theirs"), _records(house, "ours"))


def _records(house: House, user_name: str) -> dict[str, int]:
    """The id of one of everything in the clinic."""
    user = house.run(users.create_user, user_name, "x", user_name.title(), [Role.NURSE])
    token = house.run(users.add_token, user.id, access.hashed(user_name))
    appointment = house.booked()
    visit = house.visit(VisitStatus.PENDING_PAYMENT)
    paid = house.visit(VisitStatus.PENDING_PAYMENT)
    house.pay(paid)
    ids = {
        "visit": visit.id, "payment": visit.payment.id, "patient": visit.patient_id, "doctor": house.doctor.id,
        "appointment": appointment.id, "service": house.service.id, "clinic": house.clinic.id,
        "room": house.room.id, "department": house.department.id, "device": house.display().id,
        "cashbox": house.cash.id, "user": user.id, "api_token": token.id,
        "shift_note": house.run(shift_notes.add, "a note").id,
    }  # fmt: skip
    ids |= _planned(house, ids) | _known(house, ids) | _measured(house, ids) | _billed(house, ids) | _counted(house)
    ids |= _priced(house)
    for name, model in (("operation", Operation), ("schedule", Schedule)):
        ids[name] = db.session.scalars(select(model.id).where(model.clinic_id == house.clinic.id)).first() or 0
    assert all(ids.values()), ids
    return ids


def _billed(house: House, ids: dict[str, int]) -> dict[str, int]:
    """Who pays of a bill, and what the insurer was asked for."""
    line = db.session.scalars(select(BillLine.id).where(BillLine.payment_id == ids["payment"])).one()
    insurer = _row(house, Insurer, name="Fund")
    claim = _row(house, Claim, insurer_id=insurer, number="C2026-0001", month=date(2026, 11, 1))
    house.run(clinic.change_clinic, refund_limit=0)
    paid = db.session.scalars(select(Payment.id).filter_by(clinic_id=house.clinic.id, status="PAID")).one()
    wish = {"amount": 1, "method": Method.CASH, "cashbox_id": house.cash.id, "actor": house.person(Role.CASHIER)}
    asked = house.run(finance.refund, paid, "other", **wish).id
    part = {"payment_id": ids["payment"], "insurer_id": insurer, "position": 1, "value": 0, "claim_id": claim}
    return {
        "bill_line": line,
        "insurer": insurer,
        "claim": claim,
        "bill_payer": _row(house, BillPayer, **part),
        "refund_request": asked,
    }


def _priced(house: House) -> dict[str, int]:
    """What belongs to the price list and the directory."""
    change = house.run(directory.change_prices, directory.Step(500, 1, date(2027, 6, 1)))
    price = select(ServicePrice.id).where(ServicePrice.clinic_id == house.clinic.id)
    return {
        "price_change": change.id,
        "service_price": db.session.scalars(price.order_by(ServicePrice.valid_from.desc())).first() or 0,
        "specialization": house.run(directory.add_specialization, "Cardiology").id,
        "service_type": house.run(directory.add_service_type, "Tests").id,
    }


def _counted(house: House) -> dict[str, int]:
    """What belongs to cashboxes."""
    safe = house.run(directory.add_cashbox, "Safe", "CASH").id
    move = {"source_id": house.cash.id, "target_id": house.card.id, "amount": 1, "asked_at": house.at(9)}
    return {
        "cashbox_shift": house.run(finance.start_shift, safe, coins={}).id,
        "cash_transfer": _row(house, CashTransfer, **move),
        "money_category": house.run(finance.add_category, "Rent", "EXPENSE").id,
    }


def _planned(house: House, ids: dict[str, int]) -> dict[str, int]:
    """Rows of the calendar, as they would stand in the tables."""
    first, last = house.at(12), house.at(13)
    week = {"weekday": 0, "begins": time(8), "ends": time(9), "slot_minutes": 15, "valid_from": first.date()}
    found = {
        "absence": _row(house, Absence, doctor_id=ids["doctor"], starts_at=first, ends_at=last, ended_at=first),
        "closed_day": _row(house, ClosedDay, day=date(2030, 1, 1), name="A holiday"),
        "closure": _row(house, RoomMaintenance, room_id=ids["room"], starts_at=first, ends_at=last, status="COMPLETED"),
        "template": _row(house, ScheduleTemplate, doctor_id=ids["doctor"], **week),
        "entry": _row(
            house, WaitlistEntry, patient_id=ids["patient"], service_id=ids["service"], first_day=first.date(),
            last_day=first.date(),
        ),
    }  # fmt: skip
    offered = {"starts_at": first, "ends_at": last, "offered_at": first, "answer_by": last, "status": "DECLINED"}
    found["offer"] = _row(house, WaitlistOffer, entry_id=found["entry"], doctor_id=ids["doctor"], **offered)
    return found


def _known(house: House, ids: dict[str, int]) -> dict[str, int]:
    """Rows of the registry."""
    gone, at = house.patient("Gone").id, house.at(9)
    versions = {"kept_version": 1, "gone_version": 1, "at": at, "undone_at": at}
    return {
        "gone": gone,
        "merge": _row(house, PatientMerge, kept_id=ids["patient"], gone_id=gone, **versions),
        "access_entry": _row(house, AccessEntry, patient_id=ids["patient"], at=at, actor_kind="user", how="card"),
        "search": _row(house, SavedSearch, user_id=house.person(*Role).user_id, name="Children"),
        "import_run": _row(
            house, ImportRun, kind="patients", filename="a.csv", state="FAILED", started_at=at, seen_at=at
        ),
    }


def _measured(house: House, ids: dict[str, int]) -> dict[str, int]:
    """Rows of the doctor's room."""
    at, visit = house.at(9), {"visit_id": ids["visit"]}
    return {
        "vital": _row(house, Vital, kind="PULSE", value=7000, unit="/min", at=at, **visit),
        "treatment": _row(house, Treatment, service_id=ids["service"], ordered_at=at, **visit),
        "record_template": _row(house, RecordTemplate, doctor_id=ids["doctor"], name="Cold"),
    }


def _row(house: House, model: Any, **values: Any) -> int:
    row = model(clinic_id=house.clinic.id, **values)

    def add(*, actor: Any, at: Any) -> Any:
        db.session.add(row)
        db.session.flush()
        if isinstance(row, Edited):
            record(actor, f"{row.__tablename__}.add", row, at=at)

    house.run(add)
    return int(row.id)


def with_ids(house: House) -> Iterator[tuple[Rule, str, dict[str, str]]]:
    """(rule, method, {argument: kind of record}) of every route that reaches a record by its id."""
    for rule in house.app.url_map.iter_rules():
        kinds = {}
        for name in rule.arguments - PLAIN:
            by_place = next((PLACES[part] for part in rule.rule.split("/")[1:] if part in PLACES), "")
            kinds[name] = by_place if name in ("ident", "entry_id") else ARGUMENTS[name]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}) if kinds else ():
            yield rule, method, kinds


def ask(walls: Walls, browser: FlaskClient, headers: dict[str, str], rule: Rule, method: str, ids: dict[str, int],
        way: str) -> TestResponse:  # fmt: skip
    """Ask the rule for the records `ids`, with a body that is good in itself. `way`: page, part or api."""
    path = address(rule, ids)
    if is_api(path):
        parts = path.split("/")
        body = BODIES.get("/".join(parts[-3::2])) or BODIES.get(parts[-1]) or BODIES.get(method)
        return browser.open(path, method=method, headers={**headers, **walls.house.key()}, json=body or {})
    more = htmx() if way == "part" else {}
    data = {
        **FORM,
        **OF_ENDS.get(path.rpartition("/")[2], {}),
        "key": f"{way}-{rule.endpoint}-{method}-{ids}".translate({ord(c): "." for c in " {}',:"})[:80],
    }
    return browser.open(path, method=method, headers=more, data=data if method != "GET" else None)


def picture(clinic_id: int) -> dict[str, list[Any]]:
    """Every row of the clinic as it stands in the database."""
    db.session.rollback()
    return {
        table.name: sorted(str(row) for row in db.session.execute(select(table).where(table.c.clinic_id == clinic_id)))
        for table in Base.metadata.sorted_tables
        if "clinic_id" in table.c
    }


def test_another_clinics_record_looks_like_a_missing_one(house: House) -> None:
    """Every route with an id, as a page, as a part and over JSON, by somebody who may do everything here."""
    walls = Walls.build(house)
    browser, headers = house.client(*Role), house.token(*Role)
    before, tried, pages = picture(walls.other.clinic.id), 0, 0
    for rule, method, kinds in list(with_ids(house)):
        for way in ("page", "part"):
            foreign = ask(walls, browser, headers, rule, method, {n: walls.theirs[k] for n, k in kinds.items()}, way)
            missing = ask(walls, browser, headers, rule, method, {n: MISSING + i for i, n in enumerate(kinds)}, way)
            place = f"{way} {method} {rule.rule}"
            assert foreign.status_code == 404, f"{place}: {foreign.status_code} {foreign.get_data(as_text=True)[-300:]}"
            assert missing.status_code == 404, place
            assert _words(foreign) == _words(missing), place
            tried += 1
            pages += not is_api(rule.rule)
    assert picture(walls.other.clinic.id) == before, "nothing there was touched"
    assert tried > 80
    assert pages > 60


def _words(answer: TestResponse) -> str:
    """The answer without what differs from one request to the next."""
    text = answer.get_data(as_text=True)
    return re.sub(r'(value|data-now|hx-vals)="[^"]*"|"X-CSRFToken": "[^"]*"|"(request_id|instance)": "[^"]*"', "", text)


@ON_SQLITE
def test_the_own_records_are_there(house: House) -> None:
    """The same requests for our own records are not 404: what the test before asks is not simply nothing."""
    walls = Walls.build(house)
    browser, headers = house.client(*Role), house.token(*Role)
    for rule, method, kinds in list(with_ids(house)):
        if method == "GET" and "operation_id" not in kinds:
            answer = ask(walls, browser, headers, rule, method, {n: walls.ours[k] for n, k in kinds.items()}, "page")
            assert answer.status_code in (200, 409), f"{rule.rule}: {answer.status_code}"


@ON_SQLITE
def test_ids_in_a_body_meet_the_same_wall(house: House) -> None:
    walls = Walls.build(house)
    client, headers = house.client(), house.token(*Role)
    ours, theirs = walls.ours, walls.theirs
    visit = {"patient_id": ours["patient"], "service_id": ours["service"], "doctor_id": ours["doctor"]}
    appointment = {**visit, "start": house.at(15, days=3).isoformat()}
    parts = {"parts": [{"method": "CASH", "cashbox_id": theirs["cashbox"], "amount": "120.00"}]}
    cases: list[tuple[str, dict[str, Any]]] = [
        *(("/api/v1/visits", {**visit, f"{name}_id": theirs[name]}) for name in ("patient", "service", "doctor")),
        *(("/api/v1/appointments", {**appointment, f"{n}_id": theirs[n]}) for n in ("patient", "service", "doctor")),
        ("/api/v1/appointments", {**appointment, "room_id": theirs["room"]}),
        (f"/api/v1/payments/{ours['payment']}/pay", parts),
        (f"/api/v1/doctors/{ours['doctor']}/call-next", {"visit_id": theirs["visit"]}),
    ]
    before, mine = picture(walls.other.clinic.id), picture(house.clinic.id)
    for path, body in cases:
        foreign = client.post(path, json=body, headers={**headers, **house.key()})
        missing = client.post(path, json=_without(body, theirs), headers={**headers, **house.key()})
        assert 400 <= foreign.status_code < 500, (path, body, foreign.get_json())
        assert foreign.status_code == missing.status_code, (path, body)
        assert foreign.get_json()["detail"] == missing.get_json()["detail"], (path, body)
    assert picture(walls.other.clinic.id) == before
    assert picture(house.clinic.id) == mine


def _without(body: Any, theirs: dict[str, int]) -> Any:
    """The body with an id that nobody has where theirs stands."""
    if isinstance(body, dict):
        swapped = {}
        for name, value in body.items():
            is_theirs = name.endswith("_id") and value == theirs[name.removesuffix("_id")]
            swapped[name] = MISSING if is_theirs else _without(value, theirs)
        return swapped
    return [_without(value, theirs) for value in body] if isinstance(body, list) else body


@ON_SQLITE
def test_regions_and_lists_stop_at_the_wall(house: House) -> None:
    walls = Walls.build(house)
    client = house.client(*Role)
    for name in ("line", "board"):
        assert client.get(f"/live/{name}-{walls.theirs['doctor']}").status_code == 404
        assert client.get(f"/live/{name}-{MISSING}").status_code == 404
    assert client.get(f"/live/pool-{walls.theirs['department']}").status_code == 404
    stranger = walls.other.patient("Zebranski")
    for path in ("/", "/patients", "/doctors", "/queue", "/settings/users", "/finance"):
        text = client.get(path).get_data(as_text=True)
        assert "Hillside" not in text, path
        assert stranger.last_name not in text, path
    found = Page(client.post("/desk/search", data={"q": "Zebranski"}, headers=htmx()).get_data(as_text=True))
    assert [e["id"] for e in found.all(role="option")] == ["hit-new"], "only the offer to register what was typed"
    screen = Screen(house, client=client)
    assert [name for name in screen.heard("versions")[0] if name == f"line-{walls.theirs['doctor']}"] == []


# ----------------------------------------------------------------------------------------- one clinic at a time


@ON_SQLITE
def test_a_cookie_does_not_open_the_api_nor_a_token_the_pages(house: House) -> None:
    token = house.token(Role.ADMIN)
    assert house.client(Role.ADMIN).get("/api/v1/patients").status_code == 401
    assert house.client().get("/settings", headers=token).status_code == 302
    assert house.client().get("/api/v1/patients", headers=token).status_code == 200
    assert house.client().get("/api/v1/patients", headers={"Authorization": "Bearer x"}).status_code == 401


def test_roles_of_one_clinic_do_not_count_in_another(house: House) -> None:
    """An administrator here is a nurse there: sign-in and token work in one clinic, with the roles of it."""
    other = House.open(house.app, "Hillside")
    admin = house.person(Role.ADMIN)
    other.run(users.welcome, "admin", [Role.NURSE])
    client = house.client(Role.ADMIN)
    assert client.get("/settings").status_code == 200
    assert client.post(f"/clinic/{other.clinic.id}").status_code == 302
    assert client.get("/settings").status_code == 403
    assert "Hillside" in client.get("/queue").get_data(as_text=True)
    assert client.post(f"/clinic/{house.clinic.id}").status_code == 302
    assert client.get("/settings").status_code == 200
    secret = access.new_token()
    other.run(users.add_token, admin.user_id, access.hashed(secret))
    headers = {"Authorization": f"Bearer {secret}"}
    assert house.client().get("/api/v1/clinic", headers=headers).get_json()["id"] == other.clinic.id
    assert house.client().get("/api/v1/ledger", headers=headers).status_code == 403


@ON_SQLITE
def test_who_has_no_role_left_is_out(house: House) -> None:
    client, token = house.client(Role.NURSE), house.token(Role.NURSE)
    user_id = house.person(Role.NURSE).user_id
    for row in db.session.scalars(select(Membership).filter_by(user_id=user_id)):
        db.session.delete(row)
    db.session.commit()
    assert client.get("/queue").status_code == 302
    assert house.client().get("/api/v1/patients", headers=token).status_code == 401
    live_rows = (LoginSession.revoked_at.is_(None), ApiToken.revoked_at.is_(None))
    assert db.session.scalar(select(LoginSession.id).where(live_rows[0])), "though nobody has ended its row"
