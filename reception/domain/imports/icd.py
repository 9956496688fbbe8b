"""The titles of ICD-10, in one language or several. Shared by all clinics; a newer title replaces the older."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_

from reception.domain.actors import Actor
from reception.domain.errors import Invalid, invalid_field
from reception.domain.imports import bulk, values
from reception.domain.imports.columns import Column, column
from reception.domain.imports.kinds import Checked, Fault, Kind, Staged
from reception.domain.search import plain
from reception.extensions import core, db
from reception.models import IcdTitle
from reception.words import N_

LOCALES = ("en", "ru", "uz", "ar", "zh")
CODE = re.compile(r"[A-Z](?=.?\d)[0-9A-Z]{2}(\.[0-9A-Z]{1,4})?")
MARKS = "+*†‡"
"""Behind a code they say how it is combined with others."""
HEADINGS = ("chapter", "block", "section")
COLUMNS: tuple[Column, ...] = (
    column("code", N_("Code"), "icd|icd10|icd 10|icd_code|mkb_code|мкб|код|код мкб|код мкб-10|kod|الرمز", needed=True),
    column(
        "title", N_("Diagnosis"), "title|name|description|диагноз|название|наименование|nomi|tashxis|العنوان|التشخيص"
    ),
    column("title_en", N_("Title in English"), "en|english|title_en|name_en"),
    column("title_ru", N_("Title in Russian"), "ru|mkb_name|russian|title_ru|name_ru|по-русски"),
    column("title_uz", N_("Title in Uzbek"), "uz|title_uz|name_uz|o'zbekcha"),
    column("title_ar", N_("Title in Arabic"), "ar|title_ar|name_ar|العربية"),
    column("title_zh", N_("Title in Chinese"), "zh|cn|title_zh|name_zh|中文"),
    column("level", N_("Level"), "kind|уровень|daraja"),
    column("is_current", N_("In use"), "actual|active|current|действует|актуально"),
)


class Icd(Kind):
    name = "icd10"
    title = N_("ICD-10")
    columns = COLUMNS
    needed = (("code",), ("title", *(f"title_{locale}" for locale in LOCALES)))
    has_locale = True

    def __init__(self, actor: Actor, at: datetime, fields: frozenset[str], locale: str = "") -> None:
        super().__init__(actor, at, fields, locale or "en")
        if self.locale not in LOCALES:
            raise Invalid(N_("Titles are kept in these languages: %(known)s."), known=", ".join(LOCALES))

    def read(self, cells: dict[str, str]) -> Checked | None:
        if cells.get("level", "").strip().lower() in HEADINGS:
            return None
        if not values.yes(cells.get("is_current", ""), "is_current", nothing=True):
            return None
        code = values.needed(values.line(cells["code"], 16, "code").upper().rstrip(MARKS), "code")
        if re.fullmatch(r"[A-Z]\d[0-9A-Z]{2,5}", code):
            code = f"{code[:3]}.{code[3:]}"  # some lists leave the point out
        if not CODE.fullmatch(code):
            if re.fullmatch(r"[IVX]{1,6}|\d{1,2}|[A-Z]\w{2}\s*[-–]\s*[A-Z]\w{2}", code):
                return None
            raise invalid_field("code", N_("This is no code of ICD-10. Write it like A00.1."))
        titles = {}
        for locale in LOCALES:
            typed = cells.get(f"title_{locale}", "") or (cells.get("title", "") if locale == self.locale else "")
            if text := " ".join(values.line(typed, 500, "title").split()):
                titles[locale] = text
        if not titles:
            raise invalid_field("title", N_("This is needed."))
        return Checked({"code": code, "titles": titles}, [f"code:{code}:{locale}" for locale in titles])

    def compare(self, rows: list[Staged]) -> Iterator[Fault]:
        stands = self._stand(rows)
        for row in rows:
            code = row.values["code"]
            row.is_new = any(stands.get((code, locale)) != title for locale, title in row.values["titles"].items())
        yield from ()

    def _stand(self, rows: list[Staged]) -> dict[tuple[str, str], str]:
        query = select(IcdTitle.code, IcdTitle.locale, IcdTitle.title)
        found = db.session.execute(query.where(IcdTitle.code.in_([row.values["code"] for row in rows])))
        return {(code, locale): title for code, locale, title in found}

    def insert(self, rows: list[Staged]) -> None:
        stands = self._stand(rows)
        titles: list[dict[str, Any]] = [
            {"code": code, "locale": locale, "title": title, "folded": f"{code.casefold()} {plain(title)}"}
            for row in rows
            for code in (row.values["code"],)
            for locale, title in row.values["titles"].items()
            if stands.get((code, locale)) != title
        ]
        if older := [(t["code"], t["locale"]) for t in titles if (t["code"], t["locale"]) in stands]:
            core(delete(IcdTitle).where(tuple_(IcdTitle.code, IcdTitle.locale).in_(older)))
        bulk.insert(IcdTitle, titles)


def language_of(texts: list[str]) -> str:
    """The language that titles are in, by their script."""
    joined = "".join(texts)
    for locale, script in (("ru", "[Ѐ-ӿ]"), ("ar", "[\u0600-ۿ]"), ("zh", "[一-鿿]")):
        if len(re.findall(script, joined)) * 3 > len(joined):
            return locale
    return "en"
