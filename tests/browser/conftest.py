"""One browser per file, and for files that share it one served clinic."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser

from reception import clock, create_app, live
from reception.extensions import db, limiter
from tests.browser import day
from tests.browser.stage import Stage, chromium, rejoin
from tests.conftest import settings
from tests.factories import House
from tests.servers import serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def opened(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An app on a database for a whole file, on SQLite: what the screens show does not depend on the database."""
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(sqlite_template, folder / "reception.db")
    app = create_app(settings(folder, f"sqlite:///{folder / 'reception.db'}"))
    live.hub = live.Hub()
    limiter.reset()
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    clock.start_at(None)


@pytest.fixture(scope="module")
def shared(opened: Flask, browser: Browser) -> Iterator[Stage]:
    """One clinic and server for a whole file."""
    house = House.open(opened)
    with serving(house) as server:
        yield Stage(rejoin(house), server, browser)


@pytest.fixture(scope="module")
def busy(opened: Flask, browser: Browser) -> Iterator[tuple[Stage, Stage, day.Day]]:
    """A clinic in full swing, a clinic of the same house where nobody is yet, and what the day of the first holds."""
    now = clock.now()
    clock.start_at(now - timedelta(hours=day.HOURS))
    house, quiet = House.open(opened), House.open(opened, "Quiet clinic")
    held = day.full(house)
    clock.start_at(now)
    with serving(house) as server:
        yield Stage(rejoin(house), server, browser), Stage(rejoin(quiet), server, browser), held


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The shared stage; the windows of a test are closed after it."""
    yield shared
    shared.clear()


@pytest.fixture
def own_stage(house: House, browser: Browser) -> Iterator[Stage]:
    """A clinic and a server of the test's own, on SQLite and on PostgreSQL."""
    with serving(house) as server:
        stage = Stage(rejoin(house), server, browser)
        yield stage
        stage.clear()
