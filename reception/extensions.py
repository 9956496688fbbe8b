"""The extensions, not yet bound to an app. Everything else imports them from here."""

from typing import Any

from flask import has_request_context
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import CursorResult, Engine, Executable, MetaData
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table; the naming convention gives each constraint a name that a message can be found by."""

    metadata = MetaData(naming_convention=NAMING)


class OneDatabase(Session):
    """All tables live in one database, so no statement needs to be asked where it belongs."""

    _engine: Engine | None = None

    def get_bind(self, *_: Any, bind: Any = None, **__: Any) -> Any:
        if bind is None and self._engine is None:
            self._engine = self._db.engine
        return bind or self._engine


db: SQLAlchemy = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": True, "class_": OneDatabase})


def core(statement: Executable, values: Any = None) -> CursorResult[Any]:
    """Run a statement that loads no records on the session's connection, past the ORM: half of what it costs there.

    What the session holds unflushed is not seen.
    """
    return db.session.connection().execute(statement, values)


def read_freely() -> None:
    """Let the request read without a transaction until it writes, on PostgreSQL: there each statement sees what is
    committed either way, and BEGIN and ROLLBACK are two journeys."""
    session = db.session()
    if has_request_context() and not session.in_transaction() and session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        session.info["reads_freely"] = True


migrate = Migrate(compare_type=True)
login = LoginManager()
csrf = CSRFProtect()
babel = Babel()
socketio = SocketIO()
limiter = Limiter(key_func=lambda: "all", default_limits=[], headers_enabled=False)
