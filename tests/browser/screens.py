"""Every screen of the house: who opens it, where, and what is done until it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from reception.models import Role
from tests.browser.day import Day
from tests.browser.stage import SEEN, Stage, live

RECEPTION = (Role.RECEPTIONIST, Role.CASHIER)
ADMIN = (Role.ADMIN,)
MANAGER = (Role.MANAGER,)
DOCTOR = (Role.DOCTOR, Role.NURSE)


def nothing(page: Page) -> None:
    """The page itself is the screen."""


@dataclass(frozen=True)
class Screen:
    """`path` may name fields of the Day; `open` does what a person does until the screen stands there."""

    name: str
    path: str
    roles: tuple[Role, ...] = ()
    open: Callable[[Page], object] = nothing
    is_quiet: bool = False
    """Opened in the clinic where nobody is yet."""
    is_counted: bool = False
    """The title of its tab carries a count."""

    def show(self, busy: tuple[Stage, Stage, Day], **more: object) -> Page:
        """The screen in a tab of its own. `more`: as Stage.window takes it."""
        stage, quiet, day = busy
        page = (quiet if self.is_quiet else stage).window(*self.roles, **more).new_page()
        SEEN[page.context].forget()
        page.goto(self.path.format_map(vars(day)))
        if page.locator("body[data-display], #live-dot").count():
            live(page)
        self.open(page)
        return page


def dialog(page: Page) -> None:
    page.wait_for_selector("#dialog[open] :is(h1, h2)")


def shown(page: Page, selector: str) -> Locator:
    """The first such thing; on a phone the columns of the desk are tabs, and its own is opened."""
    first = page.locator(selector).first
    pane = first.locator("xpath=ancestor::*[@data-list][1]")
    if not first.is_visible() and pane.count():
        page.locator(f'[data-figure][data-tab="{pane.get_attribute("data-list-name")}"]').first.click()
    return first


def click(selector: str, then: Callable[[Page], None] = dialog) -> Callable[[Page], None]:
    """Press what stands at `selector` and wait."""

    def act(page: Page) -> None:
        shown(page, selector).click()
        then(page)

    return act


def act(row: str, then: Callable[[Page], None] = dialog) -> Callable[[Page], None]:
    """Press the act of the first row of its kind; with a mouse it shows under the pointer."""

    def press(page: Page) -> None:
        first = shown(page, row)
        first.hover()
        first.locator(".rx-act").click()
        then(page)

    return press


def found(page: Page) -> None:
    page.locator("#search").fill("a")
    page.locator("#search").fill("Pet")
    page.wait_for_selector("#results [role=option]")


def nobody_found(page: Page) -> None:
    page.locator("#search").fill("Nobody at all")
    page.wait_for_selector("#hit-new")


def refused_walk_in(page: Page) -> None:
    click('[data-key="KeyW"]')(page)
    page.locator("#dialog #phone").fill("12")
    page.locator("#dialog form").locator("[type=submit]").click()
    page.wait_for_selector("#dialog .invalid-feedback")


def filtering(page: Page) -> None:
    page.locator(".rx-filter-fields").wait_for()


def twin(page: Page) -> None:
    click('[data-key="KeyW"]')(page)
    page.locator("#dialog #last_name").fill("Ferrari")
    page.wait_for_selector("#known li")
    page.locator("#dialog #phone").fill("+4930901820")
    page.locator("#dialog form").locator("[type=submit]").click()
    page.wait_for_selector("#dialog .rx-twin")


def asked(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator(f'[hx-get$="/ask/{name}"]').last.click()
        page.wait_for_selector("#dialog[open] .rx-ask")

    return act


def cancelling(page: Page) -> None:
    click(".rx-queued .rx-open")(page)
    asked("cancel")(page)


def split(page: Page) -> None:
    act(".rx-payable")(page)
    page.locator('[data-way][value="CARD"]').check()
    page.locator("#amount-CASH").fill("500000")
    page.wait_for_selector("#payment .is-wrong")


def toast(page: Page) -> None:
    act(".rx-arrival", undone)(page)


def undone(page: Page) -> None:
    page.locator("#toasts [data-undo]").click()
    page.wait_for_selector("#toasts [data-toast]:not(:has([data-undo]))")


def wrong_password(page: Page) -> None:
    page.fill("#username", "nobody")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#sign-in-error")


def booking(page: Page) -> None:
    click('[data-key="KeyN"]')(page)
    page.locator("#booking-q").fill("Ferrari")
    page.wait_for_selector("#booking-people [role=option]")


def menu(page: Page) -> None:
    page.locator(".rx-user").click()
    expect(page.locator("#user-menu")).to_be_visible()


def sheet(page: Page) -> None:
    page.keyboard.press("?")
    page.wait_for_selector("#help[open] [data-keys] dt")


def called(page: Page) -> None:
    page.wait_for_selector('body[data-phase="rest"] .tv-call:not([hidden])')


def lost(page: Page) -> None:
    """As if the line had been down for a while: the state that live.js sets."""
    page.evaluate('document.body.dataset.live = "off"')


def paired(page: Page) -> None:
    page.wait_for_selector(".tv-code:not(:empty)")


SCREENS = [
    Screen("sign-in", "/sign-in"),
    Screen("sign-in refused", "/sign-in", open=wrong_password),
    Screen("desk", "/", RECEPTION, is_counted=True),
    Screen("desk empty", "/", RECEPTION, is_quiet=True),
    Screen("desk not live", "/", RECEPTION, lost),
    Screen("desk search", "/", RECEPTION, found),
    Screen("desk nobody found", "/", RECEPTION, nobody_found),
    Screen("desk toast", "/", RECEPTION, toast),
    Screen("menu", "/", RECEPTION, menu),
    Screen("help sheet", "/", RECEPTION, sheet),
    Screen("walk-in", "/", RECEPTION, click('[data-key="KeyW"]')),
    Screen("walk-in refused", "/", RECEPTION, refused_walk_in),
    Screen("walk-in twin", "/", RECEPTION, twin),
    Screen("visit", "/", RECEPTION, click(".rx-queued .rx-open")),
    Screen("cancel", "/", RECEPTION, cancelling),
    Screen("payment", "/", RECEPTION, act(".rx-payable")),
    Screen("payment split", "/", RECEPTION, split),
    Screen("payment page", "/finance/bills/{payment}/pay", RECEPTION),
    Screen("queue", "/queue", RECEPTION, is_counted=True),
    Screen("board", "/queue/doctors/{doctor}", DOCTOR, is_counted=True),
    Screen("record", "/queue/visits/{in_room}/record", (Role.DOCTOR,)),
    Screen("record of the past", "/queue/visits/{done}/record", (Role.DOCTOR,)),
    Screen("prescription", "/queue/visits/{done}/record/prescription", (Role.DOCTOR,)),
    Screen("care", "/queue/visits/{in_room}/care", (Role.NURSE,)),
    Screen("history", "/patients/{patient}/history", (Role.DOCTOR,)),
    Screen("board empty", "/queue/doctors/{free_doctor}", ADMIN),
    Screen("send and return", "/queue/doctors/{doctor}", ADMIN, asked("hold")),
    Screen("transfer", "/queue/doctors/{doctor}", ADMIN, asked("transfer")),
    Screen("pairing", "/display", open=paired),
    Screen("TV", "/display/{display}", open=called),
    Screen("TV lost", "/display/{display}", open=lost),
    Screen("ticket waiting", "/t/{waiting_ticket}"),
    Screen("ticket called", "/t/{called_ticket}"),
    Screen("finance", "/finance", RECEPTION),
    Screen("cashboxes", "/finance/report/cashbox", RECEPTION),
    Screen("shifts", "/finance/shifts", MANAGER),
    Screen("counting", "/finance/shifts", MANAGER, click('.rx-shifts [hx-get$="/shift"]')),
    Screen("income and expense", "/finance/shifts", MANAGER, click('[data-key="KeyE"]')),
    Screen("income page", "/finance/add", MANAGER),
    Screen("open a shift page", "/finance/cashboxes/{cashbox}/shift", MANAGER),
    Screen("log", "/logs", ADMIN),
    Screen("receipt", "/finance/receipts/{operation}", RECEPTION),
    Screen("receipt sheet", "/finance/receipts/{operation}?paper=a4", RECEPTION),
    Screen("debts", "/finance/debts", RECEPTION),
    Screen("pay several", "/finance/debts", RECEPTION, click(".rx-debts-table [hx-get]")),
    Screen("pay several page", "/finance/together/{patient}", RECEPTION),
    Screen("bonuses", "/finance/bonuses", RECEPTION),
    Screen("bill", "/finance/bills/{bill}", MANAGER),
    Screen("bill's ledger", "/finance/bills/{bill}", MANAGER, click(".rx-bill-more summary", nothing)),
    Screen("service on a bill", "/finance/bills/{bill}", RECEPTION, click('[data-key="KeyL"]')),
    Screen("discount", "/finance/bills/{bill}", RECEPTION, click('[data-key="KeyD"]')),
    Screen("insurer of a bill", "/finance/bills/{bill}", RECEPTION, click('[data-key="KeyI"]')),
    Screen("service on a bill page", "/finance/bills/{bill}/lines/new", RECEPTION),
    Screen("quantity page", "/finance/bills/{bill}/lines/{line}", RECEPTION),
    Screen("discount page", "/finance/bills/{bill}/discounts/new", RECEPTION),
    Screen("insurer of a bill page", "/finance/bills/{bill}/payers/new", RECEPTION),
    Screen("insurer's part page", "/finance/bills/{bill}/payers/{payer}", RECEPTION),
    Screen("part refused page", "/finance/bills/{bill}/payers/{payer}/refuse", MANAGER),
    Screen("void page", "/finance/bills/{bill}/void", MANAGER),
    Screen("cancel bill page", "/finance/bills/{bill}/cancel", MANAGER),
    Screen("claims", "/finance/claims", MANAGER),
    Screen("claim", "/finance/claims/{claim}", MANAGER),
    Screen("claim accepted page", "/finance/claims/{claim}/accept", MANAGER),
    Screen("claim refused page", "/finance/claims/{claim}/refuse", MANAGER),
    Screen("claim paid page", "/finance/claims/{claim}/pay", MANAGER),
    Screen("doctors' dues", "/finance/dues", MANAGER),
    Screen("one doctor's dues", "/finance/dues/{doctor}", MANAGER),
    Screen("payout page", "/finance/dues/{doctor}/pay", MANAGER),
    Screen("insurers", "/settings/insurers", MANAGER),
    Screen("new insurer page", "/settings/insurers/new", MANAGER),
    Screen("insurer page", "/settings/insurers/{insurer}", MANAGER),
    Screen("rules of money", "/settings/money", MANAGER),
    Screen("refunds", "/finance/refunds", MANAGER),
    Screen("refund page", "/finance/bills/{payment}/refund", RECEPTION),
    Screen("calendar", "/calendar", RECEPTION),
    Screen("calendar by room", "/calendar?by=room", RECEPTION),
    Screen("calendar week", "/calendar?view=week", RECEPTION),
    Screen("calendar week of one", "/calendar?view=week&doctor={doctor}", RECEPTION),
    Screen("calendar month", "/calendar?view=month", RECEPTION),
    Screen("calendar list", "/calendar?view=list", RECEPTION),
    Screen("calendar of one doctor", "/calendar?view=list&date=2026-11-23&doctor={doctor}", RECEPTION),
    Screen("booking", "/calendar", RECEPTION, booking),
    Screen("appointment", "/calendar?view=list", RECEPTION, click(".rx-booked .rx-open")),
    Screen("appointment page", "/calendar/appointments/{appointment}", RECEPTION),
    Screen("reschedule", "/calendar/appointments/{appointment}/reschedule", RECEPTION),
    Screen("cancel appointment", "/calendar/appointments/{appointment}/cancel", RECEPTION),
    Screen("shift", "/calendar", RECEPTION, click('[data-key="KeyH"]')),
    Screen("shift page", "/calendar/shifts/new", RECEPTION),
    Screen("room of a shift", "/calendar", RECEPTION, click(".rx-cal-seat")),
    Screen("room of a shift page", "/calendar/shifts/{shift}", RECEPTION),
    Screen("booking page", "/calendar/book", RECEPTION),
    Screen("walk-in page", "/desk/walk-in", RECEPTION),
    Screen("visit page", "/queue/visits/{waiting}", RECEPTION),
    Screen("cancel page", "/queue/visits/{waiting}/ask/cancel", RECEPTION),
    Screen("change page", "/queue/visits/{waiting}/change", RECEPTION),
    Screen("checklist page", "/queue/visits/{waiting}/checklist", RECEPTION),
    Screen("ticket paper", "/queue/visits/{waiting}/ticket?copy=1", RECEPTION),
    Screen("bill page", "/finance/bills/{payment}", MANAGER),
    Screen("note page", "/desk/notes/new", RECEPTION),
    Screen("still open", "/day", RECEPTION),
    Screen("feed page", "/doctors/{doctor}/feed", MANAGER),
    Screen("patients", "/patients", RECEPTION),
    Screen("patients empty", "/patients", RECEPTION, is_quiet=True),
    Screen("register", "/patients", RECEPTION, click('[data-key="KeyA"]')),
    Screen("register page", "/patients/new", RECEPTION),
    Screen("card", "/patients/{patient}", RECEPTION),
    Screen("card bills", "/patients/{patient}?tab=bills", RECEPTION),
    Screen("deposit page", "/finance/patients/{patient}/deposit", RECEPTION),
    Screen("bonus page", "/finance/patients/{patient}/bonus", RECEPTION),
    Screen("card purse", "/patients/{patient}?tab=purse", RECEPTION),
    Screen("taking a deposit", "/patients/{patient}?tab=purse", RECEPTION, click('[hx-get$="/deposit"]')),
    Screen("adding bonus", "/patients/{patient}?tab=purse", RECEPTION, click('[hx-get$="/bonus"]')),
    Screen("card changes", "/patients/{patient}?tab=changes", MANAGER),
    Screen("card access", "/patients/{patient}?tab=access", MANAGER),
    Screen("card edit", "/patients/{patient}/edit", RECEPTION),
    Screen("card details", "/patients/{patient}?tab=details", RECEPTION),
    Screen("card bookings", "/patients/{patient}?tab=bookings", RECEPTION),
    Screen("questionnaire", "/patients/{patient}/questionnaire", RECEPTION),
    Screen("full form", "/patients/full", RECEPTION),
    Screen("patients filters", "/patients", MANAGER, click('[data-key="KeyF"]', filtering)),
    Screen("merge choose", "/patients/{patient}/merge", RECEPTION),
    Screen("merge", "/patients/{patient}/merge/1", RECEPTION),
    Screen("make anonymous", "/patients/{patient}/anonymise", MANAGER),
    Screen("access log", "/patients/access", MANAGER),
    Screen("unusual accesses", "/patients/access/review", MANAGER),
    Screen("pairs", "/patients/duplicates", RECEPTION),
    Screen("waitlist", "/waitlist", RECEPTION),
    Screen("waitlist new", "/waitlist/new", RECEPTION),
    Screen("people to call", "/calls", MANAGER),
    Screen("late", "/late", RECEPTION),
    Screen("doctors", "/doctors", RECEPTION),
    Screen("doctor", "/doctors/{doctor}", RECEPTION),
    Screen("doctor with income", "/doctors/{doctor}", MANAGER),
    Screen("services", "/services", RECEPTION),
    Screen("service", "/services/{service}", RECEPTION),
    Screen("rooms", "/rooms", RECEPTION),
    Screen("rooms that one may close", "/rooms", MANAGER),
    Screen("audit", "/audit", MANAGER),
    Screen("settings", "/settings", ADMIN),
    *(
        Screen(f"settings {path}", f"/settings/{path}", ADMIN)
        for path in (
            "cashboxes",
            "cashboxes/new",
            "cashboxes/{cashbox}",
            "departments",
            "departments/new",
            "departments/{department}",
            "closed-days",
            "closed-days/new",
            "closed-rooms",
            "closed-rooms/new",
            "displays",
            "displays/{device}",
            "doctors",
            "doctors/new",
            "doctors/{doctor}",
            "import",
            "questionnaire",
            "schedules",
            "schedules/{doctor}",
            "schedules/{doctor}/away",
            "schedules/{doctor}/copy",
            "schedules/{doctor}/new",
            "rooms",
            "rooms/new",
            "rooms/{room}",
            "services",
            "services/new",
            "services/{service}",
            "categories",
            "categories/new",
            "services/percent",
            "services/percent?percent=5&valid_from=2027-01-01&step=10&service_type_id=&department_id=",
            "specializations",
            "specializations/new",
            "types",
            "types/new",
            "tokens",
            "tokens/new",
            "users",
            "users/new",
            "users/welcome",
            "users/{user}",
        )
    ),
    Screen("settings dialog", "/settings/doctors", ADMIN, click("#settings-list .rx-open")),
    Screen("no such page", "/nothing/here", RECEPTION),
    Screen("no such ticket", "/t/unknown"),
    Screen("not allowed", "/finance", (Role.RECEPTIONIST,)),
]

REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""Chromium's own note of a page or form that the server refused, as some of these screens show."""

NO_SCREENS = {
    "settings.imports_report", "settings.imports_run", "settings.schedules_edit", "patients.search_edit", "calls.ask_cancel",
    "settings.specializations_edit", "settings.types_edit", "directory.rooms_status_now", "static", "system.healthz", "system.readyz", "system.metrics", "finance.export", "live.region", "live.versions",
    "audit.take_back", "finance.cashbox_report_table", "finance.export_xlsx", "finance.shift", "finance.shift_count",
    "finance.shift_paper", "finance.slip", "logs.export", "settings.categories_edit", "feeds.feed", "feeds.appointment", "feeds.ticket", "finance.asked_refund", "finance.bill_sheet", "finance.claim_export",
}  # fmt: skip
"""What a GET answers without a page to look at, and pages of things that the day does not hold."""


STICKING_OUT = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = (element) => {
        for (let around = element.parentElement; around; around = around.parentElement) {
            if (getComputedStyle(around).overflowX !== "visible") return true;
        }
        return false;
    };
    const found = [...document.querySelectorAll("body *")].filter((element) => {
        const box = element.getBoundingClientRect();
        if (!box.width || !element.checkVisibility() || scrolls(element)) return false;
        return box.right > width + 1 || box.left < -1;
    });
    const wide = document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth}`] : [];
    return [...wide, ...found.map((e) => `${e.tagName} ${e.className.baseVal ?? e.className} ${e.id}`)];
}"""
"""What reaches beyond the viewport, other than inside something that scrolls or cuts."""


def is_clean(page: Page, lang: str, direction: str) -> None:
    """Fail where something sticks out, left the machine, spoke in the console or broke the policy, or where the page
    is in another language or direction."""
    assert page.evaluate(STICKING_OUT) == []
    html = page.locator("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == (lang, direction)
    seen = SEEN[page.context]
    seen.console = [line for line in seen.console if not REFUSED.search(line)]
    seen.is_clean(page.url.partition("/")[0] + "//" + page.url.split("/")[2])
