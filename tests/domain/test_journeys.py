"""Real bills (TEST_DATA/billing-log): each of their orders of events, gone once by our verbs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import journeys
from reception.domain import verify
from reception.domain.finance import payers
from tests.factories import House

DATA = os.environ.get("TEST_DATA")
EVERY = 25
"""So many ways between two looks at everything; what is wrong then was done by one of them."""


@pytest.mark.skipif(not DATA, reason="the public data is not here: set TEST_DATA")
def test_each_order_of_real_bills_is_made_or_refused_in_words(house: House) -> None:
    counts = journeys.orders(Path(DATA or ""))
    assert (len(counts), sum(counts.values())) == (221, 7_000)
    fund = house.run(payers.add_insurer, "Fund", coverage_percent=journeys.PART)
    clinic = journeys.Clinic(house.actor, house.doctor.id, house.service.id, fund.id)
    found: dict[journeys.Order, journeys.Outcome] = {}
    for number, order in enumerate(counts, 1):
        found[order] = journeys.Way(clinic).go(order)
        if number % EVERY == 0 or found[order].why:
            assert list(verify.findings()) == [], order
    assert list(verify.findings()) == []
    made = [order for order, outcome in found.items() if not outcome.why]
    print("\n".join(journeys.report(found, counts)))
    assert len(made) > 150
    assert sum(counts[order] for order in made) > 6_700
    assert all(": " in outcome.why for outcome in found.values() if outcome.why)
