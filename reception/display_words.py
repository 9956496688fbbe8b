"""What a waiting-room TV says in each of the clinic's languages, and when it must load itself anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from flask_babel import force_locale, gettext

SHORT = {
    "ar": "عربي", "de": "DE", "en": "EN", "es": "ES", "fa": "فارسی", "fr": "FR", "he": "עב", "hi": "हिं", "ja": "日本",
    "ka": "ქარ", "kk": "ҚАЗ", "ko": "한국", "ky": "КЫР", "ru": "РУ", "tg": "ТОҶ", "tr": "TR", "uk": "УК", "ur": "اردو",
    "uz": "O‘Z", "vi": "VI", "zh": "中文",
}  # fmt: skip
"""A language's name as its readers find it at a glance."""


def display_words(locales: Iterable[str]) -> dict[str, dict[str, str]]:
    """{locale: {name: words}} for the templates in display/. In braces stands what the screen fills in by itself."""
    return {code: _words(code) for code in locales}


def _words(code: str) -> dict[str, str]:
    with force_locale(code):
        return {
            "dir": _direction(code),
            "short": SHORT.get(code.partition("_")[0], code[:2].upper()),
            "now_called": gettext("Now called"),
            "last_known": gettext("Last call we know · %(time)s", time="{time}"),
            "room": gettext("Room"),
            "floor": gettext("Floor %(floor)s", floor="{floor}"),
            "called_before": gettext("Called before"),
            "next": gettext("Next"),
            "runs_late": gettext("%(doctor)s runs about %(count)s min late", doctor="{doctor}", count="{count}"),
            "nobody": gettext("Nobody is waiting"),
            "wait": gettext("Please wait for your number"),
            "late": gettext("Connecting again. This picture is %(age)s old.", age="{age}"),
            "lost": gettext("No connection. This picture is %(age)s old.", age="{age}"),
            "listen": gettext("Please listen for your number."),
            "sound": gettext("Touch to switch the sound on"),
            "spoken": gettext("Number %(ticket)s, room %(room)s", ticket="{ticket}", room="{room}"),
        }


def _direction(code: str) -> str:
    try:
        return Locale.parse(code).text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


@cache
def display_build() -> str:
    """Changes with the scripts and styles of the TV: one that runs for weeks sees it and loads itself anew."""
    static = Path(__file__).parent / "static"
    digest = hashlib.sha256()
    for path in sorted([*static.glob("tv*"), *static.glob("live*.js")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
