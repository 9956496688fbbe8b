"""The short version of the big day; the whole of it is `python -m tests.drills.big_day`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.drills.big_day import drill, house_of_2016, part_of_the_day

COUNT = 300


@pytest.mark.data
@pytest.mark.slow
def test_three_hundred_real_appointments_through_twenty_clients(database_url: str, tmp_path: Path) -> None:
    data = os.environ.get("TEST_DATA")
    if not data:
        pytest.skip("no public data: run make test")
    with house_of_2016(tmp_path, database_url) as house:
        result = drill(house, part_of_the_day(Path(data), tmp_path, COUNT))
    assert result.booked >= COUNT
    assert 0 < result.came < result.booked
    assert set(result.statuses) == {
        "no-show 200", "check-in 200", "call-next 200", "start 200", "finish 200", "pay 200",
    }  # fmt: skip
