"""Texts that stand by themselves and may speak of a person: notes for the next shift, reports of imports.

Nothing links them to a card. A text that has a phone, an address, a document or two of the names of a person speaks of
that person, and what it says of those is struck out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from reception.domain.locks import locked_all
from reception.extensions import db
from reception.models import ImportRun, Patient, Record, ShiftNote

STRUCK = "…"
SURE = ("email", "national_id", "tax_id", "document_number", "policy_number")
"""Columns of which one alone tells who it is."""
NAMES = ("last_name", "first_name", "middle_name")
SHORTEST = 3
DIGITS = 7
"""So many digits at the end of a phone number are the number, however it is written."""


class Marks:
    """What tells a person: `sure` alone, `names` two together."""

    def __init__(self, cards: Iterable[Patient]) -> None:
        cards = list(cards)
        sure = {_word(value) for card in cards for name in SURE if _is_long(value := getattr(card, name))}
        phones = {_phone(value) for card in cards for value in (card.phone, card.home_phone) if value}
        self.sure = [re.compile(text, re.IGNORECASE) for text in sorted(sure | phones)]
        names = {value for card in cards for name in NAMES if _is_long(value := getattr(card, name))}
        self.names = [re.compile(_word(name), re.IGNORECASE) for name in sorted(names)]

    def strike(self, text: str) -> str:
        """`text` without the person, where it speaks of them."""
        named = sum(1 for name in self.names if name.search(text))
        if named < 2 and not any(mark.search(text) for mark in self.sure):
            return text
        for mark in (*self.sure, *self.names):
            text = mark.sub(STRUCK, text)
        return text

    def strike_all(self, value: Any) -> Any:
        """The same for every text in a list or a dictionary."""
        if isinstance(value, str):
            return self.strike(value)
        if isinstance(value, list):
            return [self.strike_all(part) for part in value]
        return {key: self.strike_all(part) for key, part in value.items()} if isinstance(value, dict) else value


def _is_long(value: str | None) -> bool:
    return value is not None and len(value.strip()) >= SHORTEST


def _word(value: str) -> str:
    return rf"(?<!\w){re.escape(value.strip())}(?!\w)"


def _phone(value: str) -> str:
    """The number in any usual way of writing it: what stands before its last digits goes with them."""
    tail = r"[\s()./–-]*".join(re.sub(r"\D", "", value)[-DIGITS:])
    return rf"[+\d(][\d\s()./–-]*{tail}|{tail}"


def strike_out(cards: Iterable[Patient], clinic_id: int) -> list[Record]:
    """Strike the persons of `cards` out of the clinic's texts; the changed rows that an act has to cover."""
    marks, rows = Marks(cards), []
    for note in db.session.scalars(select(ShiftNote).where(ShiftNote.clinic_id == clinic_id)):
        if marks.strike(note.text) != note.text:
            rows.append(note.id)
    notes = locked_all(ShiftNote, clinic_id, ShiftNote.id.in_(rows)) if rows else []
    for note in notes:
        note.text = marks.strike(note.text)
    for run in db.session.scalars(select(ImportRun).where(ImportRun.clinic_id == clinic_id)):
        run.report, run.why = marks.strike_all(run.report), marks.strike_all(run.why)
    return list(notes)
