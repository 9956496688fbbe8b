"""Patients: who they are, how to reach them, where they live.

Who somebody is, in this order: the number that the file gives them, their card number here, a document, a phone. Rows
without a number are remembered by a digest of what they say, so that the same file brings nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, func, select, update

from reception.domain import numbers, registry
from reception.domain.actors import Actor
from reception.domain.imports import bulk, values
from reception.domain.imports.columns import Column, column
from reception.domain.imports.kinds import Checked, Fault, Kind, Staged
from reception.domain.imports.places import Places
from reception.domain.search import fold, plain
from reception.extensions import Base, core, db
from reception.models import Patient
from reception.words import N_

LONGEST_NUMBER = 60
UNIQUE = ("phone", "national_id", "tax_id", "document_number")
"""Columns of which no two cards have the same."""
DOCUMENTS = {
    "PASSPORT": "passport паспорт pasport جواز reisepass",
    "ID_CARD": "id idcard удостоверение удостоверениеличности idkarta personalausweis هوية",
    "BIRTH_CERTIFICATE": "свидетельство свидетельствоорождении metrika guvohnoma birthcertificate",
    "RESIDENCE_PERMIT": "внж видунажительство residencepermit", "DRIVING_LICENCE": "права вуводителя licence license",
    "OTHER": "other другой другое boshqa آخر",
}  # fmt: skip
_DOCUMENTS = {word: name for name, words in DOCUMENTS.items() for word in words.split()}

COLUMNS: tuple[Column, ...] = (
    column("number", N_("Number"), "card number|card no|card_no|card|id|patient id|patientid|patient_id|mrn|rec_id|"
           "номер карты|номер|№|№ карты|номер пациента|код пациента|karta raqami|bemor raqami|raqami|№ карточки|رقم البطاقة|رقم|الرقم"),
    column("full_name", N_("Full name"), "ФИО|Ф.И.О.|Ф.И.О|fio|F.I.Sh|FISH|F.I.O|Ф.И.Ш.|имя полностью|пациент|bemor|"
           "surname and name|last name first name|الاسم الكامل"),
    column("last_name", N_("Last name"), "surname|family name|familyname|lastname|фамилия|familiya|familiyasi|фамилияси|"
           "اسم العائلة|اللقب|الكنية"),
    column("first_name", N_("First name"), "given name|given_name|name|firstname|forename|имя|ism|ismi|исм|исми|الاسم الأول|الاسم"),
    column("middle_name", N_("Middle name"), "patronymic|отчество|sharif|sharifi|otasining ismi|otasi|шарифи|отасининг исми|"
           "اسم الأب|الاسم الأوسط"),
    column("date_of_birth", N_("Date of birth"), "birth date|birthdate|born|dob|birthday|дата рождения|др|д.р.|"
           "tug'ilgan sana|tug'ilgan sanasi|tug'ilgan kuni|tugilgan sana|туғилган сана|туғилган санаси|تاريخ الميلاد|تاريخ الولادة"),
    column("gender", N_("Gender"), "sex|пол|jins|jinsi|жинс|жинси|الجنس"),
    column("phone", N_("Phone"), "phone number|mobile|mobile phone|cell|tel|telephone|телефон|мобильный|мобильный телефон|"
           "номер телефона|сотовый|telefon|telefon raqami|mobil telefon|телефон рақами|الهاتف|رقم الهاتف|الجوال|هاتف"),
    column("home_phone", N_("Home phone"), "second phone|phone 2|домашний телефон|второй телефон|доп телефон|uy telefoni|"
           "هاتف المنزل"),
    column("email", N_("E-mail"), "email|mail|e mail|электронная почта|почта|эл. почта|elektron pochta|pochta|البريد الإلكتروني|البريد"),
    column("national_id", N_("Document number"), "national id|national_id|personal number|пинфл|jshshir|jshir|pinfl|снилс|иин|"
           "личный номер|номер документа|الرقم الوطني|رقم الهوية"),
    column("tax_id", N_("Tax number"), "tax id|инн|stir|inn|налоговый номер|الرقم الضريبي"),
    column("document_type", N_("Kind of document"), "document type|document|тип документа|вид документа|документ|hujjat turi|نوع الوثيقة"),
    column("document_number", N_("Number of the document"), "passport|passport number|паспорт|серия и номер|номер паспорта|"
           "серия и номер паспорта|pasport|pasport raqami|hujjat raqami|رقم جواز السفر|رقم الوثيقة"),
    column("guardian", N_("Guardian"), "guardian number|parent|опекун|родитель|представитель|vasiy|ota-onasi|ولي الأمر|الوصي"),
    column("country", N_("Country"), "страна|davlat|mamlakat|البلد|الدولة"),
    column("region_code", N_("Region"), "province|state|область|регион|viloyat|вилоят|المنطقة|المحافظة"),
    column("district_code", N_("District"), "район|tuman|туман|город район|الحي|المديرية"),
    column("settlement_code", N_("Settlement"), "mahalla|махалля|маҳалла|населенный пункт|village|town|القرية|البلدة"),
    column("address", N_("Address"), "street|address line|адрес|улица|manzil|манзил|العنوان"),
    column("insurance_type", N_("Kind of insurance"), "insurance type|вид страхования|тип страховки|نوع التأمين"),
    column("insurer", N_("Insurer"), "insurance|insurance company|страховая|страховая компания|страховщик|sug'urta|شركة التأمين|التأمين"),
    column("policy_number", N_("Policy number"), "policy|insurance number|полис|номер полиса|polis|رقم البوليصة|رقم الوثيقة التأمينية"),
    column("gestational_age_weeks", N_("Born after weeks of pregnancy"), "gestational age|gestational age weeks|срок гестации"),
    column("medical_history", N_("Medical history"), "history|anamnesis|анамнез|история болезни|التاريخ المرضي"),
    column("alerts", N_("Alerts"), "allergies|allergy|аллергия|аллергии|предупреждения|allergiya|تنبيهات|الحساسية"),
    column("special_needs", N_("Special needs"), "needs|особые потребности|maxsus ehtiyojlar|احتياجات خاصة"),
    column("additional_info", N_("Additional information"), "notes|note|comment|comments|remarks|примечание|примечания|"
           "комментарий|заметки|izoh|izohlar|изоҳ|ملاحظات|معلومات إضافية"),
    column("preferred_locale", N_("Preferred language"), "language|язык|til|tili|اللغة|اللغة المفضلة"),
    column("is_active", N_("In use"), "active|активен|действует|faol|نشط|مستخدم"),
)  # fmt: skip


class Patients(Kind):
    name = "patients"
    title = N_("Patients")
    columns = COLUMNS
    needed = (("last_name", "full_name"),)

    def __init__(self, actor: Actor, at: datetime, fields: frozenset[str], locale: str = "") -> None:
        super().__init__(actor, at, fields, locale)
        self._blank = Patient()
        self._places = Places()

    # ------------------------------------------------------------------------------------------------------ reading

    def read(self, cells: dict[str, str]) -> Checked:
        found = {name: self._value(name, text) for name, text in cells.items() if name in registry.PLAIN}
        if "full_name" in cells:
            self._split(found, values.line(cells["full_name"], 600, "full_name"))
        values.needed(found.get("last_name") or "", "last_name")
        self._places.fit(found)
        self._fit_document(found)
        guardian = values.line(cells.get("guardian", ""), LONGEST_NUMBER, "guardian")
        if guardian and found.get("phone"):  # a child has no phone of its own; two cards cannot have one
            found["home_phone"] = found.get("home_phone") or found["phone"]
            found["phone"] = None
        number = values.line(cells.get("number", ""), LONGEST_NUMBER, "number")
        known = {"number": number, "guardian": guardian}
        known["source_key"] = f"n:{number}" if number else f"r:{_digest(found)}"
        if "is_active" in cells:
            found["is_active"] = values.yes(cells["is_active"], "is_active", nothing=True)
        # what the search compares is made now, while nobody waits for it; the card number comes with the card
        known["folded"] = fold(Patient(**{name: found.get(name) or "" for name in FOLDED}, card_no="")).strip()
        keys = [f"number:{known['source_key']}", *(f"{name}:{found[name]}" for name in UNIQUE if found.get(name))]
        return Checked({**found, **known}, keys)

    def _value(self, name: str, text: str) -> Any:
        """The cell as the card keeps it."""
        if name == "date_of_birth":
            return registry.stored(name, values.day(text, name, self.region), self._blank, self.actor, self.at)
        if name == "gender":
            return values.gender(text)
        if name == "gestational_age_weeks":
            return values.whole(text, name, *registry.WEEKS, nothing=0) or None
        typed = values.line(text, 5000, name)
        if name in ("region_code", "district_code", "settlement_code"):
            return typed
        if name in ("phone", "home_phone"):
            typed = values.digits(typed)
        elif name == "document_type":
            typed = _DOCUMENTS.get(
                plain(typed).replace(" ", ""), _DOCUMENTS.get(typed.casefold().replace(" ", ""), typed)
            )
        return registry.stored(name, typed, self._blank, self.actor, self.at)

    @property
    def region(self) -> str:
        return self.actor.clinic.phone_region

    def _split(self, found: dict[str, Any], name: str) -> None:
        """A name in one piece: the family name first."""
        head, comma, tail = name.partition(",")
        parts = [head, *tail.split()] if comma else name.split()
        for field, part in zip(
            ("last_name", "first_name", "middle_name"), (*parts[:2], " ".join(parts[2:])), strict=False
        ):
            found[field] = found.get(field) or registry.stored(field, part, self._blank, self.actor, self.at)

    def _fit_document(self, found: dict[str, Any]) -> None:
        if found.get("document_number"):
            found["document_type"] = found.get("document_type") or "OTHER"
        elif "document_type" in found:
            found["document_type"] = None

    # ---------------------------------------------------------------------------------------------------- comparing

    def compare(self, rows: list[Staged]) -> Iterator[Fault]:
        cards = _Cards(self.actor.clinic_id, rows)
        for row in rows:
            row.is_new = False
            card = cards.by("source_key", row.values["source_key"])
            if card is not None:
                if row.values["number"] and not _may_be(card, row.values):
                    yield Fault(row.row, row.line, N_("This number was imported for somebody else: card %(card)s."),
                                "number", {"card": card.card_no})  # fmt: skip
                continue
            card = cards.by("card_no", row.values["number"])
            if card is not None and _is(card, row.values):
                continue
            row.is_new = True
            for name in UNIQUE:
                card = cards.by(name, row.values.get(name))
                if card is None:
                    continue
                if _is(card, row.values):
                    row.is_new = False
                    break
                yield Fault(row.row, row.line, N_("Card %(card)s has the same already."), name, {"card": card.card_no})
                break
            if row.is_new and (guardian := row.values["guardian"]) and not self._knows(guardian):
                yield Fault(
                    row.row, row.line, N_("Nobody has the number %(number)s."), "guardian", {"number": guardian}
                )

    def _knows(self, number: str) -> bool:
        """Whether a guardian is in the file or stands already."""
        return self.is_staged(f"number:n:{number}") or self._card_of(number) is not None

    def _card_of(self, number: str) -> int | None:
        stays = func.coalesce(Patient.merged_into_id, Patient.id)
        here = select(stays).where(Patient.clinic_id == self.actor.clinic_id)
        found = db.session.scalar(here.where(Patient.source_key == f"n:{number}"))
        return found or db.session.scalar(here.where(Patient.card_no == number))

    # ------------------------------------------------------------------------------------------------------ storing

    def insert(self, rows: list[Staged]) -> None:
        ids = bulk.new_ids(Patient, len(rows))
        cards = numbers.card_nos(self.actor.clinic, len(rows))
        bulk.insert(Patient, [self._row(row.values, i, c) for row, i, c in zip(rows, ids, cards, strict=True)])

    def _row(self, found: dict[str, Any], ident: int, card_no: str) -> dict[str, Any]:
        person = {name: found.get(name) for name in STORED}
        for name in TEXTS:
            person[name] = person[name] or ""
        if born := person["date_of_birth"]:
            person["date_of_birth"] = date.fromisoformat(born)
        person["gender"] = person["gender"] or "UNKNOWN"
        person["is_active"] = found.get("is_active", True)
        head = {"id": ident, "clinic_id": self.actor.clinic_id, "card_no": card_no, "source_key": found["source_key"]}
        person["folded"] = f"{found['folded']} {card_no}"
        return bulk.signed(self.actor, self.at) | head | person

    def finish(self, rows: Iterator[list[Staged]]) -> None:
        """Children are given their guardians, who may stand anywhere in the file."""
        if "guardian" not in self.fields:
            return
        table = Base.metadata.tables["patient"]
        link = (
            update(table)
            .where(table.c.id == bindparam("child"), table.c.guardian_id.is_(None))
            .values(guardian_id=bindparam("guardian"))
        )
        for some in rows:
            pairs = []
            for row in some:
                if not row.values["guardian"]:
                    continue
                child = self._new_of(row.values["source_key"])
                guardian = self._card_of(row.values["guardian"])
                if child and guardian and child != guardian:
                    pairs.append({"child": child, "guardian": guardian})
            if pairs:
                core(link, pairs)

    def _new_of(self, source_key: str) -> int | None:
        """The card that this very import made."""
        mine = select(Patient.id).where(
            Patient.clinic_id == self.actor.clinic_id, Patient.source_key == source_key, Patient.created_at == self.at
        )
        return db.session.scalar(mine)


STORED = (
    "first_name", "middle_name", "last_name", "date_of_birth", "gender", "phone", "home_phone", "email", "national_id",
    "tax_id", "document_type", "document_number", "country", "region_code", "district_code", "settlement_code",
    "address", "insurance_type", "insurer", "policy_number", "gestational_age_weeks", "medical_history", "alerts",
    "special_needs", "additional_info", "preferred_locale",
)  # fmt: skip
TEXTS = ("first_name", "middle_name", "last_name", "email", "country", "address", "insurance_type", "insurer",
         "policy_number", "medical_history", "alerts", "special_needs", "additional_info")  # fmt: skip
FOLDED = ("first_name", "middle_name", "last_name", "phone", "home_phone")
IDENTITY = ("last_name", "first_name", "middle_name", "date_of_birth", "phone", "home_phone", "address",
            "national_id", "tax_id", "document_number")  # fmt: skip


def _digest(found: dict[str, Any]) -> str:
    text = "\x1f".join(str(found.get(name) or "") for name in IDENTITY)
    return sha256(text.encode()).hexdigest()[:40]


class _Cards:
    """The cards that may be one of the rows, by what they may be known by."""

    def __init__(self, clinic_id: int, rows: list[Staged]) -> None:
        self._found: dict[tuple[str, str], Any] = {}
        asked = {"source_key": "source_key", "card_no": "number", **{name: name for name in UNIQUE}}
        for column_name, value_name in asked.items():
            wanted = {row.values[value_name] for row in rows if row.values.get(value_name)}
            if not wanted:
                continue
            kept = getattr(Patient, column_name)
            query = select(
                kept, Patient.card_no, Patient.last_name, Patient.first_name, Patient.date_of_birth, Patient.phone
            ).where(Patient.clinic_id == clinic_id, kept.in_(wanted))
            for value, *card in db.session.execute(query):
                self._found[column_name, value] = _Card(*card)

    def by(self, name: str, value: str | None) -> _Card | None:
        return self._found.get((name, value)) if value else None


class _Card:
    __slots__ = ("born", "card_no", "first_name", "last_name", "phone")

    def __init__(self, card_no: str, last_name: str, first_name: str, born: date | None, phone: str | None) -> None:
        self.card_no, self.last_name, self.first_name, self.born, self.phone = (
            card_no, last_name, first_name, born, phone,
        )  # fmt: skip


def _is(card: _Card, found: dict[str, Any]) -> bool:
    """Whether card and row are one person by name, and by birth date where both have one."""
    names = plain(card.last_name) == plain(found.get("last_name") or "") and plain(card.first_name) == plain(
        found.get("first_name") or ""
    )
    born = found.get("date_of_birth")
    return names and (not card.born or not born or card.born.isoformat() == born)


def _may_be(card: _Card, found: dict[str, Any]) -> bool:
    """Whether a card that has the row's number can be the same person: something of it is the same still."""
    return (
        plain(card.last_name) == plain(found.get("last_name") or "")
        or plain(card.first_name) == plain(found.get("first_name") or "")
        or (card.born is not None and card.born.isoformat() == found.get("date_of_birth"))
        or (card.phone is not None and card.phone == found.get("phone"))
    )
