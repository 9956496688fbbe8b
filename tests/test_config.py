"""Settings: read once, refused in words, documented."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from reception import config
from reception.config import ConfigError, load

DOCS = Path(__file__).parent.parent / "docs" / "configuration.md"


def env(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"RECEPTION_INSTANCE": str(tmp_path), **more}


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text()
    assert [name for name in config.OURS if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"RECEPTION_NWO": "x"}, "RECEPTION_NWO"),
        ({"PORT": "eighty"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"RECEPTION_NOW": "yesterday"}, "RECEPTION_NOW"),
        ({"RECEPTION_ENV": "prod"}, "RECEPTION_ENV"),
        ({"DATABASE_URL": "mysql://h/d"}, "mysql"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"WEB_CONCURRENCY": "2"}, "SQLite"),
        ({"WEB_CONCURRENCY": "2", "DATABASE_URL": "postgresql://h/d"}, "REDIS_URL"),
        ({"RECEPTION_ENV": "production"}, "SECRET_KEY"),
        ({"RECEPTION_ENV": "production", "SECRET_KEY": "s"}, "RECEPTION_AUDIT_KEY"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(env(tmp_path, **wrong))


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first, second = load(env(tmp_path)), load(env(tmp_path))
    assert first["SECRET_KEY"] == second["SECRET_KEY"] != first["AUDIT_KEY"]
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


def test_postgres_always_speaks_psycopg_3(tmp_path: Path) -> None:
    for url in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg2://u@h/d"):
        assert load(env(tmp_path, DATABASE_URL=url))["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u@h/d"


def test_a_day_alone_starts_the_clock_in_working_hours(tmp_path: Path) -> None:
    assert load(env(tmp_path, RECEPTION_NOW="2016-05-16"))["NOW"] == datetime(2016, 5, 16, 9, tzinfo=UTC)
