"""Two children made each other's guardian at once: one change is done, the other is told that it goes in a circle. Without
the locks both would, and two cards would be in each other's care."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from reception.domain import patients, verify
from reception.domain.errors import Refusal
from reception.extensions import db
from reception.models import Patient
from reception.transaction import perform
from tests.drills.test_merge_races import both_looked, locks_taken_out
from tests.factories import House
from tests.servers import at_once


def each_in_the_care_of_the_other(house: House, name: str, seconds: float = 1) -> tuple[list[str], list[int | None]]:
    """Two changes at once, each pointing at the other card: what each was told, and where the cards point."""
    ids = [house.patient(last_name).id for last_name in ("Elder", "Younger")]
    actor = house.actor
    db.session.remove()

    def change(card: int, other: int) -> str:
        with house.app.app_context():
            try:
                perform(actor, patients.change, card, **{name: other})
                return "changed"
            except Refusal as refusal:
                return refusal.code
            finally:
                db.session.remove()

    with both_looked(2, seconds):
        told = at_once([lambda: change(*ids), lambda: change(*reversed(ids))])
    return told, list(db.session.scalars(select(getattr(Patient, name)).where(Patient.id.in_(ids))))


def one_wins(told: list[str], pointers: list[int | None]) -> None:
    assert sorted(told) == ["changed", "circle"], told
    assert pointers.count(None) == 1
    assert list(verify.findings()) == []


@pytest.mark.parametrize("name", ["guardian_id", "referred_by_id"])
def test_one_of_two_changes_wins(house: House, name: str) -> None:
    one_wins(*each_in_the_care_of_the_other(house, name))


def test_without_the_locks_they_make_a_circle(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with locks_taken_out(monkeypatch):
        told, pointers = each_in_the_care_of_the_other(house, "guardian_id", 20)
    with pytest.raises(AssertionError):
        one_wins(told, pointers)
    assert None not in pointers
    assert any("in a circle" in finding for finding in verify.findings())
