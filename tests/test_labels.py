"""Nothing in the audit is shown raw: every act that the source records and every column that can change has words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from reception import labels
from reception.domain import machines
from reception.domain.audit import PARTS, QUIET
from reception.domain.imports.registry import KINDS
from reception.extensions import Base
from reception.models import AuditEntry, Edited

SOURCE = Path(__file__).resolve().parents[1] / "reception"


def texts(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[str]:
    """What an action may be: a text, one of two, a name of the module, or a text with gaps shown as {}."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id in names:
        yield from texts(names[node.id], names)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, names)
        yield from texts(node.orelse, names)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def recorded() -> set[str]:
    """The action of every call of `record` in the source."""
    found = set()
    for path in sorted(SOURCE.rglob("*.py")):
        module = ast.parse(path.read_text())
        names = {
            n.targets[0].id: n.value
            for n in module.body
            if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
        }
        for node in ast.walk(module):
            name = getattr(node, "func", None)
            called = getattr(name, "id", None) or getattr(name, "attr", None)
            if isinstance(node, ast.Call) and called == "record" and len(node.args) > 1:
                action = list(texts(node.args[1], names))
                assert action, f"{path.name}:{node.lineno} records an act that this test cannot read"
                found |= set(action)
    return found


def facts() -> dict[str, str]:
    """{fact: where} of every call of `record` in the source."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "func", None)
            called = getattr(name, "id", None) or getattr(name, "attr", None)
            if isinstance(node, ast.Call) and called == "record" and len(node.args) > 1:
                found |= {word.arg: f"{path.name}:{node.lineno}" for word in node.keywords if word.arg}
    return found


def test_every_fact_of_an_act_has_words() -> None:
    found = facts()
    assert {"operation", "receipt", "price"} <= set(found)
    known = {"at", "also"} | labels.UNSAID | set(labels.FIELDS)
    assert {name: where for name, where in found.items() if name not in known} == {}


def test_every_recorded_act_has_words() -> None:
    found = recorded()
    assert {"payment.pay", "visit.{}", "doctor.break", "doctor.back", "{}.add"} <= found
    for action in found:
        subject, _, verb = action.partition(".")
        if action == "visit.{}":
            assert {f"visit.{move}" for move in machines.VISIT} <= set(labels.ACTIONS)
        elif action == "import.{}":
            assert {f"import.{kind}" for kind in KINDS} <= set(labels.ACTIONS)
            continue
        elif verb == "{}":
            # add, change, open, close of whatever kind: VERBS; or several acts of one kind
            assert subject == "{}" or any(known.startswith(f"{subject}.") for known in labels.ACTIONS), action
            continue
        elif action not in labels.ACTIONS:
            assert verb in labels.VERBS, f"{action} has no words in labels.ACTIONS"
        assert subject == "{}" or labels.is_action(action.replace("{}", "call")), f"{action} cannot be asked for"


def test_every_changing_table_and_column_has_words() -> None:
    edited = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Edited)]
    assert len(edited) > 10
    for model in edited:
        assert model.__tablename__ in labels.KINDS
        for column in model.__table__.columns:
            name = column.name
            if name != "id" and name not in QUIET and name not in labels.UNSAID:
                assert name in labels.FIELDS, f"{model.__tablename__}.{name} has no words in labels.FIELDS"
    assert set(PARTS) <= set(labels.KINDS)


def test_what_has_no_words_says_so_and_shows_no_code() -> None:
    entry = AuditEntry(
        action="moon.land", entity_kind="moon", entity_id=1, fields={"crater": [1, 2], "status": ["A", "B"]}
    )
    from flask import Flask
    from flask_babel import Babel

    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        said = [labels.action_words("moon.land"), labels.kind_words("moon")]
        said += [part for change in labels.changed(entry, "EUR") for part in (change.name, change.old, change.new)]
    assert said == ["Another act", "Another record", "Another field", "", "", "State", "", ""]
