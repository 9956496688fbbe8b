"""The stage of the browser tests: one clinic, one real server, one Chromium, and people signed in side by side."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from sqlalchemy import inspect

from reception.domain import users
from reception.extensions import db
from reception.models import Base, Role
from reception.transaction import perform
from tests.factories import HASH, PASSWORD, House
from tests.servers import Client, Server

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The shell first: the whole browser draws its own toolbar for each page, which takes longer than ours."""
WATCH_CSP = (
    'document.addEventListener("securitypolicyviolation", (e) => told(`${e.violatedDirective} ${e.blockedURI}`));'
)
GONE = re.compile(r"net::ERR_|WebSocket connection to|Failed to load resource")
"""What Chromium itself writes of a server that is not there."""


def chromium_path() -> str:
    """The browser to test in. Skips where there is none: `make test` finds or installs one."""
    for name in (os.environ.get("TEST_CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    return pytest.skip("no Chromium: run make test")


@contextmanager
def chromium() -> Iterator[Browser]:
    """One headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Seen:
    """What a context did that a clean screen does not do, and everything it asked for."""

    console: list[str] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requests.append(request))
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.expose_function("told", lambda text: self.policy.append(text))
        context.add_init_script(WATCH_CSP)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def strangers(self, url: str) -> list[str]:
        """Addresses beyond this server that somebody asked for."""
        own = (url + "/", url.replace("http:", "ws:") + "/", "data:", "blob:")
        return [request.url for request in self.requests if not request.url.startswith(own)]

    def is_clean(self, url: str, *, server_was_away: bool = False) -> None:
        """Fail where the console, the policy or the wire says something."""
        said = [line for line in self.console if not (server_was_away and GONE.search(line))]
        assert (said, self.errors, self.policy, self.strangers(url)) == ([], [], [], [])

    def forget(self) -> None:
        """What was before does not count."""
        for heard in (self.console, self.policy, self.requests, self.errors):
            heard.clear()


SEEN: dict[BrowserContext, Seen] = {}
"""What each window did."""


def rejoin(house: House) -> House:
    """Take the house's records into a new session: `serving` gave the old one back."""
    for name, value in list(vars(house).items()):
        if isinstance(value, Base):
            setattr(house, name, db.session.get_one(type(value), inspect(value).identity))
    return house


@dataclass
class Stage:
    """A served house and the browser that looks at it."""

    house: House
    server: Server
    browser: Browser
    _states: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    """The windows open until `clear`."""

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, *roles: Role) -> Client:
        """A client of the JSON API."""
        return self.server.client(self.house.token(*roles))

    def user(self, *roles: Role, locale: str | None = None) -> str:
        """The name of a user with exactly `roles` who reads `locale`; made at first need."""
        clinic = self.house.actor.clinic_id
        name = "-".join([*sorted(roles), *([locale] if locale else []), str(clinic)]).lower()
        if users.by_name(name) is None:
            perform(self.house.actor, users.create_user, name, HASH, name.title(), list(roles), locale=locale)
        return name

    def context(self, *roles: Role, locale: str | None = None, seen: Seen | None = None, **more: Any) -> BrowserContext:
        """A browser window of its own, signed in with `roles`; nobody without. `more`: Playwright's options."""
        if roles:
            more["storage_state"] = self._signed_in(roles, locale)
        more.setdefault("viewport", {"width": 1440, "height": 900})
        more.setdefault("locale", locale or "en-GB")
        context = self.browser.new_context(base_url=self.url, **more)
        context.set_default_timeout(10_000)
        context.set_default_navigation_timeout(30_000)
        self.contexts.append(context)
        SEEN[context] = seen or Seen()
        SEEN[context].watch(context)
        return context

    def window(self, *roles: Role, **more: Any) -> BrowserContext:
        """As context, but the one of earlier, with its cache, where it was asked for in the same words."""
        key = ("window", *sorted(roles), str(sorted(more.items(), key=str)))
        if key not in self._states:
            self._states[key] = self.context(*roles, **more)
            self.contexts.remove(self._states[key])
        return self._states[key]

    def _signed_in(self, roles: tuple[Role, ...], locale: str | None) -> Any:
        key = (*sorted(roles), locale)
        if key not in self._states:
            context = self.browser.new_context(base_url=self.url)
            sign_in(context.new_page(), self.user(*roles, locale=locale))
            self._states[key] = context.storage_state()
            context.close()
        return self._states[key]

    def page(self, path: str, *roles: Role, **more: Any) -> Page:
        """`path` open in a window of its own, its live line standing."""
        page = self.context(*roles, **more).new_page()
        page.goto(path)
        if roles:
            live(page)
        return page

    def clear(self) -> None:
        """Close every window."""
        while self.contexts:
            context = self.contexts.pop()
            SEEN.pop(context, None)
            context.close()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Through the form, as people do."""
    page.goto("/sign-in")
    page.fill("#username", name)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_selector("#live-dot")


def live(page: Page) -> Page:
    """Wait until the page's line stands."""
    page.wait_for_selector('body[data-live="live"]')
    return page
