"""The short version of the long import: a process of its own, whose memory is looked at from its first row to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_memory_stays_while_a_long_file_is_read_and_stored() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.drills.long_import", "--rows", "6000"],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["refused"] == []
    assert set(found["seconds"]) == {"read", "compare", "store"}
    assert found["growth"] <= 0.05, found
