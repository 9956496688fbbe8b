"""Lists: everything once, page by page, while the world goes on."""

from __future__ import annotations

from typing import Any

import pytest

from reception.models import Role
from tests.api import Api
from tests.factories import House


def whole(api: Api, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, asked in pages of `limit`."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(200):
        more = {"cursor": cursor} if cursor else {}
        page = api.get(path, 200, limit=limit, **more, **query)
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
        assert len(page["items"]) == limit
    raise AssertionError("the pages do not end")


def test_every_list_is_the_same_in_any_pages(house: House) -> None:
    api = Api(house, Role.ADMIN)
    house.shift(first=8, last=12, capacity=3)
    other = house.another_doctor()
    house.shift(other, first=8, last=12)
    for minutes in (0, 0, 15, 15, 30, 45):
        house.booked(starts_at=house.at(11, minutes))
    for _ in range(3):
        house.visit()
    house.visit("COMPLETED", doctor=other)
    for path in ("/patients", "/departments", "/doctors", "/services", "/rooms", "/rooms/status_now", "/schedules",
                 "/slots", "/appointments", "/visits", "/cashboxes", "/ledger"):  # fmt: skip
        everything = api.get(path, limit=500)
        assert everything["next"] is None
        assert everything["items"], path
        for limit in (1, 2, 3):
            assert whole(api, path, limit) == everything["items"], (path, limit)
        texts = [str(item) for item in everything["items"]]
        assert len(texts) == len(set(texts)), path
    starts = [row["start"] for row in api.get("/appointments")["items"]]
    assert starts == sorted(starts)
    starts = [row["start"] for row in api.get("/slots")["items"]]
    assert starts == sorted(starts)


def test_a_page_holds_a_hundred_unless_asked(house: House) -> None:
    api = Api(house, Role.ADMIN)
    for _ in range(101):
        house.patient()
    page = api.get("/patients")
    assert (len(page["items"]), page["next"] is None) == (100, False)
    rest = api.get("/patients", cursor=page["next"])
    assert (len(rest["items"]), rest["next"]) == (1, None)


def test_what_comes_while_somebody_reads(house: House) -> None:
    """New rows come at the end, and nothing is read twice or missed."""
    api = Api(house, Role.ADMIN)
    first = [house.visit().id for _ in range(4)]
    page = api.get("/visits", limit=2)
    late = house.visit().id
    api.post(f"/visits/{first[0]}/cancel")
    following = api.get("/visits", limit=10, cursor=page["next"])
    assert [v["id"] for v in page["items"] + following["items"]] == [*first, late]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_cursor_is_of_its_list(house: House) -> None:
    api = Api(house, Role.ADMIN)
    for _ in range(2):
        house.booked()
    of_visits = api.get("/visits", limit=1)["next"]
    of_times = api.get("/appointments", limit=1)["next"]
    assert of_visits.replace("-", "").replace("_", "").isalnum()
    for path, cursor in (("/patients", of_visits), ("/appointments", of_visits), ("/slots", of_times)):
        assert "cursor" in api.get(path, 422, cursor=cursor)["errors"]
    for cursor in ("x", "!!!", "bnVsbA", of_visits[:-2], "WyJ2aXNpdHMiLCIiLC0xXQ", "WyJ2aXNpdHMiLCIiLDFlOTld"):
        assert "cursor" in api.get("/visits", 422, cursor=cursor)["errors"]


def test_filters(house: House) -> None:
    api = Api(house, Role.ADMIN)
    other = house.another_doctor()
    waiting, called = house.visit(), house.visit("CALLED", doctor=other)
    booked = house.booked(starts_at=house.at(11, days=1))
    ids = lambda found: [row["id"] for row in found["items"]]  # noqa: E731
    assert ids(api.get("/visits")) == [waiting.id, called.id]
    assert ids(api.get("/visits", status="CALLED")) == [called.id]
    assert ids(api.get("/visits", status="CALLED, WAITING")) == [waiting.id, called.id]
    assert ids(api.get("/visits", doctor=other.id)) == [called.id]
    assert ids(api.get("/visits", patient=waiting.patient_id)) == [waiting.id]
    tomorrow = house.at(11, days=1).date().isoformat()
    assert ids(api.get("/visits", day=tomorrow)) == [booked.visit.id]
    assert ids(api.get("/appointments", date=tomorrow, status="CONFIRMED", doctor=house.doctor.id)) == [booked.id]
    assert ids(api.get("/appointments", date=tomorrow, status="CANCELLED")) == []
    assert ids(api.get("/appointments", date=tomorrow, patient=waiting.patient_id)) == []
    assert api.get("/ledger", payment=waiting.payment.id)["items"][0]["amount"] == "120.00"
    assert api.get("/ledger", **{"from": tomorrow})["items"] == []
    assert len(api.get("/ledger", **{"from": "2026-11-19", "to": tomorrow})["items"]) == 3


def test_slots_and_their_days(house: House) -> None:
    """A day is the clinic's, an instant is exact; what is past or full has no free places."""
    api = Api(house, Role.ADMIN)
    house.shift(first=8, last=12)
    house.shift(first=8, last=9, days=1)
    today, tomorrow = (house.at(8, days=n).date().isoformat() for n in (0, 1))
    slots = api.get("/slots", **{"from": today, "to": today})["items"]
    assert len(slots) == 16
    assert [slot["free"] for slot in slots[:8]] == [0] * 8  # it is ten now
    assert {slot["free"] for slot in slots[8:]} == {1}
    assert len(api.get("/slots", **{"from": today, "to": tomorrow})["items"]) == 20
    assert len(api.get("/slots")["items"]) == 7  # from now on, today
    exact = {"from": house.at(11).isoformat(), "to": "2026-11-20T11:30:00+01:00"}
    assert [slot["start"] for slot in api.get("/slots", **exact)["items"]] == [
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:15:00Z",
    ]
    assert api.get("/slots", doctor=house.another_doctor().id)["items"] == []
    (first, *_) = api.get("/schedules", date=tomorrow)["items"]
    assert (first["date"], first["places"], first["free"], first["capacity"]) == (tomorrow, 4, 4, 1)


def test_search(house: House) -> None:
    api = Api(house, Role.RECEPTIONIST)
    house.patient("Öztürk", first_name="Ayşe", phone="0151 2345 6789")
    house.patient("Иванова", first_name="Анна")
    for text in ("ozturk", "ÖZT", "6789", "ayse"):
        assert [row["last_name"] for row in api.get("/patients", q=text)["items"]] == ["Öztürk"], text
    for text in ("иванова", "ivanova", "bdfyjdf"):
        assert [row["last_name"] for row in api.get("/patients", q=text)["items"]] == ["Иванова"], text
    assert api.get("/patients", q="nobody at all") == {"items": [], "next": None}
    assert api.get("/patients", q="'; DROP TABLE patient; --%_\x00")["items"] == []
